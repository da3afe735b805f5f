//! Someone who writes until nobody answers, and notes what was acknowledged.

use super::{
    Dice, HOST,
    ledger::{Client, Key, Ledger, Rotation, current, key_set, shown},
};
use crate::{
    ask::Ask,
    harness::Answer,
    world::{Doors, assertion, body, elliptic_key, jwk, text, unique},
};
use countersign_jose::SigningKey;
use serde_json::{Value, json};

pub struct Writer {
    pub ledger: Ledger,
    pub acknowledged: u32,
    dice: Dice,
    /// A client that signs its requests, made at first need.
    signer: Option<(String, SigningKey)>,
}

/// The server went away before it answered.
struct Gone;

impl Writer {
    pub fn new(number: u64) -> Self {
        Self {
            ledger: Ledger::default(),
            acknowledged: 0,
            dice: Dice(0x9e37_79b9 + number),
            signer: None,
        }
    }

    pub async fn until_nobody_answers(mut self, doors: Doors) -> Self {
        while self.write(&doors).await.is_ok() {}
        self
    }

    async fn write(&mut self, doors: &Doors) -> Result<(), Gone> {
        let there: Vec<usize> = (0..self.ledger.clients.len())
            .filter(|&at| self.ledger.clients[at].is_there == Some(true))
            .collect();
        if there.len() < 2 {
            return self.make_client(doors).await;
        }
        let at = there[self.pick(there.len())];
        match self.dice.roll(12) {
            0 | 1 => self.make_client(doors).await,
            2 | 3 => self.make_key(doors, at).await,
            4 => self.revoke_key(doors, at).await,
            5 => self.rename(doors, at).await,
            6 => self.revoke_token(doors, at).await,
            7 => self.spend(doors).await,
            8 => self.rotate_key(doors, at).await,
            9 => self.rotate_signing_key(doors, "identity").await,
            // An RSA pair takes longer than most kills let it: now and then is enough.
            10 if self.dice.roll(4) == 0 => self.rotate_signing_key(doors, "standard").await,
            10 => self.rotate_key(doors, at).await,
            _ => self.remove(doors, at).await,
        }
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.dice.roll(below as u64)).unwrap()
    }

    async fn make(&mut self, doors: &Doors, path: &str, new: Value) -> Result<Value, Gone> {
        let ask = Ask::post(path).json(&new).bearer(&doors.owner);
        let answer = self.acknowledged(ask.try_send(doors.admin).await)?;
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
        Ok(body(&answer))
    }

    fn acknowledged(&mut self, answer: Option<Answer>) -> Result<Answer, Gone> {
        let answer = answer.ok_or(Gone)?;
        assert!(answer.status < 300, "{answer:?}");
        self.acknowledged += 1;
        Ok(answer)
    }

    async fn make_client(&mut self, doors: &Doors) -> Result<(), Gone> {
        let path = "/admin/v1/environments/sandbox/clients";
        let new = json!({ "organization": "acme", "display_name": "First", "kind": "backend" });
        let row = self.make(doors, path, new).await?;
        let id = text(&row, "id");
        self.ledger.clients.push(Client {
            number: row["number"].as_u64().unwrap(),
            name: Some("First".into()),
            is_there: Some(true),
            secret: String::new(),
            keys: Vec::new(),
            id: id.clone(),
        });
        let path = format!("{path}/{id}/credentials");
        let made = self
            .make(doors, &path, json!({ "kind": "client_secret" }))
            .await?;
        self.ledger.clients.last_mut().unwrap().secret = text(&made, "secret");
        Ok(())
    }

    async fn make_key(&mut self, doors: &Doors, at: usize) -> Result<(), Gone> {
        let path = format!("{}/credentials", self.ledger.clients[at].path());
        let made = self
            .make(doors, &path, json!({ "kind": "api_key" }))
            .await?;
        self.ledger.clients[at].keys.push(Key {
            id: text(&made, "id"),
            secret: text(&made, "secret"),
            is_alive: Some(true),
            is_successor: false,
            replaced_by: Some(None),
        });
        Ok(())
    }

    /// With an overlap the old key stays beside the new one, without it ends with the same commit.
    async fn rotate_key(&mut self, doors: &Doors, at: usize) -> Result<(), Gone> {
        let has_overlap = self.dice.roll(2) == 0;
        let is_first = |key: &&mut Key| key.is_alive == Some(true) && key.replaced_by == Some(None);
        let keys = &mut self.ledger.clients[at].keys;
        let Some(key) = keys.iter_mut().find(is_first) else {
            return Ok(());
        };
        key.replaced_by = None;
        if !has_overlap {
            key.is_alive = None;
        }
        let id = key.id.clone();
        let path = format!("/admin/v1/environments/sandbox/credentials/{id}/rotate");
        let overlap_s = if has_overlap { 3600 } else { 0 };
        let made = self
            .make(doors, &path, json!({ "overlap_s": overlap_s }))
            .await?;
        let successor = text(&made, "id");
        let keys = &mut self.ledger.clients[at].keys;
        let key = keys.iter_mut().find(|key| key.id == id).unwrap();
        key.replaced_by = Some(Some(successor.clone()));
        key.is_alive = Some(has_overlap);
        keys.push(Key {
            id: successor,
            secret: text(&made, "secret"),
            is_alive: Some(true),
            is_successor: true,
            replaced_by: Some(None),
        });
        Ok(())
    }

    async fn rotate_signing_key(&mut self, doors: &Doors, set: &'static str) -> Result<(), Gone> {
        // No overlap: retired keys are few, and these rotations come faster than any overlap ends.
        // Nobody keeps the key set here, and a next key is never six minutes old.
        let asked = json!({ "overlap_s": 0, "force": true });
        let ask = Ask::post(&format!("{}/rotate", key_set(set))).json(&asked);
        let answer = ask.bearer(&doors.owner).try_send(doors.admin).await;
        let row = body(&self.acknowledged(answer)?);
        self.ledger.rotations.push(Rotation {
            set,
            version: row["version"].as_u64().unwrap(),
            current: current(&row),
        });
        Ok(())
    }

    async fn revoke_key(&mut self, doors: &Doors, at: usize) -> Result<(), Gone> {
        let keys = &mut self.ledger.clients[at].keys;
        let Some(key) = keys.iter_mut().find(|key| key.is_alive == Some(true)) else {
            return Ok(());
        };
        let path = format!(
            "/admin/v1/environments/sandbox/credentials/{}/revoke",
            key.id
        );
        key.is_alive = None;
        let id = key.id.clone();
        let ask = Ask::post(&path).bearer(&doors.owner);
        self.acknowledged(ask.try_send(doors.admin).await)?;
        let keys = &mut self.ledger.clients[at].keys;
        let key = keys.iter_mut().find(|key| key.id == id).unwrap();
        key.is_alive = Some(false);
        Ok(())
    }

    /// The version that was read, for `If-Match`.
    async fn tag(&mut self, doors: &Doors, at: usize) -> Result<String, Gone> {
        let ask = Ask::get(&self.ledger.clients[at].path()).bearer(&doors.owner);
        let shown = ask.try_send(doors.admin).await.ok_or(Gone)?;
        assert_eq!(shown.status, 200, "{shown:?}");
        Ok(shown.header("etag").unwrap().to_owned())
    }

    async fn rename(&mut self, doors: &Doors, at: usize) -> Result<(), Gone> {
        let tag = self.tag(doors, at).await?;
        let name = unique("name");
        let client = &mut self.ledger.clients[at];
        client.name = None;
        let ask = Ask::new("PATCH", &client.path()).header("If-Match", &tag);
        let ask = ask
            .json(&json!({ "display_name": name }))
            .bearer(&doors.owner);
        self.acknowledged(ask.try_send(doors.admin).await)?;
        self.ledger.clients[at].name = Some(name);
        Ok(())
    }

    async fn remove(&mut self, doors: &Doors, at: usize) -> Result<(), Gone> {
        let tag = self.tag(doors, at).await?;
        let client = &mut self.ledger.clients[at];
        client.is_there = None;
        let ask = Ask::new("DELETE", &client.path()).header("If-Match", &tag);
        self.acknowledged(ask.bearer(&doors.owner).try_send(doors.admin).await)?;
        self.ledger.clients[at].is_there = Some(false);
        Ok(())
    }

    async fn revoke_token(&mut self, doors: &Doors, at: usize) -> Result<(), Gone> {
        let (id, secret) = {
            let client = &self.ledger.clients[at];
            (client.id.clone(), client.secret.clone())
        };
        if secret.is_empty() {
            // The server went away between the client and its secret.
            return Ok(());
        }
        let grant = [("grant_type", "client_credentials")];
        let ask = Ask::post("/oauth2/token")
            .at(HOST)
            .basic(&id, &secret)
            .form(&grant);
        let issued = ask.try_send(doors.public).await.ok_or(Gone)?;
        let token = text(&body(&issued), "access_token");
        let ask = Ask::post("/oauth2/revoke").at(HOST).basic(&id, &secret);
        let revoked = ask.form(&[("token", &token)]).try_send(doors.public).await;
        self.acknowledged(revoked)?;
        self.ledger.revoked.push(token);
        Ok(())
    }

    async fn spend(&mut self, doors: &Doors) -> Result<(), Gone> {
        let (id, key) = match &self.signer {
            Some(signer) => signer.clone(),
            None => {
                let clients = "/admin/v1/environments/sandbox/clients";
                let new = json!({
                    "organization": "acme", "display_name": "Signer", "kind": "backend",
                });
                let id = text(&self.make(doors, clients, new).await?, "id");
                let key = elliptic_key();
                let new = json!({ "kind": "public_key", "algorithm": "ES256", "jwk": jwk(&key) });
                self.make(doors, &format!("{clients}/{id}/credentials"), new)
                    .await?;
                self.signer.insert((id, key)).clone()
            }
        };
        let assertion = assertion(key, &id, "http://localhost");
        self.acknowledged(shown(&assertion).try_send(doors.public).await)?;
        self.ledger.spent.push(assertion);
        Ok(())
    }
}
