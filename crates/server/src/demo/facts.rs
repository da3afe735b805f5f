//! What the printed commands use, as JSON for scripts.

use super::flows::Flow;
use anyhow::Context as _;
use countersign_engine::secret::Secret;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Everything that a caller of the demo needs. The first members are the sandbox's.
#[derive(Serialize)]
pub struct Facts {
    /// Tokens, keys and metadata.
    pub public: String,
    /// Decisions.
    pub gateway: String,
    /// The admin API.
    pub admin: String,
    /// The API that is protected.
    pub sample_api: String,
    /// For the admin API.
    #[serde(serialize_with = "told")]
    pub operator_token: Secret<String>,
    /// The clients of the sandbox.
    #[serde(flatten)]
    pub clients: Clients,
    /// The same, for each environment.
    pub environments: Environments,
    /// The data folder.
    pub data: PathBuf,
    /// The printed commands.
    #[serde(serialize_with = "by_name")]
    pub commands: Vec<Flow>,
}

/// Both environments.
#[derive(Serialize)]
pub struct Environments {
    /// For trying things out.
    pub sandbox: Place,
    /// The real thing.
    pub production: Place,
}

/// One environment.
#[derive(Serialize, Clone)]
pub struct Place {
    /// Tokens, keys and metadata.
    pub public: String,
    /// Decisions.
    pub gateway: String,
    /// The API that is protected.
    pub sample_api: String,
    /// Its clients.
    #[serde(flatten)]
    pub clients: Clients,
}

/// One client for each system.
#[derive(Serialize, Clone)]
pub struct Clients {
    /// Spelled as Ayyeka's.
    pub ayyeka: Ayyeka,
    /// A standard back end.
    pub standard: Standard,
    /// Of a server that shows it as it is.
    #[serde(serialize_with = "told")]
    pub api_key: Secret<String>,
}

/// An API client as Ayyeka's platform shows it.
#[derive(Serialize, Clone)]
pub struct Ayyeka {
    /// The Key.
    pub key: String,
    /// The Secret.
    #[serde(serialize_with = "told")]
    pub secret: Secret<String>,
}

/// A client of the standard token endpoint (RFC 6749 section 2.3.1).
#[derive(Serialize, Clone)]
pub struct Standard {
    /// Its identifier.
    pub client_id: String,
    /// Its secret.
    #[serde(serialize_with = "told")]
    pub client_secret: Secret<String>,
}

/// Facts are for telling secrets: they go to the owner's terminal and to a file that only the owner reads.
fn told<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn by_name<S: Serializer>(flows: &[Flow], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(flows.len()))?;
    for flow in flows {
        map.serialize_entry(flow.name, flow.command.as_str())?;
    }
    map.end()
}

impl Facts {
    /// Write them to `path`, for the owner only, all at once: whoever waits for the file finds it whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = Zeroizing::new(serde_json::to_vec_pretty(self)?);
        text.push(b'\n');
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let write = || -> std::io::Result<()> {
            remove(&new)?;
            // `create_new`: an old file's permissions, or a link in its place, are not ours to trust.
            let mut file: File = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&text)?;
            std::fs::rename(&new, path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Remove the facts of an earlier demo, so that nobody takes them for this one's.
///
/// # Errors
/// When the file is there and cannot be removed.
pub fn forget(path: &Path) -> anyhow::Result<()> {
    remove(path).with_context(|| format!("cannot remove the old {}", path.display()))
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn facts() -> Facts {
        let clients = Clients {
            ayyeka: Ayyeka {
                key: "K".into(),
                secret: secret("S"),
            },
            standard: Standard {
                client_id: "I".into(),
                client_secret: secret("C"),
            },
            api_key: secret("A"),
        };
        let place = |name: &str| Place {
            public: format!("{name}-public"),
            gateway: format!("{name}-gateway"),
            sample_api: format!("{name}-api"),
            clients: clients.clone(),
        };
        Facts {
            public: "p".into(),
            gateway: "g".into(),
            admin: "a".into(),
            sample_api: "s".into(),
            operator_token: secret("O"),
            clients: clients.clone(),
            environments: Environments {
                sandbox: place("sandbox"),
                production: place("production"),
            },
            data: "/d".into(),
            commands: vec![Flow {
                name: "whoami",
                title: "Who am I?",
                command: "curl".into(),
            }],
        }
    }

    #[test]
    fn the_file_has_the_promised_members_and_is_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.json");
        std::fs::write(&path, "old").unwrap();
        facts().write(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let told: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for (member, value) in [
            ("/public", "p"),
            ("/gateway", "g"),
            ("/admin", "a"),
            ("/sample_api", "s"),
            ("/operator_token", "O"),
            ("/ayyeka/key", "K"),
            ("/ayyeka/secret", "S"),
            ("/standard/client_id", "I"),
            ("/standard/client_secret", "C"),
            ("/api_key", "A"),
            ("/environments/sandbox/public", "sandbox-public"),
            ("/environments/production/gateway", "production-gateway"),
            ("/environments/production/sample_api", "production-api"),
            ("/environments/production/ayyeka/key", "K"),
            ("/commands/whoami", "curl"),
        ] {
            assert_eq!(told.pointer(member).unwrap(), value, "{member}");
        }
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "nothing else is left behind");
        forget(&path).unwrap();
        forget(&path).unwrap();
        assert!(!path.exists());
    }
}
