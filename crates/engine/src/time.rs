//! Points in time and spans of it.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z. The one form of time that rows, calls and rules share.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The start of 1970: earlier than anything the server ever makes.
    pub const EPOCH: Self = Self(0);
    /// Later than anything the server ever makes.
    pub const FAR: Self = Self(i64::MAX);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch, as JWTs print them (RFC 7519 section 2, `NumericDate`).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole seconds since the epoch, rounded up: for bounds that must not be crossed early.
    pub const fn seconds_up(self) -> i64 {
        self.0.div_euclid(1_000_000) + (self.0.rem_euclid(1_000_000) != 0) as i64
    }

    /// This point and `span` later.
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This point and `span` earlier.
    pub fn minus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long from `earlier` to this point; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As RFC 3339 writes it, in UTC with microseconds: `2026-11-27T04:42:03.000000Z`.
    pub fn rfc3339(self) -> String {
        let micros = self.0.rem_euclid(1_000_000);
        format!("{}.{micros:06}Z", self.rfc3339_second())
    }

    fn rfc3339_second(self) -> String {
        let (days, second) = (
            self.seconds().div_euclid(DAY_S),
            self.seconds().rem_euclid(DAY_S),
        );
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }

    /// The point that `text` names in UTC, as [`Timestamp::rfc3339`] writes it or without the fraction; no other
    /// spelling of it.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok())?
        };
        let days = days_of(number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let of_day = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        let whole = Self::from_seconds(days * DAY_S + of_day);
        let read = match text.len() {
            20 => whole,
            27 => Self(whole.0.saturating_add(number(20, 26)?)),
            _ => return None,
        };
        // Dates that are none, such as the 31st of April, are written in another way.
        let is_spelled_so =
            text == read.rfc3339() || text.strip_suffix('Z') == Some(&read.rfc3339_second());
        is_spelled_so.then_some(read)
    }
}

const DAY_S: i64 = 24 * 60 * 60;
/// Days of 400 years of the Gregorian calendar, after which it repeats itself.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day at their end.
const EPOCH_DAYS: i64 = 719_468;

/// Year, month and day of a day since 1970-01-01.
const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (era, day) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year + (month <= 2) as i64;
    (year, month, day - (153 * from_march + 2) / 5 + 1)
}

/// The day since 1970-01-01 of a date.
const fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - (month <= 2) as i64;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_one_spelling() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_795_754_523_000_001, "2026-11-27T04:42:03.000001Z"),
            (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp(micros).rfc3339(), text);
            assert_eq!(Timestamp::from_rfc3339(text), Some(Timestamp(micros)));
        }
        let whole = Timestamp::from_rfc3339("2026-11-27T04:42:03Z");
        assert_eq!(whole, Some(Timestamp(1_795_754_523_000_000)));
    }

    #[test]
    fn every_day_of_five_centuries_is_the_one_after_the_day_before() {
        let mut before = date_of(-100_000);
        for day in -99_999..100_000 {
            let date @ (year, month, of_month) = date_of(day);
            assert_eq!(days_of(year, month, of_month), day);
            assert!(date > before && (1..=12).contains(&month) && (1..=31).contains(&of_month));
            before = date;
        }
    }

    #[test]
    fn other_spellings_and_no_dates_are_refused() {
        for text in [
            "",
            "2026-11-27",
            "2026-11-27T04:42:03",
            "2026-11-27t04:42:03Z",
            "2026-11-27T04:42:03z",
            "2026-11-27 04:42:03Z",
            "2026-11-27T04:42:03+00:00",
            "2026-11-27T04:42:03.0Z",
            "2026-11-27T04:42:60Z",
            "2026-11-27T24:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "+026-11-27T04:42:03Z",
            "2026-11-27T04:42:\u{663}Z",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
        }
    }
}
