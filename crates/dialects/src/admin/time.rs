//! Points in time as JSON writes them: RFC 3339, in UTC.

use countersign_engine::time::Timestamp;

/// As text: `2026-01-31T12:00:00Z`, with up to six decimals where it has a fraction.
pub fn write(time: Timestamp) -> String {
    // A clock cannot read what lies beyond the year 9999; a bound such as `FAR` can.
    let time = jiff::Timestamp::from_microsecond(time.micros()).unwrap_or(if time.micros() < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    time.to_string()
}

/// From text (RFC 3339 section 5.6), with any offset. The library reads more; only this form is taken.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let plain = |text: &str, others: &[u8]| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || others.contains(&b))
    };
    let rest = rest.strip_prefix(['T', 't'])?;
    // Hours, minutes and seconds must all be there: `hh:mm:ss` and an offset.
    if !plain(date, b"-") || rest.len() < 9 || !plain(rest, b":.+-Zz") {
        return None;
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_utc_with_the_fraction_that_is_there() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_769_860_800_000_000, "2026-01-31T12:00:00Z"),
            (1_769_860_800_000_001, "2026-01-31T12:00:00.000001Z"),
        ] {
            assert_eq!(write(Timestamp::from_micros(micros)), text);
            assert_eq!(read(text), Some(Timestamp::from_micros(micros)), "{text}");
        }
        assert!(write(Timestamp::FAR).starts_with("9999-12-"));
    }

    #[test]
    fn reads_any_offset_and_nothing_but_rfc_3339() {
        let noon = Some(Timestamp::from_seconds(1_769_860_800));
        assert_eq!(read("2026-01-31T14:30:00+02:30"), noon);
        assert_eq!(read("2026-01-31t12:00:00z"), noon);
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T12:00",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-01-31T25:00:00Z",
            "2026-01-31T12:00:00Z[UTC]",
            "2026-01-31T12Z",
            "20260131T120000Z",
            "1769860800",
            "tomorrow",
            "2026-01-31T12:00:00\u{2212}02:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
