//! What OpenSSL says of our keys and signatures, and makes for us.

use std::process::Command;

/// Whether it finds `signature` to be one over `data` with SHA-256, by the PEM public key alone.
pub fn verifies(public_pem: &str, data: &[u8], signature: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("public.pem"), public_pem).unwrap();
    std::fs::write(path("data"), data).unwrap();
    std::fs::write(path("signature"), signature).unwrap();
    let output = run(&[
        "dgst",
        "-sha256",
        "-verify",
        &path("public.pem"),
        "-signature",
        &path("signature"),
        &path("data"),
    ]);
    match output.stdout.as_slice() {
        b"Verified OK\n" => true,
        b"Verification failure\n" => false,
        other => panic!(
            "{} {}",
            String::from_utf8_lossy(other),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// `plain` encrypted for the PEM public key, with these options of `openssl pkeyutl`.
pub fn encrypted(public_pem: &str, options: &[&str], plain: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("public.pem"), public_pem).unwrap();
    std::fs::write(path("plain"), plain).unwrap();
    let (public, plain) = (path("public.pem"), path("plain"));
    let mut arguments = vec!["pkeyutl", "-encrypt", "-pubin", "-inkey", &public];
    arguments.extend(["-in", &plain]);
    for option in options {
        arguments.extend(["-pkeyopt", option]);
    }
    let output = run(&arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own harness starts programs"
)]
fn run(arguments: &[&str]) -> std::process::Output {
    Command::new("openssl").args(arguments).output().unwrap()
}
