//! Commits and housekeeping as finished statements. Made by whoever asks, so that the writer, of which there
//! is one, only runs them.

use super::statements::{self, keyed};
use crate::tables::{
    BEHIND, Field, NEVER, Noun, encode_body, key_fields, projected_fields, touched,
};
use countersign_engine::{
    commit::{Change, Commit, Version},
    denied::Fault,
    id::{CredentialId, EnvironmentId},
    model::audit::AuditEvent,
    ports::Attempted,
    row::{Key, Row},
    time::Timestamp,
};
use rusqlite::types::Value;

/// What a statement must do for its work to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Must {
    /// Touch exactly one row.
    TouchOne,
    /// Find a row.
    Find,
    /// Nothing: housekeeping touches what it finds.
    Run,
    /// Nothing, and no change of a commit and no row of housekeeping is counted for it.
    Settle,
}

/// One statement, ready to run.
#[derive(Debug)]
pub(super) struct Step {
    pub sql: &'static str,
    pub values: Vec<Value>,
    pub must: Must,
}

/// Steps, and how many rows all of them together may touch; such a number is handed to each step as its last value.
pub(super) type Work = (Vec<Step>, Option<u64>);

impl From<Field<'_>> for Value {
    fn from(field: Field<'_>) -> Self {
        match field {
            Field::Text(text) => Self::Text(text.to_owned()),
            Field::Owned(text) => Self::Text(text),
            Field::Blob(bytes) => Self::Blob(bytes.to_owned()),
            Field::Integer(number) => Self::Integer(number),
            Field::Null => Self::Null,
        }
    }
}

fn values<'a>(fields: impl IntoIterator<Item = Field<'a>>) -> Vec<Value> {
    fields.into_iter().map(Value::from).collect()
}

/// Versions count from 1 and never come near the bound; one that would not fit matches no row.
fn version(number: Version) -> Field<'static> {
    Field::Integer(i64::try_from(number).unwrap_or(-1))
}

fn noun(key: &Key) -> Result<Noun, Fault> {
    Noun::of(key).ok_or_else(|| Fault::internal("this key names no row that a commit may change"))
}

/// The steps of a commit: its changes first, in their order, so that a step's place is the change's once those
/// are left out that settle.
pub(super) fn of_commit(commit: &Commit) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::with_capacity(commit.changes.len() + 2);
    for change in &commit.changes {
        if let Change::Remove { key, if_version } = change {
            steps.extend(lane_before(key, *if_version));
        }
        steps.push(of_change(change)?);
        if let Change::Insert(row) | Change::Replace { row, .. } = change {
            steps.extend(lane_after(row));
        }
    }
    let keys = touched(&commit.changes);
    if !keys.is_empty() {
        steps.push(tell(commit.at, &keys)?);
    }
    if commit.is_audited() {
        steps.push(note(&commit.audit)?);
    }
    Ok(steps)
}

fn of_change(change: &Change) -> Result<Step, Fault> {
    let key = change.key();
    let mut fields = key_fields(&key);
    let body;
    let (sql, must) = match change {
        Change::Insert(row) => {
            body = encode_body(row)?;
            fields.extend(content(row, &body));
            (keyed(noun(&key)?).insert.as_str(), Must::TouchOne)
        }
        Change::Replace { row, if_version } => {
            body = encode_body(row)?;
            fields.push(version(*if_version));
            fields.extend(content(row, &body));
            (keyed(noun(&key)?).replace.as_str(), Must::TouchOne)
        }
        Change::Remove { if_version, .. } => {
            fields.push(version(*if_version));
            (keyed(noun(&key)?).remove.as_str(), Must::TouchOne)
        }
        Change::Spend(one) => {
            fields.push(Field::Integer(one.expires_at.micros()));
            (statements::SPEND, Must::TouchOne)
        }
        Change::Raise { not_before, .. } => {
            fields.push(Field::Integer(not_before.micros()));
            let sql = keyed(noun(&key)?).raise.as_deref();
            let sql = sql.ok_or_else(|| Fault::internal("no tokens hang on this noun"))?;
            (sql, Must::TouchOne)
        }
        Change::Require { if_version, .. } => {
            fields.push(version(*if_version));
            (keyed(noun(&key)?).require.as_str(), Must::Find)
        }
    };
    Ok(Step {
        sql,
        values: values(fields),
        must,
    })
}

/// What keeps a delivery's lane in order after it was written.
fn lane_after(row: &Row) -> impl Iterator<Item = Step> {
    let key = matches!(row, Row::Delivery(_)).then(|| row.key());
    key.into_iter().flat_map(|key| {
        let fields = [key_fields(&key), vec![Field::Integer(BEHIND)]].concat();
        [statements::LANE_BACK, statements::LANE_FRONT].map(|sql| settle(sql, &fields))
    })
}

/// What keeps a delivery's lane in order before it goes.
fn lane_before(key: &Key, if_version: Version) -> Option<Step> {
    let mut fields = matches!(key, Key::Delivery(..)).then(|| key_fields(key))?;
    fields.extend([version(if_version), Field::Integer(BEHIND)]);
    Some(settle(statements::LANE_NEXT, &fields))
}

fn settle(sql: &'static str, fields: &[Field<'_>]) -> Step {
    let must = Must::Settle;
    Step {
        must,
        ..run(sql, fields)
    }
}

fn content<'a>(row: &'a Row, body: &'a str) -> impl Iterator<Item = Field<'a>> {
    projected_fields(row)
        .into_iter()
        .chain(std::iter::once(Field::Text(body)))
}

fn tell(at: Timestamp, keys: &[Key]) -> Result<Step, Fault> {
    let keys = serde_json::to_string(keys)
        .map_err(|error| Fault::internal(format_args!("keys cannot be written: {error}")))?;
    Ok(Step {
        sql: statements::TELL,
        values: values([Field::Integer(at.micros()), Field::Text(&keys)]),
        must: Must::TouchOne,
    })
}

/// The step that appends an audit line.
pub(super) fn note(event: &AuditEvent) -> Result<Step, Fault> {
    let body = serde_json::to_string(event).map_err(|error| {
        Fault::internal(format_args!("an audit line cannot be written: {error}"))
    })?;
    let organization = event.organization.as_ref().map(|id| id.as_str());
    Ok(Step {
        sql: statements::NOTE,
        values: values([
            Field::Integer(event.at.micros()),
            Field::Text(event.environment.as_str()),
            organization.into(),
            Field::Text(&body),
        ]),
        must: Must::TouchOne,
    })
}

fn run(sql: &'static str, fields: &[Field<'_>]) -> Step {
    Step {
        sql,
        values: values(fields.iter().cloned()),
        must: Must::Run,
    }
}

/// Remove what ended before `now`, noun after noun.
pub(super) fn sweep_expired(now: Timestamp, limit: u32) -> Work {
    let keyed = Noun::ALL
        .iter()
        .filter_map(|noun| keyed(*noun).sweep.as_deref());
    let steps = keyed
        .chain([statements::SWEEP_SPENT])
        .map(|sql| run(sql, &[Field::Integer(now.micros())]));
    (steps.collect(), Some(limit.into()))
}

/// Remove what was given up at a destination. It stands in no lane, so nothing comes to the front for it.
pub(super) fn sweep_dead(place: &str, limit: u32) -> Work {
    let fields = [Field::Text(place), Field::Integer(NEVER)];
    (
        vec![run(statements::SWEEP_DEAD, &fields)],
        Some(limit.into()),
    )
}

/// Remove audit lines older than `before`.
pub(super) fn sweep_audit(before: Timestamp, limit: u32) -> Work {
    let step = run(statements::SWEEP_AUDIT, &[Field::Integer(before.micros())]);
    (vec![step], Some(limit.into()))
}

/// Remove feed rows older than `before`.
pub(super) fn sweep_feed(before: Timestamp, limit: u32) -> Work {
    let step = run(statements::SWEEP_FEED, &[Field::Integer(before.micros())]);
    (vec![step], Some(limit.into()))
}

/// Note when credentials were last used.
pub(super) fn note_last_uses(uses: &[(EnvironmentId, CredentialId, Timestamp)]) -> Work {
    let steps = uses.iter().map(|(environment, credential, at)| {
        let place = [environment.as_str(), credential.as_str()].map(Field::Text);
        let [environment, credential] = place;
        run(
            statements::NOTE_LAST_USED,
            &[environment, credential, Field::Integer(at.micros())],
        )
    });
    (steps.collect(), None)
}

/// What became of deliveries, each if it is still what was tried.
pub(super) fn delivered(attempts: &[Attempted]) -> Result<Work, Fault> {
    let mut steps = Vec::with_capacity(attempts.len() * 3);
    for attempted in attempts {
        let keyed = keyed(noun(&attempted.key)?);
        let mut fields = key_fields(&attempted.key);
        fields.push(version(attempted.if_version));
        let Some(next) = &attempted.next else {
            steps.extend(lane_before(&attempted.key, attempted.if_version));
            steps.push(run(&keyed.remove, &fields));
            continue;
        };
        let row = Row::Delivery(next.clone());
        let body = encode_body(&row)?;
        fields.extend(content(&row, &body));
        steps.push(run(&keyed.replace, &fields));
        steps.extend(lane_after(&row));
    }
    Ok((steps, None))
}

/// Remove these credentials, each if its holder is still gone.
pub(super) fn remove_orphans(places: Vec<(String, String)>) -> Work {
    (of_places(statements::REMOVE_ORPHAN, places), None)
}

/// Remove these last uses, each if its credential is still gone.
pub(super) fn remove_lost_uses(places: Vec<(String, String)>) -> Work {
    (of_places(statements::REMOVE_LOST_USE, places), None)
}

fn of_places(sql: &'static str, places: Vec<(String, String)>) -> Vec<Step> {
    let steps = places
        .iter()
        .map(|(environment, id)| run(sql, &[Field::Text(environment), Field::Text(id)]));
    steps.collect()
}
