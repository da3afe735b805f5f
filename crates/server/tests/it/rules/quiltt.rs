//! Quiltt, from the bytes of a request to the bytes of its answer, on a clock that stands still.

mod ends;
mod people;
mod quota;
mod scopes;
mod self_signed;
mod sign_in;
mod transcripts;

use super::world::*;
use countersign_dialects::{Request, Route, dialect};
use countersign_engine::{
    call::{Asked, CallContext},
    id::{ClientId, SubjectId},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
        subject::Subject,
    },
    ports::Store,
    row::{Key, Row, Stored},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use std::{borrow::Cow, sync::Arc};

/// A published pair of a profile's identifiers.
pub const UUID: &str = "e6dd0bda-7384-4d88-866b-2e5aa1b2c693";
pub const PROFILE: &str = "p_171dFj1jSknZiR3VZOHKcol";

/// A world with a client of Quiltt's and its API key.
pub struct Quiltt {
    pub world: World,
    pub client: ClientId,
    pub key: Kept,
    /// Where requests come from, and the host that they go to.
    pub peer: std::net::IpAddr,
    pub host: &'static str,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Quiltt {
    pub async fn new() -> Self {
        let world = World::new().await;
        let client = world
            .client(SANDBOX, ClientKind::Backend, Spelling::Quiltt)
            .await;
        let key = world
            .credential(SANDBOX, &client, CredentialKind::ApiKey)
            .await;
        Self {
            world,
            client,
            key,
            peer: [192, 0, 2, 7].into(),
            host: "quiltt.example.com",
        }
    }

    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.key.secret.expose())
    }

    /// Say a request: its method and path, its headers, its body.
    pub async fn say(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let (method, target) = line.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let (route, parameters) = find(&method, path);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let context = CallContext {
            dialect: "quiltt",
            peer: Some(self.peer),
            ..self.world.context(SANDBOX)
        };
        let decoded = (route.decode)(&Request {
            method: &method,
            host: self.host,
            path,
            parameters: &parameters,
            query,
            headers: &map,
            body: body.as_bytes(),
        });
        let asked = Asked {
            callers: route.callers,
            presented: decoded.presented,
            sender: countersign_engine::call::Sender::Machine,
            call: decoded.call,
        };
        let mut reply = decoded.reply;
        let engine = &self.world.engine;
        let answered = engine.handle_within(&context, asked, reply.budgets()).await;
        reply.tell(answered.told);
        let response = (route.encode)(&answered.result, &reply, &context);
        Said {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    /// A server's request with its API key.
    pub async fn ask(&self, line: &str, body: &str) -> Said {
        let bearer = self.bearer();
        let json = ("Content-Type", "application/json");
        self.say(line, &[("Authorization", &bearer), json], body)
            .await
    }

    /// A request with a session.
    pub async fn with(&self, line: &str, session: &str) -> Said {
        let bearer = format!("Bearer {session}");
        self.say(line, &[("Authorization", &bearer)], "").await
    }

    /// A session of the profile with this UUID.
    pub async fn session(&self, uuid: &str) -> String {
        let body = format!(r#"{{"userId":"{uuid}"}}"#);
        let said = self.ask("POST /v1/users/sessions", &body).await;
        assert_eq!(said.status, 201, "{said:?}");
        said.member("token")
    }

    pub async fn stored(&self, uuid: &str) -> Option<Arc<Stored>> {
        let key = Key::Subject(env(SANDBOX), SubjectId::parse(uuid).unwrap());
        self.world.store.load(&[key]).await.unwrap().remove(0)
    }

    /// Change a subject as an operator would.
    pub async fn amend(&self, uuid: &str, change: impl FnOnce(&mut Subject)) {
        use countersign_engine::commit::{Change, Commit};
        let stored = self.stored(uuid).await.unwrap();
        let mut subject = stored.subject().unwrap().clone();
        change(&mut subject);
        let commit = Commit {
            at: self.world.now(),
            changes: vec![Change::Replace {
                row: Row::Subject(subject),
                if_version: stored.version,
            }],
            audit: countersign_engine::model::audit::AuditEvent {
                at: self.world.now(),
                environment: env(SANDBOX),
                organization: None,
                actor: "operator:root".into(),
                action: "subject.change".into(),
                target: format!("subject:{uuid}"),
                outcome: "ok".into(),
                request_id: self.world.context(SANDBOX).request_id,
                peer: None,
                count: 1,
            },
        };
        self.world.store.commit(commit).await.unwrap();
    }
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The route of Quiltt's that this is, and what stands in its `{name}`s.
fn find<'a>(method: &Method, path: &'a str) -> (&'static Route, Vec<(&'static str, Cow<'a, str>)>) {
    let parts: Vec<&str> = path.split('/').collect();
    for route in dialect("quiltt").unwrap().routes {
        let own: Vec<&'static str> = route.path.split('/').collect();
        let fits = |(own, part): (&&str, &&str)| own.starts_with('{') || own == part;
        if route.method == *method && own.len() == parts.len() && own.iter().zip(&parts).all(fits) {
            let named = own.iter().zip(&parts).filter_map(|(own, part)| {
                let name = own.strip_prefix('{')?.strip_suffix('}')?;
                Some((name, Cow::Borrowed(*part)))
            });
            return (route, named.collect());
        }
    }
    panic!("no route {method} {path}")
}
