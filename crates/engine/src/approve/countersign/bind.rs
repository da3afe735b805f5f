//! What is bound of a request: everything that decides what it does.

use crate::{
    bounds::BOUND_TARGET_BYTES_MAX,
    decision::{Carrier, Judged, Principal},
    denied::{Denied, ProblemKind, Reason},
    model::{
        approval::Bound,
        guard::{ApprovalRule, BoundBody, Guard},
    },
};
use data_encoding::BASE64;

/// The name of the header, as callers write it.
const CONTENT_DIGEST: &str = "Content-Digest";
/// Bytes of SHA-256.
const SHA_256_BYTES: usize = 32;

/// Exactly this request of this caller at this guard.
pub(super) fn decide_bound(
    guard: &Guard,
    rule: &ApprovalRule,
    principal: &Principal,
    judged: &Judged<'_>,
) -> Result<Bound, Denied> {
    // A guard that lets strangers pass does not load with an approval; nobody could be bound here.
    let subject = principal.subject.clone();
    let subject = subject.ok_or(Denied::Forbidden(Reason::Kind))?;
    if judged.target.len() > BOUND_TARGET_BYTES_MAX {
        let max = BOUND_TARGET_BYTES_MAX;
        return Err(Denied::invalid("target", ProblemKind::TooLong { max }));
    }
    Ok(Bound {
        guard: guard.name.clone(),
        client: principal.client.clone(),
        subject,
        method: judged.method.into(),
        host: judged.host.into(),
        target: judged.target.into(),
        content_digest: match rule.body {
            BoundBody::None => None,
            BoundBody::CheckedByApi => Some(sha_256(judged.content_digest)?),
        },
    })
}

/// The `sha-256` member of a `Content-Digest` (RFC 9530 section 2), which stands there exactly once. Members of other
/// algorithms are not bound: the API compares this one.
fn sha_256(carrier: Carrier<'_>) -> Result<String, Denied> {
    let invalid = |kind| Denied::invalid(CONTENT_DIGEST, kind);
    let text = match carrier {
        Carrier::Absent => return Err(invalid(ProblemKind::Missing)),
        Carrier::Malformed => return Err(invalid(ProblemKind::Repeated)),
        Carrier::Present(text) => text,
    };
    let expected = "sha-256=:...: once, with 32 bytes in base64 (RFC 9530)";
    let mut found = None;
    for member in text.split(',') {
        let (name, bytes) = digest_member(member.trim_matches([' ', '\t']))
            .ok_or_else(|| invalid(ProblemKind::Expected(expected)))?;
        if name != "sha-256" {
            continue;
        }
        if bytes.len() != SHA_256_BYTES {
            return Err(invalid(ProblemKind::Expected(expected)));
        }
        // Of a member that stands twice some read the first and some the last (RFC 8941 section 4.2.2).
        if found.replace(bytes).is_some() {
            return Err(invalid(ProblemKind::Repeated));
        }
    }
    let bytes = found.ok_or_else(|| invalid(ProblemKind::Expected(expected)))?;
    Ok(format!("sha-256=:{}:", BASE64.encode(&bytes)))
}

/// A member of the dictionary whose value is a byte sequence (RFC 8941 section 3.3.5), without parameters.
fn digest_member(member: &str) -> Option<(&str, Vec<u8>)> {
    let (name, value) = member.split_once('=')?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.*".contains(&b);
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(plain);
    let encoded = value.strip_prefix(':')?.strip_suffix(':')?;
    let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
    fits.then_some((name, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_HELLO: &str = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";

    #[test]
    fn a_digest_of_the_body_is_bound_if_it_stands_there_exactly_once() {
        for text in [
            OF_HELLO.to_owned(),
            format!("sha-512=:AAAA:, {OF_HELLO}"),
            format!("{OF_HELLO} ,\tunixsum=:AAAA:"),
        ] {
            assert_eq!(
                sha_256(Carrier::Present(&text)),
                Ok(OF_HELLO.into()),
                "{text}"
            );
        }
        for text in [
            "".to_owned(),
            "sha-512=:AAAA:".to_owned(),
            "sha-256=:AAAA:".to_owned(),
            "sha-256=AAAA".to_owned(),
            "sha-256".to_owned(),
            format!("{OF_HELLO}, {OF_HELLO}"),
            format!("{OF_HELLO},"),
            format!("{OF_HELLO};a=1"),
            OF_HELLO.replace("sha-256", "SHA-256"),
            OF_HELLO.replace("sha-256", "sha-256 "),
            OF_HELLO.replace("=:", ":"),
            OF_HELLO.replace("CQ=", "CR="),
            OF_HELLO.replace('+', "-"),
        ] {
            let refused = sha_256(Carrier::Present(&text));
            assert!(matches!(refused, Err(Denied::Invalid(_))), "{text}");
        }
        for carrier in [Carrier::Absent, Carrier::Malformed] {
            assert!(matches!(sha_256(carrier), Err(Denied::Invalid(_))));
        }
    }
}
