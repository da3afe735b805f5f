//! A device's signature over its request: HTTP Message Signatures (RFC 9421) in the one form of
//! `docs/device-protocol.md`. Nothing is negotiated, so there is nothing to be negotiated down.

use crate::Request;
use countersign_engine::{
    call::{DeviceSignature, Presented, Shown},
    denied::Malformed,
    digest::sha256,
};
use countersign_jose::Jwk;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use std::fmt::Write;

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What is covered, in this order.
const COMPONENTS: &str = r#"("@method" "@authority" "@request-target" "content-digest")"#;
/// The one algorithm, as RFC 9421 section 3.3.4 names it.
pub(super) const ALGORITHM: &str = "ecdsa-p256-sha256";
/// Bytes of a signature: r and s.
const SIGNATURE_BYTES: usize = 64;
/// Digits of `created`, in seconds: until the year 33658.
const CREATED_DIGITS_MAX: usize = 12;
/// Characters of a nonce: 16 bytes in base64url.
const NONCE_CHARS: usize = 22;
/// Characters of a device's name: an RFC 7638 thumbprint.
const THUMBPRINT_CHARS: usize = 43;

/// What `request` shows. `new_key` is the key that a device brings along when it enrols.
pub(super) fn presented(request: &Request<'_>, new_key: Option<Jwk>) -> Presented {
    let headers = request.headers;
    if !headers.contains_key(SIGNATURE) && !headers.contains_key(SIGNATURE_INPUT) {
        return match headers.contains_key(AUTHORIZATION) {
            true => Presented::Malformed(Malformed::Form),
            false => Presented::Absent,
        };
    }
    match read(request, new_key) {
        Ok(signature) => Presented::Present(Shown::DeviceSignature(Box::new(signature))),
        Err(how) => Presented::Malformed(how),
    }
}

fn read(request: &Request<'_>, new_key: Option<Jwk>) -> Result<DeviceSignature, Malformed> {
    let headers = request.headers;
    if headers.contains_key(AUTHORIZATION) {
        return Err(Malformed::Two);
    }
    let input = one(headers, &SIGNATURE_INPUT)?;
    let parameters = input
        .strip_prefix("countersign=")
        .ok_or(Malformed::Form)
        .and_then(|text| Parameters::read(text).ok_or(Malformed::Form))?;
    let signature = one(headers, &SIGNATURE)?
        .strip_prefix("countersign=")
        .and_then(bytes)
        .filter(|bytes| bytes.len() == SIGNATURE_BYTES)
        .ok_or(Malformed::Form)?;
    let digest = one(headers, &CONTENT_DIGEST)?;
    // The signature covers the header; that the header is of this body is ours to see (RFC 9530 section 2).
    if digest != content_digest(request.body) {
        return Err(Malformed::Form);
    }
    Ok(DeviceSignature {
        base: base(request, digest, &parameters.print()).into_bytes(),
        device: parameters.keyid.to_owned(),
        new_key,
        signature,
        created_s: parameters.created_s,
        nonce: parameters.nonce.to_owned(),
    })
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Malformed> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Malformed::Form)?;
    if values.next().is_some() {
        return Err(Malformed::Repeated);
    }
    value.to_str().map_err(|_| Malformed::Form)
}

/// A byte sequence (RFC 8941 section 3.3.5), in the one spelling of its base64.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(':')?.strip_suffix(':')?;
    BASE64.decode(inner.as_bytes()).ok()
}

/// `Content-Digest` of `body` (RFC 9530 section 2).
fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(&sha256(body)))
}

/// What `Signature-Input` says.
#[derive(Debug, PartialEq, Eq)]
struct Parameters<'a> {
    created_s: i64,
    nonce: &'a str,
    keyid: &'a str,
}

impl<'a> Parameters<'a> {
    /// Read what follows the label: these components, these parameters, in this order, in this spelling.
    fn read(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(COMPONENTS)?.strip_prefix(";created=")?;
        let (created, rest) = rest.split_once(";nonce=\"")?;
        let (nonce, rest) = rest.split_once("\";keyid=\"")?;
        let (keyid, rest) = rest.split_once("\";alg=\"")?;
        let algorithm = rest.strip_suffix('"')?;
        let is_number = (1..=CREATED_DIGITS_MAX).contains(&created.len())
            && created.bytes().all(|b| b.is_ascii_digit())
            && (created == "0" || !created.starts_with('0'));
        let is_plain = |text: &str, chars: usize| {
            text.len() == chars
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if !is_number
            || !is_plain(nonce, NONCE_CHARS)
            || !is_plain(keyid, THUMBPRINT_CHARS)
            || algorithm != ALGORITHM
        {
            return None;
        }
        Some(Self {
            created_s: created.parse().ok()?,
            nonce,
            keyid,
        })
    }

    /// As they stand in the signature base: byte for byte what was read.
    fn print(&self) -> String {
        let Self {
            created_s,
            nonce,
            keyid,
        } = self;
        format!(
            r#"{COMPONENTS};created={created_s};nonce="{nonce}";keyid="{keyid}";alg="{ALGORITHM}""#
        )
    }
}

/// The signature base (RFC 9421 section 2.5).
fn base(request: &Request<'_>, digest: &str, parameters: &str) -> String {
    let mut base = String::with_capacity(512);
    let mut line = |name: &str, value: &str| {
        // Writing to a text does not fail.
        let _ = writeln!(base, "\"{name}\": {value}");
    };
    line("@method", request.method.as_str());
    line("@authority", authority(request.host));
    match request.query {
        Some(query) => line("@request-target", &format!("{}?{query}", request.path)),
        None => line("@request-target", request.path),
    }
    line("content-digest", digest);
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    base
}

/// The host without a default port (RFC 9421 section 2.2.3). Behind a proxy we do not know the scheme, so neither
/// scheme's port is named.
fn authority(host: &str) -> &str {
    [":443", ":80"]
        .iter()
        .find_map(|port| host.strip_suffix(port))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests;
