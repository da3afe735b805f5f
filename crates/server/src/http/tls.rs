//! TLS with a certificate that is read again while connections go on.

use crate::config::Tls;
use anyhow::Context as _;
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fs::File,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
    time::SystemTime,
};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

/// A certificate and key, and when their files last changed.
pub struct Reloading {
    files: Tls,
    current: ArcSwap<ServerConfig>,
    seen: Mutex<Option<Changed>>,
}

type Changed = (SystemTime, SystemTime);

impl Reloading {
    /// Read the pair.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn load(files: &Tls) -> anyhow::Result<Self> {
        // Before reading: a change while we read is seen at the next look.
        let seen = changed(files);
        Ok(Self {
            files: files.clone(),
            current: ArcSwap::from_pointee(read(files)?),
            seen: Mutex::new(seen),
        })
    }

    /// For one handshake, with the pair of this moment.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Read the pair again where a file changed, or `always`. A pair that cannot be used is logged, and
    /// the one before stays.
    pub fn reload(&self, always: bool) {
        let now = changed(&self.files);
        {
            let mut seen = self
                .seen
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if !always && (now.is_none() || *seen == now) {
                return;
            }
            *seen = now;
        }
        match read(&self.files) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                info!(certificate = %self.files.certificate_file.display(), "certificate read again");
            }
            Err(error) => warn!(%error, "the new certificate cannot be used; the old one stays"),
        }
    }
}

fn changed(files: &Tls) -> Option<Changed> {
    let of = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|found| found.modified())
            .ok()
    };
    Some((of(&files.certificate_file)?, of(&files.private_key_file)?))
}

fn read(files: &Tls) -> anyhow::Result<ServerConfig> {
    let name = files.certificate_file.display();
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(&files.certificate_file)
            .and_then(Iterator::collect)
            .with_context(|| format!("cannot read certificates from {name}"))?;
    anyhow::ensure!(!chain.is_empty(), "{name} holds no certificate");
    let key = private_key(&files.private_key_file)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("{name} and its private key do not go together"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The key, if the world cannot read it. Its group may: what renews certificates often shares them so.
fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let name = path.display();
    let cannot = || format!("cannot read a private key from {name}");
    let file = File::open(path).with_context(cannot)?;
    // Of the open file, not of the path: that may be another one by now.
    let mode = file.metadata().with_context(cannot)?.permissions().mode() & 0o777;
    anyhow::ensure!(
        mode & 0o007 == 0,
        "the private key {name} is open to everyone (mode {mode:03o}): run `chmod 600 {name}`, and replace it if others may have read it"
    );
    PrivateKeyDer::from_pem_reader(file).with_context(cannot)
}
