//! The command line and an admin listener whose certificate a private authority signed.

use crate::{
    cli::{Ran, run_with},
    harness::Server,
};
use countersign::config::Tls;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::{os::unix::fs::PermissionsExt, path::PathBuf};
use tempfile::TempDir;

/// Whoever signs certificates, and the file with its own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

fn authority(folder: &TempDir, name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let file = folder.path().join(format!("{name}.pem"));
    std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
    Authority {
        issuer: Issuer::new(params, key),
        file,
    }
}

/// Have `authority` sign a certificate for `name`, in the files of the server.
fn sign(folder: &TempDir, authority: &Authority, name: &str) -> Tls {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let signed = params.signed_by(&key, &authority.issuer).unwrap();
    let files = Tls {
        certificate_file: folder.path().join("server.pem"),
        private_key_file: folder.path().join("server.key"),
    };
    std::fs::write(&files.certificate_file, signed.pem()).unwrap();
    std::fs::write(&files.private_key_file, key.serialize_pem()).unwrap();
    let owners = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&files.private_key_file, owners).unwrap();
    files
}

/// A server whose admin listener has this certificate.
async fn server(tls: Tls) -> (Server, PathBuf) {
    let server = Server::start_with(|config| config.listener.admin.tls = Some(tls)).await;
    let data = server.folder.path().join("data");
    (server, data)
}

fn is_refused(ran: &Ran, what: &str) {
    assert_eq!(ran.code, 3, "{what}: {}{}", ran.out, ran.err);
    assert!(ran.err.contains("certificate"), "{what}: {}", ran.err);
    assert!(ran.err.contains("--ca"), "{what}: {}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_believed_that_the_named_authority_vouches_for() {
    let files = tempfile::tempdir().unwrap();
    let ours = authority(&files, "ours");
    let (server, data) = server(sign(&files, &ours, "127.0.0.1")).await;
    let ca = ours.file.to_str().unwrap();
    let typed = format!("--ca {ca}");
    for line in ["status", "doctor", "org create acme --name Acme"] {
        let ran = run_with(&data, &format!("{line} {typed}"), "", &[]);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
    }
    let named = run_with(&data, "org list --json", "", &[("COUNTERSIGN_CA", ca)]).json();
    assert_eq!(named[0]["id"], "acme", "{named}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_the_proxy_is_asked_by_the_named_authority_too() {
    let files = tempfile::tempdir().unwrap();
    let (ours, others) = (authority(&files, "ours"), authority(&files, "others"));
    let (server, data) = server(sign(&files, &ours, "127.0.0.1")).await;
    let text = std::fs::read_to_string(data.join("operator.json")).unwrap();
    let operator: serde_json::Value = serde_json::from_str(&text).unwrap();
    // It asks strangers who they are, as a proxy does.
    let address = operator["admin"].as_str().unwrap().trim_end_matches('/');
    for (authority, result) in [(&ours, "well"), (&others, "wrong")] {
        let ca = authority.file.display();
        let line = format!("doctor --json --protected {address}/admin/v1/whoami --ca {ca}");
        let ran = run_with(&data, &line, "", &[]);
        let rows: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let rows = rows.as_array().unwrap();
        let row = rows.iter().find(|row| row["check"] == "behind the proxy");
        assert_eq!(row.unwrap()["result"], result, "{}", ran.out);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_believed_to_be_the_server() {
    let files = tempfile::tempdir().unwrap();
    let (ours, others) = (authority(&files, "ours"), authority(&files, "others"));
    let (server, data) = server(sign(&files, &ours, "127.0.0.1")).await;
    let create = |id: &str, authority: Option<&Authority>| {
        let ca = authority.map(|authority| format!(" --ca {}", authority.file.display()));
        let line = format!("org create {id} --name Acme{}", ca.unwrap_or_default());
        run_with(&data, &line, "", &[])
    };
    is_refused(&create("a", None), "an authority that nobody named");
    is_refused(&create("b", Some(&others)), "another authority");
    // Someone at the server's address, with a certificate for it from elsewhere; and one for another name.
    for (signer, name) in [(&others, "127.0.0.1"), (&ours, "elsewhere.example")] {
        sign(&files, signer, name);
        server.running.reload_certificates();
        is_refused(&create("c", Some(&ours)), name);
    }
    sign(&files, &ours, "127.0.0.1");
    server.running.reload_certificates();
    assert_eq!(create("d", Some(&ours)).code, 0);
    let line = format!("org list --json --ca {}", ours.file.display());
    let there = run_with(&data, &line, "", &[]).json();
    let there: Vec<&str> = there
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(there, ["d"], "none of the refused arrived");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_was_not_told_how_to_name_the_authority() {
    let files = tempfile::tempdir().unwrap();
    let ours = authority(&files, "ours");
    let (server, data) = server(sign(&files, &ours, "127.0.0.1")).await;
    let file = files.path().join("phone.json");
    let (at, file) = (server.admin(), file.display());
    let line = format!("phone enrol --url https://{at} --file {file}");
    let ran = run_with(&data, &line, "", &[("COUNTERSIGN_PHONE_PIN", "402311")]);
    is_refused(&ran, "an authority that nobody named");
    assert!(ran.err.contains("--url"), "{}", ran.err);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_does_not_mean_everybody() {
    let files = tempfile::tempdir().unwrap();
    let ours = authority(&files, "ours");
    let (server, data) = server(sign(&files, &ours, "127.0.0.1")).await;
    let key = std::fs::read_to_string(files.path().join("server.key")).unwrap();
    for (text, code) in [
        (String::new(), 2),
        ("text".into(), 2),
        (key, 2),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
            1,
        ),
    ] {
        let file = files.path().join("ca.pem");
        std::fs::write(&file, &text).unwrap();
        let ran = run_with(&data, &format!("status --ca {}", file.display()), "", &[]);
        assert_eq!(ran.code, code, "{text:?}: {}{}", ran.out, ran.err);
    }
    let ran = run_with(&data, "status --ca /nowhere.pem", "", &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    server.stop().await;
}
