//! Every noun's table, described once. The SQL of each engine is derived from this.
//!
//! A keyed table has its key columns, `version`, `not_before` where tokens hang on the noun, the
//! projections that lists and sweeps look at, and `body`: the noun as JSON. Only the body is ever read
//! back as the noun; projections are copies, written with it.

mod bodies;

pub(crate) use bodies::{decode_body, encode_body};

use countersign_engine::{
    commit::{Change, Commit},
    denied::Fault,
    id::OrganizationId,
    model::{
        approval::Approval,
        credential::{Credential, Holder},
    },
    row::{Key, Row},
    time::Timestamp,
};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Blob,
    /// Microseconds since the epoch.
    Time,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be absent.
    pub null: bool,
}

const fn text(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Text,
        null: false,
    }
}

const fn digest() -> Column {
    Column {
        name: "digest",
        kind: Kind::Blob,
        null: false,
    }
}

const fn optional(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Text,
        null: true,
    }
}

const fn time(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Time,
        null: false,
    }
}

const SWEEP_AT: Column = time("sweep_at");

/// A keyed table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name, also in the metrics.
    pub name: &'static str,
    /// What a row is loaded by, environment first where there is one.
    pub key: &'static [Column],
    /// Copies of members, for lists and sweeps.
    pub projections: &'static [Column],
    /// Whether tokens hang on the noun, so that it has a `not_before`.
    pub raised: bool,
    /// Columns that no two rows share.
    pub unique: &'static [&'static str],
    /// Further indexes, each with the columns of its list order.
    pub indexes: &'static [&'static [&'static str]],
}

/// The nouns that are loaded by a key and changed by a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noun {
    Environment,
    Organization,
    Operator,
    Name,
    Client,
    Credential,
    Guards,
    KeySet,
    Revocation,
    Idempotency,
    Subject,
    Session,
    SessionWindow,
    Ticket,
    Attempts,
    Subscription,
    Delivery,
    Device,
    Asset,
    Identification,
    Approval,
    Approvers,
}

impl Noun {
    /// Every keyed noun.
    pub const ALL: [Self; 22] = [
        Self::Environment,
        Self::Organization,
        Self::Operator,
        Self::Name,
        Self::Client,
        Self::Credential,
        Self::Guards,
        Self::KeySet,
        Self::Revocation,
        Self::Idempotency,
        Self::Subject,
        Self::Session,
        Self::SessionWindow,
        Self::Ticket,
        Self::Attempts,
        Self::Subscription,
        Self::Delivery,
        Self::Device,
        Self::Asset,
        Self::Identification,
        Self::Approval,
        Self::Approvers,
    ];

    /// Its table.
    pub const fn table(self) -> &'static Table {
        match self {
            Self::Environment => &ENVIRONMENT,
            Self::Organization => &ORGANIZATION,
            Self::Operator => &OPERATOR,
            Self::Name => &NAME,
            Self::Client => &CLIENT,
            Self::Credential => &CREDENTIAL,
            Self::Guards => &GUARDS,
            Self::KeySet => &KEY_SET,
            Self::Revocation => &REVOCATION,
            Self::Idempotency => &IDEMPOTENCY,
            Self::Subject => &SUBJECT,
            Self::Session => &SESSION,
            Self::SessionWindow => &SESSION_WINDOW,
            Self::Ticket => &TICKET,
            Self::Attempts => &ATTEMPTS,
            Self::Subscription => &SUBSCRIPTION,
            Self::Delivery => &DELIVERY,
            Self::Device => &DEVICE,
            Self::Asset => &ASSET,
            Self::Identification => &IDENTIFICATION,
            Self::Approval => &APPROVAL,
            Self::Approvers => &APPROVERS,
        }
    }

    /// The noun that a key loads; none for what commits do not change by its key.
    pub const fn of(key: &Key) -> Option<Self> {
        Some(match key {
            Key::Environment(_) => Self::Environment,
            Key::Organization(_) => Self::Organization,
            Key::Operator(_) => Self::Operator,
            Key::Name(..) => Self::Name,
            Key::Client(..) => Self::Client,
            Key::Credential(..) => Self::Credential,
            Key::Guards(_) => Self::Guards,
            Key::KeySet(..) => Self::KeySet,
            Key::Revocation(..) => Self::Revocation,
            Key::Idempotency(..) => Self::Idempotency,
            Key::Subject(..) => Self::Subject,
            Key::Session(..) => Self::Session,
            Key::SessionWindow(..) => Self::SessionWindow,
            Key::Ticket(..) => Self::Ticket,
            Key::Attempts(..) => Self::Attempts,
            Key::Subscription(..) => Self::Subscription,
            Key::Delivery(..) => Self::Delivery,
            Key::Device(..) => Self::Device,
            Key::Asset(..) => Self::Asset,
            Key::Identification(..) => Self::Identification,
            Key::Approval(..) => Self::Approval,
            Key::Approvers(..) => Self::Approvers,
            Key::Spent(..) | Key::LastUsed(..) => return None,
        })
    }
}

const BASE: Table = Table {
    name: "",
    key: &[],
    projections: &[],
    raised: false,
    unique: &[],
    indexes: &[],
};

const ENVIRONMENT: Table = Table {
    name: "environment",
    key: &[text("id")],
    raised: true,
    ..BASE
};
const ORGANIZATION: Table = Table {
    name: "organization",
    key: &[text("id")],
    raised: true,
    ..BASE
};
const OPERATOR: Table = Table {
    name: "operator",
    key: &[text("id")],
    ..BASE
};
const NAME: Table = Table {
    name: "name",
    key: &[text("environment"), text("space"), text("name")],
    ..BASE
};
const CLIENT: Table = Table {
    name: "client",
    key: &[text("environment"), text("id")],
    projections: &[text("organization")],
    raised: true,
    indexes: &[&["environment", "organization", "id"]],
    ..BASE
};
const CREDENTIAL: Table = Table {
    name: "credential",
    key: &[text("environment"), digest()],
    projections: &[
        text("id"),
        optional("organization"),
        optional("client"),
        optional("operator"),
        SWEEP_AT,
    ],
    unique: &["environment", "id"],
    indexes: &[
        &["sweep_at"],
        &["environment", "client", "id"],
        &["environment", "operator", "id"],
    ],
    ..BASE
};
const GUARDS: Table = Table {
    name: "guards",
    key: &[text("environment")],
    ..BASE
};
const KEY_SET: Table = Table {
    name: "key_set",
    key: &[text("environment"), text("name")],
    ..BASE
};
const REVOCATION: Table = Table {
    name: "revocation",
    key: &[text("environment"), digest()],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};
const IDEMPOTENCY: Table = Table {
    name: "idempotency",
    key: &[text("environment"), digest()],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};

const SUBJECT: Table = Table {
    name: "subject",
    key: &[text("environment"), text("id")],
    projections: &[text("organization"), SWEEP_AT],
    raised: true,
    indexes: &[&["sweep_at"], &["environment", "organization", "id"]],
    ..BASE
};
const SESSION: Table = Table {
    name: "session",
    key: &[text("environment"), digest()],
    projections: &[text("subject"), SWEEP_AT],
    indexes: &[&["sweep_at"], &["environment", "subject", "digest"]],
    ..BASE
};
const SESSION_WINDOW: Table = Table {
    name: "session_window",
    key: &[text("environment"), text("subject")],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};
const TICKET: Table = Table {
    name: "ticket",
    key: &[text("environment"), digest()],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};
const ATTEMPTS: Table = Table {
    name: "attempts",
    key: &[text("environment"), digest()],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};
const SUBSCRIPTION: Table = Table {
    name: "subscription",
    key: &[text("environment"), text("id")],
    projections: &[text("organization")],
    indexes: &[&["environment", "organization", "id"]],
    ..BASE
};
const DELIVERY: Table = Table {
    name: "delivery",
    key: &[text("environment"), text("id")],
    projections: &[text("destination"), text("lane"), time("due_at"), SWEEP_AT],
    indexes: &[
        &["sweep_at"],
        &["environment", "due_at", "id"],
        &["destination", "due_at", "id"],
        &["destination", "lane", "due_at", "id"],
    ],
    ..BASE
};

const DEVICE: Table = Table {
    name: "device",
    key: &[text("environment"), text("id")],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};
const ASSET: Table = Table {
    name: "asset",
    key: &[text("environment"), text("id")],
    projections: &[SWEEP_AT],
    indexes: &[&["sweep_at"]],
    ..BASE
};
const IDENTIFICATION: Table = Table {
    name: "identification",
    key: &[text("environment"), text("id")],
    projections: &[time("lapses_at"), SWEEP_AT],
    indexes: &[&["sweep_at"], &["lapses_at", "environment", "id"]],
    ..BASE
};
const APPROVAL: Table = Table {
    name: "approval",
    key: &[text("environment"), text("id")],
    projections: &[
        optional("organization"),
        optional("provider"),
        text("place"),
        time("lapses_at"),
        SWEEP_AT,
    ],
    indexes: &[
        &["sweep_at"],
        &["lapses_at", "environment", "id"],
        &["environment", "place"],
        &["environment", "organization", "place"],
        &["environment", "organization", "lapses_at"],
        &["environment", "provider", "lapses_at"],
    ],
    ..BASE
};
const APPROVERS: Table = Table {
    name: "approvers",
    key: &[text("environment"), text("organization")],
    ..BASE
};

/// The `due_at` of what was given up.
pub(crate) const NEVER: i64 = Timestamp::FAR.micros();

/// The `due_at` of what waits behind another of its lane. The one projection that is no copy: it is taken from
/// the body when the row comes to the front, so that what is due is found without looking at what is not.
pub(crate) const BEHIND: i64 = NEVER - 1;

/// The tables that no commit changes by a key: what is used up, last uses, audit lines, the feed. Their
/// form is each engine's own; their names are the metrics'.
pub(crate) const LEDGERS: [&str; 4] = ["spent", "last_used", "audit", "feed"];

/// One value of a column, borrowed from a key or row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// Of [`Kind::Text`].
    Text(&'a str),
    /// Of [`Kind::Text`], made for this.
    Owned(String),
    /// Of [`Kind::Blob`].
    Blob(&'a [u8]),
    /// Of [`Kind::Time`], and versions.
    Integer(i64),
    /// Absent.
    Null,
}

impl<'a> From<Option<&'a str>> for Field<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// The values of a key's columns, in the table's order.
pub(crate) fn key_fields(key: &Key) -> Vec<Field<'_>> {
    use Field::{Blob, Text};
    match key {
        Key::Environment(id) | Key::Guards(id) => vec![Text(id.as_str())],
        Key::Organization(id) => vec![Text(id.as_str())],
        Key::Operator(id) => vec![Text(id.as_str())],
        Key::Name(environment, space, name) => {
            vec![Text(environment.as_str()), Text(space.word()), Text(name)]
        }
        Key::Client(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::KeySet(environment, name) => vec![Text(environment.as_str()), Text(name)],
        Key::Subject(environment, id) | Key::SessionWindow(environment, id) => {
            vec![Text(environment.as_str()), Text(id.as_str())]
        }
        Key::Subscription(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Delivery(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::LastUsed(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Device(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Asset(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Identification(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Approval(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Approvers(environment, id) => vec![Text(environment.as_str()), Text(id.as_str())],
        Key::Credential(environment, digest)
        | Key::Revocation(environment, digest)
        | Key::Idempotency(environment, digest)
        | Key::Session(environment, digest)
        | Key::Ticket(environment, digest)
        | Key::Attempts(environment, digest)
        | Key::Spent(environment, digest) => {
            vec![Text(environment.as_str()), Blob(digest.as_bytes())]
        }
    }
}

/// The values of a row's projections, in the table's order: where a noun ends by itself, that comes last.
pub(crate) fn projected_fields(row: &Row) -> Vec<Field<'_>> {
    let mut fields = match row {
        Row::Subject(subject) => vec![Field::Text(subject.organization.as_str())],
        Row::Session(session) => vec![Field::Text(session.subject.as_str())],
        Row::Subscription(subscription) => vec![Field::Text(subscription.organization.as_str())],
        Row::Delivery(delivery) => vec![
            Field::Owned(delivery.place()),
            Field::Text(&delivery.order),
            Field::Integer(
                delivery
                    .due_at
                    .map_or(NEVER, |at| at.micros().min(BEHIND - 1)),
            ),
        ],
        Row::Identification(row) => vec![Field::Integer(row.lapses_at().micros())],
        Row::Approval(row) => vec![
            row.organization.as_ref().map(OrganizationId::as_str).into(),
            row.operation().map(|it| it.provider.as_str()).into(),
            Field::Owned(approval_place(row)),
            Field::Integer(row.lapses_at().micros()),
        ],
        Row::Client(client) => vec![Field::Text(client.organization.as_str())],
        Row::Credential(credential) => holder_fields(credential),
        _ => Vec::new(),
    };
    fields.extend(row.sweep_at().map(|at| Field::Integer(at.micros())));
    fields
}

/// Where an approval stands among those of its environment: newest first.
pub(crate) fn approval_place(approval: &Approval) -> String {
    let age = i64::MAX.wrapping_sub(approval.created_at.micros());
    format!("{age:016x}{}", approval.id)
}

fn holder_fields(credential: &Credential) -> Vec<Field<'_>> {
    let (organization, client, operator) = match &credential.holder {
        Holder::Client(organization, client) => (Some(organization), Some(client.as_str()), None),
        Holder::Operator(operator) => (None, None, Some(operator.as_str())),
    };
    vec![
        Field::Text(credential.id.as_str()),
        organization.map(OrganizationId::as_str).into(),
        client.into(),
        operator.into(),
    ]
}

/// Changes of one commit: far more than any call makes, few enough that one commit holds the writer briefly.
pub(crate) const CHANGES_MAX: usize = 1024;

/// What no commit may contain, whatever the rows: a mistake of the caller's code, not a conflict.
pub(crate) fn check(commit: &Commit) -> Result<(), Fault> {
    let changes = &commit.changes;
    let may_be_repeated =
        |key: Key| matches!(key, Key::Attempts(..) | Key::Ticket(..) | Key::Delivery(..));
    if !commit.is_audited() && !changes.iter().map(Change::key).all(may_be_repeated) {
        return Err(Fault::internal(
            "a change that the audit log has to tell of",
        ));
    }
    if changes.len() > CHANGES_MAX {
        return Err(Fault::internal(format_args!(
            "a commit has at most {CHANGES_MAX} changes, this one {}",
            changes.len()
        )));
    }
    changes.iter().try_for_each(|change| match change {
        Change::Insert(Row::Audit(_) | Row::LastUsed(..))
        | Change::Replace {
            row: Row::Audit(_) | Row::LastUsed(..),
            ..
        } => Err(Fault::internal("audit lines and last uses are no changes")),
        Change::Spend(_) => Ok(()),
        Change::Insert(_) | Change::Replace { .. } => Ok(()),
        Change::Remove { key, .. } | Change::Require { key, .. } => match Noun::of(key) {
            Some(_) => Ok(()),
            None => Err(Fault::internal("this key names no row that has a version")),
        },
        Change::Raise { key, .. } => match Noun::of(key) {
            Some(noun) if noun.table().raised => Ok(()),
            _ => Err(Fault::internal("no tokens hang on what this key names")),
        },
    })
}

/// Whether a cache may hold what this key loads. What is remembered for one repeat, noted by housekeeping,
/// counted, or shows only as a conflict is always asked of the store, so the feed need not name it.
pub(crate) const fn is_cacheable(key: &Key) -> bool {
    !matches!(
        key,
        Key::Idempotency(..)
            | Key::LastUsed(..)
            | Key::Spent(..)
            | Key::SessionWindow(..)
            | Key::Ticket(..)
            | Key::Attempts(..)
            | Key::Delivery(..)
    )
}

/// The keys that a commit's changes touch and the feed tells of.
pub(crate) fn touched(changes: &[Change]) -> Vec<Key> {
    changes
        .iter()
        .filter(|change| !matches!(change, Change::Require { .. } | Change::Spend(_)))
        .map(Change::key)
        .filter(is_cacheable)
        .collect()
}

/// The keys that a commit builds on and leaves as they are.
pub(crate) fn required(changes: &[Change]) -> Vec<Key> {
    let is_required = |change: &&Change| matches!(change, Change::Require { .. });
    let keys = changes.iter().filter(is_required).map(Change::key);
    keys.filter(is_cacheable).collect()
}
