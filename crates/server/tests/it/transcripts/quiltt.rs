//! Quiltt's document: the two scopes, and the three things that open them.

use super::*;
use data_encoding::BASE64;

const AUTH: &str = "auth.quiltt.io";
const API: &str = "api.quiltt.io";
const PROFILE: &str = "p_171dFj1jSknZiR3VZOHKcol";
/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

async fn stage() -> (Stage, String) {
    let stage = Stage::new(NOW, &[AUTH, API], "quiltt").await;
    stage
        .client(json!({
            "id": "integrator", "organization": "acme", "display_name": "Integrator", "kind": "backend",
            "spelling": "quiltt", "scopes": ["accounts.read"],
        }))
        .await;
    let new = json!({ "kind": "api_key" });
    let key = stage
        .doors
        .credential("production", "integrator", new)
        .await;
    let guards = json!({ "guards": [
        {
            "name": "profile", "paths": ["/v1/graphql"], "methods": ["POST"],
            "accept": ["session", "subject_basic"], "profiles": ["quiltt"], "dialect": "quiltt",
        },
        {
            "name": "environment", "paths": ["/v1/remote/*", "/v1/accounts/{id}/ach_numbers"],
            "accept": ["api_key"], "scopes": ["accounts.read"], "dialect": "quiltt",
        },
    ] });
    let path = format!("{ENVIRONMENT}/guards");
    stage.doors.change("PUT", &path, guards).await;
    stage.begin(NOW);
    (stage, key.secret)
}

fn request(line: &str, authorization: &str, body: &str) -> String {
    let form = match body {
        "" => "",
        _ => "Content-Type: application/json\n",
    };
    let host = if line.contains("/users/") { AUTH } else { API };
    format!("{line} HTTP/1.1\nHost: {host}\nAuthorization: {authorization}\n{form}\n{body}")
}

#[tokio::test]
async fn the_documents_requests_are_answered_to_the_byte() {
    let (stage, key) = stage().await;
    let secret = format!("Bearer {key}");
    let ask = |line, body| request(line, &secret, body);
    let subscription = r#"{"name":"All","targetUrl":"https://hooks.example.com/quiltt","eventTypes":["profile.created"]}"#;
    let session = r#"{"userId":"e6dd0bda-7384-4d88-866b-2e5aa1b2c693"}"#;

    // "This scope is used to issue Session tokens in the Auth API and to interact with Profiles, Webhooks, Remote Data,
    // and ACH Account numbers in the Platform API."
    let mut said = vec![
        stage.say(&ask("POST /v1/users/sessions", session)).await,
        stage.say(&ask("GET /v1/profiles", "")).await,
        stage
            .say(&ask("POST /v1/webhooks/subscriptions", subscription))
            .await,
        stage.judge(&ask("GET /v1/remote/mx/accounts", "")).await,
        stage
            .judge(&ask("GET /v1/accounts/acct_1/ach_numbers", ""))
            .await,
    ];
    let token = said[0].member("/token");

    // "Authorization: Bearer <SESSION_TOKEN>", and `Base64.strict_encode64("#{profileId}:#{API_KEY_SECRET}")`.
    let bearer = format!("Bearer {token}");
    let encoded = BASE64.encode(format!("{PROFILE}:{key}").as_bytes());
    let query = r#"{"query":"{ profile { id } }"}"#;
    let graphql = |shown: &str| request("POST /v1/graphql", shown, query);
    let basic = format!("Basic {encoded}");
    said.push(
        stage
            .say(&request("GET /v1/users/session", &bearer, ""))
            .await,
    );
    said.push(stage.judge(&graphql(&bearer)).await);
    said.push(stage.judge(&graphql(&basic)).await);

    // Each scope at the other's door, and nothing at all.
    said.push(stage.judge(&graphql(&secret)).await);
    said.push(
        stage
            .judge(&request("GET /v1/remote/mx/accounts", &bearer, ""))
            .await,
    );
    said.push(stage.say(&request("GET /v1/profiles", &bearer, "")).await);
    said.push(
        stage
            .say(&request("DELETE /v1/users/session", &bearer, ""))
            .await,
    );
    said.push(stage.judge(&graphql(&bearer)).await);

    let webhook = said[2].member("/id");
    assert!(webhook.starts_with("wh_1"), "{webhook}");
    let names = [
        (token.as_str(), "<SESSION_TOKEN>"),
        (webhook.as_str(), "<id of the subscription>"),
        (
            encoded.as_str(),
            "<Base64-encoded profileId:API_KEY_SECRET>",
        ),
        (key.as_str(), "<API_KEY_SECRET>"),
    ];
    insta::assert_snapshot!("quiltt", transcript(&said, &names));
    stage.stop().await;
}
