//! BitCanuck's document, with its own time.

use super::*;
use countersign_engine::{
    call::{AdminCall, Asked, Call, Callers, Presented, Sender, Shown, SubjectCall},
    id::{EnvironmentId, SubjectId},
    model::operator::Role,
    secret::Secret,
};
use countersign_jose::{Algorithm, RsaBits, Signer, SigningKey};

const HOST: &str = "api.bitcanuck.ca";
const JOHN: &str = "6f1e0c9a-3b52-4d8e-9a47-0c1d2e3f4a5b";
/// `created` in the answers that the document prints: 2020-09-18T10:48:35.753560Z.
const CREATED: Timestamp = Timestamp::from_micros(1_600_426_115_753_560);

/// John, with a password.
async fn john(stage: &Stage) {
    let path = format!("{ENVIRONMENT}/organizations/acme/subjects");
    let new = json!({ "id": JOHN, "email": "john@email.com" });
    stage.doors.make(&path, new).await;
    let call = SubjectCall::SetPassword {
        environment: EnvironmentId::parse("production").unwrap(),
        subject: SubjectId::parse(JOHN).unwrap(),
        password: Secret::new("a horse with no name".into()),
    };
    let state = &stage.server.running.state;
    let asked = Asked {
        callers: Callers::Operator(Role::Owner),
        presented: Presented::Present(Shown::Bearer(Secret::new(stage.doors.owner.clone()))),
        sender: Sender::Machine,
        call: Ok(Call::Admin(AdminCall::Subjects(call))),
    };
    let context = state.context(EnvironmentId::installation(), None, "admin");
    state.engine.handle(&context, asked).await.unwrap();
}

/// The platform's key pair, of which it gives us the public half.
async fn platform(stage: &Stage) -> SigningKey {
    stage
        .client(json!({
            "id": "partner", "organization": "acme", "display_name": "Partner", "kind": "platform",
            "spelling": "bitcanuck",
            "platform": { "code": "demobank", "algorithm": "RS512", "enrols": true },
        }))
        .await;
    let key = SigningKey::generate(Algorithm::Rs512, RsaBits::B2048).unwrap();
    let jwk = key.verifying_key().unwrap().to_jwk().unwrap();
    let path = format!("{ENVIRONMENT}/clients/partner/credentials");
    let public = json!({ "kind": "public_key", "algorithm": "RS512", "jwk": jwk });
    stage.doors.make(&path, public).await;
    key
}

#[tokio::test]
async fn the_documents_requests_are_answered_to_the_byte() {
    let stage = Stage::new(CREATED, &[HOST], "bitcanuck").await;
    john(&stage).await;
    let key = platform(&stage).await;
    let guard = json!({
        "name": "private", "paths": ["/api/v1/wallets"], "accept": ["session"],
        "profiles": ["bitcanuck"], "dialect": "bitcanuck",
    });
    stage.guard(guard).await;
    stage.begin(CREATED);
    let login = |password| {
        format!(
            "POST /api/v1/authenticate HTTP/1.1\nHost: {HOST}\nContent-Type: application/json\n\n\
             {{\n  \"email\": \"john@email.com\",\n  \"password\": \"{password}\"\n}}"
        )
    };
    let private = |path: &str, bearer: &str| {
        format!("GET {path} HTTP/1.1\nHost: {HOST}\nAuthorization: Bearer {bearer}\n\n")
    };
    let mut said = vec![stage.say(&login("a horse with no name")).await];
    let user = said[0].member("/data/id");
    said.push(
        stage
            .say(&private(&format!("/api/v1/users/{JOHN}"), &user))
            .await,
    );
    said.push(stage.judge(&private("/api/v1/wallets", &user)).await);
    said.push(stage.say(&login("a horse with a name")).await);

    let claims = format!(
        "{{\n  \"email\": \"john@email.com\",\n  \"expire\": {}\n}}",
        CREATED.seconds() + 600
    );
    let signer = Signer::new(key, r#"{"alg":"RS512","typ":"JWT"}"#);
    let token = signer.sign(claims.as_bytes()).unwrap();
    let exchange = |token: &str| {
        format!("POST /api/v1/authenticate-jwt/demobank HTTP/1.1\nHost: {HOST}\nToken: {token}\n\n")
    };
    said.push(stage.say(&exchange(&token)).await);
    let vouched = said[4].member("/data/id");
    said.push(stage.judge(&private("/api/v1/wallets", &vouched)).await);
    let (unsigned, signature) = token.rsplit_once('.').unwrap();
    said.push(stage.say(&exchange(&format!("{unsigned}.AAAA"))).await);
    said.push(stage.judge(&private("/api/v1/wallets", "x")).await);

    // As the document draws them.
    for id in [&user, &vouched] {
        assert_eq!(id.len(), 51, "{id}");
    }
    let enrolled = said[4].member("/data/userId");
    assert_eq!(SubjectId::parse(&enrolled).unwrap().as_str(), enrolled);
    assert_ne!(enrolled, JOHN);
    let names = [
        (user.as_str(), "<id of the user's token>"),
        (vouched.as_str(), "<id of the platform's token>"),
        (enrolled.as_str(), "<id of the enrolled user>"),
        (signature, "<signature>"),
    ];
    insta::assert_snapshot!("bitcanuck", transcript(&said, &names));
    stage.stop().await;
}
