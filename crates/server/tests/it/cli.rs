//! The command line against a server that runs: every noun through its socket.

use crate::{
    ask::Ask,
    binary::Process,
    harness::{Server, get, send},
    world::Doors,
};
use serde_json::{Value, json};
use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {}", self.out))
    }
}

#[expect(clippy::disallowed_methods, reason = "the test starts the binary")]
fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
}

/// Run `line` against the server of this data folder.
pub fn run(data: &Path, line: &str, input: &str) -> Ran {
    run_with(data, line, input, &[])
}

/// The same, with these environment variables.
pub fn run_with(data: &Path, line: &str, input: &str, variables: &[(&str, &str)]) -> Ran {
    let mut child = command()
        .args(line.split(' '))
        .arg("--data")
        .arg(data)
        .env_clear()
        .envs(variables.iter().copied())
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

pub fn data(server: &Server) -> PathBuf {
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
async fn a_subject_lives_from_its_creation_to_its_erasure() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);

    let create = "subject create sandbox acme --email Jane@Example.com --first Jane --last Doe \
                  --born 1984-02-29 --country USA --metadata tier=gold --platform partner";
    let made = run(&data, &format!("{create} --json"), "").json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["email"], "jane@example.com");
    assert_eq!(made["metadata"], json!({"tier": "gold"}));
    let taken = run(&data, create, "");
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("409"), "{}", taken.err);

    let edit = format!("subject edit sandbox {id} --last Roe --clear born --json");
    let edited = run(&data, &edit, "").json();
    assert_eq!(edited["names"], json!({"first": "Jane", "last": "Roe"}));
    assert_eq!(edited["date_of_birth"], Value::Null);
    let find = "subject find sandbox acme --email JANE@example.com";
    let found = run(&data, &format!("{find} --platform partner --json"), "").json();
    assert_eq!(found["id"], id);
    assert_eq!(run(&data, find, "").code, 1, "nobody without a platform");

    let disabled = run(&data, &format!("subject disable sandbox {id} --json"), "").json();
    assert_eq!(disabled["state"], "disabled");
    let enabled = run(&data, &format!("subject enable sandbox {id} --json"), "").json();
    assert_eq!(enabled["state"], "active");
    let table = run(&data, "subject list sandbox acme", "");
    assert!(table.out.contains("jane@example.com"), "{}", table.out);
    let ended = run(&data, &format!("subject end-tokens sandbox {id}"), "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let link = run(
        &data,
        &format!("subject send-password-link sandbox {id}"),
        "",
    );
    assert_eq!(link.code, 1);
    let missing = "a platform vouches for the subject";
    assert!(link.err.contains(missing), "{}", link.err);
    let none = run(&data, &format!("subject sessions sandbox {id}"), "");
    assert_eq!(none.out, "There is no session.\n");
    let nowhere = run(
        &data,
        &format!("subject end-session sandbox {id} ses_x"),
        "",
    );
    assert!(nowhere.err.contains("404"), "{}", nowhere.err);

    for line in ["subject export sandbox", "subject --json export sandbox"] {
        let export = run(&data, &format!("{line} {id}"), "").json();
        assert_eq!(export["subject"]["names"]["last"], "Roe");
        assert_eq!(export["subject"]["has_password"], false);
        assert!(export["subject"].get("password").is_none(), "{export}");
        let lines = export["audit"].as_array().unwrap();
        let first = lines.last().unwrap();
        assert_eq!(first["action"], "subject.create");
    }

    let erased = run(&data, &format!("subject erase sandbox {id}"), "");
    assert_eq!(erased.code, 0, "{}", erased.err);
    let left = run(&data, &format!("subject show sandbox {id} --json"), "");
    assert!(
        !left.out.to_lowercase().contains("jane"),
        "what was known is gone: {}",
        left.out
    );
    assert!(left.json()["closing_at"].is_string());
    let again = run(&data, create, "");
    assert_eq!(again.code, 0, "the address is free: {}", again.err);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_is_enrolled_with_its_code_and_its_key() {
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);
    let create = "client create sandbox --organization acme --name Partner --kind platform \
                  --spelling bitcanuck --enrols true --assertion-lifetime 5m --json";
    let made = run(&data, create, "").json();
    let id = made["id"].as_str().unwrap();
    let platform = &made["platform"];
    assert_eq!(platform["code"].as_str().unwrap().len(), 12);
    assert_eq!(platform["algorithm"], "RS512");
    assert_eq!(platform["token_lifetime_max_s"], 300);
    let edit = format!("client edit sandbox {id} --single-use true --sign-in known --json");
    let edited = run(&data, &edit, "").json();
    assert_eq!(edited["platform"]["single_use"], true);
    assert_eq!(edited["platform"]["enrols"], true, "what is not said stays");
    assert_eq!(edited["sign_in"], json!({"sign_ups": false}));

    let key = format!("credential create sandbox {id} --kind public_key");
    let told = run(&data, &key, "");
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out
            .contains("secret:\n-----BEGIN RSA PRIVATE KEY-----\n"),
        "{}",
        told.out
    );
    assert!(told.out.contains("\n-----END RSA PRIVATE KEY-----\n"));
    let wrong = run(&data, &format!("{key} --algorithm RS256"), "");
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("platform"), "{}", wrong.err);

    let token = "credential create sandbox app --kind registration_token --json \
                 --origin https://app.example --metadata team=web --api-version 2026-02-01";
    let made = run(&data, token, "").json();
    assert_eq!(made["origins"], json!(["https://app.example"]));
    assert_eq!(made["metadata"], json!({"team": "web"}));
    let id = made["id"].as_str().unwrap();
    let edit = format!("credential edit sandbox {id} --clear metadata --clear origins --json");
    let edited = run(&data, &edit, "").json();
    assert_eq!(
        (
            &edited["metadata"],
            &edited["origins"],
            &edited["api_version"]
        ),
        (&Value::Null, &json!([]), &json!("2026-02-01"))
    );
    let env = "env edit sandbox --public-url https://pages.example --json";
    assert_eq!(
        run(&data, env, "").json()["public_url"],
        "https://pages.example"
    );
    let guard = "guard add sandbox people --path /people/* --accept session --accept subject_basic \
                 --accept client_headers --secrets-from-browsers";
    assert_eq!(run(&data, guard, "").code, 0);
    let shown = run(&data, "guard show sandbox people --json", "").json();
    assert_eq!(shown["secrets_from_browsers"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_token_can_be_made_used_and_revoked() {
    let server = Server::start().await;
    let data = data(&server);
    let made = run(&data, "operator create eve --role viewer --json", "").json();
    let file = server.folder.path().join("eve");
    std::fs::write(&file, made["secret"].as_str().unwrap()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
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
async fn a_folder_that_init_made_is_served_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("countersign-data");
    let first = run(&data, "init", "");
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.out.contains("is ready"), "{}", first.out);
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
    let (operator, master) = (read("operator.json"), read("master.key"));
    let operator_row: Value = serde_json::from_str(&operator).unwrap();
    let token = operator_row["token"].as_str().unwrap();
    assert!(!first.out.contains(token) && !first.err.contains(token));
    for (name, mode) in [
        ("", 0o700),
        ("operator.json", 0o600),
        ("master.key", 0o600),
        ("countersign.db", 0o600),
    ] {
        let found = std::fs::metadata(data.join(name)).unwrap().permissions();
        assert_eq!(found.mode() & 0o777, mode, "{name}");
    }

    let again = run(&data, "init", "");
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    assert_eq!(
        (read("operator.json"), read("master.key")),
        (operator.clone(), master)
    );

    let process = Process::serve(&folder);
    let doors = process.doors(&folder);
    assert_eq!(doors.owner, token, "the token that init made");
    assert_eq!(
        run(&data, "operator whoami --json", "").json()["role"],
        "owner"
    );
    let meanwhile = run(&data, "init --reset-operator", "");
    assert_eq!(meanwhile.code, 1);
    assert!(
        meanwhile
            .err
            .contains("another server uses the data folder"),
        "{}",
        meanwhile.err
    );
    assert_eq!(run(&data, "operator whoami", "").code, 0);
    let said = process.kill();
    assert!(!said.log.iter().any(|line| line.contains(token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_here_is_over_at_the_gateway() {
    const HOST: &str = "auth.sandbox.localhost";
    let server = Server::start().await;
    let data = data(&server);
    assert_eq!(run(&data, &format!("apply {EXAMPLE}"), "").code, 0);
    let doors = Doors {
        public: server.public(),
        admin: server.admin(),
        gateways: vec![server.gateway()],
        owner: server.operator_token(),
    };
    let create = "credential create sandbox reporting --kind client_secret --json";
    let made = run(&data, create, "").json();
    let secret = made["secret"].as_str().unwrap();
    let [ended, other] = [
        doors
            .token(HOST, "/oauth2/token", "reporting", secret)
            .await,
        doors
            .token(HOST, "/oauth2/token", "reporting", secret)
            .await,
    ];
    let decide = async |token: &str| {
        let ask = Ask::get("/")
            .header("X-Original-Method", "GET")
            .header("X-Original-Host", "api.sandbox.localhost")
            .header("X-Original-Uri", "/reports")
            .header("X-Original-Peer", "192.0.2.1")
            .header("X-Original-Request-Id", "proxy-1");
        ask.bearer(token).send(doors.gateways[0]).await.status
    };
    let inspect = |token: &str| {
        let line = "token inspect --environment sandbox --json";
        run(&data, line, &format!("{token}\n")).json()["active"].clone()
    };
    assert_eq!((decide(&ended).await, decide(&other).await), (200, 200));
    assert_eq!(inspect(&ended), true);

    let revoked = run(&data, "token revoke sandbox", &format!("{ended}\n"));
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    assert!(revoked.out.contains("revoked"), "{}", revoked.out);
    assert!(!revoked.out.contains(&ended) && !revoked.err.contains(&ended));
    assert_eq!((decide(&ended).await, decide(&other).await), (401, 200));
    assert_eq!(
        (inspect(&ended), inspect(&other)),
        (false.into(), true.into())
    );

    // From a file. What is over already, or never was a token, is told apart from what was ended now.
    let file = server.folder.path().join("token");
    std::fs::write(&file, &other).unwrap();
    let from_file = format!("token revoke sandbox {}", file.display());
    let ran = run(&data, &from_file, "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(decide(&other).await, 401);
    for (line, input, code, told) in [
        (from_file.as_str(), "", 1, "accepted now"),
        ("token revoke sandbox", "nonsense", 1, "accepted now"),
        ("token revoke sandbox", "", 2, "no token to read"),
        ("token revoke nowhere", other.as_str(), 1, "404"),
    ] {
        let ran = run(&data, line, input);
        assert_eq!(ran.code, code, "{line} {input}: {}", ran.err);
        assert!(ran.err.contains(told), "{line} {input}: {}", ran.err);
    }
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

/// What a gateway listener says to nginx about `GET /x` of this host.
async fn decision(address: std::net::SocketAddr, host: &str) -> (u16, Option<String>) {
    let asked = format!(
        "GET / HTTP/1.1\r\nHost: decisions\r\nX-Original-Method: GET\r\nX-Original-Host: {host}\r\n\
         X-Original-URI: /x\r\nX-Original-Peer: 192.0.2.7\r\nX-Original-Request-Id: a1\r\nConnection: close\r\n\r\n"
    );
    let answer = send(address, asked.as_bytes()).await;
    let status = answer.header("countersign-status").map(str::to_owned);
    (answer.status, status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_names_its_environment_judges_every_host_of_its_proxy() {
    for named in [true, false] {
        let sandbox = countersign_engine::id::EnvironmentId::parse("sandbox").unwrap();
        let server = Server::start_with(|config| {
            config.listener.gateway[0].environment = named.then_some(sandbox);
        })
        .await;
        let data = data(&server);
        for line in [
            "env create sandbox --mode sandbox --issuer https://sandbox.example --host auth.example",
            "guard add sandbox bound --path /x --accept access_token --host bound.example",
            "guard add sandbox open --path /x --accept anonymous",
        ] {
            let ran = run(&data, line, "");
            assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        }
        let gateway = server.gateway();
        let refused = |status: u16, meant: &str| (status, Some(meant.to_owned()));
        let listed = decision(gateway, "auth.example").await;
        assert_eq!(listed, (200, None), "a guard without hosts is for it");
        let unlisted = decision(gateway, "api.example").await;
        let bound = decision(gateway, "bound.example").await;
        if named {
            assert_eq!(unlisted, (200, None), "the proxy says what leads here");
            assert_eq!(
                bound,
                refused(401, "401"),
                "a guard with hosts is for these"
            );
        } else {
            assert_eq!(unlisted, refused(403, "421"), "the host decides");
            assert_eq!(bound, refused(403, "421"));
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_start_says_where_it_is_and_what_to_do() {
    let server = Server::start().await;
    let data = data(&server);
    let other = server.folder.path().join("other");
    let taken = server.public();
    let config = server.folder.path().join("countersign.toml");
    let listeners = format!(
        "listener.public.addresses = \"{taken}\"\nlistener.admin.addresses = \"127.0.0.1:0\"\n\
         [[listener.gateway]]\naddresses = \"127.0.0.1:0\"\n"
    );
    std::fs::write(&config, listeners).unwrap();
    let config = config.display();
    let without = server.folder.path().join("nothing.toml");
    let without = without.display();
    for (folder, line, pieces) in [
        (
            &data,
            "serve".to_owned(),
            ["another server uses the data folder", "/lock", "stop it"],
        ),
        (
            &other,
            format!("serve --config {config}"),
            [
                "another program listens there",
                "listener.public.addresses",
                "COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES",
            ],
        ),
        (
            &other,
            format!("serve --config {without}"),
            ["cannot read the configuration", "nothing.toml", "--config"],
        ),
    ] {
        let ran = run(folder, &line, "");
        assert_eq!(ran.code, 1, "{line}: {}", ran.err);
        for piece in pieces {
            assert!(ran.err.contains(piece), "{line}: {piece}: {}", ran.err);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_the_admin_apis_is_told_from_it() {
    let server = Server::start().await;
    let data = data(&server);
    let token = server.folder.path().join("token");
    std::fs::write(&token, server.operator_token()).unwrap();
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let at = |address: String| {
        let line = format!(
            "org list --server {address} --operator-token-file {}",
            token.display()
        );
        run(&data, &line, "")
    };
    for address in [server.public(), server.gateway()] {
        let ran = at(format!("http://{address}"));
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(
            ran.err.contains("is not the admin API's") && ran.err.contains("--server"),
            "{}",
            ran.err
        );
    }
    let bare = at(server.admin().to_string());
    assert_eq!(bare.code, 2, "{}", bare.err);
    assert!(
        bare.err.contains("no scheme") && bare.err.contains("http://127.0.0.1:8082"),
        "{}",
        bare.err
    );
    let nobody = at("http://127.0.0.1:1".into());
    assert_eq!(nobody.code, 3);
    let first = nobody.err.lines().next().unwrap();
    assert_eq!(
        first,
        "error: the server cannot be reached: nothing listens there"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_any_environment_says_what_to_do_first() {
    let server = Server::start().await;
    let data = data(&server);
    let step = server.running.first_step().await.unwrap().unwrap();
    for piece in ["apply FILE", "env create", data.to_str().unwrap()] {
        assert!(step.contains(piece), "{piece}: {step}");
    }
    let made = "env create sandbox --mode sandbox --issuer https://sandbox.example";
    assert_eq!(run(&data, made, "").code, 0);
    assert_eq!(server.running.first_step().await.unwrap(), None);
    server.stop().await;
}
