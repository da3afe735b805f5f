//! TLS, and certificates that change while the server runs.

use crate::harness::{Server, certificate, exchange, read};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use std::{net::SocketAddr, os::unix::fs::PermissionsExt, sync::Arc};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn server(files: &TempDir) -> (Server, CertificateDer<'static>) {
    let (tls, trusted) = certificate(files);
    let server = Server::start_with(|config| {
        config.listener.public.tls = Some(tls);
        config.listener.public.limits.handshake_timeout_s = 1;
    })
    .await;
    (server, trusted)
}

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn both_versions_of_http_are_offered() {
    let files = tempfile::tempdir().unwrap();
    let (server, trusted) = server(&files).await;
    for (offered, chosen) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"], "http/1.1")] {
        let stream = connect(server.public(), &trusted, offered).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(chosen.as_bytes()));
    }
    let stream = connect(server.public(), &trusted, &[]).await.unwrap();
    assert_eq!(exchange(stream, REQUEST).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_browser_that_came_with_tls_was_let_come_without() {
    let files = tempfile::tempdir().unwrap();
    let (server, trusted) = server(&files).await;
    let unknown = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for request in [REQUEST, unknown] {
        let stream = connect(server.public(), &trusted, &[]).await.unwrap();
        let answer = exchange(stream, request).await;
        let said = answer.header("strict-transport-security");
        assert_eq!(said, Some("max-age=31536000"), "{answer:?}");
    }
    // In plain text it would mean nothing, and may not be said (RFC 6797 section 7.2).
    let stream = TcpStream::connect(server.admin()).await.unwrap();
    let answer = exchange(stream, REQUEST).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("strict-transport-security"), None);
    server.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_used_and_open_connections_go_on() {
    let files = tempfile::tempdir().unwrap();
    let (server, old) = server(&files).await;
    let open = connect(server.public(), &old, &[]).await.unwrap();
    let (_, new) = certificate(&files);
    server.running.reload_certificates();
    assert!(connect(server.public(), &old, &[]).await.is_err());
    let stream = connect(server.public(), &new, &[]).await.unwrap();
    assert_eq!(exchange(stream, REQUEST).await.status, 200);
    assert_eq!(exchange(open, REQUEST).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_new_certificate_that_cannot_be_used_leaves_the_old_one() {
    let files = tempfile::tempdir().unwrap();
    let (server, trusted) = server(&files).await;
    for broken in ["", "not PEM"] {
        std::fs::write(files.path().join("certificate.pem"), broken).unwrap();
        server.running.reload_certificates();
        let stream = connect(server.public(), &trusted, &[]).await.unwrap();
        assert_eq!(exchange(stream, REQUEST).await.status, 200);
    }
    // A key that belongs to another certificate.
    let others = tempfile::tempdir().unwrap();
    certificate(&others);
    std::fs::copy(
        others.path().join("certificate.pem"),
        files.path().join("certificate.pem"),
    )
    .unwrap();
    server.running.reload_certificates();
    assert!(connect(server.public(), &trusted, &[]).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_closed() {
    let files = tempfile::tempdir().unwrap();
    let (server, trusted) = server(&files).await;
    let mut slow = TcpStream::connect(server.public()).await.unwrap();
    slow.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    assert!(read(slow).await.is_empty());
    assert!(connect(server.public(), &trusted, &[]).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_server_does_not_start_with_a_certificate_that_it_cannot_use() {
    let files = tempfile::tempdir().unwrap();
    let (tls, _) = certificate(&files);
    std::fs::write(&tls.private_key_file, "nothing").unwrap();
    let mut config = crate::harness::config(&files);
    config.listener.public.tls = Some(tls);
    let error = countersign::serve::start(config, &[]).await.err().unwrap();
    assert!(format!("{error:#}").contains("key.pem"), "{error:#}");
}

#[tokio::test]
async fn a_private_key_that_the_world_could_read_was_accepted() {
    let files = tempfile::tempdir().unwrap();
    let (tls, _) = certificate(&files);
    for (mode, is_accepted) in [(0o600, true), (0o640, true), (0o604, false), (0o644, false)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&tls.private_key_file, mode.clone()).unwrap();
        let mut config = crate::harness::config(&files);
        config.listener.public.tls = Some(tls.clone());
        match countersign::serve::start(config, &[]).await {
            Ok(running) => {
                assert!(is_accepted, "{mode:?}");
                assert!(running.shutdown().await);
            }
            Err(error) => {
                assert!(!is_accepted, "{mode:?} {error:#}");
                let advice = format!("chmod 600 {}", tls.private_key_file.display());
                assert!(format!("{error:#}").contains(&advice), "{error:#}");
            }
        }
    }
}
