//! `countersign demo`, as a newcomer meets it: the real binary, the printed commands, `sh` and curl.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests' own harness starts programs"
)]

mod phone;
pub mod process;

use process::{Demo, Said};
use serde_json::{Value, json};

/// What each printed command must get: its name, the status, and a piece of the body.
const PRINTED: &[(&str, u16, &str)] = &[
    (
        "ayyeka-token",
        200,
        r#""token_type":"JWT","expires_in":3600}"#,
    ),
    ("ayyeka-call", 200, r#""display_name":"Northern reservoir""#),
    ("refused-without-token", 401, r#"{"message":"#),
    ("refused-elsewhere", 401, r#"{"message":"#),
    ("quiltt-session", 201, r#"{"token":""#),
    ("quiltt-profile", 200, r#""name":"Everyday checking""#),
    ("quiltt-basic", 200, r#""name":"Everyday checking""#),
    ("quiltt-remote", 200, r#"{"accountId":"acct_1"#),
    ("quiltt-ach", 200, r#""routing":"011401533""#),
    ("quiltt-profiles", 200, r#""uuid":"7c1a3f0e-"#),
    ("quiltt-check", 200, r#""userUuid":"7c1a3f0e-"#),
    ("quiltt-revoke", 401, r#""message":"Not Authenticated""#),
    (
        "refused-other-scope",
        401,
        r#""message":"Not Authenticated""#,
    ),
    ("quiltt-sign-in", 201, r#"{"token":""#),
    ("bitcanuck-login", 200, r#""ttl":1209600,"until":""#),
    ("bitcanuck-platform", 200, r#""ttl":1209600,"until":""#),
    ("bitcanuck-user", 200, r#""email":"john@email.com""#),
    ("bitcanuck-private", 200, r#""currency":"BTC""#),
    ("bitcanuck-logout", 401, r#"{"error":{"statusCode":401,"#),
    (
        "ultra-front-end",
        200,
        r#"{"header":"Countersign-Credential","value":"registration_token"}"#,
    ),
    (
        "ultra-back-end",
        200,
        r#"{"header":"Countersign-Credential","value":"client_secret"}"#,
    ),
    (
        "ultra-token-by-headers",
        200,
        r#""refresh_expires_in":0,"token_type":"Bearer""#,
    ),
    (
        "ultra-token",
        200,
        r#""refresh_expires_in":0,"token_type":"Bearer""#,
    ),
    ("ultra-call", 200, r#""displayName":"Northern reservoir""#),
    (
        "refused-registration-token",
        401,
        r#"{"data":null,"errors":[{"message":{"statusCode":401,"#,
    ),
    ("refused-in-a-browser", 403, "browser"),
    ("ubiqu-identification", 200, r#""status_text":"created""#),
    ("ubiqu-identified", 200, r#""status_text":"consumed""#),
    (
        "ubiqu-asset",
        200,
        r#""public_key_authenticate":"-----BEGIN PUBLIC KEY-----"#,
    ),
    ("ubiqu-authenticate", 200, "Verified OK"),
    (
        "payout-asked",
        403,
        r#""type":"urn:countersign:problem:approval-required""#,
    ),
    ("payout", 201, r#""paid":{"amount":"12.50","to":"Ada"}"#),
    (
        "refused-other-payout",
        403,
        r#""type":"urn:countersign:problem:approval-mismatch""#,
    ),
    ("payout-receipt", 200, "Pay 12.50 to Ada"),
    ("lockdown", 200, r#""name":"Harbour pumping station""#),
    ("standard-token", 200, r#""token_type":"Bearer""#),
    ("standard-call", 200, r#"{"sites":["#),
    ("standard-introspect", 200, r#""active":true"#),
    ("standard-revoke", 401, r#""error":"invalid_token""#),
    ("refused-too-weak", 403, r#""error":"insufficient_scope""#),
    ("api-key", 200, r#""name":"Northern reservoir""#),
    (
        "graphql",
        200,
        r#"{"header":"Countersign-Environment","value":"sandbox"}"#,
    ),
    ("health", 200, "ok"),
    ("whoami", 200, r#""role":"owner""#),
];

/// The set-up hashes a password, which takes 19 MiB.
#[test]
fn an_idle_server_kept_the_memory_of_its_busiest_second() {
    Demo::start(&[]).wait_for_less_memory_than(18 * 1024);
}

#[test]
fn every_printed_command_does_what_its_title_says() {
    let demo = Demo::shared();
    let commands = demo.facts["commands"].as_object().unwrap();
    let mut known: Vec<&str> = commands.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = PRINTED.iter().map(|(name, ..)| *name).collect();
    known.sort_unstable();
    expected.sort_unstable();
    assert_eq!(known, expected);
    assert!(
        demo.printed()
            .contains("gateway profile   forward_auth (both)"),
        "who asks the gateway listeners by hand knows how: {}",
        demo.printed()
    );
    for (name, status, piece) in PRINTED {
        let command = commands[*name].as_str().unwrap();
        assert!(
            demo.printed().contains(command),
            "{name} is printed as it is told"
        );
        let said = demo.sh(command);
        assert_eq!(said.status, *status, "{name}: {said:?}");
        assert!(said.body.contains(piece), "{name}: {said:?}");
    }
}

#[test]
fn the_facts_have_the_promised_members_and_only_the_owner_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let demo = Demo::shared();
    let mode = std::fs::metadata(&demo.facts_file)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for member in [
        "/public",
        "/gateway",
        "/admin",
        "/sample_api",
        "/phone/url",
        "/environments/sandbox/public",
        "/environments/sandbox/gateway",
        "/environments/sandbox/sample_api",
        "/environments/production/public",
        "/environments/production/gateway",
        "/environments/production/sample_api",
        "/environments/production/phone/url",
    ] {
        assert!(
            demo.fact(member).starts_with("http://127.0.0.1:"),
            "{member}"
        );
    }
    assert!(demo.fact("/operator_token").starts_with("cs_opr_"));
    assert!(demo.fact("/api_key").starts_with("cs_key_test_"));
    assert!(
        demo.fact("/standard/client_secret")
            .starts_with("cs_sec_test_")
    );
    let production = demo.fact("/environments/production/api_key");
    assert!(production.starts_with("cs_key_live_"));
    let key = demo.fact("/ayyeka/key");
    assert!(key.len() == 32 && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')));
    assert_eq!(demo.fact("/ayyeka/secret").len(), 44);
    the_facts_of_each_system_are_spelled_as_it_spells_them(&demo);
}

fn the_facts_of_each_system_are_spelled_as_it_spells_them(demo: &Demo) {
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let key = demo.fact("/quiltt/api_key_secret");
    let digits = key.strip_prefix("qltt_0").unwrap();
    assert!(digits.len() == 72 && is_hex(digits), "{key}");
    assert!(demo.fact("/quiltt/profile_id").starts_with("p_1"));
    assert!(demo.fact("/quiltt/client_id").starts_with("app_1"));
    assert_eq!(demo.fact("/bitcanuck/email"), "john@email.com");
    assert_eq!(demo.fact("/bitcanuck/platform").len(), 8);
    let pem = demo.fact("/bitcanuck/platform_private_key_pem");
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(demo.fact("/ultra/realm"), "ultraio");
    let registration = demo.fact("/ultra/registration_token");
    assert!(registration.starts_with("cs_pub_test_"), "{registration}");
    let secret = demo.fact("/environments/production/ultra/backend_client_secret");
    assert!(secret.starts_with("cs_sec_live_"), "{secret}");
    for id in ["/ubiqu/api_key", "/ubiqu/asset_uuid"] {
        let text = demo.fact(id);
        assert!(text.len() == 32 && is_hex(text), "{id}: {text}");
    }
    let mails = std::path::Path::new(demo.fact("/mails"));
    assert!(mails.is_dir(), "{}", mails.display());
    assert!(demo.printed().contains(demo.fact("/mails")));
    assert!(demo.printed().contains(demo.fact("/page")));
    let phone_page = format!("{}/phone", demo.fact("/phone/url"));
    assert!(demo.printed().contains(&phone_page), "{phone_page}");
}

/// The answer that Ayyeka's document prints, to the byte where it says one.
fn assert_documented(said: &Said, how: &str) {
    assert_eq!(said.status, 200, "{how}: {said:?}");
    assert_eq!(said.header("cache-control"), "no-store", "{how}");
    assert_eq!(said.header("pragma"), "no-cache", "{how}");
    assert_eq!(
        said.header("content-type"),
        "application/json; charset=utf-8",
        "{how}"
    );
    let token = said
        .body
        .strip_prefix(r#"{"access_token":""#)
        .and_then(|rest| rest.strip_suffix(r#"","token_type":"JWT","expires_in":3600}"#))
        .unwrap_or_else(|| panic!("{how}: the members, in their order: {said:?}"));
    let parts: Vec<Vec<u8>> = token
        .split('.')
        .map(|part| {
            data_encoding::BASE64URL_NOPAD
                .decode(part.as_bytes())
                .unwrap()
        })
        .collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("{how}: three parts: {token}");
    };
    assert_eq!(header, br#"{"alg":"RS384","typ":"JWT"}"#, "{how}");
    let claims = std::str::from_utf8(claims).unwrap();
    let read: Value = serde_json::from_str(claims).unwrap();
    let issued_at = read["iat"].as_u64().unwrap();
    let expected = format!(
        r#"{{"aud":"2091","exp":{},"iat":{issued_at},"iss":"Cloud","sub":"6237:708"}}"#,
        issued_at + 3600
    );
    assert_eq!(claims, expected, "{how}");
    assert_eq!(signature.len(), 384, "{how}: a key of 3072 bits");
}

#[test]
fn ayyekas_token_request_works_in_each_way_that_its_pages_write_it() {
    let demo = Demo::shared();
    let url = format!("{}/auth/token", demo.fact("/public"));
    let (key, secret) = (demo.fact("/ayyeka/key"), demo.fact("/ayyeka/secret"));
    let basic = data_encoding::BASE64.encode(format!("{key}:{secret}").as_bytes());
    // The document's request: also the spaces after `no-cache` and before `client_credentials`.
    let body = "grant_type= client_credentials";
    let printed = format!(
        "POST /auth/token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Authorization: Basic {basic}\r\nCache-Control: no-cache \r\nContent-Length: {}\r\n\r\n{body}",
        demo.host("/public"),
        body.len()
    );
    assert_documented(&demo.raw("/public", printed.as_bytes()), "as printed");
    for (how, command) in [
        (
            "without the space",
            format!(
                "curl -s -i {url} -H 'Authorization: Basic {basic}' -d 'grant_type=client_credentials'"
            ),
        ),
        (
            "a newline inside Basic",
            format!(
                "curl -s -i {url} -H \"Authorization: Basic $(echo {key}:{secret} | base64 -w0)\" -d 'grant_type= client_credentials'"
            ),
        ),
        (
            "credentials in the form",
            format!(
                "curl -s -i {url} -d grant_type=client_credentials -d client_id={key} --data-urlencode 'client_secret={secret}'"
            ),
        ),
    ] {
        assert_documented(&demo.sh(&command), how);
    }
}

#[test]
fn ayyekas_token_endpoint_refuses_other_grants_and_wrong_secrets() {
    let demo = Demo::shared();
    let url = format!("{}/auth/token", demo.fact("/public"));
    let (key, secret) = (demo.fact("/ayyeka/key"), demo.fact("/ayyeka/secret"));
    for grant in [
        "password",
        "authorization_code",
        "refresh_token",
        "Client_Credentials",
    ] {
        let command = format!("curl -s -i {url} -u '{key}:{secret}' -d grant_type={grant}");
        let said = demo.sh(&command);
        assert_eq!(said.status, 400, "{grant}: {said:?}");
        let body = said.json();
        assert_eq!(body["error"], "unsupported_grant_type", "{grant}");
        for member in ["error_description", "message", "request_id"] {
            assert!(body[member].is_string(), "{grant}: {member} in {body}");
        }
    }
    let wrong = format!("curl -s -i {url} -u '{key}:wrong' -d grant_type=client_credentials");
    let said = demo.sh(&wrong);
    assert_eq!(
        (said.status, &said.json()["error"]),
        (401, &json!("invalid_client"))
    );
}

/// A request of Ayyeka's API as the document prints it, without a space before the token.
fn call(demo: &Demo, path: &str, token: &str) -> Said {
    call_at(demo, "", path, token)
}

/// The same, in the environment at this place of the facts.
fn call_at(demo: &Demo, place: &str, path: &str, token: &str) -> Said {
    let api = format!("{place}/sample_api");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization:Bearer {token}\r\nCache-Control: no-cache\r\n\r\n",
        demo.host(&api)
    );
    demo.raw(&api, request.as_bytes())
}

#[test]
fn a_token_opens_ayyekas_api_and_the_api_learns_who_calls() {
    let demo = Demo::shared();
    let token = demo.ayyeka_token("");
    let key = demo.fact("/ayyeka/key");
    let sites = call(&demo, "/v2.0/site", &token);
    assert_eq!(sites.status, 200, "{sites:?}");
    let begins = r#"[{"id":1001,"creation_date":"2022-03-14T09:26:53Z","display_name":"#;
    assert!(sites.body.starts_with(begins), "{}", sites.body);
    for (header, value) in [
        ("seen-countersign-client", key),
        ("seen-countersign-subject", &format!("client:{key}")),
        ("seen-countersign-environment", "sandbox"),
        ("seen-countersign-credential", "access_token"),
    ] {
        assert_eq!(sites.header(header), value);
    }
    assert_eq!(call(&demo, "/v2.0/site/1002", &token).json()["id"], 1002);
    let streams = call(&demo, "/v2.0/site/1001/streams", &token).json();
    assert_eq!(streams.as_array().unwrap().len(), 2);
    let missing = call(&demo, "/v2.0/site/9", &token);
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["message"], "not found");
}

#[test]
fn an_identity_that_the_caller_made_up_never_arrives() {
    let demo = Demo::shared();
    let token = demo.ayyeka_token("");
    let ask = |forged: &str| {
        let request = format!(
            "GET /v2.0/site HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n{forged}Connection: Countersign-Client\r\n\r\n",
            demo.host("/sample_api")
        );
        demo.raw("/sample_api", request.as_bytes())
    };
    for forged in [
        "Countersign-Client: root\r\n",
        "Countersign_Subject: root\r\n",
    ] {
        let said = ask(forged);
        assert_eq!(said.status, 400, "{said:?}");
        assert!(!format!("{said:?}").contains("root"), "{said:?}");
    }
    let said = ask("");
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(
        said.header("seen-countersign-client"),
        demo.fact("/ayyeka/key")
    );
}

/// A refusal in the words of Ayyeka's API: two members, and none of OAuth's.
fn assert_refused(said: &Said, how: &str) {
    assert_eq!(said.status, 401, "{how}: {said:?}");
    let body = said.json();
    assert_eq!(body["message"], "incorrect credentials", "{how}");
    let id = body["request_id"].as_str().unwrap();
    assert_eq!(id.len(), 8, "{how}: {id}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{how}: {body}");
    assert!(!said.body.contains("Northern"), "{how}");
}

#[test]
fn what_is_no_good_token_is_refused_in_ayyekas_words() {
    let demo = Demo::shared();
    let token = demo.ayyeka_token("");
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{rest}.{first}{}", &signature[1..]);
    let bare = demo.sh(&format!(
        "curl -s -i {}/v2.0/site",
        demo.fact("/sample_api")
    ));
    assert_refused(&bare, "none");
    assert_refused(&call(&demo, "/v2.0/site", &tampered), "tampered");
    let unsigned = token.replace(signature, "");
    assert_refused(&call(&demo, "/v2.0/site", &unsigned), "unsigned");
    let elsewhere = demo.ayyeka_token("/environments/production");
    assert_refused(&call(&demo, "/v2.0/site", &elsewhere), "of production");
    let secret = demo.fact("/ayyeka/secret");
    assert_refused(&call(&demo, "/v2.0/site", secret), "the secret itself");
}

#[test]
fn a_token_that_an_operator_revokes_is_refused_by_the_next_decision() {
    let demo = Demo::shared();
    // In production: two tokens of one client and one second are one token, and the other tests need theirs.
    let production = "/environments/production";
    let token = demo.ayyeka_token(production);
    let call = || call_at(&demo, production, "/v2.0/site", &token);
    assert_eq!(call().status, 200);
    let revoke = format!(
        "curl -s -i {}/admin/v1/environments/production/tokens/revoke -H 'Authorization: Bearer {}' \
         -H 'Content-Type: application/json' -d '{{\"token\":\"{token}\"}}'",
        demo.fact("/admin"),
        demo.fact("/operator_token"),
    );
    let revoked = demo.sh(&revoke);
    assert!((200..300).contains(&revoked.status), "{revoked:?}");
    assert_refused(&call(), "revoked");
}

#[test]
fn a_short_graphql_document_cannot_ask_for_a_long_answer() {
    let demo = Demo::shared();
    let run = |query: &str| {
        let body = json!({ "query": query }).to_string();
        demo.sh(&format!(
            "curl -s -i {}/graphql -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{body}'",
            demo.fact("/sample_api"),
            demo.fact("/api_key"),
        ))
    };
    let fits = run("{ site(id: 1001) { displayName } }").json();
    assert_eq!(fits["data"]["site"]["displayName"], "Northern reservoir");
    let schema = run("{ __schema { queryType { name } } }").json();
    assert_eq!(schema["data"]["__schema"]["queryType"]["name"], "Query");
    let aliases: Vec<String> = (0..50)
        .map(|n| format!("a{n}: sites {{ streams {{ unit }} }}"))
        .collect();
    let refused = run(&format!("{{ {} }}", aliases.join(" "))).json();
    assert!(refused["data"].is_null(), "{refused}");
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("complex"), "{message}");
    let stranger = demo.sh(&format!(
        "curl -s -i {}/graphql -H 'Content-Type: application/json' -d '{{\"query\":\"{{ sites {{ id }} }}\"}}'",
        demo.fact("/sample_api")
    ));
    assert_eq!(stranger.status, 401, "{stranger:?}");
}

#[test]
fn ctrl_c_and_sigterm_end_it_and_nothing_is_left() {
    for signal in ["INT", "TERM"] {
        let mut demo = Demo::start(&[]);
        let data = std::path::PathBuf::from(demo.fact("/data"));
        assert!(data.starts_with(demo.temp()), "{}", data.display());
        assert!(data.join("countersign.db").exists());
        assert!(demo.printed().contains(&data.display().to_string()));
        assert!(
            demo.stop(signal).success(),
            "{signal}: {}",
            demo.complaints()
        );
        assert!(!data.exists(), "{signal}");
    }
}

#[test]
fn a_kept_folder_serves_again_with_fresh_secrets_at_the_same_addresses() {
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().join("data");
    let data = path.to_str().unwrap();
    let mut first = Demo::start(&["--data", data]);
    let before = first.facts.clone();
    first.ayyeka_token("");
    assert!(first.stop("INT").success(), "{}", first.complaints());

    let mut second = Demo::start(&["--data", data]);
    for same in [
        "/public",
        "/admin",
        "/sample_api",
        "/operator_token",
        "/ayyeka/key",
        "/quiltt/profile_id",
        "/quiltt/client_id",
        "/bitcanuck/platform",
        "/ultra/client_id",
        "/ultra/backend_client_id",
        "/ubiqu/asset_uuid",
        "/phone/url",
    ] {
        assert_eq!(before.pointer(same), second.facts.pointer(same), "{same}");
    }
    for fresh in [
        "/ayyeka/secret",
        "/standard/client_secret",
        "/api_key",
        "/quiltt/api_key_secret",
        "/bitcanuck/password",
        "/bitcanuck/platform_private_key_pem",
        "/ultra/registration_token",
        "/ultra/backend_client_secret",
        "/ubiqu/api_key",
    ] {
        assert_ne!(
            before.pointer(fresh),
            second.facts.pointer(fresh),
            "{fresh}"
        );
    }
    assert!(
        second.printed().contains("fresh secrets"),
        "{}",
        second.printed()
    );
    let token = second.ayyeka_token("");
    assert_eq!(call(&second, "/v2.0/site", &token).status, 200);
    for (name, status) in [
        ("quiltt-profile", 200),
        ("bitcanuck-platform", 200),
        ("bitcanuck-private", 200),
        ("ultra-front-end", 200),
        ("ubiqu-authenticate", 200),
        ("payout", 201),
    ] {
        let said = second.sh(second.fact(&format!("/commands/{name}")));
        assert_eq!(said.status, status, "{name}: {said:?}");
    }
    let old = before["api_key"].as_str().unwrap();
    let command = format!(
        "curl -s -i {}/sites -H 'Authorization: Bearer {old}'",
        second.fact("/sample_api")
    );
    assert_eq!(
        second.sh(&command).status,
        200,
        "the last demo's key works a while"
    );
    let admin = second.host("/admin").to_owned();
    assert!(second.stop("INT").success(), "{}", second.complaints());

    let taken = std::net::TcpListener::bind(&admin).unwrap();
    let (status, complaint) = Demo::fails(&["--data", data]);
    assert!(!status.success());
    let port = admin.rsplit_once(':').unwrap().1;
    assert!(
        complaint.contains(port) && complaint.contains("--free-ports"),
        "{complaint}"
    );
    drop(taken);
}
