//! The parameters after `?`. A closed list per route; anything else is refused by its name.

use super::time;
use countersign_engine::{
    bounds::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX},
    denied::{Denied, Problem, ProblemKind},
    ports::Cursor,
    time::Timestamp,
};
use std::borrow::Cow;

/// Bytes of a whole query: an id, two bounds and a cursor stay far below.
const QUERY_BYTES_MAX: usize = 2048;

/// The parameters of a request, each known to its route and there at most once.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Read `query`, of which only `known` parameters may be there.
    pub(super) fn read(query: Option<&'a str>, known: &[&str]) -> Result<Self, Denied> {
        let query = query.unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            let max = QUERY_BYTES_MAX;
            return Err(Denied::invalid("query", ProblemKind::TooLong { max }));
        }
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let mut problems = Vec::new();
        for (index, (name, _)) in pairs.iter().enumerate() {
            let first = pairs.iter().position(|(other, _)| other == name);
            if first != Some(index) {
                problems.push(Problem::new(name.as_ref(), ProblemKind::Repeated));
            } else if !known.contains(&&**name) {
                problems.push(Problem::new(name.as_ref(), ProblemKind::UnknownMember));
            }
        }
        if problems.is_empty() {
            Ok(Self(pairs))
        } else {
            Err(Denied::Invalid(problems))
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| &**value)
    }

    /// A parameter that `parse` takes, or a refusal that says what is expected.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Denied> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Denied::invalid(name, ProblemKind::Expected(expected))),
        }
    }

    /// An identifier.
    pub(super) fn id<T, E>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Denied> {
        let expected = "1 to 64 characters of A-Z a-z 0-9 - _ .";
        self.parsed(name, expected, |text| parse(text).ok())
    }

    /// A point in time.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Denied> {
        let expected = "a time such as `2026-01-31T12:00:00Z` (RFC 3339)";
        self.parsed(name, expected, time::read)
    }

    /// `limit`: rows of a page.
    pub(super) fn limit(&self) -> Result<u32, Denied> {
        const { assert!(PAGE_ROWS_MAX == 200, "the text below says it") };
        let expected = "a whole number from 1 to 200";
        let read = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            let limit = text.parse().ok().filter(|_| digits)?;
            (1..=PAGE_ROWS_MAX).contains(&limit).then_some(limit)
        };
        let limit = self.parsed("limit", expected, read)?;
        Ok(limit.unwrap_or(PAGE_ROWS_DEFAULT))
    }

    /// `cursor`: where a page begins.
    pub(super) fn cursor(&self) -> Result<Option<Cursor>, Denied> {
        self.parsed("cursor", "a `next_cursor` from an earlier answer", |text| {
            let bytes = data_encoding::BASE64URL_NOPAD
                .decode(text.as_bytes())
                .ok()?;
            String::from_utf8(bytes).ok().map(Cursor)
        })
    }
}

/// A cursor as an answer writes it. Its content is the store's business, so it is not shown as text.
pub(super) fn write_cursor(cursor: &Cursor) -> String {
    data_encoding::BASE64URL_NOPAD.encode(cursor.0.as_bytes())
}
