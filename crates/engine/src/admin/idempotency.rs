//! Creations, done once per idempotency key, their secrets told again for ten minutes.

use super::Making;
use crate::{
    Engine,
    bounds::{IDEMPOTENCY_FOR, IDEMPOTENT_SECRET_FOR},
    call::{CallContext, IdempotencyKey, New},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, Refusal},
    digest::Digest,
    id::EnvironmentId,
    model::idempotency::Idempotency,
    outcome::{Outcome, View},
    ports::{KeyPlace, Keystore},
    row::{Key, Row, Stored},
    sealed::Sealed,
    secret::Secret,
    verify::{Authenticated, OperatorCaller},
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};

impl Engine {
    pub(super) async fn admin_create(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: New,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Outcome, Refusal> {
        let place = match &new {
            New::Client(new) => new.environment.clone(),
            New::Credential(new) => new.environment.clone(),
            New::Subject(new) => new.environment.clone(),
            New::Environment(_) | New::Organization(_) | New::Operator(_) => {
                EnvironmentId::installation()
            }
        };
        if let Some(answered) = self
            .answered(context, caller, &place, idempotency.as_ref())
            .await?
        {
            return Ok(answered);
        }
        let making = self.making(context, caller, new).await?;
        self.make(context, caller, &place, making, idempotency)
            .await
    }

    /// The answer of an earlier request with the same key, if there was one.
    pub(crate) async fn answered(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Option<Outcome>, Refusal> {
        let Some(asked) = idempotency else {
            return Ok(None);
        };
        let key = Key::Idempotency(environment.clone(), key_digest(caller, asked));
        let [stored] = self.load(&[key]).await?;
        let Some(known) = stored.as_deref().and_then(Stored::idempotency) else {
            return Ok(None);
        };
        if known.expires_at <= context.now {
            return Ok(None);
        }
        if known.request != asked.request {
            return Err(Denied::IdempotencyMismatch.into());
        }
        let secret = match &known.secret {
            None => None,
            Some(_) if context.now >= known.secret_until => {
                return Err(Denied::SecretAlreadyShown.into());
            }
            Some(sealed) => {
                let place = self
                    .answer_place(environment, known.data_key.clone())
                    .await?;
                Some(open(&*self.ports.keystore, &place, asked, sealed)?)
            }
        };
        let [made] = self.load(std::array::from_ref(&known.made)).await?;
        let stored = made.ok_or(Denied::Conflict("what this request made is gone again"))?;
        Ok(Some(Outcome::Created {
            view: self.view(stored).await?,
            secret,
        }))
    }

    /// Commit a creation, and remember it if it has a key.
    pub(crate) async fn make(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        making: Making,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Outcome, Refusal> {
        let Making {
            rows,
            mut changes,
            secret,
            audit,
        } = making;
        let key = rows
            .first()
            .map(Row::key)
            // A secret may be new where the row is not.
            .or_else(|| changes.first().map(Change::key))
            .ok_or_else(|| Fault::internal("a creation of nothing"))?;
        let mut remembered = None;
        if let Some(asked) = &idempotency {
            remembered = Some(changes.len());
            let row = self
                .remember(context, caller, environment, asked, &key, secret.as_ref())
                .await?;
            changes.push(row);
        }
        let first_row = changes.len();
        changes.extend(rows.into_iter().map(Change::Insert));
        match self.commit(context.now, changes, audit).await {
            Ok(()) => {
                let [stored] = self.load(&[key]).await?;
                let stored =
                    stored.ok_or_else(|| Fault::internal("a row went while it was made"))?;
                Ok(Outcome::Created {
                    view: View {
                        stored,
                        last_used_at: None,
                    },
                    secret,
                })
            }
            Err(CommitError::Conflict { change }) if Some(change) == remembered => {
                // The same request is being answered at this very moment; its answer is ours.
                let answered = self
                    .answered(context, caller, environment, idempotency.as_ref())
                    .await?;
                answered
                    .ok_or_else(|| Fault::unavailable("an idempotency key kept changing").into())
            }
            Err(CommitError::Conflict { change }) if change == first_row => {
                Err(Denied::Conflict("there is one with this name already").into())
            }
            Err(CommitError::Conflict { change }) if change > first_row => {
                Err(Denied::Conflict("a host, number, code or contact in it is taken").into())
            }
            Err(CommitError::Conflict { .. }) => {
                Err(Denied::Conflict("what it belongs to changed meanwhile; try again").into())
            }
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    async fn remember(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        asked: &IdempotencyKey,
        made: &Key,
        secret: Option<&Secret<String>>,
    ) -> Result<Change, Refusal> {
        // The installation has no data key, so its answers bring one each, sealed under the master key.
        let data_key = match secret {
            Some(_) if environment.is_installation() => {
                Some(self.ports.keystore.new_data_key(environment)?)
            }
            _ => None,
        };
        let sealed = match secret {
            None => None,
            Some(secret) => {
                let place = self.answer_place(environment, data_key.clone()).await?;
                let mut nonce = [0; 12];
                self.ports.entropy.fill(&mut nonce)?;
                Some(seal(&*self.ports.keystore, &place, asked, nonce, secret)?)
            }
        };
        let row = Idempotency {
            environment: environment.clone(),
            digest: key_digest(caller, asked),
            request: asked.request,
            made: made.clone(),
            secret: sealed,
            data_key,
            secret_until: context.now.plus(IDEMPOTENT_SECRET_FOR),
            expires_at: context.now.plus(IDEMPOTENCY_FOR),
        };
        // An expired row that was not swept yet gives way.
        let [old] = self.load(&[Row::Idempotency(row.clone()).key()]).await?;
        let if_version: Option<Version> = old.map(|stored| stored.version);
        let row = Row::Idempotency(row);
        Ok(match if_version {
            Some(if_version) => Change::Replace { row, if_version },
            None => Change::Insert(row),
        })
    }
}

impl Engine {
    async fn answer_place(
        &self,
        environment: &EnvironmentId,
        data_key: Option<Sealed>,
    ) -> Result<KeyPlace, Refusal> {
        match data_key {
            Some(data_key) => Ok(KeyPlace {
                environment: environment.clone(),
                data_key,
            }),
            None => self.place_named(environment).await,
        }
    }
}

/// Two operators may use the same key for different things.
fn key_digest(caller: &Authenticated<OperatorCaller>, asked: &IdempotencyKey) -> Digest {
    let operator = caller.who().operator.id.as_str().as_bytes();
    Digest::of(
        "countersign/idempotency",
        &[operator, asked.key.expose().as_bytes()],
    )
}

/// A key that only a repeat of the request can derive: from the idempotency key, salted with the request.
fn derived(asked: &IdempotencyKey) -> Result<LessSafeKey, Fault> {
    let failed = |_| Fault::internal("deriving a key failed");
    let extracted =
        Salt::new(HKDF_SHA256, asked.request.as_bytes()).extract(asked.key.expose().as_bytes());
    let expanded = extracted
        .expand(&[b"countersign/idempotent-answer"], &AES_256_GCM)
        .map_err(failed)?;
    Ok(LessSafeKey::new(UnboundKey::from(expanded)))
}

/// Sealed twice: under the derived key, so that the store and the master key together do not open
/// it, and under the data key, so that the idempotency key alone does not either.
fn seal(
    keystore: &dyn Keystore,
    place: &KeyPlace,
    asked: &IdempotencyKey,
    nonce: [u8; 12],
    secret: &Secret<String>,
) -> Result<Sealed, Fault> {
    let mut inner = secret.expose().as_bytes().to_vec();
    let key = derived(asked)?;
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut inner,
    )
    .map_err(|_| Fault::internal("sealing an answer failed"))?;
    let mut text = nonce.to_vec();
    text.extend(inner);
    keystore.seal(place, "idempotent-answer", &text)
}

fn open(
    keystore: &dyn Keystore,
    place: &KeyPlace,
    asked: &IdempotencyKey,
    sealed: &Sealed,
) -> Result<Secret<String>, Fault> {
    let failed = || Fault::internal("an idempotent answer cannot be opened");
    let outer = keystore.open(place, "idempotent-answer", sealed)?;
    let (nonce, inner) = outer
        .expose()
        .split_first_chunk::<12>()
        .ok_or_else(failed)?;
    let mut inner = inner.to_vec();
    let opened = derived(asked)?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::empty(),
            &mut inner,
        )
        .map_err(|_| failed())?;
    let text = std::str::from_utf8(opened)
        .map_err(|_| failed())?
        .to_owned();
    zeroize::Zeroize::zeroize(&mut inner);
    Ok(Secret::new(text))
}
