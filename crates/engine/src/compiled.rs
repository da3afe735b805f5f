//! An environment made ready: its guards matched against, its keys parsed, its header bytes known.
//!
//! Made from rows, and made again when any of those rows has moved.

use crate::{
    Engine,
    bounds::ENVIRONMENT_LIST_MAX,
    denied::Fault,
    facts::Fresh,
    guard::CompiledGuard,
    id::EnvironmentId,
    keys::set_names,
    model::{
        environment::Environment,
        profile::{HeaderMember, TokenProfile},
        signing::{KeySet, SigningKey},
    },
    ports::{Generation, KeyPlace},
    row::{Key, Stored},
    time::Timestamp,
};
use aws_lc_rs::hmac;
use countersign_jose::VerifyingKey;
use quick_cache::sync::Cache;
use std::{collections::HashMap, sync::Arc};

/// An environment made ready.
pub(crate) struct Compiled {
    pub stored: Arc<Stored>,
    pub id: EnvironmentId,
    made_at: Timestamp,
    pub tag_keys: Vec<hmac::Key>,
    pub guards: Vec<Arc<CompiledGuard>>,
    pub key_sets: Vec<Arc<Stored>>,
    /// Who may have signed a token with exactly this header.
    verifiers: HashMap<String, Vec<Arc<Verifier>>>,
    /// Where everything stood that this was made from; what is made from this has to note these.
    pub generations: Vec<Generation>,
}

/// One key under one profile: the only pair that a token with its header may be verified with.
pub(crate) struct Verifier {
    pub profile: TokenProfile,
    pub key: VerifyingKey,
    pub ends_at: Option<Timestamp>,
}

/// The environments made ready, by id.
pub(crate) struct CompiledCache(Cache<EnvironmentId, Arc<Compiled>>);

impl Default for CompiledCache {
    fn default() -> Self {
        Self(Cache::new(ENVIRONMENT_LIST_MAX))
    }
}

impl Compiled {
    /// The environment's row.
    pub fn environment(&self) -> Result<&Environment, Fault> {
        self.stored
            .environment()
            .ok_or_else(|| Fault::internal("an environment's row is not one"))
    }

    /// Under whose data key this environment's secrets are sealed.
    pub fn place(&self) -> Result<KeyPlace, Fault> {
        self.environment().map(place_of)
    }

    /// The keys that may have signed a token with exactly these header bytes.
    pub fn verifiers(&self, header_encoded: &str) -> &[Arc<Verifier>] {
        self.verifiers
            .get(header_encoded)
            .map_or(&[], Vec::as_slice)
    }

    /// The key set called `name`.
    pub fn key_set(&self, name: &str) -> Option<(&KeySet, u64)> {
        let named = |stored: &&Arc<Stored>| stored.key_set().is_some_and(|set| set.name == name);
        let stored = self.key_sets.iter().find(named)?;
        Some((stored.key_set()?, stored.version))
    }
}

/// Under whose data key an environment's secrets are sealed.
pub(crate) fn place_of(environment: &Environment) -> KeyPlace {
    KeyPlace {
        environment: environment.id.clone(),
        data_key: environment.data_key.clone(),
    }
}

/// The header of `profile` as `key` prints it, byte for byte.
pub(crate) fn header_json(profile: &TokenProfile, key: &SigningKey) -> String {
    let members = profile.header.iter().map(|member| match member {
        HeaderMember::Alg => format!(r#""alg":"{}""#, key.algorithm.name()),
        HeaderMember::Typ(typ) => format!(r#""typ":{}"#, serde_json::Value::from(typ.as_str())),
        HeaderMember::Kid => format!(r#""kid":{}"#, serde_json::Value::from(key.id.as_str())),
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

impl Engine {
    /// The environment made ready, from memory if it still stands.
    pub(crate) fn compiled_warm(
        &self,
        id: &EnvironmentId,
        fresh: Fresh<'_>,
    ) -> Option<Arc<Compiled>> {
        let compiled = self.compiled.0.get(id)?;
        fresh
            .believes(compiled.made_at, &compiled.generations)
            .then_some(compiled)
    }

    /// The environment made ready; `None` when there is no such environment.
    pub(crate) async fn compiled(
        &self,
        id: &EnvironmentId,
        now: Timestamp,
    ) -> Result<Option<Arc<Compiled>>, Fault> {
        let warm = self
            .fresh(now)
            .and_then(|fresh| self.compiled_warm(id, fresh));
        if warm.is_some() {
            return Ok(warm);
        }
        let Some(compiled) = self.compile(id, now).await? else {
            return Ok(None);
        };
        let compiled = Arc::new(compiled);
        self.compiled.0.insert(id.clone(), compiled.clone());
        Ok(Some(compiled))
    }

    async fn compile(&self, id: &EnvironmentId, now: Timestamp) -> Result<Option<Compiled>, Fault> {
        let first = [Key::Environment(id.clone()), Key::Guards(id.clone())];
        // Generations are noted before reading: what moves in between makes the result stale, never wrong.
        let mut generations: Vec<_> = first
            .iter()
            .map(|key| self.ports.freshness.generation(key))
            .collect();
        let [stored, guards] = self.load(&first).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let environment = stored
            .environment()
            .ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let keys: Vec<_> = set_names(environment)
            .into_iter()
            .map(|set| Key::KeySet(id.clone(), set.into()))
            .collect();
        generations.extend(keys.iter().map(|key| self.ports.freshness.generation(key)));
        let key_sets: Vec<_> = self
            .ports
            .store
            .load(&keys)
            .await?
            .into_iter()
            .flatten()
            .collect();
        let place = place_of(environment);
        let tag_keys = environment.tag_keys.iter().map(|sealed| {
            let key = self.ports.keystore.open(&place, "tag", sealed)?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
        });
        let tag_keys = tag_keys.collect::<Result<_, Fault>>()?;
        let guards = guards
            .as_deref()
            .and_then(Stored::guards)
            .map_or(&[][..], |list| list.guards.as_slice());
        Ok(Some(Compiled {
            id: id.clone(),
            made_at: now,
            tag_keys,
            guards: guards
                .iter()
                .map(|guard| Arc::new(CompiledGuard::new(guard)))
                .collect(),
            verifiers: self.verifiers(environment, &key_sets)?,
            key_sets,
            generations,
            stored,
        }))
    }

    fn verifiers(
        &self,
        environment: &Environment,
        key_sets: &[Arc<Stored>],
    ) -> Result<HashMap<String, Vec<Arc<Verifier>>>, Fault> {
        let mut verifiers: HashMap<String, Vec<Arc<Verifier>>> = HashMap::new();
        for profile in &environment.profiles {
            let sets = key_sets.iter().filter_map(|stored| stored.key_set());
            for key in sets
                .filter(|set| set.name == profile.key_set)
                .flat_map(|set| &set.keys)
            {
                let header =
                    countersign_jose::base64url_encode(header_json(profile, key).as_bytes());
                let verifier = Verifier {
                    profile: profile.clone(),
                    key: self.verifying_key(environment, key)?,
                    ends_at: key.ends_at,
                };
                verifiers
                    .entry(header)
                    .or_default()
                    .push(Arc::new(verifier));
            }
        }
        Ok(verifiers)
    }

    fn verifying_key(
        &self,
        environment: &Environment,
        key: &SigningKey,
    ) -> Result<VerifyingKey, Fault> {
        let parsed = match &key.public {
            Some(jwk) => VerifyingKey::from_jwk(key.algorithm, jwk),
            None => {
                let secret = self.ports.keystore.open(
                    &place_of(environment),
                    key.id.as_str(),
                    &key.private,
                )?;
                VerifyingKey::from_secret(key.algorithm, secret.expose())
            }
        };
        parsed.map_err(|error| {
            Fault::internal(format_args!(
                "signing key {} cannot be read: {error}",
                key.id
            ))
        })
    }
}
