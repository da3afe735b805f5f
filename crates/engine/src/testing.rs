//! What the engine's own tests stand on: ports that answer from memory, at once.

use crate::{
    Engine, Ports,
    commit::{Commit, CommitError},
    denied::Fault,
    id::EnvironmentId,
    model::{
        audit::AuditEvent,
        held_key::{HeldKey, Oaep},
        signing::SigningKey,
        subject::PasswordHash,
    },
    ports::{
        Admitted, Cursor, Decrypted, Entropy, FeedCursor, FeedPage, Freshness, Generation,
        Housekeeping, Kept, KeyPlace, Keystore, NewKey, Page, PasswordHasher, Pending, Query,
        Store, Verified,
    },
    row::{Key, Row, Stored},
    sealed::Sealed,
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::Algorithm;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Bytes that differ each time and are the same in every run.
#[derive(Default)]
pub struct CountingEntropy(AtomicU64);

impl CountingEntropy {
    /// Go on from a later count.
    pub fn skip(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let digest = crate::digest::Digest::of("testing", &[&count.to_be_bytes()]);
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Rows that are only ever read. Subscriptions can be listed, by the order in which they stand here.
pub struct Shelf(pub Vec<Row>);

fn stored(row: &Row) -> Arc<Stored> {
    Arc::new(Stored {
        version: 1,
        not_before: Timestamp::EPOCH,
        row: row.clone(),
    })
}

impl Store for Shelf {
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>> {
        let find = |key: &Key| self.0.iter().find(|row| row.key() == *key).map(stored);
        let found = keys.iter().map(find).collect();
        Box::pin(async { Ok(found) })
    }

    fn list<'a>(
        &'a self,
        query: &'a Query,
        _after: Option<&'a Cursor>,
        _limit: u32,
    ) -> Pending<'a, Result<Page, Fault>> {
        let Query::Subscriptions(environment, organization) = query else {
            return Box::pin(async { Err(Fault::internal("only subscriptions are listed here")) });
        };
        let is_listed = |row: &&Row| {
            matches!(row, Row::Subscription(one)
                if one.environment == *environment && one.organization == *organization)
        };
        let rows = self.0.iter().filter(is_listed).map(stored).collect();
        Box::pin(async { Ok(Page { rows, next: None }) })
    }

    fn commit(&self, _: Commit) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(async { Err(Fault::internal("nothing is written here").into()) })
    }

    fn feed<'a>(&'a self, _: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing changes here")) })
    }

    fn observe(&self, _: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is written here")) })
    }

    fn keep(&self, _: Housekeeping) -> Pending<'_, Result<Kept, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is written here")) })
    }
}

/// Everything that was read still stands.
pub struct Unmoved;

impl Freshness for Unmoved {
    fn generation(&self, _: &Key) -> Generation {
        Generation { shard: 0, count: 0 }
    }

    fn is_fresh(&self) -> bool {
        true
    }

    fn stand(&self, _: &[Generation]) -> bool {
        true
    }
}

/// Seals by writing what it is bound to before the content, turned around: enough to see what is sealed
/// under which name, and that nothing leaves in the clear.
struct Envelopes;

fn label(at: &KeyPlace, bound_to: &str) -> Vec<u8> {
    format!("{}/{bound_to}/", at.environment).into_bytes()
}

impl Keystore for Envelopes {
    fn sign<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a SigningKey,
        _: &'a [u8],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is signed here")) })
    }

    fn generate<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: Algorithm,
        _: u32,
    ) -> Pending<'a, Result<NewKey, Fault>> {
        Box::pin(async { Err(Fault::internal("no keys are made here")) })
    }

    fn new_data_key(&self, _: &EnvironmentId) -> Result<Sealed, Fault> {
        Ok(Sealed::default())
    }

    fn seal(&self, at: &KeyPlace, bound_to: &str, plain: &[u8]) -> Result<Sealed, Fault> {
        let turned = plain.iter().rev().map(|byte| !byte);
        Ok(Sealed(
            label(at, bound_to).into_iter().chain(turned).collect(),
        ))
    }

    fn open(
        &self,
        at: &KeyPlace,
        bound_to: &str,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Fault> {
        let turned = sealed.0.strip_prefix(label(at, bound_to).as_slice());
        let turned = turned.ok_or_else(|| Fault::internal("sealed for something else"))?;
        Ok(Secret::new(turned.iter().rev().map(|byte| !byte).collect()))
    }

    fn take_pairs<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a str,
        _: usize,
    ) -> Pending<'a, Result<Vec<HeldKey>, Fault>> {
        Box::pin(async { Err(Fault::unavailable("no key pairs are ready here")) })
    }

    fn sign_digest<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a str,
        _: &'a HeldKey,
        _: &'a [u8; 32],
    ) -> Pending<'a, Result<Vec<u8>, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is signed here")) })
    }

    fn decrypt<'a>(
        &'a self,
        _: &'a KeyPlace,
        _: &'a str,
        _: &'a HeldKey,
        _: Oaep,
        _: &'a [u8],
    ) -> Pending<'a, Result<Decrypted, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is decrypted here")) })
    }

    fn forget<'a>(&'a self, _: &'a [HeldKey]) -> Pending<'a, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

/// No password is right.
pub struct NoPasswords;

impl PasswordHasher for NoPasswords {
    fn admit(&self) -> Option<Admitted> {
        None
    }

    fn hash<'a>(&'a self, _: &'a Secret<String>) -> Pending<'a, Result<PasswordHash, Fault>> {
        Box::pin(async { Err(Fault::unavailable("nothing is hashed here")) })
    }

    fn verify<'a>(
        &'a self,
        _: &'a Secret<String>,
        _: Option<&'a PasswordHash>,
    ) -> Pending<'a, Result<Verified, Fault>> {
        Box::pin(async { Err(Fault::unavailable("nothing is hashed here")) })
    }
}

/// An engine over rows that are only ever read.
pub fn engine_over(rows: Vec<Row>) -> Engine {
    let ports = Ports {
        store: Arc::new(Shelf(rows)),
        freshness: Arc::new(Unmoved),
        entropy: Arc::new(CountingEntropy::default()),
        keystore: Arc::new(Envelopes),
        passwords: Arc::new(NoPasswords),
    };
    Engine::new(ports, &["standard"])
}

/// What a future gives that never waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
