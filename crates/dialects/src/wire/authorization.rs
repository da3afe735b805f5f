//! The `Authorization` header (RFC 9110 section 11.6.2, RFC 7617, RFC 6749 section 2.3.1, RFC 6750 section 2.1).

use super::{Found, percent};
use countersign_engine::{
    bounds::{SECRET_BYTES_MAX, TOKEN_BYTES_MAX},
    call::{Presented, Shown},
    denied::Malformed,
    secret::Secret,
};
use data_encoding::BASE64;
use http::{HeaderMap, header::AUTHORIZATION};

/// Bytes of a client identifier as carried: ours have at most 64, and what is longer is not worth a look-up.
pub const CLIENT_ID_BYTES_MAX: usize = 256;
/// Bytes of the base64 of both, when every byte of them is percent-encoded.
const BASIC_BYTES_MAX: usize = 4 * (CLIENT_ID_BYTES_MAX + SECRET_BYTES_MAX + 1) + 4;

/// What `Authorization: Basic` carries.
#[derive(Debug, Clone)]
pub struct Basic {
    /// The identifier.
    pub client_id: String,
    /// The secret.
    pub secret: Secret<String>,
}

/// How a dialect reads the part behind `Basic`.
pub type ReadBasic = fn(&str) -> Result<Basic, Malformed>;

/// Find `Authorization: Basic`, read as `read` does. Another scheme is malformed, not absent: the caller did
/// show something.
pub fn basic(headers: &HeaderMap, read: ReadBasic) -> Found<Basic> {
    match carried(headers) {
        Found::Absent => Found::Absent,
        Found::Malformed(why) => Found::Malformed(why),
        Found::Present((scheme, rest)) if scheme.eq_ignore_ascii_case("Basic") => {
            match read(rest) {
                Ok(pair) => Found::Present(pair),
                Err(why) => Found::Malformed(why),
            }
        }
        Found::Present(_) => Found::Malformed(Malformed::Form),
    }
}

/// Find `Authorization: Bearer`: the scheme in any case, one space, one `b64token` (RFC 6750 section 2.1).
pub fn bearer(headers: &HeaderMap) -> Found<Secret<String>> {
    match carried(headers) {
        Found::Absent => Found::Absent,
        Found::Malformed(why) => Found::Malformed(why),
        Found::Present((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => {
            if token.len() > TOKEN_BYTES_MAX {
                Found::Malformed(Malformed::TooLong)
            } else if is_b64token(token) {
                Found::Present(Secret::new(token.to_owned()))
            } else {
                Found::Malformed(Malformed::Form)
            }
        }
        Found::Present(_) => Found::Malformed(Malformed::Form),
    }
}

/// What a route that takes a bearer is shown.
pub fn presented_bearer(headers: &HeaderMap) -> Presented {
    match bearer(headers) {
        Found::Absent => Presented::Absent,
        Found::Malformed(why) => Presented::Malformed(why),
        Found::Present(token) => Presented::Present(Shown::Bearer(token)),
    }
}

/// The scheme, and what follows the first space.
fn carried(headers: &HeaderMap) -> Found<(&str, &str)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Found::Absent;
    };
    if values.next().is_some() {
        return Found::Malformed(Malformed::Repeated);
    }
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some(parts) => Found::Present(parts),
        None => Found::Malformed(Malformed::Form),
    }
}

fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    !body.is_empty() && body.bytes().all(plain)
}

/// Basic as RFC 6749 section 2.3.1 spells it: both halves are form-encoded before they are joined.
///
/// # Errors
/// [`Malformed`].
pub fn oauth_basic(rest: &str) -> Result<Basic, Malformed> {
    let decoded = decoded(rest.trim_start_matches(' '))?;
    let (client_id, secret) = halves(decoded.expose())?;
    let plain = |half: &[u8]| percent::decode_form(half).map_err(|_| Malformed::Form);
    checked(plain(client_id)?, Secret::new(plain(secret)?))
}

/// Basic as a person at a shell makes it: white space in the base64 and line ends behind the secret are left
/// out, and nothing is form-decoded, because secrets hold `+`, `/` and `=`.
///
/// # Errors
/// [`Malformed`].
pub fn lenient_basic(rest: &str) -> Result<Basic, Malformed> {
    if rest.len() > 2 * BASIC_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    let packed = Secret::new(rest.replace([' ', '\t', '\r', '\n'], ""));
    let decoded = decoded(packed.expose())?;
    let (client_id, secret) = halves(without_line_ends(decoded.expose()))?;
    let plain = |half: &[u8]| String::from_utf8(half.to_vec()).map_err(|_| Malformed::Form);
    checked(plain(client_id)?, Secret::new(plain(secret)?))
}

fn decoded(base64: &str) -> Result<Secret<Vec<u8>>, Malformed> {
    if base64.len() > BASIC_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    BASE64
        .decode(base64.as_bytes())
        .map(Secret::new)
        .map_err(|_| Malformed::Form)
}

/// Split at the first colon (RFC 7617 section 2): only the secret may hold one.
fn halves(pair: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut parts = pair.splitn(2, |&byte| byte == b':');
    match (parts.next(), parts.next()) {
        (Some(client_id), Some(secret)) => Ok((client_id, secret)),
        _ => Err(Malformed::Form),
    }
}

/// Neither half may be empty, endless, or hold control characters (RFC 7617 section 2).
pub(super) fn checked(client_id: String, secret: Secret<String>) -> Result<Basic, Malformed> {
    let is_text = |half: &str| !half.is_empty() && !half.chars().any(char::is_control);
    if client_id.len() > CLIENT_ID_BYTES_MAX || secret.expose().len() > SECRET_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    if is_text(&client_id) && is_text(secret.expose()) {
        Ok(Basic { client_id, secret })
    } else {
        Err(Malformed::Form)
    }
}

fn without_line_ends(mut text: &[u8]) -> &[u8] {
    while let [before @ .., b'\r' | b'\n'] = text {
        text = before;
    }
    text
}

#[cfg(test)]
mod tests;
