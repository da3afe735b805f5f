//! JSON bodies, read strictly: one value, one reading.

use super::media;
use crate::Request;
use countersign_engine::denied::{Denied, ProblemKind};
use countersign_jose::{Limits, StrictJsonError, strict_json};
use serde::de::DeserializeOwned;

/// Bounds on a body: members of members, and as many elements as any list of the engine may have.
const LIMITS: Limits = Limits {
    token_bytes_max: 0,
    header_bytes_max: 0,
    depth_max: 8,
    array_max: 512,
};

/// Read the body of `request` as a `T`.
///
/// # Errors
/// [`Denied::UnsupportedMediaType`], or [`Denied::Invalid`] with the path of the first member that is wrong;
/// the path of the body itself is `body`.
pub fn read<T: DeserializeOwned>(request: &Request<'_>) -> Result<T, Denied> {
    media::require(request.headers, media::JSON)?;
    decode(request.body)
}

/// Read a body whose type was already checked.
///
/// # Errors
/// [`Denied::Invalid`].
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Denied> {
    let value = strict_json::parse(body, &LIMITS)
        .map_err(|why| Denied::invalid("body", ProblemKind::Expected(expected(why))))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let text = error.inner().to_string();
        let (member, kind) = cause(&text);
        Denied::invalid(place(&error.path().to_string(), member), kind)
    })
}

const fn expected(why: StrictJsonError) -> &'static str {
    match why {
        StrictJsonError::NotUtf8 => "UTF-8",
        StrictJsonError::ByteOrderMark => "JSON without a byte order mark",
        StrictJsonError::Syntax => "JSON",
        StrictJsonError::TrailingBytes => "one JSON value and nothing after it",
        StrictJsonError::DuplicateMember => "objects whose member names differ",
        StrictJsonError::Nul => "texts without U+0000",
        StrictJsonError::TooDeep => "at most 8 levels of nesting",
        StrictJsonError::ArrayTooLong => "arrays of at most 512 elements",
    }
}

/// serde has no other form for these than its text, which its documentation gives for `missing_field` and
/// `unknown_field`; a test of ours notices if it changes.
fn cause(text: &str) -> (Option<&str>, ProblemKind) {
    let named = |prefix: &str| text.strip_prefix(prefix)?.split('`').next();
    if let Some(name) = named("missing field `") {
        (Some(name), ProblemKind::Missing)
    } else if let Some(name) = named("unknown field `") {
        (Some(name), ProblemKind::UnknownMember)
    } else {
        (
            None,
            ProblemKind::Expected("a value of the documented type"),
        )
    }
}

fn place(path: &str, member: Option<&str>) -> String {
    let outer = path.trim_start_matches('.');
    match (outer, member) {
        ("", None) => "body".into(),
        ("", Some(member)) => member.into(),
        // The path of an unknown member may end with it already.
        (outer, Some(member)) if outer == member || outer.ends_with(&format!(".{member}")) => {
            outer.into()
        }
        (outer, Some(member)) => format!("{outer}.{member}"),
        (outer, None) => outer.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        paths: Vec<String>,
    }

    fn refusal(body: &[u8]) -> (String, ProblemKind) {
        match decode::<Outer>(body) {
            Err(Denied::Invalid(mut problems)) => {
                let problem = problems.remove(0);
                (problem.field, problem.kind)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_one_object() {
        let read: Outer = decode(br#" {"name":"a","inner":[{"paths":["/"]}]} "#).unwrap();
        assert_eq!((read.name.as_str(), read.inner.len()), ("a", 1));
    }

    #[test]
    fn the_wrong_member_is_named_by_its_path() {
        let wrong_type = ProblemKind::Expected("a value of the documented type");
        for (body, field, kind) in [
            (r#"{}"#, "name", ProblemKind::Missing),
            (
                r#"{"name":"a","nmae":"b"}"#,
                "nmae",
                ProblemKind::UnknownMember,
            ),
            (r#"{"name":1}"#, "name", wrong_type.clone()),
            (r#"[]"#, "body", wrong_type.clone()),
            (
                r#"{"name":"a","inner":[{}]}"#,
                "inner[0].paths",
                ProblemKind::Missing,
            ),
            (
                r#"{"name":"a","inner":[{"paths":[],"x":1}]}"#,
                "inner[0].x",
                ProblemKind::UnknownMember,
            ),
            (
                r#"{"name":"a","inner":[{"paths":["/",2]}]}"#,
                "inner[0].paths[1]",
                wrong_type,
            ),
        ] {
            assert_eq!(refusal(body.as_bytes()), (field.into(), kind), "{body}");
        }
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
        let long = format!("[{}1]", "1,".repeat(512 * 1024));
        for (body, kind) in [
            (&b""[..], "JSON"),
            (b"{", "JSON"),
            (b"{'name':1}", "JSON"),
            (b"{\"name\":\"a\"} x", "one JSON value and nothing after it"),
            (
                b"{\"name\":\"a\",\"name\":\"b\"}",
                "objects whose member names differ",
            ),
            (b"{\"name\":\"\\u0000\"}", "texts without U+0000"),
            (b"{\"name\":\"\\ud800\"}", "JSON"),
            (b"\xef\xbb\xbf{}", "JSON without a byte order mark"),
            (b"{\"name\":\"\xff\"}", "UTF-8"),
            (deep.as_bytes(), "at most 8 levels of nesting"),
            (long.as_bytes(), "arrays of at most 512 elements"),
        ] {
            let found = refusal(body);
            assert_eq!(found, ("body".into(), ProblemKind::Expected(kind)));
        }
    }
}
