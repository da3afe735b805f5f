//! JSON bodies, read strictly: one value, one reading.

use super::media;
use crate::Request;
use countersign_engine::denied::{Denied, ProblemKind};
use countersign_jose::{Limits, StrictJsonError, strict_json};
use serde_json::Value;

/// Bounds on a body: members of members, and as many elements as any list of the engine may have.
const LIMITS: Limits = Limits {
    token_bytes_max: 0,
    header_bytes_max: 0,
    depth_max: 8,
    array_max: 512,
};

/// The JSON value in the body of `request`. What it must hold is for the dialect to say, member by member.
///
/// # Errors
/// [`Denied::UnsupportedMediaType`], or [`Denied::Invalid`] about `body`.
pub fn value(request: &Request<'_>) -> Result<Value, Denied> {
    media::require(request.headers, media::JSON)?;
    parse(request.body)
}

/// The JSON value in a body whose type was already checked.
///
/// # Errors
/// [`Denied::Invalid`] about `body`.
pub fn parse(body: &[u8]) -> Result<Value, Denied> {
    strict_json::parse(body, &LIMITS)
        .map_err(|why| Denied::invalid("body", ProblemKind::Expected(expected(why))))
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
