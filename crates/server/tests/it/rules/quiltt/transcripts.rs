//! Every request of the seed's pages, and its answer, byte for byte. Only what is signed and made at random is
//! named instead.

use super::*;
use countersign_engine::call::{AdminCall, Amend, Lifecycle};
use countersign_jose::base64url_decode;
use serde_json::json;

fn print(line: &str, said: &Said, names: &[(&str, &str)]) -> String {
    let mut headers: Vec<String> = said
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let mut text = format!(
        "> {line}\n{}\n{}\n\n{}\n",
        said.status,
        headers.join("\n"),
        said.body
    );
    for (value, name) in names {
        text = text.replace(value, name);
    }
    text
}

#[tokio::test]
async fn a_session_is_spelled_as_published() {
    let quiltt = Quiltt::new().await;
    let token = quiltt.session(UUID).await;
    let parts: Vec<_> = token
        .split('.')
        .map(|part| base64url_decode(part).unwrap())
        .collect();
    assert_eq!(parts[0], br#"{"alg":"HS512"}"#);
    assert_eq!(parts[2].len(), 64);
    let claims: Value = serde_json::from_slice(&parts[1]).unwrap();
    let jti = claims["jti"].as_str().unwrap();
    assert_eq!(jti.len(), 36);
    let (now, did) = (quiltt.world.now().seconds(), &quiltt.key.id);
    let eid = countersign_engine::global_id::of_environment(SANDBOX);
    let expected = format!(
        r#"{{"nbf":{now},"iat":{now},"jti":"{jti}","iss":"auth.quiltt.io","aud":"api.quiltt.io","exp":{},"ver":2,"did":"{did}","uid":"{PROFILE}","eid":"{eid}"}}"#,
        now + 86400
    );
    assert_eq!(String::from_utf8(parts[1].clone()).unwrap(), expected);
    // The vendor's parser decodes the claims with `atob`, which knows neither `-` nor `_`.
    let payload = token.split('.').nth(1).unwrap();
    assert!(
        payload.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{payload}"
    );
}

#[tokio::test]
async fn what_servers_ask_is_answered_as_documented() {
    let quiltt = Quiltt::new().await;
    let line = "POST /v1/users/sessions";
    let body = format!(
        r#"{{"userId":"{UUID}","email":"Jane@Example.com","names":{{"first":"Jane","last":"Doe"}},"metadata":{{"tier":1}}}}"#
    );
    let issued = quiltt.ask(line, &body).await;
    let token = issued.member("token");
    let key = quiltt.key.secret.expose().clone();
    let names = [
        (token.as_str(), "<session>"),
        (key.as_str(), "<key>"),
        (quiltt.key.id.as_str(), "<api_...>"),
    ];
    let mut text = print(line, &issued, &names);
    for line in ["GET /v1/users/session", "POST /v1/introspect/session_token"] {
        text += &print(line, &quiltt.with(line, &token).await, &names);
    }
    for (line, body) in [
        ("POST /v1/introspect/api_key", ""),
        ("GET /v1/profiles?page=1&limit=10", ""),
        ("GET /v1/profiles/p_171dFj1jSknZiR3VZOHKcol", ""),
        (
            "PATCH /v1/profiles/e6dd0bda-7384-4d88-866b-2e5aa1b2c693",
            r#"{"dateOfBirth":"1984-02-29","address":{"city":"Austin"}}"#,
        ),
        (
            "POST /v1/profiles",
            r#"{"uuid":"e6dd0bda-7384-4d88-866b-2e5aa1b2c693"}"#,
        ),
        ("POST /v1/profiles", r#"{"email":"jane@example.com"}"#),
        ("POST /v1/profiles", r#"{"phone":"555","metadata":[]}"#),
        (
            "POST /v1/users/sessions",
            r#"{"userId":"p_12VnSaRRxyP12Sl9rLZg8n1"}"#,
        ),
        ("POST /v1/users/sessions", r#"{"userId":"somebody"}"#),
        ("POST /v1/users/sessions", r#"{"userId":"#),
        ("GET /v1/profiles/nobody", ""),
        ("GET /v1/profiles?page=0", ""),
        (
            "POST /v1/webhooks/subscriptions",
            r#"{"name":"All","targetUrl":"http://example.com/hook","eventTypes":["profile"]}"#,
        ),
        ("GET /v1/webhooks/subscriptions", ""),
        ("DELETE /v1/profiles/p_171dFj1jSknZiR3VZOHKcol", ""),
    ] {
        quiltt.world.pass(1).await;
        text += &print(
            &format!("{line} {body}"),
            &quiltt.ask(line, body).await,
            &names,
        );
    }
    let refused = quiltt.say("GET /v1/profiles", &[], "").await;
    text += &print("GET /v1/profiles, without a credential", &refused, &names);
    insta::assert_snapshot!("quiltt_servers", text);
}

#[tokio::test]
async fn the_seeds_basic_opens_a_guard_of_the_profile_scope() {
    use countersign_engine::{
        decision::{Carrier, Judged},
        model::guard::{Accept, Guard},
    };
    let quiltt = Quiltt::new().await;
    quiltt.session(UUID).await;
    let guard = Guard {
        name: "graphql".into(),
        hosts: vec![],
        paths: vec!["/v1/graphql".into()],
        methods: vec!["POST".into()],
        accept: vec![Accept::SubjectBasic],
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: Some("quiltt".into()),
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    quiltt.world.set_guards(SANDBOX, vec![guard]).await.unwrap();
    // Base64.strict_encode64("#{profileId}:#{API_KEY_SECRET}"), and with the line breaks of its older sister.
    let pair = format!("{PROFILE}:{}", quiltt.key.secret.expose());
    let strict = data_encoding::BASE64.encode(pair.as_bytes());
    let (start, end) = strict.split_at(60);
    for encoded in [strict.clone(), format!("{start} {end}")] {
        let value = format!("Basic {encoded}");
        let judged = Judged {
            method: "POST",
            authorization: Carrier::Present(&value),
            ..request("/v1/graphql")
        };
        assert_eq!(
            quiltt.world.judge(SANDBOX, &judged).await,
            Ok(()),
            "{encoded}"
        );
    }
}

#[tokio::test]
async fn the_version_is_the_requests_then_the_keys_then_the_newest() {
    let quiltt = Quiltt::new().await;
    let bearer = quiltt.bearer();
    let line = "GET /v1/profiles";
    let ask = async |version: Option<&str>| {
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(version.map(|version| ("Quiltt-Version", version)));
        let said = quiltt.say(line, &headers, "").await;
        let used = said.header("quiltt-version").unwrap().to_owned();
        (said.status, used)
    };
    assert_eq!(ask(None).await, (200, "2026-04-01".into()));
    let (_, version) = quiltt
        .world
        .stored_credential(SANDBOX, &quiltt.key.id)
        .await;
    let pin = Lifecycle {
        api_version: Some(Some("2024-01-01".into())),
        ..Lifecycle::default()
    };
    let call = AdminCall::Amend {
        change: Amend::Credential(env(SANDBOX), quiltt.key.id.clone(), pin),
        if_version: Some(version),
    };
    quiltt.world.admin(call).await.unwrap();
    assert_eq!(ask(None).await, (200, "2024-01-01".into()));
    assert_eq!(ask(Some("2025-04-01")).await, (200, "2025-04-01".into()));
    assert_eq!(ask(Some("1999-01-01")).await.0, 400);
}

#[tokio::test]
async fn every_answer_tells_the_budget_and_none_is_429() {
    let quiltt = Quiltt::new().await;
    let mut last = None;
    for number in 0..26 {
        let said = quiltt.ask("GET /v1/profiles", "").await;
        let told = |name| said.header(name).unwrap().parse::<i64>().unwrap();
        assert_eq!(told("ratelimit-limit"), 25);
        assert_eq!(told("ratelimit-remaining"), (24 - number).max(0));
        assert!(told("ratelimit-reset") >= quiltt.world.now().seconds());
        assert_eq!(said.status, if number < 25 { 200 } else { 429 });
        last = Some(said);
    }
    assert_eq!(last.unwrap().header("retry-after"), Some("1"));
    let session_budget = {
        quiltt.world.pass(2).await;
        let session = quiltt.session(UUID).await;
        quiltt.with("GET /v1/users/session", &session).await
    };
    assert_eq!(session_budget.header("ratelimit-limit"), Some("100"));
    assert_eq!(json!(session_budget.header("ratelimit-remaining")), "99");
}
