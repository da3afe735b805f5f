//! Input of every bad kind at every listener: each gets a precise error in the right envelope, never a 500, a
//! panic or a hang; and afterwards everything is as it was.

mod canaries_of_others;
mod heads;
mod http2;
mod members;

use crate::{
    ask::{self, Ask},
    harness::{Answer, parse},
    world::{Doors, Made, PROFILES, SANDBOX, World, body},
};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A started server with one client that has a secret and an API key, and a guard for it.
struct Stage {
    world: World,
    client: String,
    secret: String,
    key: Made,
}

impl Stage {
    async fn set() -> Self {
        let world = World::start().await;
        let doors = &world.doors;
        let client = doors.client("sandbox").await;
        let guards = json!([{ "name": "all", "paths": ["/*"], "accept": ["api_key"] }]);
        doors.guards("sandbox", guards).await;
        Self {
            secret: doors.secret("sandbox", &client).await,
            key: doors
                .credential("sandbox", &client, json!({ "kind": "api_key" }))
                .await,
            client,
            world,
        }
    }

    fn doors(&self) -> &Doors {
        &self.world.doors
    }

    /// Every listener: what it is called, and where it is.
    fn listeners(&self) -> Vec<(String, SocketAddr)> {
        let doors = self.doors();
        let mut list = vec![
            ("public".into(), doors.public),
            ("admin".into(), doors.admin),
        ];
        let gateways = PROFILES.iter().zip(&doors.gateways);
        list.extend(gateways.map(|(profile, door)| (format!("{profile:?}"), *door)));
        list
    }

    /// A request for a token that is right but for `more`.
    fn token(&self, more: &str) -> Ask {
        let (client, secret) = (ask::percent(&self.client), ask::percent(&self.secret));
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={secret}{more}"
        );
        Ask::post("/oauth2/token")
            .at(SANDBOX)
            .bytes(ask::FORM, form)
    }

    /// What was written before is still there and still works, nothing panicked, nothing failed on our side.
    async fn stop_sound(self) {
        let doors = self.doors();
        let issued = self.token("").send(doors.public).await;
        assert_eq!(issued.status, 200, "{issued:?}");
        let path = format!("/admin/v1/environments/sandbox/credentials/{}", self.key.id);
        assert_eq!(doors.show(&path).await["client"], json!(self.client));
        let judged = Ask::get("/x")
            .at(SANDBOX)
            .header("X-Forwarded-For", "192.0.2.1");
        let answer = judged
            .bearer(&self.key.secret)
            .send(doors.gateways[3])
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let numbers = Ask::get("/metrics").send(doors.admin).await.body;
        assert!(!numbers.contains("status=\"5xx\""), "{numbers}");
        self.world.stop_sound().await;
    }
}

/// Bytes to an address, and what comes back: an answer of 4xx, or nothing where no HTTP was spoken.
async fn refused(what: &str, address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let said = ask::raw(address, request).await;
    if said.is_empty() {
        return None;
    }
    let answer = parse(&said);
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    Some(answer)
}

/// The answer's word for programs.
fn error(answer: &Answer) -> Value {
    body(answer)["error"].clone()
}
