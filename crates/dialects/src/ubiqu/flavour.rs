//! Which of the two flavours a request speaks.

use crate::Reply;
use http::{HeaderMap, header::ACCEPT};

/// The media type that chooses v1, and that its answers have.
pub const V1: &str = "application/vnd.free.v1+json";

/// A flavour of the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flavour {
    /// As the tutorial prints it.
    #[default]
    Tutorial,
    /// As clients of 2018 and later expect it.
    V1,
}

impl Flavour {
    /// V1 where a header names it and does not rule it out (RFC 9110 section 12.4.2); whatever else is named, or
    /// nothing, means the tutorial's: its own examples send `*/*`.
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter();
        let ranges = values.filter_map(|value| value.to_str().ok());
        let mut ranges = ranges.flat_map(|value| value.split(','));
        match ranges.any(chooses_v1) {
            true => Self::V1,
            false => Self::Tutorial,
        }
    }

    /// The flavour of the request that is answered.
    pub(super) const fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Ubiqu(flavour) => *flavour,
            _ => Self::Tutorial,
        }
    }

    /// The media type of its answers.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Tutorial => crate::wire::media::JSON,
            Self::V1 => V1,
        }
    }
}

fn chooses_v1(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let is_v1 = parts.next().is_some_and(|r| r.eq_ignore_ascii_case(V1));
    let is_ruled_out = |part: &str| {
        let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
        weight.is_some_and(|weight| weight.parse() == Ok(0.0))
    };
    is_v1 && !parts.any(is_ruled_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn v1_is_chosen_by_name_and_never_by_a_range() {
        for (values, expected) in [
            (&[][..], Flavour::Tutorial),
            (&["*/*"], Flavour::Tutorial),
            (&["application/json"], Flavour::Tutorial),
            (&["application/*"], Flavour::Tutorial),
            (&["text/html"], Flavour::Tutorial),
            (&["application/vnd.free.v2+json"], Flavour::Tutorial),
            (&["application/vnd.free.v1+json;q=0"], Flavour::Tutorial),
            (
                &["*/*, application/vnd.free.v1+json; q=0.000"],
                Flavour::Tutorial,
            ),
            (&[V1], Flavour::V1),
            (&["Application/VND.free.v1+JSON"], Flavour::V1),
            (
                &["application/json, application/vnd.free.v1+json;q=0.5"],
                Flavour::V1,
            ),
            (&["*/*", V1], Flavour::V1),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(Flavour::asked(&headers), expected, "{values:?}");
        }
    }
}
