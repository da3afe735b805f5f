//! `X-Api-Key`: 32 lower-case hexadecimal digits.

use countersign_engine::{
    call::{Presented, Shown},
    denied::Malformed,
    secret::Secret,
};
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

/// The header.
const HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// Whether this has the form of every identifier and secret of the vendor's.
pub(super) fn is_hex_32(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 32 && text.bytes().all(is_digit)
}

/// What a service provider shows. Something in `Authorization` is a credential too: beside the key it is one too many,
/// and alone it is none that is taken here.
pub(super) fn presented(headers: &HeaderMap) -> Presented {
    let mut keys = headers.get_all(HEADER).iter();
    let has_other = headers.contains_key(AUTHORIZATION);
    let key = match (keys.next(), has_other) {
        (None, false) => return Presented::Absent,
        (None, true) => return Presented::Malformed(Malformed::Form),
        (Some(_), true) => return Presented::Malformed(Malformed::Two),
        (Some(key), false) => key,
    };
    if keys.next().is_some() {
        return Presented::Malformed(Malformed::Repeated);
    }
    match key.to_str() {
        Ok(text) if is_hex_32(text) => {
            Presented::Present(Shown::Bearer(Secret::new(text.to_owned())))
        }
        _ => Presented::Malformed(Malformed::Form),
    }
}
