//! Reading many rows: pages, the feed, counts.

use super::{
    errors,
    reader::{snapshot, stored},
    statements::{self, keyed},
};
use crate::{
    page::{FEED_COMMITS_MAX, audit_after, audit_place, cut},
    tables::{BEHIND, Field, LEDGERS, NEVER, Noun, decode_body},
};
use countersign_engine::{
    denied::Fault,
    id::{EnvironmentId, OrganizationId},
    model::credential::Holder,
    ports::{Cursor, FeedCursor, FeedPage, Page, Query, WaitingOf},
    row::{Key, Row, Stored},
    time::Timestamp,
};
use rusqlite::{Connection, Row as Found, params_from_iter, types::Value};
use std::sync::Arc;

fn all<T>(
    connection: &Connection,
    sql: &str,
    fields: &[Field<'_>],
    read: impl FnMut(&Found<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Fault> {
    let values = fields.iter().cloned().map(Value::from);
    let found = connection.prepare_cached(sql).and_then(|mut sql| {
        sql.query_map(params_from_iter(values), read)?
            .collect::<rusqlite::Result<Vec<T>>>()
    });
    found.map_err(|error| errors::fault(&error))
}

fn count(max: usize) -> Field<'static> {
    Field::Integer(i64::try_from(max).unwrap_or(i64::MAX))
}

/// A page of `max` rows in the query's order.
pub(super) fn list(
    connection: &Connection,
    query: &Query,
    after: Option<&Cursor>,
    max: usize,
) -> Result<Page, Fault> {
    match query {
        Query::Audit {
            environment,
            organization,
            since,
        } => {
            let of = (environment.as_ref(), organization.as_ref());
            return list_audit(connection, of, *since, after, max);
        }
        Query::DueDeliveries {
            now,
            per_destination,
            busy,
        } => return list_due(connection, *now, *per_destination, busy, max),
        _ => {}
    }
    // Every identifier is later than the empty text.
    let from = Field::Text(after.map_or("", |cursor| &cursor.0));
    let mut fields = vec![from, count(max + 1)];
    let found = statement_of(query, &mut fields);
    let (sql, noun) = found.ok_or_else(|| Fault::internal("a query without a statement"))?;
    page(connection, sql, &fields, noun, max)
}

/// The statement of a query that has just one, the noun that it lists, and its further fields.
fn statement_of<'a>(query: &'a Query, fields: &mut Vec<Field<'a>>) -> Option<(&'static str, Noun)> {
    use statements as sql;
    let text = Field::Text;
    Some(match query {
        Query::Environments => (sql::LIST_ENVIRONMENTS, Noun::Environment),
        Query::Organizations => (sql::LIST_ORGANIZATIONS, Noun::Organization),
        Query::Operators => (sql::LIST_OPERATORS, Noun::Operator),
        Query::Clients(environment, organization) => {
            let two = [sql::LIST_CLIENTS, sql::LIST_CLIENTS_OF];
            let sql = of_owner(environment, organization.as_ref(), two, fields);
            (sql, Noun::Client)
        }
        Query::Credentials(environment, holder) => {
            fields.push(text(environment.as_str()));
            (of_holder(holder.as_ref(), fields), Noun::Credential)
        }
        Query::CredentialById(environment, id) => {
            fields.extend([text(environment.as_str()), text(id.as_str())]);
            (sql::CREDENTIAL_BY_ID, Noun::Credential)
        }
        Query::KeySets(environment) => {
            fields.push(text(environment.as_str()));
            (sql::LIST_KEY_SETS, Noun::KeySet)
        }
        Query::Subjects(environment, organization) => {
            fields.extend([text(environment.as_str()), text(organization.as_str())]);
            (sql::LIST_SUBJECTS, Noun::Subject)
        }
        Query::Sessions(environment, subject) => {
            fields.extend([text(environment.as_str()), text(subject.as_str())]);
            (sql::LIST_SESSIONS, Noun::Session)
        }
        Query::Subscriptions(environment, organization) => {
            fields.extend([text(environment.as_str()), text(organization.as_str())]);
            (sql::LIST_SUBSCRIPTIONS, Noun::Subscription)
        }
        Query::Devices(environment) => {
            fields.push(text(environment.as_str()));
            (sql::LIST_DEVICES, Noun::Device)
        }
        Query::Approvals(environment, organization) => {
            let two = [sql::LIST_APPROVALS, sql::LIST_APPROVALS_OF];
            let sql = of_owner(environment, organization.as_ref(), two, fields);
            (sql, Noun::Approval)
        }
        Query::LapsedApprovals { now } => {
            fields.push(Field::Integer(now.micros()));
            (sql::LIST_LAPSED_APPROVALS, Noun::Approval)
        }
        Query::LapsedIdentifications { now } => {
            fields.push(Field::Integer(now.micros()));
            (sql::LIST_LAPSED_IDENTIFICATIONS, Noun::Identification)
        }
        Query::Deliveries { environment, dead } => {
            let (sql, time) = by_state(*dead, sql::LIST_DEAD_LETTERS, sql::LIST_DELIVERIES);
            fields.extend([text(environment.as_str()), Field::Integer(time)]);
            (sql, Noun::Delivery)
        }
        Query::Lane { place, order, dead } => {
            let (sql, time) = by_state(*dead, sql::LIST_DEAD_LANE, sql::LIST_LANE);
            fields.extend([Field::Integer(time), text(place), text(order)]);
            (sql, Noun::Delivery)
        }
        Query::Audit { .. } | Query::DueDeliveries { .. } => return None,
    })
}

/// Of an environment's rows all, or an organization's: the statement of two, and its further fields.
fn of_owner<'a>(
    environment: &'a EnvironmentId,
    organization: Option<&'a OrganizationId>,
    [of_all, of_one]: [&'static str; 2],
    fields: &mut Vec<Field<'a>>,
) -> &'static str {
    fields.push(Field::Text(environment.as_str()));
    fields.extend(organization.map(|id| Field::Text(id.as_str())));
    organization.map_or(of_all, |_| of_one)
}

/// Of two statements that list deliveries the one for the dead or the waiting, and the time that it compares with.
fn by_state(dead: bool, of_dead: &'static str, of_waiting: &'static str) -> (&'static str, i64) {
    match dead {
        true => (of_dead, NEVER),
        false => (of_waiting, BEHIND),
    }
}

/// The statement that lists the credentials of a holder, and its further fields.
fn of_holder<'a>(holder: Option<&'a Holder>, fields: &mut Vec<Field<'a>>) -> &'static str {
    match holder {
        None => statements::LIST_CREDENTIALS,
        Some(Holder::Client(organization, client)) => {
            fields.extend([client.as_str(), organization.as_str()].map(Field::Text));
            statements::LIST_CREDENTIALS_OF_CLIENT
        }
        Some(Holder::Operator(operator)) => {
            fields.push(Field::Text(operator.as_str()));
            statements::LIST_CREDENTIALS_OF_OPERATOR
        }
    }
}

fn page(
    connection: &Connection,
    sql: &str,
    fields: &[Field<'_>],
    noun: Noun,
    max: usize,
) -> Result<Page, Fault> {
    type Columns = (String, i64, i64, String);
    let found: Vec<Columns> = all(connection, sql, fields, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let rows = found.into_iter().map(|(place, version, not_before, body)| {
        Ok((
            place,
            stored(version, not_before, decode_body(noun, &body)?),
        ))
    });
    Ok(cut(rows.collect::<Result<_, Fault>>()?, max))
}

/// Of each place the first that are due, from one snapshot, then the longest due of all of them.
fn list_due(
    connection: &Connection,
    now: Timestamp,
    per_place: u32,
    busy: &[String],
    max: usize,
) -> Result<Page, Fault> {
    let now = Field::Integer(now.micros().min(BEHIND - 1));
    let busy = serde_json::to_string(busy).map_err(Fault::internal)?;
    let of_places = [now.clone(), count(max), Field::Text(&busy)];
    let mut due: Vec<(i64, String, i64, String)> = snapshot(connection, || {
        let places: Vec<String> = all(connection, statements::DUE_PLACES, &of_places, |row| {
            row.get(0)
        })?;
        let due = places.iter().map(|place| {
            let of = [
                Field::Text(place),
                now.clone(),
                Field::Integer(per_place.into()),
            ];
            all(connection, statements::LIST_DUE_AT, &of, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        });
        Ok(due.collect::<Result<Vec<_>, Fault>>()?.concat())
    })?;
    due.sort();
    due.truncate(max);
    let rows = due.into_iter().map(|(_, _, version, body)| {
        let row = decode_body(Noun::Delivery, &body)?;
        Ok(stored(version, 0, row))
    });
    Ok(Page {
        rows: rows.collect::<Result<_, Fault>>()?,
        next: None,
    })
}

fn list_audit(
    connection: &Connection,
    of: (Option<&EnvironmentId>, Option<&OrganizationId>),
    since: Option<Timestamp>,
    after: Option<&Cursor>,
    max: usize,
) -> Result<Page, Fault> {
    let Some((at, number)) = audit_after(after) else {
        return Ok(cut(Vec::new(), max));
    };
    let since = since.map_or(i64::MIN, Timestamp::micros);
    let mut fields = vec![
        Field::Integer(at.micros()),
        Field::Integer(number),
        count(max + 1),
        Field::Integer(since),
    ];
    let (environment, organization) = of;
    fields.extend(environment.map(|id| Field::Text(id.as_str())));
    fields.extend(organization.map(|id| Field::Text(id.as_str())));
    let sql = match of {
        (None, None) => statements::LIST_AUDIT,
        (Some(_), None) => statements::LIST_AUDIT_OF_ENVIRONMENT,
        (None, Some(_)) => statements::LIST_AUDIT_OF_ORGANIZATION,
        (Some(_), Some(_)) => statements::LIST_AUDIT_OF_BOTH,
    };
    let found: Vec<(i64, i64, String)> = all(connection, sql, &fields, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let rows = found.into_iter().map(|(at, number, body)| {
        let event = serde_json::from_str(&body).map_err(|error| {
            Fault::internal(format_args!("an audit line is unreadable: {error}"))
        })?;
        let place = audit_place(Timestamp::from_micros(at), number);
        Ok((place, stored(1, 0, Row::Audit(event))))
    });
    let rows: Vec<(String, Arc<Stored>)> = rows.collect::<Result<_, Fault>>()?;
    Ok(cut(rows, max))
}

/// What commits touched after the cursor.
///
/// Exact because there is one writer: numbers become visible in their order, and none is used twice.
pub(super) fn feed(connection: &Connection, after: Option<&FeedCursor>) -> Result<FeedPage, Fault> {
    let Some(FeedCursor(after)) = after else {
        let present = all(connection, statements::FEED_PRESENT, &[], |row| row.get(0))?;
        return Ok(FeedPage {
            touched: Vec::new(),
            next: FeedCursor(present.first().copied().unwrap_or(0)),
            more: false,
        });
    };
    let fields = [Field::Integer(*after), count(FEED_COMMITS_MAX + 1)];
    let found: Vec<(i64, String)> = all(connection, statements::FEED_PAGE, &fields, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let mut page = FeedPage {
        touched: Vec::new(),
        next: FeedCursor(*after),
        more: found.len() > FEED_COMMITS_MAX,
    };
    for (number, keys) in found.iter().take(FEED_COMMITS_MAX) {
        let keys: Vec<Key> = serde_json::from_str(keys)
            .map_err(|error| Fault::internal(format_args!("a feed row is unreadable: {error}")))?;
        page.touched.extend(keys);
        page.next = FeedCursor(*number);
    }
    Ok(page)
}

/// The environment and id of a row. The empty place stands before all of them.
pub(super) type Place = (String, String);

/// What one look at a stretch of a table found, and where the next begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Looked {
    pub found: Vec<Place>,
    pub next: Place,
}

/// Look at `rows` rows after `from`, and take at most `limit` of those that `sql` says are lost. What was too much
/// for the limit is found by the next look, at the same stretch; after the last row the first follows.
pub(super) fn look(
    connection: &Connection,
    sql: &str,
    from: Place,
    rows: u32,
    limit: u64,
) -> Result<Looked, Fault> {
    let fields = [
        Field::Text(&from.0),
        Field::Text(&from.1),
        Field::Integer(rows.into()),
    ];
    let seen: Vec<(Place, bool)> = all(connection, sql, &fields, |row| {
        Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
    })?;
    let is_all = u32::try_from(seen.len()).is_ok_and(|seen| seen < rows);
    let last = seen.last().map(|(place, _)| place.clone());
    let lost = seen.into_iter().filter(|(_, is_lost)| *is_lost);
    let mut found: Vec<Place> = lost.map(|(place, _)| place).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = if found.len() > limit {
        from
    } else if is_all {
        Place::default()
    } else {
        last.unwrap_or_default()
    };
    found.truncate(limit);
    Ok(Looked { found, next })
}

/// The subjects of an organization, up to `limit`.
pub(super) fn count_subjects(
    connection: &Connection,
    environment: &EnvironmentId,
    organization: &OrganizationId,
    limit: u32,
) -> Result<u64, Fault> {
    let fields = [
        Field::Text(environment.as_str()),
        Field::Text(organization.as_str()),
        Field::Integer(limit.into()),
    ];
    let rows: Vec<i64> = all(connection, statements::COUNT_SUBJECTS, &fields, |row| {
        row.get(0)
    })?;
    Ok(rows.first().copied().unwrap_or(0).unsigned_abs())
}

/// The approvals that wait, up to `limit`.
pub(super) fn count_waiting(
    connection: &Connection,
    environment: &EnvironmentId,
    of: &WaitingOf,
    now: Timestamp,
    limit: u32,
) -> Result<u64, Fault> {
    let (sql, whose) = match of {
        WaitingOf::Organization(id) => (statements::COUNT_WAITING_OF_ORGANIZATION, id.as_str()),
        WaitingOf::Provider(id) => (statements::COUNT_WAITING_OF_PROVIDER, id.as_str()),
    };
    let fields = [
        Field::Text(environment.as_str()),
        Field::Text(whose),
        Field::Integer(now.micros()),
        Field::Integer(Timestamp::FAR.micros()),
        Field::Integer(limit.into()),
    ];
    let rows: Vec<i64> = all(connection, sql, &fields, |row| row.get(0))?;
    Ok(rows.first().copied().unwrap_or(0).unsigned_abs())
}

/// What waits in the outbox, and what was given up.
pub(super) fn count_deliveries(connection: &Connection) -> Result<Vec<(&'static str, u64)>, Fault> {
    let never = [Field::Integer(NEVER)];
    let counts = ["waiting", "dead"].into_iter();
    let counts = counts.zip(statements::COUNT_DELIVERIES.iter());
    snapshot(connection, || {
        counts
            .map(|(name, sql)| {
                let rows: Vec<i64> = all(connection, sql, &never, |row| row.get(0))?;
                Ok((name, rows.first().copied().unwrap_or(0).unsigned_abs()))
            })
            .collect()
    })
}

/// The rows of every table.
pub(super) fn count_rows(connection: &Connection) -> Result<Vec<(&'static str, u64)>, Fault> {
    let tables = Noun::ALL.iter().map(|noun| noun.table().name);
    let keyed = Noun::ALL.iter().map(|noun| keyed(*noun).count.as_str());
    let counts = tables.zip(keyed).chain(
        LEDGERS
            .into_iter()
            .zip(statements::COUNT_LEDGERS.iter().map(String::as_str)),
    );
    snapshot(connection, || {
        counts
            .map(|(table, sql)| {
                let rows: Vec<i64> = all(connection, sql, &[], |row| row.get(0))?;
                let rows = rows.first().copied().unwrap_or(0);
                Ok((table, rows.unsigned_abs()))
            })
            .collect()
    })
}
