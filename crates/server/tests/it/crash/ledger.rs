//! What one writer knows to be written, because it was told so; and what it does not know.

use super::HOST;
use crate::{
    ask::Ask,
    world::{ASSERTION_TYPE, Doors, body, text},
};
use serde_json::{Value, json};

/// A thing that is so, or is not; `None`: the answer never came, so that either is right until it is looked at.
pub type Certain<T> = Option<T>;

/// A client as the server has acknowledged it.
#[derive(Debug)]
pub struct Client {
    pub id: String,
    pub number: u64,
    pub name: Certain<String>,
    pub is_there: Certain<bool>,
    pub secret: String,
    pub keys: Vec<Key>,
}

/// An API key.
#[derive(Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub is_alive: Certain<bool>,
    /// It took over from another, in one commit with that one's end.
    pub is_successor: bool,
    /// The key that took over from it, if any.
    pub replaced_by: Certain<Option<String>>,
}

/// A rotation of signing keys as the server has acknowledged it: the set, its version then, and the key that signs
/// since.
#[derive(Debug)]
pub struct Rotation {
    pub set: &'static str,
    pub version: u64,
    pub current: String,
}

/// Everything that a writer was told.
#[derive(Default)]
pub struct Ledger {
    pub clients: Vec<Client>,
    /// Tokens that were revoked.
    pub revoked: Vec<String>,
    /// Assertions that were shown: each is good for one use.
    pub spent: Vec<String>,
    pub rotations: Vec<Rotation>,
    settled: Settled,
}

/// How far the ledger was looked at.
#[derive(Default)]
struct Settled {
    clients: usize,
    revoked: usize,
    spent: usize,
    rotations: usize,
}

/// So many of the older clients are looked at again after each kill, beside all of the new ones.
const LOOKED_AT_AGAIN: usize = 3;

impl Ledger {
    /// Compare with what the server says now, and settle what was not known.
    pub async fn settle(&mut self, doors: &Doors, when: &str) {
        let first = self.settled.clients.saturating_sub(LOOKED_AT_AGAIN);
        for (number, client) in self.clients.iter_mut().enumerate() {
            let is_open = client.name.is_none() || client.is_there.is_none();
            let is_open = is_open || client.keys.iter().any(Key::is_open);
            if number >= first || is_open {
                client.settle(doors, when).await;
            }
        }
        for token in &self.revoked[self.settled.revoked..] {
            assert_eq!(
                decision(doors, token).await,
                401,
                "{when}: a revoked token is accepted"
            );
        }
        for assertion in &self.spent[self.settled.spent..] {
            let status = shown(assertion).send(doors.public).await.status;
            assert_eq!(
                status, 401,
                "{when}: an assertion is accepted a second time"
            );
        }
        for rotation in &self.rotations[self.settled.rotations..] {
            rotation.settle(doors, when).await;
        }
        self.settled = Settled {
            clients: self.clients.len(),
            revoked: self.revoked.len(),
            spent: self.spent.len(),
            rotations: self.rotations.len(),
        };
    }

    /// Each change that was acknowledged has its line.
    pub fn check_lines(&self, count: &dyn Fn(&str, &str) -> u32) {
        for client in &self.clients {
            let target = format!("client:{}", client.id);
            assert_eq!(count("client.create", &target), 1, "{client:?}");
            let is_removed = client.is_there == Some(false);
            assert_eq!(
                count("client.remove", &target),
                u32::from(is_removed),
                "{client:?}"
            );
            for key in &client.keys {
                let target = format!("credential:{}", key.id);
                let is_created = u32::from(!key.is_successor);
                assert_eq!(count("credential.create", &target), is_created, "{key:?}");
                if let Some(successor) = &key.replaced_by {
                    let is_rotated = u32::from(successor.is_some());
                    assert_eq!(count("credential.rotate", &target), is_rotated, "{key:?}");
                }
                let is_over = key.is_alive == Some(false) && !is_removed;
                let ends = ["credential.revoke", "credential.rotate"];
                assert!(
                    !is_over || ends.iter().any(|end| count(end, &target) > 0),
                    "{key:?}"
                );
            }
        }
    }
}

impl Client {
    pub fn path(&self) -> String {
        format!("/admin/v1/environments/sandbox/clients/{}", self.id)
    }

    async fn settle(&mut self, doors: &Doors, when: &str) {
        let answer = doors.admin(Ask::get(&self.path())).await;
        let found = match answer.status {
            200 => Some(body(&answer)),
            404 => None,
            _ => panic!("{when}: {answer:?}"),
        };
        let is_there = *self.is_there.get_or_insert(found.is_some());
        assert_eq!(found.is_some(), is_there, "{when}: {self:?}");
        if let Some(row) = &found {
            assert_eq!(row["number"], json!(self.number), "{when}: {self:?}");
            let name = row["display_name"].as_str().unwrap().to_owned();
            let known = self.name.get_or_insert_with(|| name.clone());
            assert_eq!(*known, name, "{when}: {row}");
        }
        for key in &mut self.keys {
            let passes = decision(doors, &key.secret).await == 200;
            // What hangs on a removed client goes with it.
            let is_alive = *key.is_alive.get_or_insert(passes || !is_there);
            assert_eq!(passes, is_alive && is_there, "{when}: {key:?}");
            if is_there {
                key.settle_successor(doors, when).await;
            } else {
                key.is_alive = Some(false);
            }
        }
    }
}

impl Key {
    fn is_open(&self) -> bool {
        self.is_alive.is_none() || self.replaced_by.is_none()
    }

    async fn settle_successor(&mut self, doors: &Doors, when: &str) {
        let path = format!("/admin/v1/environments/sandbox/credentials/{}", self.id);
        let row = doors.show(&path).await;
        let found = row["replaced_by"].as_str().map(str::to_owned);
        let known = self.replaced_by.get_or_insert_with(|| found.clone());
        assert_eq!(*known, found, "{when}: {row}");
    }
}

impl Rotation {
    /// The set is as it was acknowledged, or has been changed since.
    async fn settle(&self, doors: &Doors, when: &str) {
        let shown = doors.show(&key_set(self.set)).await;
        let version = shown["version"].as_u64().unwrap();
        assert!(version >= self.version, "{when}: {self:?} {shown}");
        if version == self.version {
            assert_eq!(current(&shown), self.current, "{when}: {shown}");
        }
    }
}

pub fn key_set(name: &str) -> String {
    format!("/admin/v1/environments/sandbox/key-sets/{name}")
}

/// The one key of a set that signs.
pub fn current(set: &Value) -> String {
    let keys = set["keys"].as_array().unwrap();
    let mut signing = keys.iter().filter(|key| key["state"] == "current");
    let kid = text(signing.next().expect("a key that signs"), "kid");
    assert!(signing.next().is_none(), "two keys sign: {set}");
    kid
}

/// The status of a decision about this bearer.
pub async fn decision(doors: &Doors, bearer: &str) -> u16 {
    let ask = Ask::get("/")
        .header("X-Original-Method", "GET")
        .header("X-Original-Host", HOST)
        .header("X-Original-Uri", "/")
        .header("X-Original-Peer", "192.0.2.1")
        .header("X-Original-Request-Id", "proxy-1");
    ask.bearer(bearer).send(doors.gateways[0]).await.status
}

/// A token request with this assertion.
pub fn shown(assertion: &str) -> Ask {
    Ask::post("/oauth2/token").at(HOST).form(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ])
}
