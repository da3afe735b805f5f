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
    /// People's phones.
    pub phone: Phone,
    /// For the admin API.
    #[serde(serialize_with = "told")]
    pub operator_token: Secret<String>,
    /// The clients of the sandbox.
    #[serde(flatten)]
    pub clients: Clients,
    /// The same, for each environment.
    pub environments: Environments,
    /// A front end of the sandbox, for a browser.
    pub page: String,
    /// The data folder.
    pub data: PathBuf,
    /// Where mails are written instead of being sent, a file each.
    pub mails: PathBuf,
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
    /// People's phones.
    pub phone: Phone,
    /// Its clients.
    #[serde(flatten)]
    pub clients: Clients,
}

impl Place {
    /// The address of its page. What follows the `#` every visitor may see, and browsers send it nowhere.
    pub fn page(&self) -> String {
        let named = |url: &str, host: &str| url.replace("127.0.0.1", host);
        let (ultra, quiltt) = (&self.clients.ultra, &self.clients.quiltt);
        format!(
            "{}/#api={}&auth={}&client={}&registration_token={}&sign_in={}",
            named(&self.sample_api, "localhost"),
            self.sample_api,
            named(&self.public, "auth.localhost"),
            ultra.client_id,
            ultra.registration_token.expose(),
            quiltt.client_id,
        )
    }
}

/// Where people's phones answer, and the one that is there.
#[derive(Serialize, Clone)]
pub struct Phone {
    /// The page's address is `/phone` there.
    pub url: String,
    /// The demo's own phone, in the sandbox.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnPhone>,
}

/// The demo's own phone.
#[derive(Serialize, Clone)]
pub struct OwnPhone {
    /// Its file, for `countersign phone`.
    pub file: PathBuf,
    /// Its PIN.
    pub pin: &'static str,
    /// Whether it approves everything by itself.
    pub approves_everything: bool,
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
    /// Of an integrator, and the one profile that it has.
    pub quiltt: Quiltt,
    /// A user, and the platform of a partner.
    pub bitcanuck: Bitcanuck,
    /// A front end and a back end.
    pub ultra: Ultra,
    /// A service provider.
    pub ubiqu: Ubiqu,
}

/// An integrator's, as Quiltt's dashboard shows it.
#[derive(Serialize, Clone)]
pub struct Quiltt {
    /// For its servers.
    #[serde(serialize_with = "told")]
    pub api_key_secret: Secret<String>,
    /// An end user's profile.
    pub profile_id: String,
    /// For end users that sign in by themselves.
    pub client_id: String,
}

/// Somebody who logs in, and a partner who vouches for others, as BitCanuck tells them.
#[derive(Serialize, Clone)]
pub struct Bitcanuck {
    /// The user's address.
    pub email: String,
    /// The user's password.
    #[serde(serialize_with = "told")]
    pub password: Secret<String>,
    /// The partner's code, as it stands in the path.
    pub platform: String,
    /// The key that the partner signs with (PKCS#1).
    #[serde(serialize_with = "told")]
    pub platform_private_key_pem: Secret<String>,
}

/// What Ultra's developers are sent by mail.
#[derive(Serialize, Clone)]
pub struct Ultra {
    /// The realm of the OpenID endpoints.
    pub realm: String,
    /// The front end's, which every visitor of its pages may see.
    #[serde(serialize_with = "told")]
    pub registration_token: Secret<String>,
    /// The front end's `X-Client-ID`.
    pub client_id: String,
    /// The back end's.
    pub backend_client_id: String,
    /// The back end's secret.
    #[serde(serialize_with = "told")]
    pub backend_client_secret: Secret<String>,
    /// What the back end may ask for.
    pub scope: String,
}

/// A service provider, and who can be asked.
#[derive(Serialize, Clone)]
pub struct Ubiqu {
    /// For `X-Api-Key`.
    #[serde(serialize_with = "told")]
    pub api_key: Secret<String>,
    /// The asset of the demo's own phone; none where there is no such phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_uuid: Option<String>,
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
        write_for_owner(path, &text)
    }
}

/// Write `text` to `path`, for the owner only, all at once.
///
/// # Errors
/// When it cannot be written.
pub fn write_for_owner(path: &Path, text: &[u8]) -> anyhow::Result<()> {
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
        file.write_all(text)?;
        std::fs::rename(&new, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
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
            quiltt: Quiltt {
                api_key_secret: secret("Q"),
                profile_id: "P".into(),
                client_id: "QC".into(),
            },
            bitcanuck: Bitcanuck {
                email: "E".into(),
                password: secret("W"),
                platform: "F".into(),
                platform_private_key_pem: secret("M"),
            },
            ultra: Ultra {
                realm: "R".into(),
                registration_token: secret("T"),
                client_id: "X".into(),
                backend_client_id: "B".into(),
                backend_client_secret: secret("Z"),
                scope: "L".into(),
            },
            ubiqu: Ubiqu {
                api_key: secret("U"),
                asset_uuid: Some("D".into()),
            },
        };
        let place = |name: &str| Place {
            public: format!("{name}-public"),
            gateway: format!("{name}-gateway"),
            sample_api: format!("{name}-api"),
            phone: Phone {
                url: format!("{name}-phone"),
                own: None,
            },
            clients: clients.clone(),
        };
        Facts {
            public: "p".into(),
            gateway: "g".into(),
            admin: "a".into(),
            sample_api: "s".into(),
            phone: Phone {
                url: "n".into(),
                own: Some(OwnPhone {
                    file: "/f".into(),
                    pin: "1",
                    approves_everything: false,
                }),
            },
            operator_token: secret("O"),
            clients: clients.clone(),
            environments: Environments {
                sandbox: place("sandbox"),
                production: place("production"),
            },
            page: "h".into(),
            data: "/d".into(),
            mails: "/m".into(),
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
            ("/quiltt/api_key_secret", "Q"),
            ("/quiltt/profile_id", "P"),
            ("/quiltt/client_id", "QC"),
            ("/bitcanuck/email", "E"),
            ("/bitcanuck/password", "W"),
            ("/bitcanuck/platform", "F"),
            ("/bitcanuck/platform_private_key_pem", "M"),
            ("/ultra/realm", "R"),
            ("/ultra/registration_token", "T"),
            ("/ultra/client_id", "X"),
            ("/ultra/backend_client_id", "B"),
            ("/ultra/backend_client_secret", "Z"),
            ("/ultra/scope", "L"),
            ("/ubiqu/api_key", "U"),
            ("/ubiqu/asset_uuid", "D"),
            ("/phone/url", "n"),
            ("/phone/file", "/f"),
            ("/phone/pin", "1"),
            ("/environments/production/phone/url", "production-phone"),
            ("/environments/production/ultra/scope", "L"),
            ("/environments/sandbox/public", "sandbox-public"),
            ("/environments/production/gateway", "production-gateway"),
            ("/environments/production/sample_api", "production-api"),
            ("/environments/production/ayyeka/key", "K"),
            ("/page", "h"),
            ("/mails", "/m"),
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
