//! The life of signing keys: next, current, retired, gone. A set is one row, so each step is one change.

use crate::{
    Engine,
    approve::receipt,
    bounds::{
        CONFLICT_TRIES_MAX, IDENTITY_ASSERTION_VALID_FOR, KEY_SET_CACHED_FOR, NEXT_KEY_KNOWN_AFTER,
        OVERLAP_MAX, PAGE_ROWS_MAX, RECEIPT_KEY_KEPT_FOR, RETIRED_KEYS_MAX,
        RETIRED_RECEIPT_KEYS_MAX, TOKEN_LIFETIME_MAX,
    },
    call::CallContext,
    commit::{Change, CommitError},
    compiled::place_of,
    denied::{Denied, Fault, ProblemKind, Refusal},
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
use countersign_jose::Algorithm;
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
        if OWN_SETS.contains(&set) {
            self.begin_own_set(context, &place.environment, set).await?;
        }
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

    /// The row of a set that every environment has; one that was made by an earlier version may lack it.
    async fn begin_own_set(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        set: &str,
    ) -> Result<(), Fault> {
        let row = Row::KeySet(own_set(environment, set));
        let [known] = self.load(&[row.key()]).await?;
        if known.is_some() {
            return Ok(());
        }
        let target = format!("key_set:{set}");
        let audit = AuditEvent {
            environment: environment.clone(),
            ..self.event(context, "engine", "key_set.create", &target)
        };
        match self
            .commit(context.now, vec![Change::Insert(row)], audit)
            .await
        {
            // A conflict means that someone else has just made it.
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }

    /// Bring every key set up to date: a current and a next key, and no key past its end. For a worker,
    /// at start and from time to time; key pairs are slow, so no caller should have to wait for one.
    ///
    /// # Errors
    /// [`Fault`] when the store or the keystore fails.
    pub async fn keep_keys(&self, context: &CallContext) -> Result<(), Fault> {
        let environments = self.all_environments().await?;
        // First everywhere a key that signs, then the spares: callers may be waiting for the former.
        for environment in environments
            .iter()
            .filter_map(|stored| stored.environment())
        {
            for set in set_names(environment) {
                self.key_set_with_current(context, &place_of(environment), set)
                    .await?;
            }
        }
        for environment in environments
            .iter()
            .filter_map(|stored| stored.environment())
        {
            for set in set_names(environment) {
                self.tend_key_set(context, &place_of(environment), set)
                    .await?;
            }
        }
        Ok(())
    }

    async fn all_environments(&self) -> Result<Vec<Arc<Stored>>, Fault> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .ports
                .store
                .list(&Query::Environments, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            all.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
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
        how: Rotation,
    ) -> Result<(), Refusal> {
        if how.overlap.is_some_and(|overlap| overlap > OVERLAP_MAX) {
            let expected = ProblemKind::Expected("at most 90 days in seconds");
            return Err(Denied::invalid("overlap_s", expected).into());
        }
        let [found] = self.load(&[Key::Environment(environment.clone())]).await?;
        let found = found.as_deref().and_then(Stored::environment);
        let found = found.ok_or(Denied::NotFound {
            noun: "environment",
        })?;
        let place = place_of(found);
        let overlap = how.overlap.unwrap_or_else(|| usual_overlap(found, set));
        let _turn = self.making_keys.lock().await;
        for _ in 0..CONFLICT_TRIES_MAX {
            let [stored] = self
                .load(&[Key::KeySet(environment.clone(), set.into())])
                .await?;
            let stored = stored.ok_or(Denied::NotFound { noun: "key set" })?;
            let known = stored
                .key_set()
                .ok_or_else(|| Fault::internal("a key set's row is not one"))?;
            if !how.force {
                decide_next_is_known(known, context.now)?;
            }
            let mut changed = decide_rotation(known, context.now, overlap)?;
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
        match self.commit(context.now, changes, audit).await {
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
    names.extend(OWN_SETS);
    names.sort_unstable();
    names.dedup();
    names
}

/// The sets of every environment, beside those of its profiles.
pub(crate) const OWN_SETS: [&str; 2] = [identity_assertion::KEY_SET, receipt::KEY_SET];

/// An own set, empty.
pub(crate) fn own_set(environment: &EnvironmentId, name: &str) -> KeySet {
    KeySet {
        environment: environment.clone(),
        name: name.into(),
        algorithm: Algorithm::EdDsa,
        rsa_bits: 2048,
        keys: Vec::new(),
    }
}

/// How a set is rotated.
#[derive(Clone, Copy)]
pub(crate) struct Rotation {
    pub overlap: Option<Duration>,
    pub force: bool,
}

/// As long as a token of the set may live that was signed a moment ago, and as long as someone may keep the
/// set that named the key current.
fn usual_overlap(environment: &Environment, set: &str) -> Duration {
    let profiles = environment.profiles.iter();
    let lifetimes = profiles
        .filter(|profile| profile.key_set == set)
        .map(|profile| Duration::from_secs(profile.lifetime_s.into()));
    let longest = lifetimes.max().unwrap_or(match set {
        identity_assertion::KEY_SET => IDENTITY_ASSERTION_VALID_FOR,
        receipt::KEY_SET => RECEIPT_KEY_KEPT_FOR,
        // The profile is gone with its dialect, and its tokens may live.
        _ => TOKEN_LIFETIME_MAX,
    });
    longest.saturating_add(KEY_SET_CACHED_FOR)
}

/// Whoever keeps the public keys must have had the time to learn of the next one: what it signs would be
/// refused there. Where nothing has signed yet nobody can keep anything.
fn decide_next_is_known(set: &KeySet, now: Timestamp) -> Result<(), Denied> {
    let is_known = |key: &SigningKey| {
        key.state == KeyState::Next && key.created_at.plus(NEXT_KEY_KNOWN_AFTER) <= now
    };
    if set.current().is_none() || set.keys.iter().any(is_known) {
        return Ok(());
    }
    Err(Denied::Conflict(
        "the next key was published less than six minutes ago, and whoever keeps the key set for the five that it may be kept would refuse its tokens; wait, or force the rotation, as after a leak",
    ))
}

/// Retire, then promote. Keys past their end go. No retired key outlives the new overlap, so that after a
/// leak a rotation with none ends every key that may have leaked.
fn decide_rotation(set: &KeySet, now: Timestamp, overlap: Duration) -> Result<KeySet, Denied> {
    let mut set = set.clone();
    let ends_at = now.plus(overlap);
    for key in &mut set.keys {
        match key.state {
            KeyState::Current => (key.state, key.ends_at) = (KeyState::Retired, Some(ends_at)),
            KeyState::Next => key.state = KeyState::Current,
            KeyState::Retired => key.ends_at = key.ends_at.map(|end| end.min(ends_at)),
        }
    }
    set.keys
        .retain(|key| key.ends_at.is_none_or(|end| now < end));
    let retired = |key: &&SigningKey| key.state == KeyState::Retired;
    let retired_max = match set.name.as_str() {
        receipt::KEY_SET => RETIRED_RECEIPT_KEYS_MAX,
        _ => RETIRED_KEYS_MAX,
    };
    if set.keys.iter().filter(retired).count() > retired_max {
        let problem = "too many retired keys are still accepted; wait for their end, or rotate with a shorter overlap";
        return Err(Denied::Conflict(problem));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::KeyId, sealed::Sealed};

    fn key(name: &str, state: KeyState, ends_at_s: Option<i64>) -> SigningKey {
        SigningKey {
            id: KeyId::parse(name).unwrap(),
            algorithm: Algorithm::Rs256,
            state,
            public: None,
            private: Sealed::default(),
            created_at: Timestamp::EPOCH,
            ends_at: ends_at_s.map(Timestamp::from_seconds),
        }
    }

    fn set(keys: Vec<SigningKey>) -> KeySet {
        let environment = EnvironmentId::parse("sandbox").unwrap();
        KeySet {
            environment,
            name: "standard".into(),
            algorithm: Algorithm::Rs256,
            rsa_bits: 2048,
            keys,
        }
    }

    fn rotated(keys: Vec<SigningKey>, overlap_s: u64) -> Vec<(String, KeyState, Option<i64>)> {
        let now = Timestamp::from_seconds(100);
        let set = decide_rotation(&set(keys), now, Duration::from_secs(overlap_s)).unwrap();
        set.keys
            .iter()
            .map(|key| {
                (
                    key.id.to_string(),
                    key.state,
                    key.ends_at.map(Timestamp::seconds),
                )
            })
            .collect()
    }

    #[test]
    fn the_current_key_retires_and_the_next_takes_over() {
        let keys = vec![
            key("a", KeyState::Current, None),
            key("b", KeyState::Next, None),
        ];
        let expected = [
            ("a".into(), KeyState::Retired, Some(160)),
            ("b".into(), KeyState::Current, None),
        ];
        assert_eq!(rotated(keys, 60), expected);
    }

    #[test]
    fn after_a_leak_a_rotation_without_overlap_ends_retired_keys_too() {
        let keys = vec![
            key("old", KeyState::Retired, Some(9000)),
            key("a", KeyState::Current, None),
            key("b", KeyState::Next, None),
        ];
        assert_eq!(rotated(keys, 0), [("b".into(), KeyState::Current, None)]);
    }

    #[test]
    fn retired_keys_are_few_because_each_token_may_have_to_be_tried_with_all() {
        let mut keys: Vec<_> = (0..RETIRED_KEYS_MAX)
            .map(|n| key(&format!("r{n}"), KeyState::Retired, Some(9000)))
            .collect();
        keys.push(key("a", KeyState::Current, None));
        let now = Timestamp::from_seconds(100);
        let refused = decide_rotation(&set(keys), now, Duration::from_secs(8000));
        assert!(matches!(refused, Err(Denied::Conflict(_))));
    }

    #[test]
    fn keys_of_receipts_outlive_a_rotation_each_month() {
        let retired = |n| key(&format!("r{n}"), KeyState::Retired, Some(9000));
        for (count, fits) in [
            (RETIRED_RECEIPT_KEYS_MAX - 1, true),
            (RETIRED_RECEIPT_KEYS_MAX, false),
        ] {
            let mut receipts = set((0..count).map(retired).collect());
            receipts.name = receipt::KEY_SET.into();
            receipts.keys.push(key("a", KeyState::Current, None));
            let now = Timestamp::from_seconds(100);
            let rotated = decide_rotation(&receipts, now, RECEIPT_KEY_KEPT_FOR);
            assert_eq!(rotated.is_ok(), fits, "{count}");
        }
    }

    #[test]
    fn a_key_that_was_just_published_began_to_sign_for_those_who_keep_the_set() {
        let now = |s| Timestamp::from_seconds(s);
        let next = || {
            vec![
                key("a", KeyState::Current, None),
                key("b", KeyState::Next, None),
            ]
        };
        assert!(matches!(
            decide_next_is_known(&set(next()), now(359)),
            Err(Denied::Conflict(_))
        ));
        assert_eq!(decide_next_is_known(&set(next()), now(360)), Ok(()));
        let without = set(vec![key("a", KeyState::Current, None)]);
        assert!(
            decide_next_is_known(&without, now(9000)).is_err(),
            "a key that is made now signs at once"
        );
        assert_eq!(decide_next_is_known(&set(vec![]), now(0)), Ok(()));
    }

    #[test]
    fn a_retired_key_was_kept_a_day_whatever_its_tokens_life() {
        use crate::model::{environment::Mode, profile::TokenProfile};
        let environment = Environment {
            id: EnvironmentId::parse("sandbox").unwrap(),
            display_name: "Sandbox".into(),
            mode: Mode::Sandbox,
            issuer: "https://a.example".into(),
            hosts: vec![],
            dialects: vec![],
            brand: "cs".into(),
            profiles: vec![
                TokenProfile::standard("https://a.example"),
                TokenProfile::ayyeka(),
            ],
            allowed_origins: vec![],
            public_url: None,
            phone_url: None,
            provider_registrations: None,
            data_key: Sealed::default(),
            tag_keys: vec![],
            created_at: Timestamp::EPOCH,
        };
        for (set, seconds) in [
            ("standard", 600 + 300),
            ("ayyeka", 3600 + 300),
            ("identity", 60 + 300),
            ("receipts", 400 * 24 * 3600 + 300),
            ("of a dialect that was taken out", 24 * 3600 + 300),
        ] {
            assert_eq!(usual_overlap(&environment, set).as_secs(), seconds, "{set}");
        }
    }
}
