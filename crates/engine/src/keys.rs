//! The life of signing keys: next, current, retired, gone. A set is one row, so each step is one change.

use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, RETIRED_KEYS_MAX, TOKEN_LIFETIME_MAX},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Denied, Fault, Refusal},
    id::EnvironmentId,
    identity_assertion,
    model::{
        audit::AuditEvent,
        environment::Environment,
        signing::{KeySet, KeyState, SigningKey},
    },
    ports::{KeyPlace, Query},
    row::{Key, Row, Stored},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

impl Engine {
    /// The key that signs, made now if there is none yet.
    pub(crate) async fn current_key(
        &self,
        context: &CallContext,
        place: &KeyPlace,
        set: &str,
    ) -> Result<SigningKey, Fault> {
        let made = self.key_set_with_current(context, place, set).await?;
        made.current()
            .cloned()
            .ok_or_else(|| Fault::internal("a key set without a current key"))
    }

    /// A set that has a key that signs. Callers that come while it is being made wait for that one.
    pub(crate) async fn key_set_with_current(
        &self,
        context: &CallContext,
        place: &KeyPlace,
        set: &str,
    ) -> Result<KeySet, Fault> {
        let _turn = self.making_keys.lock().await;
        for _ in 0..CONFLICT_TRIES_MAX {
            let (stored, known) = self.key_set(&place.environment, set).await?;
            if known.current().is_some() {
                return Ok(known);
            }
            let mut changed = known;
            changed.keys.push(
                self.new_key(context.now, place, &changed, KeyState::Current)
                    .await?,
            );
            if self
                .replace_key_set(
                    context,
                    stored.version,
                    changed.clone(),
                    "engine",
                    "key_set.begin",
                )
                .await?
            {
                return Ok(changed);
            }
        }
        Err(Fault::unavailable("the key set kept changing"))
    }

    /// Bring every key set up to date: a current and a next key, and no key past its end. For a worker,
    /// at start and from time to time; key pairs are slow, so no caller should have to wait for one.
    ///
    /// # Errors
    /// [`Fault`] when the store or the keystore fails.
    pub async fn keep_keys(&self, context: &CallContext) -> Result<(), Fault> {
        let page = self
            .ports
            .store
            .list(&Query::Environments, None, crate::bounds::PAGE_ROWS_MAX)
            .await?;
        let environments: Vec<&Environment> = page
            .rows
            .iter()
            .filter_map(|stored| stored.environment())
            .collect();
        // First everywhere a key that signs, then the spares: callers may be waiting for the former.
        for environment in &environments {
            for set in set_names(environment) {
                self.key_set_with_current(context, &crate::compiled::place_of(environment), set)
                    .await?;
            }
        }
        for environment in &environments {
            for set in set_names(environment) {
                self.tend_key_set(context, &crate::compiled::place_of(environment), set)
                    .await?;
            }
        }
        Ok(())
    }

    async fn tend_key_set(
        &self,
        context: &CallContext,
        place: &KeyPlace,
        set: &str,
    ) -> Result<(), Fault> {
        let _turn = self.making_keys.lock().await;
        let (stored, mut set) = self.key_set(&place.environment, set).await?;
        let before = set.keys.len();
        set.keys
            .retain(|key| key.ends_at.is_none_or(|end| context.now < end));
        let ended = set.keys.len() != before;
        let lacks_next = !set.keys.iter().any(|key| key.state == KeyState::Next);
        if lacks_next {
            set.keys.push(
                self.new_key(context.now, place, &set, KeyState::Next)
                    .await?,
            );
        }
        if lacks_next || ended {
            // A conflict means that someone else has just tended it.
            self.replace_key_set(context, stored.version, set, "engine", "key_set.tend")
                .await?;
        }
        Ok(())
    }

    /// Retire the current key, promote the next, make a new next. In one change, so that there is always one current.
    pub(crate) async fn rotate_keys(
        &self,
        context: &CallContext,
        actor: &str,
        environment: &EnvironmentId,
        set: &str,
        overlap: Option<Duration>,
    ) -> Result<(), Refusal> {
        let [place] = self.load(&[Key::Environment(environment.clone())]).await?;
        let place = place
            .as_deref()
            .and_then(Stored::environment)
            .map(crate::compiled::place_of);
        let place = place.ok_or(Denied::NotFound {
            noun: "environment",
        })?;
        let _turn = self.making_keys.lock().await;
        for _ in 0..CONFLICT_TRIES_MAX {
            let [stored] = self
                .load(&[Key::KeySet(environment.clone(), set.into())])
                .await?;
            let stored = stored.ok_or(Denied::NotFound { noun: "key set" })?;
            let known = stored
                .key_set()
                .ok_or_else(|| Fault::internal("a key set's row is not one"))?;
            let mut changed =
                decide_rotation(known, context.now, overlap.unwrap_or(TOKEN_LIFETIME_MAX))?;
            if changed.current().is_none() {
                changed.keys.push(
                    self.new_key(context.now, &place, &changed, KeyState::Current)
                        .await?,
                );
            }
            changed.keys.push(
                self.new_key(context.now, &place, &changed, KeyState::Next)
                    .await?,
            );
            if self
                .replace_key_set(context, stored.version, changed, actor, "key_set.rotate")
                .await?
            {
                return Ok(());
            }
        }
        Err(Fault::unavailable("the key set kept changing").into())
    }

    async fn key_set(
        &self,
        environment: &EnvironmentId,
        set: &str,
    ) -> Result<(Arc<Stored>, KeySet), Fault> {
        let [stored] = self
            .load(&[Key::KeySet(environment.clone(), set.into())])
            .await?;
        let found = stored.and_then(|stored| {
            let set = stored.key_set()?.clone();
            Some((stored, set))
        });
        found.ok_or_else(|| Fault::internal(format_args!("{environment} has no key set {set}")))
    }

    async fn new_key(
        &self,
        now: Timestamp,
        place: &KeyPlace,
        set: &KeySet,
        state: KeyState,
    ) -> Result<SigningKey, Fault> {
        let made = self
            .ports
            .keystore
            .generate(place, set.algorithm, set.rsa_bits)
            .await?;
        Ok(SigningKey {
            id: made.id,
            algorithm: set.algorithm,
            state,
            public: made.public,
            private: made.private,
            created_at: now,
            ends_at: None,
        })
    }

    /// Whether the set was still at `if_version` and is now as given.
    async fn replace_key_set(
        &self,
        context: &CallContext,
        if_version: u64,
        set: KeySet,
        actor: &str,
        action: &str,
    ) -> Result<bool, Fault> {
        let target = format!("key_set:{}", set.name);
        let audit = AuditEvent {
            environment: set.environment.clone(),
            ..self.event(context, actor, action, &target)
        };
        let changes = vec![Change::Replace {
            row: Row::KeySet(set),
            if_version,
        }];
        match self
            .ports
            .store
            .commit(Commit {
                at: context.now,
                changes,
                audit,
            })
            .await
        {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }
}

/// The key sets of an environment: those that its profiles name, and the one that signs identities.
pub(crate) fn set_names(environment: &Environment) -> Vec<&str> {
    let mut names: Vec<_> = environment
        .profiles
        .iter()
        .map(|profile| profile.key_set.as_str())
        .collect();
    names.push(identity_assertion::KEY_SET);
    names.sort_unstable();
    names.dedup();
    names
}

/// Retire, then promote. Keys past their end go; a retired key keeps the end that it has.
fn decide_rotation(set: &KeySet, now: Timestamp, overlap: Duration) -> Result<KeySet, Denied> {
    let mut set = set.clone();
    set.keys
        .retain(|key| key.ends_at.is_none_or(|end| now < end));
    if set
        .keys
        .iter()
        .filter(|key| key.state == KeyState::Retired)
        .count()
        >= RETIRED_KEYS_MAX
    {
        return Err(Denied::Conflict(
            "too many retired keys are still accepted; wait for their end",
        ));
    }
    for key in &mut set.keys {
        match key.state {
            KeyState::Current => {
                (key.state, key.ends_at) = (KeyState::Retired, Some(now.plus(overlap)))
            }
            KeyState::Next => key.state = KeyState::Current,
            KeyState::Retired => {}
        }
    }
    Ok(set)
}
