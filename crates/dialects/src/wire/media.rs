//! What a body says it is. One media type per route; anything else is refused, not guessed.

use countersign_engine::denied::Denied;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

/// The body of OAuth requests (RFC 6749 appendix B).
pub const FORM: &str = "application/x-www-form-urlencoded";
/// The body of everything else.
pub const JSON: &str = "application/json";

/// That the body is `expected`, in UTF-8 and not compressed.
///
/// # Errors
/// [`Denied::UnsupportedMediaType`]: another type, none, two, another charset, an unknown parameter, or a
/// content coding.
pub fn require(headers: &HeaderMap, expected: &'static str) -> Result<(), Denied> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let fits = match (types.next().map(|value| value.to_str()), types.next()) {
        (Some(Ok(value)), None) => is(value, expected),
        _ => false,
    };
    if fits && !headers.contains_key(CONTENT_ENCODING) {
        Ok(())
    } else {
        Err(Denied::UnsupportedMediaType { expected })
    }
}

fn is(value: &str, expected: &str) -> bool {
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(expected)
        && parts.map(str::trim).all(|parameter| {
            let plain = parameter.replace('"', "");
            plain.is_empty() || plain.eq_ignore_ascii_case("charset=utf-8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn takes_the_type_in_any_case_with_utf_8() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json;",
        ] {
            let map = headers(&[(CONTENT_TYPE, value)]);
            assert_eq!(require(&map, JSON), Ok(()), "{value}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let refused = Err(Denied::UnsupportedMediaType { expected: FORM });
        for pairs in [
            &[][..],
            &[(CONTENT_TYPE, "")],
            &[(CONTENT_TYPE, "application/json")],
            &[(CONTENT_TYPE, "multipart/form-data; boundary=x")],
            &[(
                CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=iso-8859-1",
            )],
            &[(
                CONTENT_TYPE,
                "application/x-www-form-urlencoded; boundary=x",
            )],
            &[(
                CONTENT_TYPE,
                "application/x-www-form-urlencoded, text/plain",
            )],
            &[(CONTENT_TYPE, FORM), (CONTENT_TYPE, FORM)],
            &[(CONTENT_TYPE, FORM), (CONTENT_ENCODING, "gzip")],
            &[(CONTENT_TYPE, FORM), (CONTENT_ENCODING, "identity")],
        ] {
            assert_eq!(require(&headers(pairs), FORM), refused, "{pairs:?}");
        }
    }
}
