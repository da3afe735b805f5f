//! Claims by type: a wrong type is an error and never an absent claim (CVE-2026-25537).

use countersign_jose::{Algorithm, ClaimError, Claims, Compact, Limits, VerifyError};

use crate::support::{key, signed};

fn read(claims: &str) -> Result<Claims, VerifyError> {
    let token = signed(
        key(Algorithm::Hs256),
        br#"{"alg":"HS256"}"#,
        claims.as_bytes(),
    );
    Compact::parse(&token, &Limits::default())
        .unwrap()
        .verify(&key(Algorithm::Hs256).verifying_key().unwrap())
}

fn date(value: &str) -> Result<Option<(i64, i64)>, ClaimError> {
    let date = read(&format!(r#"{{"exp":{value}}}"#))
        .unwrap()
        .numeric_date("exp")?;
    Ok(date.map(|date| (date.floor(), date.ceil())))
}

#[test]
fn whole_and_fractional_dates_round_both_ways() {
    for (value, expected) in [
        ("0", (0, 0)),
        ("1300819380", (1_300_819_380, 1_300_819_380)),
        ("1300819380.0", (1_300_819_380, 1_300_819_380)),
        ("1300819380.25", (1_300_819_380, 1_300_819_381)),
        ("1300819380.999999", (1_300_819_380, 1_300_819_381)),
        ("1.3e9", (1_300_000_000, 1_300_000_000)),
        ("0.5", (0, 1)),
        ("9223372036854775807", (i64::MAX, i64::MAX)),
        (
            "9223372036854774784.0",
            (9_223_372_036_854_774_784, 9_223_372_036_854_774_784),
        ),
    ] {
        assert_eq!(date(value), Ok(Some(expected)), "{value}");
    }
    assert_eq!(read("{}").unwrap().numeric_date("exp"), Ok(None));
}

#[test]
fn dates_of_another_type_are_errors() {
    for value in [
        r#""9""#, r#""""#, "true", "false", "null", "[]", "[9]", "{}",
    ] {
        assert!(
            matches!(date(value), Err(ClaimError::WrongType { ref claim, .. }) if claim == "exp"),
            "{value}"
        );
    }
}

#[test]
fn dates_out_of_range_are_errors() {
    for value in [
        "-1",
        "-0.5",
        "-0.0",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808.0",
        "1e300",
        "-1e300",
    ] {
        assert_eq!(
            date(value),
            Err(ClaimError::OutOfRange {
                claim: "exp".to_owned()
            }),
            "{value}"
        );
    }
    // What no double holds is not even JSON to us, so the whole token is refused.
    for value in ["1e400", "-1e400"] {
        assert!(matches!(
            read(&format!(r#"{{"exp":{value}}}"#)),
            Err(VerifyError::ClaimsJson(_))
        ));
    }
}

#[test]
fn an_audience_is_a_string_or_strings() {
    let audience = |value: &str| {
        read(&format!(r#"{{"aud":{value}}}"#))
            .unwrap()
            .audience()
            .map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(audience(r#""a""#), Ok(vec!["a".to_owned()]));
    assert_eq!(audience(r#"["a","b"]"#).unwrap().len(), 2);
    assert_eq!(read("{}").unwrap().audience(), Ok(vec![]));
    for value in [
        "null",
        "1",
        "true",
        "{}",
        "[]",
        r#"["a",1]"#,
        "[null]",
        r#"[["a"]]"#,
    ] {
        assert!(audience(value).is_err(), "{value}");
    }
}

#[test]
fn strings_and_booleans_of_another_type_are_errors() {
    let claims = read(r#"{"s":"a","b":true,"z":null,"n":1}"#).unwrap();
    assert_eq!(claims.str("s"), Ok(Some("a")));
    assert_eq!(claims.str("absent"), Ok(None));
    assert_eq!(claims.bool("b"), Ok(Some(true)));
    assert_eq!(claims.bool("absent"), Ok(None));
    for name in ["b", "z", "n"] {
        assert_eq!(claims.str(name).unwrap_err().claim(), name);
    }
    for name in ["s", "z", "n"] {
        assert_eq!(claims.bool(name).unwrap_err().claim(), name);
    }
}

#[test]
fn claims_are_one_strict_object() {
    for text in [
        r#"{"iss":"a","iss":"b"}"#,
        r#"{"o":{"a":1,"a":1}}"#,
        "\u{feff}{}",
        "{} {}",
        r#"{"a":"\u0000"}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":[[[[[[[[]]]]]]]]}"#,
    ] {
        assert!(
            matches!(read(text), Err(VerifyError::ClaimsJson(_))),
            "{text}"
        );
    }
    for text in ["[]", "null", "1", r#""{}""#] {
        assert_eq!(read(text), Err(VerifyError::ClaimsNotAnObject), "{text}");
    }
}
