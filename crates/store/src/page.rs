//! What the pages of every engine share: their size, and the cursor of the audit log.

use countersign_engine::{
    bounds::PAGE_ROWS_MAX,
    ports::{Cursor, Page},
    row::Stored,
    time::Timestamp,
};
use std::sync::Arc;

/// Commits in one page of the feed: few enough that reading a page takes a millisecond or two.
pub(crate) const FEED_COMMITS_MAX: usize = 500;

/// Rows of a page: at least one, so that whoever pages gets on, and at most [`PAGE_ROWS_MAX`].
pub(crate) fn rows_max(limit: u32) -> usize {
    limit.clamp(1, PAGE_ROWS_MAX) as usize
}

/// A page of at most `max` of these rows; one more than `max` says that there is a next page.
pub(crate) fn cut(mut rows: Vec<(String, Arc<Stored>)>, max: usize) -> Page {
    let more = rows.len() > max;
    rows.truncate(max);
    let next = match rows.last() {
        Some((place, _)) if more => Some(Cursor(place.clone())),
        _ => None,
    };
    Page {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        next,
    }
}

/// The place of an audit line: its time, then its number among all lines.
pub(crate) fn audit_place(at: Timestamp, number: i64) -> String {
    format!("{}.{number}", at.micros())
}

/// Where a page of the audit log goes on. The place of no line has nothing after it.
pub(crate) fn audit_after(cursor: Option<&Cursor>) -> Option<(Timestamp, i64)> {
    let Some(cursor) = cursor else {
        return Some((Timestamp::FAR, i64::MAX));
    };
    let (at, number) = cursor.0.split_once('.')?;
    Some((
        Timestamp::from_micros(at.parse().ok()?),
        number.parse().ok()?,
    ))
}
