//! A SoftHSM token of one test, in a folder of its own, and processes that use it: a process has one module, which
//! reads where its tokens are when it is loaded.

use countersign::{config, system::environment_variables};
use cryptoki::{
    context::Pkcs11,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Debian's `softhsm2`.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub const LABEL: &str = "assets";
pub const PIN: &str = "271828";
/// Where the module finds its tokens.
pub const CONF: &str = "SOFTHSM2_CONF";
/// Which step a process is, if it is one.
const STEP: &str = "COUNTERSIGN_TEST_STEP";

/// A token and what belongs to it.
pub struct Token {
    folder: PathBuf,
}

impl Token {
    /// A new token in `folder`.
    pub fn new(folder: &Path) -> Self {
        let token = Self {
            folder: folder.to_owned(),
        };
        let tokens = folder.join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        );
        std::fs::write(token.conf(), conf).unwrap();
        let pin_file = token.folder.join("pin");
        std::fs::write(&pin_file, format!("{PIN}\n")).unwrap();
        let owners = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&pin_file, owners).unwrap();
        token.initialize(LABEL);
        token
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own harness starts programs"
    )]
    fn initialize(&self, label: &str) {
        let output = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label])
            .args(["--pin", PIN, "--so-pin", "31415926"])
            .env(CONF, self.conf())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", shown(&output));
    }

    /// The module's own configuration.
    pub fn conf(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// A folder for what the test keeps.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How the server is told of it.
    pub fn config(&self) -> config::Pkcs11 {
        config::Pkcs11 {
            module: MODULE.into(),
            token: LABEL.to_owned(),
            pin_file: Some(self.folder.join("pin")),
        }
    }

    /// A session beside the keystore's, logged in by its login: the module is theirs.
    pub fn session(&self) -> Session {
        let module = Pkcs11::new(MODULE).unwrap();
        let slots = module.get_slots_with_initialized_token().unwrap();
        let is_ours = |slot: &&_| module.get_token_info(**slot).unwrap().label() == LABEL;
        let slot = *slots.iter().find(is_ours).unwrap();
        let session = module.open_rw_session(slot).unwrap();
        // The keystore may have logged the process in already.
        drop(session.login(UserType::User, Some(&AuthPin::from(PIN))));
        session
    }

    /// Run `body` once for each step, each time in a process of its own, with the same token.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own harness starts programs"
    )]
    pub fn in_processes<F: Future<Output = ()>>(
        test: &str,
        steps: &[&str],
        body: impl Fn(Self, String) -> F,
    ) {
        let variables = environment_variables();
        if let Some((_, step)) = variables.iter().find(|(name, _)| name == STEP) {
            let (_, conf) = variables.iter().find(|(name, _)| name == CONF).unwrap();
            let folder = Path::new(conf).parent().unwrap().to_owned();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            return runtime
                .unwrap()
                .block_on(body(Self { folder }, step.clone()));
        }
        let folder = tempfile::tempdir().unwrap();
        let token = Self::new(folder.path());
        for step in steps {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test, "--nocapture"])
                .env(CONF, token.conf())
                .env(STEP, step)
                .output()
                .unwrap();
            let said = shown(&output);
            assert!(output.status.success(), "{step}: {said}");
            assert!(said.contains("1 passed"), "no test is called {test}");
        }
    }
}

/// The private keys in the token, and those with this label.
pub fn private_keys(session: &Session, label: Option<&str>) -> Vec<ObjectHandle> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
    session.find_objects(&template).unwrap()
}

fn shown(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    format!("{}\n{}", output.status, String::from_utf8_lossy(&text))
}
