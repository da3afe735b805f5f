//! Every SQL statement of the engine: derived from the tables, or written here. Nothing else is ever run.

use crate::tables::{Column, Kind, Noun, Table};
use std::sync::LazyLock;

/// The statements of one keyed table.
#[derive(Debug)]
pub(crate) struct Keyed {
    /// `key..` gives version, not_before, body.
    pub load: String,
    /// `key.., projections.., body`.
    pub insert: String,
    /// `key.., version, projections.., body`.
    pub replace: String,
    /// `key.., version`.
    pub remove: String,
    /// `key.., not_before`; only where tokens hang on the noun.
    pub raise: Option<String>,
    /// `key.., version`.
    pub require: String,
    /// `now, limit`; only where a noun ends by itself.
    pub sweep: Option<String>,
    /// Gives the number of rows, at most [`COUNTED_MAX`].
    pub count: String,
}

/// The statements of the keyed tables, made once.
static KEYED: LazyLock<[Keyed; Noun::ALL.len()]> =
    LazyLock::new(|| Noun::ALL.map(|noun| derive(noun.table())));

/// The statements of a noun's table.
pub(crate) fn keyed(noun: Noun) -> &'static Keyed {
    let [
        environment,
        organization,
        operator,
        name,
        client,
        credential,
        guards,
        key_set,
        revocation,
        idempotency,
        subject,
        session,
        session_window,
        ticket,
        attempts,
        subscription,
        delivery,
        device,
        asset,
        identification,
        approval,
        approvers,
    ] = &*KEYED;
    match noun {
        Noun::Environment => environment,
        Noun::Organization => organization,
        Noun::Operator => operator,
        Noun::Name => name,
        Noun::Client => client,
        Noun::Credential => credential,
        Noun::Guards => guards,
        Noun::KeySet => key_set,
        Noun::Revocation => revocation,
        Noun::Idempotency => idempotency,
        Noun::Subject => subject,
        Noun::Session => session,
        Noun::SessionWindow => session_window,
        Noun::Ticket => ticket,
        Noun::Attempts => attempts,
        Noun::Subscription => subscription,
        Noun::Delivery => delivery,
        Noun::Device => device,
        Noun::Asset => asset,
        Noun::Identification => identification,
        Noun::Approval => approval,
        Noun::Approvers => approvers,
    }
}

fn names(columns: &[Column]) -> Vec<&'static str> {
    columns.iter().map(|column| column.name).collect()
}

/// `a = ?1 AND b = ?2`, from parameter `first` on.
fn assigned(columns: &[&str], first: usize, between: &str) -> String {
    let pairs = columns.iter().zip(first..);
    let pairs: Vec<String> = pairs.map(|(name, n)| format!("{name} = ?{n}")).collect();
    pairs.join(between)
}

fn derive(table: &Table) -> Keyed {
    let name = table.name;
    let key = names(table.key);
    let (keys, projections) = (key.len(), names(table.projections));
    let is_key = assigned(&key, 1, " AND ");
    let at_version = format!("{is_key} AND version = ?{}", keys + 1);
    let not_before = if table.raised { "not_before" } else { "0" };
    let columns: Vec<&str> = [&key[..], &projections[..], &["body"]].concat();
    let values: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
    let content = [&projections[..], &["body"]].concat();
    let swept = projections.contains(&"sweep_at");
    Keyed {
        load: format!("SELECT version, {not_before}, body FROM {name} WHERE {is_key}"),
        // A key or unique projection that is taken touches no row, which is a conflict.
        insert: format!(
            "INSERT INTO {name} ({}, version) VALUES ({}, 1) ON CONFLICT DO NOTHING",
            columns.join(", "),
            values.join(", "),
        ),
        replace: format!(
            "UPDATE {name} SET version = version + 1, {} WHERE {at_version}",
            assigned(&content, keys + 2, ", "),
        ),
        remove: format!("DELETE FROM {name} WHERE {at_version}"),
        raise: table.raised.then(|| {
            let n = keys + 1;
            format!(
                "UPDATE {name} SET version = version + 1, not_before = max(not_before, ?{n}) \
                 WHERE {is_key}"
            )
        }),
        require: format!("SELECT 1 FROM {name} WHERE {at_version}"),
        sweep: swept.then(|| sweep(name, &key.join(", "))),
        count: format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {COUNTED_MAX})"),
    }
}

fn sweep(name: &str, key: &str) -> String {
    format!(
        "DELETE FROM {name} WHERE ({key}) IN \
         (SELECT {key} FROM {name} WHERE sweep_at < ?1 ORDER BY sweep_at, {key} LIMIT ?2)"
    )
}

/// The statements that make a keyed table.
///
/// Without a rowid the row lies in the tree of its own key: one descent finds it, and a digest, which is
/// random whatever we do, costs one tree and not two.
pub(crate) fn create(table: &Table) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    columns.extend(table.key.iter().map(defined));
    columns.push("version INTEGER NOT NULL CHECK (version >= 1)".into());
    if table.raised {
        columns.push("not_before INTEGER NOT NULL DEFAULT 0".into());
    }
    columns.extend(table.projections.iter().map(defined));
    columns.push("body TEXT NOT NULL".into());
    columns.push(format!("PRIMARY KEY ({})", names(table.key).join(", ")));
    if !table.unique.is_empty() {
        columns.push(format!("UNIQUE ({})", table.unique.join(", ")));
    }
    let name = table.name;
    let body = columns.join(", ");
    let made = format!("CREATE TABLE {name} ({body}) STRICT, WITHOUT ROWID");
    let indexes = table.indexes.iter().map(|columns| {
        let (words, list) = (columns.join("_"), columns.join(", "));
        format!("CREATE INDEX {name}_by_{words} ON {name} ({list})")
    });
    std::iter::once(made).chain(indexes).collect()
}

fn defined(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Text => "TEXT",
        Kind::Blob => "BLOB",
        Kind::Time => "INTEGER",
    };
    let null = if column.null { "" } else { " NOT NULL" };
    format!("{} {kind}{null}", column.name)
}

/// The statements that make the ledgers.
///
/// The audit log and the feed are numbered as they are written, so that appending touches the last page
/// only. The feed's numbers are never used twice, also when every row was swept: cursors depend on it.
pub(crate) const CREATE_LEDGERS: [&str; 8] = [
    "CREATE TABLE spent (environment TEXT NOT NULL, digest BLOB NOT NULL, sweep_at INTEGER NOT NULL, \
     PRIMARY KEY (environment, digest)) STRICT, WITHOUT ROWID",
    "CREATE INDEX spent_by_sweep_at ON spent (sweep_at)",
    "CREATE TABLE last_used (environment TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, \
     used_at INTEGER NOT NULL, PRIMARY KEY (environment, id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE audit (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, environment TEXT NOT NULL, \
     organization TEXT, body TEXT NOT NULL) STRICT",
    "CREATE INDEX audit_by_at ON audit (at)",
    "CREATE INDEX audit_by_environment_at ON audit (environment, at)",
    "CREATE INDEX audit_by_organization_at ON audit (organization, at) WHERE organization IS NOT NULL",
    "CREATE TABLE feed (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, \
     keys TEXT NOT NULL) STRICT",
];

pub(crate) const SPEND: &str =
    "INSERT INTO spent (environment, digest, sweep_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
pub(crate) const SWEEP_SPENT: &str = "DELETE FROM spent WHERE (environment, digest) IN \
     (SELECT environment, digest FROM spent WHERE sweep_at < ?1 \
      ORDER BY sweep_at, environment, digest LIMIT ?2)";

pub(crate) const LOAD_LAST_USED: &str =
    "SELECT version, used_at FROM last_used WHERE environment = ?1 AND id = ?2";
pub(crate) const NOTE_LAST_USED: &str = "INSERT INTO last_used (environment, id, version, used_at) \
     SELECT environment, id, 1, ?3 FROM credential WHERE environment = ?1 AND id = ?2 \
     ON CONFLICT (environment, id) DO UPDATE SET used_at = excluded.used_at, version = version + 1 \
     WHERE excluded.used_at > used_at";
/// A stretch of last uses, each with whether its credential is gone. Parameters: after which, how many.
pub(crate) const LOOK_FOR_LOST_USES: &str = "SELECT environment, id, NOT EXISTS \
     (SELECT 1 FROM credential AS c WHERE c.environment = u.environment AND c.id = u.id) \
     FROM last_used AS u WHERE (environment, id) > (?1, ?2) ORDER BY environment, id LIMIT ?3";
pub(crate) const REMOVE_LOST_USE: &str = "DELETE FROM last_used WHERE environment = ?1 AND id = ?2 \
     AND NOT EXISTS (SELECT 1 FROM credential WHERE environment = ?1 AND id = ?2)";

/// A stretch of credentials, each with whether its holder is gone. Parameters: after which, how many.
pub(crate) const LOOK_FOR_ORPHANS: &str = "SELECT environment, id, \
     (client IS NOT NULL AND NOT EXISTS \
      (SELECT 1 FROM client AS h WHERE h.environment = c.environment AND h.id = c.client)) \
     OR (operator IS NOT NULL AND NOT EXISTS (SELECT 1 FROM operator AS h WHERE h.id = c.operator)) \
     FROM credential AS c WHERE (environment, id) > (?1, ?2) ORDER BY environment, id LIMIT ?3";
/// One of them, if its holder is still gone.
pub(crate) const REMOVE_ORPHAN: &str = "DELETE FROM credential WHERE environment = ?1 AND id = ?2 AND \
     ((client IS NOT NULL AND NOT EXISTS \
       (SELECT 1 FROM client AS h WHERE h.environment = credential.environment \
        AND h.id = credential.client)) \
      OR (operator IS NOT NULL AND NOT EXISTS \
       (SELECT 1 FROM operator AS h WHERE h.id = credential.operator)))";

pub(crate) const NOTE: &str =
    "INSERT INTO audit (at, environment, organization, body) VALUES (?1, ?2, ?3, ?4)";
pub(crate) const SWEEP_AUDIT: &str = "DELETE FROM audit WHERE number IN \
     (SELECT number FROM audit WHERE at < ?1 ORDER BY at, number LIMIT ?2)";

pub(crate) const SWEEP_DEAD: &str = "DELETE FROM delivery WHERE (environment, id) IN \
     (SELECT environment, id FROM delivery WHERE destination = ?1 AND due_at = ?2 ORDER BY id LIMIT ?3)";

pub(crate) const TELL: &str = "INSERT INTO feed (at, keys) VALUES (?1, ?2)";
pub(crate) const FEED_PRESENT: &str =
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'feed'), 0)";
pub(crate) const FEED_PAGE: &str =
    "SELECT number, keys FROM feed WHERE number > ?1 ORDER BY number LIMIT ?2";
/// Looks at the oldest rows only, so that no sweep reads the whole feed.
pub(crate) const SWEEP_FEED: &str = "DELETE FROM feed WHERE number IN \
     (SELECT number FROM (SELECT number, at FROM feed ORDER BY number LIMIT ?2) WHERE at < ?1)";

pub(crate) const LIST_ENVIRONMENTS: &str = "SELECT id, version, not_before, body FROM environment \
     WHERE id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LIST_ORGANIZATIONS: &str = "SELECT id, version, not_before, body FROM organization \
     WHERE id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LIST_OPERATORS: &str =
    "SELECT id, version, 0, body FROM operator WHERE id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LIST_CLIENTS: &str = "SELECT id, version, not_before, body FROM client \
     WHERE id > ?1 AND environment = ?3 ORDER BY id LIMIT ?2";
pub(crate) const LIST_CLIENTS_OF: &str = "SELECT id, version, not_before, body FROM client \
     WHERE id > ?1 AND environment = ?3 AND organization = ?4 ORDER BY id LIMIT ?2";
pub(crate) const LIST_CREDENTIALS: &str = "SELECT id, version, 0, body FROM credential \
     WHERE id > ?1 AND environment = ?3 ORDER BY id LIMIT ?2";
pub(crate) const LIST_CREDENTIALS_OF_CLIENT: &str = "SELECT id, version, 0, body FROM credential \
     WHERE id > ?1 AND environment = ?3 AND client = ?4 AND organization = ?5 ORDER BY id LIMIT ?2";
pub(crate) const LIST_CREDENTIALS_OF_OPERATOR: &str = "SELECT id, version, 0, body FROM credential \
     WHERE id > ?1 AND environment = ?3 AND operator = ?4 ORDER BY id LIMIT ?2";
pub(crate) const CREDENTIAL_BY_ID: &str = "SELECT id, version, 0, body FROM credential \
     WHERE id > ?1 AND environment = ?3 AND id = ?4 ORDER BY id LIMIT ?2";
pub(crate) const LIST_KEY_SETS: &str = "SELECT name, version, 0, body FROM key_set \
     WHERE name > ?1 AND environment = ?3 ORDER BY name LIMIT ?2";

pub(crate) const LIST_SUBJECTS: &str = "SELECT id, version, not_before, body FROM subject \
     WHERE id > ?1 AND environment = ?3 AND organization = ?4 ORDER BY id LIMIT ?2";
pub(crate) const COUNT_SUBJECTS: &str = "SELECT count(*) FROM \
     (SELECT 1 FROM subject WHERE environment = ?1 AND organization = ?2 LIMIT ?3)";
pub(crate) const LIST_SESSIONS: &str = "SELECT hex(digest), version, 0, body FROM session \
     WHERE hex(digest) > ?1 AND environment = ?3 AND subject = ?4 ORDER BY digest LIMIT ?2";
pub(crate) const LIST_SUBSCRIPTIONS: &str = "SELECT id, version, 0, body FROM subscription \
     WHERE id > ?1 AND environment = ?3 AND organization = ?4 ORDER BY id LIMIT ?2";
pub(crate) const LIST_DEVICES: &str = "SELECT id, version, 0, body FROM device \
     WHERE id > ?1 AND environment = ?3 ORDER BY id LIMIT ?2";
pub(crate) const LIST_APPROVALS: &str = "SELECT place, version, 0, body FROM approval \
     WHERE place > ?1 AND environment = ?3 ORDER BY place LIMIT ?2";
pub(crate) const LIST_APPROVALS_OF: &str = "SELECT place, version, 0, body FROM approval \
     WHERE place > ?1 AND environment = ?3 AND organization = ?4 ORDER BY place LIMIT ?2";
// Their place begins with when they were over, in as many digits for each, so that it sorts as that does.
pub(crate) const LIST_LAPSED_APPROVALS: &str = "SELECT printf('%020d', lapses_at) || environment || id, \
     version, 0, body FROM approval WHERE printf('%020d', lapses_at) || environment || id > ?1 \
     AND lapses_at <= ?3 ORDER BY lapses_at, environment, id LIMIT ?2";
pub(crate) const LIST_LAPSED_IDENTIFICATIONS: &str = "SELECT printf('%020d', lapses_at) || environment || id, \
     version, 0, body FROM identification WHERE printf('%020d', lapses_at) || environment || id > ?1 \
     AND lapses_at <= ?3 ORDER BY lapses_at, environment, id LIMIT ?2";
/// What waits has a time to lapse that is not the last of all. Parameters: environment, whose, now, last, limit.
pub(crate) const COUNT_WAITING_OF_ORGANIZATION: &str = "SELECT count(*) FROM \
     (SELECT 1 FROM approval WHERE environment = ?1 AND organization = ?2 \
     AND lapses_at > ?3 AND lapses_at < ?4 LIMIT ?5)";
pub(crate) const COUNT_WAITING_OF_PROVIDER: &str = "SELECT count(*) FROM \
     (SELECT 1 FROM approval WHERE environment = ?1 AND provider = ?2 \
     AND lapses_at > ?3 AND lapses_at < ?4 LIMIT ?5)";
pub(crate) const LIST_DELIVERIES: &str = "SELECT id, version, 0, body FROM delivery \
     WHERE id > ?1 AND environment = ?3 AND due_at <= ?4 ORDER BY id LIMIT ?2";
pub(crate) const LIST_DEAD_LETTERS: &str = "SELECT id, version, 0, body FROM delivery \
     WHERE id > ?1 AND environment = ?3 AND due_at = ?4 ORDER BY id LIMIT ?2";
// Of a lane's deliveries that wait, only the oldest has a time that is not the last: so this is by id, too.
pub(crate) const LIST_LANE: &str = "SELECT id, version, 0, body FROM delivery \
     WHERE id > ?1 AND destination = ?4 AND lane = ?5 AND due_at <= ?3 ORDER BY due_at, id LIMIT ?2";
pub(crate) const LIST_DEAD_LANE: &str = "SELECT id, version, 0, body FROM delivery \
     WHERE id > ?1 AND destination = ?4 AND lane = ?5 AND due_at = ?3 ORDER BY due_at, id LIMIT ?2";
/// How many have the time ?1, up to the bound of all counts.
pub(crate) static COUNT_DELIVERIES: LazyLock<[String; 2]> = LazyLock::new(|| {
    ["<", "="].map(|which| {
        format!(
            "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE due_at {which} ?1 LIMIT {COUNTED_MAX})"
        )
    })
});
// Where something may leave at ?1, the longest due first, up to ?2 places, not those in the JSON list ?3. Goes from
// place to place, whatever lies at each.
pub(crate) const DUE_PLACES: &str = "WITH RECURSIVE step (place) AS \
     (SELECT min(destination) FROM delivery UNION ALL \
      SELECT (SELECT min(d.destination) FROM delivery AS d WHERE d.destination > step.place) \
      FROM step WHERE step.place IS NOT NULL) \
     SELECT place, (SELECT min(d.due_at) FROM delivery AS d WHERE d.destination = place) AS due \
     FROM step WHERE place IS NOT NULL AND due <= ?1 \
     AND place NOT IN (SELECT value FROM json_each(?3)) ORDER BY due, place LIMIT ?2";
pub(crate) const LIST_DUE_AT: &str = "SELECT due_at, id, version, body FROM delivery \
     WHERE destination = ?1 AND due_at <= ?2 ORDER BY due_at, id LIMIT ?3";

// The lane of the row ?1, ?2 is put in order: only its oldest that waits has a time, ?3 is that of all others.
pub(crate) const LANE_BACK: &str = "UPDATE delivery SET due_at = ?3 WHERE environment = ?1 AND id IN \
     (SELECT h.id FROM delivery AS d CROSS JOIN delivery AS h \
      WHERE d.environment = ?1 AND d.id = ?2 \
      AND h.destination = d.destination AND h.lane = d.lane AND h.due_at < ?3 \
      AND (EXISTS (SELECT 1 FROM delivery AS e WHERE e.destination = h.destination \
                   AND e.lane = h.lane AND e.due_at < ?3 AND e.id < h.id) \
        OR EXISTS (SELECT 1 FROM delivery AS e WHERE e.destination = h.destination \
                   AND e.lane = h.lane AND e.due_at = ?3 AND e.id < h.id)))";
pub(crate) const LANE_FRONT: &str = "UPDATE delivery SET due_at = json_extract(body, '$.due_at') \
     WHERE environment = ?1 AND id = \
     (SELECT n.id FROM delivery AS d CROSS JOIN delivery AS n \
      WHERE d.environment = ?1 AND d.id = ?2 \
      AND n.destination = d.destination AND n.lane = d.lane AND n.due_at = ?3 \
      AND NOT EXISTS (SELECT 1 FROM delivery AS e WHERE e.destination = d.destination \
                      AND e.lane = d.lane AND e.due_at < ?3) ORDER BY n.id LIMIT 1)";
/// Before the row ?1, ?2 at version ?3 goes: who comes after it is let to the front.
pub(crate) const LANE_NEXT: &str = "UPDATE delivery SET due_at = json_extract(body, '$.due_at') \
     WHERE environment = ?1 AND id = \
     (SELECT n.id FROM delivery AS d CROSS JOIN delivery AS n \
      WHERE d.environment = ?1 AND d.id = ?2 AND d.version = ?3 AND d.due_at < ?4 \
      AND n.destination = d.destination AND n.lane = d.lane AND n.due_at = ?4 \
      ORDER BY n.id LIMIT 1)";

// Parameters: time and number of the cursor, limit, not older than, environment, organization.
pub(crate) const LIST_AUDIT: &str = "SELECT at, number, body FROM audit \
     WHERE (at, number) < (?1, ?2) AND at >= ?4 ORDER BY at DESC, number DESC LIMIT ?3";
pub(crate) const LIST_AUDIT_OF_ENVIRONMENT: &str = "SELECT at, number, body FROM audit \
     WHERE (at, number) < (?1, ?2) AND at >= ?4 AND environment = ?5 \
     ORDER BY at DESC, number DESC LIMIT ?3";
pub(crate) const LIST_AUDIT_OF_ORGANIZATION: &str = "SELECT at, number, body FROM audit \
     WHERE (at, number) < (?1, ?2) AND at >= ?4 AND organization = ?5 \
     ORDER BY at DESC, number DESC LIMIT ?3";
pub(crate) const LIST_AUDIT_OF_BOTH: &str = "SELECT at, number, body FROM audit \
     WHERE (at, number) < (?1, ?2) AND at >= ?4 AND environment = ?5 AND organization = ?6 \
     ORDER BY at DESC, number DESC LIMIT ?3";

pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(crate) const BEGIN_READ: &str = "BEGIN DEFERRED";
pub(crate) const COMMIT: &str = "COMMIT";
pub(crate) const ROLLBACK: &str = "ROLLBACK";
pub(crate) const SAVEPOINT: &str = "SAVEPOINT one";
pub(crate) const RELEASE: &str = "RELEASE one";
pub(crate) const ROLLBACK_TO: &str = "ROLLBACK TO one";

/// Rows of one table that are counted: a count goes from row to row, and a metric is not worth more of a reader's
/// time than some milliseconds.
pub(crate) const COUNTED_MAX: u32 = 1_000_000;

/// The numbers of rows of the ledgers, in the order of [`crate::tables::LEDGERS`]. Those that are numbered as they
/// are written grow for as long as they are kept: when long, they are measured from the first number to the last,
/// which is off by the few lines that a sweep has taken from between.
pub(crate) static COUNT_LEDGERS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let counted =
        |name: &str| format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {COUNTED_MAX})");
    let measured = |name: &str| {
        let span =
            format!("(SELECT max(number) FROM {name}) - (SELECT min(number) FROM {name}) + 1");
        format!(
            "SELECT CASE WHEN {span} >= {COUNTED_MAX} THEN {span} ELSE (SELECT count(*) FROM {name}) END"
        )
    };
    [
        counted("spent"),
        counted("last_used"),
        measured("audit"),
        measured("feed"),
    ]
});

/// Every statement that the engine can run once its schema stands, for the test that prepares them all.
#[cfg(test)]
pub(crate) fn all() -> Vec<&'static str> {
    let mut all = vec![
        SPEND,
        SWEEP_SPENT,
        LOAD_LAST_USED,
        NOTE_LAST_USED,
        LOOK_FOR_LOST_USES,
        REMOVE_LOST_USE,
        LOOK_FOR_ORPHANS,
        REMOVE_ORPHAN,
        NOTE,
        SWEEP_AUDIT,
        SWEEP_DEAD,
        TELL,
        FEED_PRESENT,
        FEED_PAGE,
        SWEEP_FEED,
        LIST_ENVIRONMENTS,
        LIST_ORGANIZATIONS,
        LIST_OPERATORS,
        LIST_CLIENTS,
        LIST_CLIENTS_OF,
        LIST_CREDENTIALS,
        LIST_CREDENTIALS_OF_CLIENT,
        LIST_CREDENTIALS_OF_OPERATOR,
        CREDENTIAL_BY_ID,
        LIST_KEY_SETS,
        LIST_SUBJECTS,
        COUNT_SUBJECTS,
        LIST_SESSIONS,
        LIST_SUBSCRIPTIONS,
        LIST_DEVICES,
        LIST_APPROVALS,
        LIST_APPROVALS_OF,
        LIST_LAPSED_APPROVALS,
        LIST_LAPSED_IDENTIFICATIONS,
        COUNT_WAITING_OF_ORGANIZATION,
        COUNT_WAITING_OF_PROVIDER,
        LIST_DELIVERIES,
        LIST_DEAD_LETTERS,
        LIST_LANE,
        LIST_DEAD_LANE,
        DUE_PLACES,
        LIST_DUE_AT,
        LANE_BACK,
        LANE_FRONT,
        LANE_NEXT,
        LIST_AUDIT,
        LIST_AUDIT_OF_ENVIRONMENT,
        LIST_AUDIT_OF_ORGANIZATION,
        LIST_AUDIT_OF_BOTH,
        BEGIN,
        BEGIN_READ,
        COMMIT,
        ROLLBACK,
        SAVEPOINT,
        RELEASE,
        ROLLBACK_TO,
    ];
    all.extend(COUNT_DELIVERIES.iter().map(String::as_str));
    all.extend(COUNT_LEDGERS.iter().map(String::as_str));
    all.extend(KEYED.iter().flat_map(of_keyed));
    all
}

#[cfg(test)]
fn of_keyed(keyed: &Keyed) -> impl Iterator<Item = &str> {
    let always = [
        &keyed.load,
        &keyed.insert,
        &keyed.replace,
        &keyed.remove,
        &keyed.require,
        &keyed.count,
    ];
    let always = always.into_iter().map(String::as_str);
    always
        .chain(keyed.raise.as_deref())
        .chain(keyed.sweep.as_deref())
}
