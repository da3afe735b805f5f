//! The command line against a server that runs: every noun through its socket.

use crate::harness::{Server, get};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a command did.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {}", self.out))
    }
}

#[expect(clippy::disallowed_methods, reason = "the test starts the binary")]
fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
}

/// Run `line` against the server of this data folder.
fn run(data: &Path, line: &str, input: &str) -> Ran {
    let mut child = command()
        .args(line.split(' '))
        .arg("--data")
        .arg(data)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing has closed its end already.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn data(server: &Server) -> PathBuf {
    server.folder.path().join("data")
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/apply.toml");

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_applied_once_and_then_there_is_nothing_to_do() {
    let server = Server::start().await;
    let data = data(&server);
    let apply = format!("apply {EXAMPLE}");
    let before = run(&data, &format!("{apply} --dry-run"), "");
    assert_eq!(before.code, 4, "{}", before.err);
    assert_eq!(
        run(&data, "env list --json", "").json(),
        json!([]),
        "a dry run changes nothing"
    );
    let first = run(&data, &apply, "");
    assert_eq!(first.code, 0, "{}", first.err);
    for line in [apply.clone(), format!("{apply} --dry-run")] {
        let again = run(&data, &format!("{line} --json"), "").json();
        assert_eq!(again["differences"], 0, "{again}");
    }

    let edited = run(&data, "client edit sandbox reporting --name Other", "");
    assert_eq!(edited.code, 0, "{}", edited.err);
    assert_eq!(run(&data, "guard move sandbox reports --first", "").code, 0);
    let drifted = run(&data, &apply, "");
    assert!(
        drifted
            .out
            .contains("display_name: \"Other\" \u{2192} \"Nightly reports\""),
        "{}",
        drifted.out
    );
    assert!(drifted.out.contains("~ guards sandbox"), "{}", drifted.out);
    assert_eq!(run(&data, &format!("{apply} --dry-run"), "").code, 0);

    let fixed = "[[environment]]\nid = 'sandbox'\nmode = 'production'\n";
    let refused = run(&data, "apply -", fixed);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("environment sandbox: mode: is \"sandbox\""),
        "{}",
        refused.err
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_lives_from_its_creation_to_its_revocation() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);

    let create = "credential create sandbox reporting --kind api_key --scope reports:read --rate-limit 60/10";
    let made = run(&data, &format!("{create} --json"), "").json();
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    let shown = run(&data, &format!("credential show sandbox {id} --json"), "");
    assert!(!shown.out.contains(secret), "a secret is told once");
    assert_eq!(
        shown.json()["rate_limit"],
        json!({"per_minute": 60, "burst": 10})
    );

    let edit = format!(
        "credential edit sandbox {id} --expires-at 2999-01-01T00:00:00Z --clear rate-limit --json"
    );
    let edited = run(&data, &edit, "").json();
    assert_eq!(edited["rate_limit"], Value::Null);
    assert_eq!(edited["expires_at"], "2999-01-01T00:00:00Z");

    let rotated = run(
        &data,
        &format!("credential rotate sandbox {id} --overlap 1h --json"),
        "",
    )
    .json();
    assert_eq!(rotated["replaces"], id);
    assert_ne!(rotated["secret"], secret);
    let successor = rotated["id"].as_str().unwrap();
    assert_eq!(
        run(&data, &format!("credential revoke sandbox {successor}"), "").code,
        0
    );
    let revoked = run(
        &data,
        &format!("credential show sandbox {successor} --json"),
        "",
    )
    .json();
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_token_can_be_made_used_and_revoked() {
    let server = Server::start().await;
    let data = data(&server);
    let made = run(&data, "operator create eve --role viewer --json", "").json();
    let file = server.folder.path().join("eve");
    std::fs::write(&file, made["secret"].as_str().unwrap()).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let as_eve = |line: &str| {
        run(
            &data,
            &format!("{line} --operator-token-file {}", file.display()),
            "",
        )
    };

    assert_eq!(as_eve("operator whoami --json").json()["id"], "eve");
    let refused = as_eve("org create acme --name Acme");
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("403") && refused.err.contains("role"),
        "{}",
        refused.err
    );

    let tokens = run(&data, "operator tokens --json", "").json();
    let tokens = tokens.as_array().unwrap();
    let hers = tokens
        .iter()
        .find(|token| token["operator"] == "eve")
        .unwrap();
    let revoke = format!("operator revoke-token {}", hers["id"].as_str().unwrap());
    assert_eq!(run(&data, &revoke, "").code, 0);
    let after = as_eve("operator whoami");
    assert_eq!(after.code, 1);
    assert!(after.err.contains("401"), "{}", after.err);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_code_says_whose_fault_it_is() {
    let server = Server::start().await;
    let data = data(&server);
    for (line, code) in [
        ("status", 0),
        ("doctor", 0),
        ("env show nope", 1),
        ("org create a --name \u{7}", 1),
        ("env create", 2),
        ("client edit sandbox a", 2),
        ("status --server http://127.0.0.1:1", 2),
    ] {
        let ran = run(&data, line, "");
        assert_eq!(ran.code, code, "{line}: {}", ran.err);
    }
    // The folder stays: its operator.json leads to where nobody answers any more.
    let Server { running, folder } = server;
    assert!(running.shutdown().await, "drained in time");
    let gone = run(&data, "status --json", "");
    assert_eq!(gone.code, 3, "{}", gone.err);
    let told: Value = serde_json::from_str(&gone.err).unwrap();
    assert_eq!(told["error"]["exit"], 3);
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_listener_whose_environment_does_not_exist_was_silent() {
    let named = countersign_engine::id::EnvironmentId::parse("sandbox").unwrap();
    let server = Server::start_with(|config| {
        config.listener.gateway[0].environment = Some(named);
    })
    .await;
    let data = data(&server);
    let names_it =
        |text: &str| text.contains("listener.gateway[0].environment") && text.contains("`sandbox`");
    assert!(
        matches!(server.running.advice.as_slice(), [line] if names_it(line)),
        "{:?}",
        server.running.advice
    );
    let operators = get(server.admin(), "x", "/readyz").await;
    assert_eq!(operators.status, 200, "the other listeners work");
    assert!(names_it(&operators.body), "{}", operators.body);
    let world = get(server.public(), "x", "/readyz").await;
    assert_eq!(world.body, "ready\n", "names are for operators");
    let status = run(&data, "status --json", "").json();
    assert!(
        names_it(status["warnings"][0].as_str().unwrap()),
        "{status}"
    );
    let doctor = run(&data, "doctor", "");
    assert_eq!(doctor.code, 1, "{}", doctor.out);
    assert!(names_it(&doctor.out), "{}", doctor.out);

    let made = "env create sandbox --mode sandbox --issuer https://sandbox.example --json";
    run(&data, made, "").json();
    assert_eq!(get(server.admin(), "x", "/readyz").await.body, "ready\n");
    let doctor = run(&data, "doctor", "");
    assert_eq!(doctor.code, 0, "{}", doctor.out);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_and_the_guards_that_name_it_go_in_one_apply() {
    let server = Server::start().await;
    let data = data(&server);
    let file = |dialects: &str, guard: &str| {
        format!(
            "[[environment]]\nid = 'sandbox'\nmode = 'sandbox'\nissuer = 'https://sandbox.example'\nhosts = []\ndialects = {dialects}\n\
             [[environment.guard]]\nname = 'sites'\npaths = ['/*']\naccept = ['access_token']\n{guard}\n"
        )
    };
    let with = file("['standard', 'ayyeka']", "dialect = 'ayyeka'");
    let without = file("['standard']", "");
    for text in [&with, &without, &with] {
        let applied = run(&data, "apply -", text);
        assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    }
    let refused = run(&data, "env edit sandbox --dialect standard", "");
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("the guard sites still names the dialect ayyeka"),
        "{}",
        refused.err
    );
    server.stop().await;
}
