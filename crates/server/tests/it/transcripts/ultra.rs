//! Ultra's document: its two curl commands, and the answer to whoever shows nothing good.

use super::*;

const HOST: &str = "api.example.com";
/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

async fn stage() -> (Stage, String, String) {
    let stage = Stage::new(NOW, &[HOST], "ultra").await;
    for (id, kind) in [("YourFrontEnd", "frontend"), ("YourClientID", "backend")] {
        stage
            .client(json!({
                "id": id, "organization": "acme", "display_name": id, "kind": kind, "scopes": ["YourScope"],
            }))
            .await;
    }
    let registration = json!({ "kind": "registration_token" });
    let registration = stage
        .doors
        .credential("production", "YourFrontEnd", registration)
        .await;
    let secret = stage.doors.secret("production", "YourClientID").await;
    let guards = json!({ "guards": [
        {
            "name": "graphql", "paths": ["/graphql"],
            "accept": ["registration_token", "client_headers", "access_token"],
            "profiles": ["ultra"], "dialect": "ultra",
        },
        {
            "name": "endpoint", "paths": ["/your-endpoint"],
            "accept": ["registration_token", "client_headers", "access_token"],
            "profiles": ["ultra"], "scopes": ["YourScope"], "dialect": "ultra",
        },
    ] });
    let path = format!("{ENVIRONMENT}/guards");
    stage.doors.change("PUT", &path, guards).await;
    stage.begin(NOW);
    (stage, registration.secret, secret)
}

#[tokio::test]
async fn the_documents_requests_are_answered_to_the_byte() {
    let (stage, registration, secret) = stage().await;
    let front_end = |path: &str, token: &str, client: &str| {
        format!(
            "POST {path} HTTP/1.1\nHost: {HOST}\nAuthorization: Bearer {token}\nX-Client-ID: {client}\n\n"
        )
    };
    let back_end = |path: &str, secret: &str| {
        // The document prints no space after `client_id:`.
        format!(
            "POST {path} HTTP/1.1\nHost: {HOST}\nclient_id:YourClientID\nclient_secret: {secret}\n\
             grant_type: client_credentials\nscope: YourScope\n\n"
        )
    };
    let endpoint = "/your-endpoint";
    let realm = "/auth/realms/ultraio/protocol/openid-connect/token";
    let mut said = vec![
        stage
            .judge(&front_end(endpoint, &registration, "YourFrontEnd"))
            .await,
        stage.judge(&back_end(endpoint, &secret)).await,
        stage.say(&back_end(realm, &secret)).await,
    ];
    let token = said[2].member("/access_token");
    let bearer =
        format!("POST {endpoint} HTTP/1.1\nHost: {HOST}\nAuthorization: Bearer {token}\n\n");
    said.push(stage.judge(&bearer).await);
    // "When logging in with incorrect registration_token or X-Client-ID": one and the same 401.
    for path in [endpoint, "/graphql"] {
        let nothing = format!("POST {path} HTTP/1.1\nHost: {HOST}\nAccept: */*\n\n");
        said.push(stage.judge(&front_end(path, "wrong", "YourFrontEnd")).await);
        said.push(
            stage
                .judge(&front_end(path, &registration, "YourClientID"))
                .await,
        );
        said.push(stage.judge(&back_end(path, "wrong")).await);
        said.push(stage.judge(&nothing).await);
    }
    let names = [
        (token.as_str(), "<access token>"),
        (registration.as_str(), "{registration_token}"),
        (secret.as_str(), "YourClientSecret"),
    ];
    insta::assert_snapshot!("ultra", transcript(&said, &names));
    stage.stop().await;
}
