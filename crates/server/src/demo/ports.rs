//! Which ports a demo listens on: the usual ones, free ones, or those that its folder began with.

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{
    fs::DirBuilder,
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

/// The ports of a demo, all on 127.0.0.1; 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ports {
    /// The admin API: one for the installation.
    pub admin: u16,
    /// Of the sandbox.
    pub sandbox: EnvironmentPorts,
    /// Of production.
    pub production: EnvironmentPorts,
}

/// The ports of one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EnvironmentPorts {
    /// Tokens, keys and metadata.
    pub public: u16,
    /// Decisions.
    pub gateway: u16,
    /// The API that is protected.
    pub sample_api: u16,
    /// Phones; none in the folder of a demo that knew of none.
    #[serde(default)]
    pub phone: u16,
}

/// The usual ports: a server's own defaults, and ten more for production.
pub const USUAL: Ports = Ports {
    admin: 8082,
    sandbox: EnvironmentPorts {
        public: 8080,
        gateway: 8081,
        sample_api: 8083,
        phone: 8084,
    },
    production: EnvironmentPorts {
        public: 8090,
        gateway: 8091,
        sample_api: 8093,
        phone: 8094,
    },
};

/// In the data folder: the ports of the demo that runs there. Its environments list them as hosts.
const FILE: &str = "demo-ports.json";

/// Make sure that a folder which is to be kept is a demo's, or becomes one: a demo changes hosts and
/// credentials, which nobody wants of an installation that serves.
///
/// # Errors
/// When it holds something else, or cannot be made.
pub fn claim(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the data folder {shown}"))?;
    let mut entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot look into the data folder {shown}"))?;
    ensure!(
        folder.join(FILE).exists() || entries.next().is_none(),
        "the folder {shown} holds something else than a demo; name an empty one, or one that a demo made"
    );
    Ok(())
}

impl Ports {
    /// The ports to listen on. A kept folder has the ones it began with, because the issuer of its tokens
    /// names one of them.
    ///
    /// # Errors
    /// Which ports are taken, and what to do.
    pub fn choose(folder: &Path, free_ports: bool) -> anyhow::Result<Self> {
        let known = Self::remembered(folder)?.filter(|known| !(free_ports && *known == USUAL));
        let mut ports = match (known, free_ports) {
            (Some(known), _) => known,
            (None, true) => Self::default(),
            (None, false) => USUAL,
        };
        let mut taken = Vec::new();
        for (name, port) in ports.each() {
            if is_taken(*port)? {
                taken.push(format!("{port} ({name})"));
                *port = 0;
            }
        }
        if !taken.is_empty() && !free_ports {
            bail!(
                "another program listens on 127.0.0.1 at port {}; stop it, or take free ports: countersign demo --free-ports",
                taken.join(", ")
            );
        }
        Ok(ports)
    }

    fn each(&mut self) -> [(&'static str, &mut u16); 9] {
        [
            ("admin", &mut self.admin),
            ("sandbox public", &mut self.sandbox.public),
            ("sandbox gateway", &mut self.sandbox.gateway),
            ("sandbox sample API", &mut self.sandbox.sample_api),
            ("sandbox phones", &mut self.sandbox.phone),
            ("production public", &mut self.production.public),
            ("production gateway", &mut self.production.gateway),
            ("production sample API", &mut self.production.sample_api),
            ("production phones", &mut self.production.phone),
        ]
    }

    fn remembered(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("{} is damaged; remove it", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Write down the ports that the demo really has, for the next one in this folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(FILE);
        let text = serde_json::to_vec(self)?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Whether someone listens there. Asked before anything starts, so that all of them can be named at once.
fn is_taken(port: u16) -> anyhow::Result<bool> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(true),
        Err(error) => {
            Err(error).with_context(|| format!("cannot listen on 127.0.0.1 at port {port}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembering(ports: Ports) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        ports.remember(folder.path()).unwrap();
        folder
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        claim(&folder).unwrap();
        claim(&folder).unwrap();
        std::fs::write(folder.join("countersign.db"), "").unwrap();
        let error = claim(&folder).unwrap_err().to_string();
        assert!(error.contains("something else than a demo"), "{error}");
        Ports::default().remember(&folder).unwrap();
        claim(&folder).unwrap();
    }

    #[test]
    fn free_ports_are_left_to_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports::choose(folder.path(), true).unwrap();
        assert_eq!(ports, Ports::default());
        let usual = remembering(USUAL);
        assert_eq!(Ports::choose(usual.path(), true).unwrap(), Ports::default());
    }

    #[test]
    fn a_folder_of_a_demo_without_phones_gets_a_port_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let old = r#"{"public":1,"gateway":2,"sample_api":3}"#;
        let text = format!(r#"{{"admin":9,"sandbox":{old},"production":{old}}}"#);
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let known = Ports::remembered(folder.path()).unwrap().unwrap();
        assert_eq!((known.sandbox.public, known.sandbox.phone), (1, 0));
    }

    #[test]
    fn a_taken_port_is_named_with_what_to_do_and_replaced_where_free_ones_are_wanted() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = listener.local_addr().unwrap().port();
        let folder = remembering(Ports {
            admin: taken,
            ..Ports::default()
        });
        let error = Ports::choose(folder.path(), false).unwrap_err().to_string();
        assert!(error.contains(&format!("{taken} (admin)")), "{error}");
        assert!(error.contains("--free-ports"), "{error}");
        assert_eq!(Ports::choose(folder.path(), true).unwrap().admin, 0);
        drop(listener);
        for free_ports in [false, true] {
            let again = Ports::choose(folder.path(), free_ports).unwrap();
            assert_eq!(again.admin, taken);
        }
    }
}
