//! Everything the engine needs from outside, as traits. It knows no database, clock, runtime or random source.

use crate::{
    commit::{Commit, CommitError, Version},
    denied::Fault,
    id::{ClientId, CredentialId, EnvironmentId, OrganizationId, SubjectId},
    model::{
        audit::AuditEvent,
        credential::Holder,
        held_key::{HeldKey, Oaep},
        signing::SigningKey,
        subject::PasswordHash,
        webhook::Delivery,
    },
    row::{Key, Stored},
    sealed::Sealed,
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk};
use std::{future::Future, pin::Pin, sync::Arc};

/// A future that a port returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where rows are kept. Every engine (memory, SQLite) passes the same conformance suite.
pub trait Store: Send + Sync {
    /// The rows of these keys, in their order, in one round trip and from one snapshot.
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>>;

    /// A page of rows in the query's order, from after the cursor.
    fn list<'a>(
        &'a self,
        query: &'a Query,
        after: Option<&'a Cursor>,
        limit: u32,
    ) -> Pending<'a, Result<Page, Fault>>;

    /// All changes and the audit event, durably, or nothing.
    fn commit(&self, commit: Commit) -> Pending<'_, Result<(), CommitError>>;

    /// The keys touched by commits after the cursor, and the next cursor. `None` starts at the present.
    fn feed<'a>(&'a self, after: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>>;

    /// Append audit lines that no commit carries.
    fn observe(&self, batch: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>>;

    /// One statement of the closed list that can never change who may do what.
    fn keep(&self, work: Housekeeping) -> Pending<'_, Result<Kept, Fault>>;
}

/// What can be listed. A closed list: there is no free query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Every environment, by id.
    Environments,
    /// Every organization, by id.
    Organizations,
    /// Every operator, by id.
    Operators,
    /// The clients of an environment, by id; of one organization if named.
    Clients(EnvironmentId, Option<OrganizationId>),
    /// The credentials of an environment, by id; of one holder if named.
    Credentials(EnvironmentId, Option<Holder>),
    /// The one credential with this id, or none.
    CredentialById(EnvironmentId, CredentialId),
    /// The key sets of an environment, by name.
    KeySets(EnvironmentId),
    /// The subjects of an organization in an environment, by id.
    Subjects(EnvironmentId, OrganizationId),
    /// The kept sessions of a subject, by digest.
    Sessions(EnvironmentId, SubjectId),
    /// The webhook subscriptions of an organization in an environment, by id.
    Subscriptions(EnvironmentId, OrganizationId),
    /// What waits in an environment's outbox, or was given up, by id: oldest first.
    Deliveries {
        /// Where it comes from.
        environment: EnvironmentId,
        /// Only what was given up.
        dead: bool,
    },
    /// What waits at one destination ([`Delivery::place`]) in one order, or was given up, by id.
    Lane {
        /// The destination.
        place: String,
        /// The order: a subject's identifier.
        order: String,
        /// Only what was given up.
        dead: bool,
    },
    /// What may leave the outbox now, of every environment. Of each destination and order only the oldest that
    /// waits, when it is due, and of each destination at most `per_destination`; the longest due first.
    /// Never more than one page. What else waits at a destination makes this no slower.
    DueDeliveries {
        /// What counts as due.
        now: Timestamp,
        /// Of one destination.
        per_destination: u32,
        /// Destinations that are left out, as [`Delivery::place`] names them.
        busy: Vec<String>,
    },
    /// The devices of an environment, by id.
    Devices(EnvironmentId),
    /// The approvals of an environment, newest first; of one organization if named.
    Approvals(EnvironmentId, Option<OrganizationId>),
    /// Approvals of every environment that nobody answered in time and that are still pending in the store, the longest
    /// over first.
    LapsedApprovals {
        /// What counts as over.
        now: Timestamp,
    },
    /// The same of identifications.
    LapsedIdentifications {
        /// What counts as over.
        now: Timestamp,
    },
    /// Audit lines, newest first; of one environment, one organization, from a time on, if named.
    Audit {
        /// Of this environment.
        environment: Option<EnvironmentId>,
        /// Of this organization.
        organization: Option<OrganizationId>,
        /// Not older than this.
        since: Option<Timestamp>,
    },
}

/// Where a page ended: the opaque position of its last row. Only the store that made it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Arc<Stored>>,
    /// Where to go on; none when this was the last page.
    pub next: Option<Cursor>,
}

/// Where a reader of the feed is. Only the store that made it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCursor(pub i64);

/// What happened since a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// The keys of touched rows, oldest first, repeats possible.
    pub touched: Vec<Key>,
    /// Where to go on.
    pub next: FeedCursor,
    /// More is waiting: read again at once.
    pub more: bool,
}

/// Statements outside [`Commit`]: a closed list that can never change who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Housekeeping {
    /// Remove at most `limit` rows that ended before `now` (revocations, spent things, remembered creations).
    SweepExpired {
        /// What counts as ended.
        now: Timestamp,
        /// Rows at most, so that no sweep holds the writer for long.
        limit: u32,
    },
    /// Remove at most `limit` credentials whose client or operator is gone.
    SweepOrphans {
        /// Rows at most.
        limit: u32,
    },
    /// Remove at most `limit` deliveries that were given up at a destination ([`Delivery::place`]).
    SweepDead {
        /// The destination.
        place: String,
        /// Rows at most.
        limit: u32,
    },
    /// Remove at most `limit` audit lines older than this.
    SweepAudit {
        /// What is kept.
        before: Timestamp,
        /// Rows at most.
        limit: u32,
    },
    /// Remove at most `limit` feed rows older than this.
    SweepFeed {
        /// What is kept.
        before: Timestamp,
        /// Rows at most.
        limit: u32,
    },
    /// Note when credentials were last used; never lowers a time.
    LastUsed(Vec<(EnvironmentId, CredentialId, Timestamp)>),
    /// Note what came of attempts to deliver. A row with another version stays as it is.
    Delivered(Vec<Attempted>),
    /// Count the rows of each table, for the metrics.
    CountRows,
    /// Count the subjects of an organization in an environment, erased ones included, up to a limit.
    CountSubjects {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        organization: OrganizationId,
        /// No more are counted.
        limit: u32,
    },
    /// Count what waits in the outbox and what was given up there, for the metrics.
    CountDeliveries,
    /// Count the approvals that wait, up to a limit.
    CountWaiting {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        of: WaitingOf,
        /// Those count that end later.
        now: Timestamp,
        /// No more are counted.
        limit: u32,
    },
}

/// Whose waiting approvals are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitingOf {
    /// All of an organization's.
    Organization(OrganizationId),
    /// A service provider's.
    Provider(ClientId),
}

/// What came of an attempt to deliver something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What was tried.
    pub key: Key,
    /// The version that was tried.
    pub if_version: Version,
    /// What becomes of it; none: it arrived, and goes.
    pub next: Option<Box<Delivery>>,
}

/// What housekeeping did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// So many rows were touched, or counted.
    Rows(u64),
    /// The rows of each table, by its name; or the deliveries, `waiting` and `dead`.
    Counts(Vec<(&'static str, u64)>),
}

/// Whether what was read may still be believed. Implemented by the cache before the store.
pub trait Freshness: Send + Sync {
    /// Note the generation of a key's shard, *before* reading the key.
    fn generation(&self, key: &Key) -> Generation;

    /// Whether the feed was read recently enough to believe anything that is kept. Reads a clock.
    fn is_fresh(&self) -> bool;

    /// Whether all of these still stand, as far as the feed was read: ask whether it is fresh *before*.
    fn stand(&self, generations: &[Generation]) -> bool;

    /// Whether all of these still stand, and the feed was read recently enough to know.
    fn holds(&self, generations: &[Generation]) -> bool {
        self.is_fresh() && self.stand(generations)
    }
}

/// A shard of the cache and how often anything in it was invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation {
    /// Which shard.
    pub shard: u32,
    /// How often.
    pub count: u64,
}

/// Time. The server reads it once per request; workers read it for themselves.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// A clock that never goes back, from an arbitrary start: for ages of cached things.
    fn monotonic(&self) -> std::time::Duration;
}

/// Randomness.
pub trait Entropy: Send + Sync {
    /// Fill with bytes that nobody can predict.
    ///
    /// # Errors
    /// When the source fails: nothing may be minted then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault>;
}

/// Where private keys are used. Leaves room for hardware and key services.
pub trait Keystore: Send + Sync {
    /// Sign `message` with `key`, on a bounded pool.
    fn sign<'a>(
        &'a self,
        at: &'a KeyPlace,
        key: &'a SigningKey,
        message: &'a [u8],
    ) -> Pending<'a, Result<Vec<u8>, Fault>>;

    /// Make a key pair; the private half comes back sealed for `at`, under the key's own name.
    fn generate<'a>(
        &'a self,
        at: &'a KeyPlace,
        algorithm: Algorithm,
        rsa_bits: u32,
    ) -> Pending<'a, Result<NewKey, Fault>>;

    /// Make a data key for an environment, sealed under the master key.
    fn new_data_key(&self, environment: &EnvironmentId) -> Result<Sealed, Fault>;

    /// Seal `plain` under an environment's data key, bound to `bound_to`.
    fn seal(&self, at: &KeyPlace, bound_to: &str, plain: &[u8]) -> Result<Sealed, Fault>;

    /// Open what [`Keystore::seal`] made.
    fn open(
        &self,
        at: &KeyPlace,
        bound_to: &str,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Fault>;

    /// `count` RSA-2048 pairs for one asset, from those that are ready. Waits for them two seconds at most, then
    /// [`Fault::Unavailable`]. Where the private halves come back sealed, they are bound to `at` and `bound_to`.
    /// Pairs that are not kept in a row afterwards go to [`Keystore::forget`].
    fn take_pairs<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        count: usize,
    ) -> Pending<'a, Result<Vec<HeldKey>, Fault>>;

    /// RSASSA-PKCS1-v1_5 over the `DigestInfo` of this SHA-256 digest (RFC 8017 section 9.2): nothing is hashed
    /// again, so it verifies over the data that was hashed.
    fn sign_digest<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        key: &'a HeldKey,
        digest: &'a [u8; 32],
    ) -> Pending<'a, Result<Vec<u8>, Fault>>;

    /// RSAES-OAEP (RFC 8017 section 7.1.2), without a label.
    fn decrypt<'a>(
        &'a self,
        at: &'a KeyPlace,
        bound_to: &'a str,
        key: &'a HeldKey,
        form: Oaep,
        ciphertext: &'a [u8],
    ) -> Pending<'a, Result<Decrypted, Fault>>;

    /// Destroy the private halves that are outside the rows. What is sealed goes with its row.
    fn forget<'a>(&'a self, keys: &'a [HeldKey]) -> Pending<'a, Result<(), Fault>>;
}

/// What came of a ciphertext.
pub type Decrypted = Result<Secret<Vec<u8>>, NotDecrypted>;

/// Why a ciphertext was not decrypted. By the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotDecrypted {
    /// Where this key is, this form cannot be had.
    #[error("this form of OAEP is not available for this key")]
    UnsupportedForm,
    /// It does not open with this key. Whether its length, its number or its padding is wrong is told to nobody:
    /// who learns that can open it (RFC 8017 section 7.1.2, the note on Manger's attack).
    #[error("the ciphertext does not open with this key")]
    Ciphertext,
}

/// The environment under whose data key something is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    /// Which environment.
    pub environment: EnvironmentId,
    /// Its data key, sealed under the master key.
    pub data_key: Sealed,
}

/// A key pair just made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its name: the RFC 7638 thumbprint, or random for symmetric keys.
    pub id: crate::id::KeyId,
    /// The public half; none for symmetric keys.
    pub public: Option<Jwk>,
    /// The private half, sealed.
    pub private: Sealed,
}

/// A place, until it is dropped.
pub type Admitted = Box<dyn Send + Sync>;

/// Where passwords are hashed: slowly, and never more at once than the machine bears.
pub trait PasswordHasher: Send + Sync {
    /// A place for somebody whose password is to be compared; none where as many have one as are served: then nothing
    /// need be read or written, or kept while it is read, to turn one more away.
    fn admit(&self) -> Option<Admitted>;

    /// The hash of a new password, in PHC form (Argon2id).
    ///
    /// The future gives [`Fault::Unavailable`] when too many wait already.
    fn hash<'a>(&'a self, password: &'a Secret<String>)
    -> Pending<'a, Result<PasswordHash, Fault>>;

    /// Whether the password is the one that was hashed. Without a hash the same work is done, and the answer is
    /// no, so that an account without one (or none at all) cannot be told by the time it takes.
    fn verify<'a>(
        &'a self,
        password: &'a Secret<String>,
        hash: Option<&'a PasswordHash>,
    ) -> Pending<'a, Result<Verified, Fault>>;
}

/// What came of comparing a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the one.
    pub matches: bool,
    /// It is, and its hash was made with weaker parameters than today's: hash it again.
    pub is_outdated: bool,
}
