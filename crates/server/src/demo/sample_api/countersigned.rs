//! What people countersign here: payouts, whose bodies this API itself compares with the digest that was approved,
//! and a lockdown, which has no body.
//!
//! No gateway reads a body, so none can say that it is the approved one. What the gateway says is which digest
//! was approved (`Countersign-Content-Digest`); the comparison is the API's, before it does anything.

use super::{Passed, handlers, sites};
use crate::http::Answer;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// The route whose guard says `body = "none"`: this API, which is its own proxy, drops any body there.
pub const WITHOUT_BODY: &str = "/lockdown";

/// The header that says which body was approved, as a dictionary of digests (RFC 9530 section 2).
const APPROVED: &str = "countersign-content-digest";
/// Characters of a receiver's name.
const TO_CHARS_MAX: usize = 64;
/// Digits and point of an amount.
const AMOUNT_CHARS_MAX: usize = 16;

/// `POST /payouts?to=...&amount=...`: what was approved stands in the query, the rest in the body.
pub fn payout(passed: &Passed) -> Answer {
    if let Err(refused) = is_approved(passed) {
        return refused.answer(passed);
    }
    let (Some(to), Some(amount)) = (parameter(passed, "to"), parameter(passed, "amount")) else {
        return Refused::Parameters.answer(passed);
    };
    if !is_name(&to) || !is_amount(&amount) {
        return Refused::Parameters.answer(passed);
    }
    let paid = json!({ "to": to, "amount": amount });
    let body = json!({ "paid": paid, "asked_by": asker(passed), "approval": approval(passed) });
    handlers::json_answer(StatusCode::CREATED, &body)
}

/// `POST /lockdown?site=...`.
pub fn lockdown(passed: &Passed) -> Answer {
    // Nobody approved one. A proxy drops it; an API that trusts it to do so would be open where it forgot.
    if !passed.body.is_empty() {
        return Refused::Unexpected.answer(passed);
    }
    let site = parameter(passed, "site");
    let Some(site) = site.and_then(|id| sites::find(&id)) else {
        return Refused::Parameters.answer(passed);
    };
    let locked = json!({ "site": site.id, "name": site.display_name });
    let body = json!({ "locked": locked, "asked_by": asker(passed), "approval": approval(passed) });
    handlers::json_answer(StatusCode::OK, &body)
}

/// Why something that people approved is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// The gateway names no body, so nobody approved this one.
    Unapproved,
    /// People approved another.
    Mismatch,
    /// There is one where there must be none.
    Unexpected,
    /// The query does not say what to do.
    Parameters,
}

impl Refused {
    /// Status, the last part of the problem's `type`, and what it means.
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unapproved => (
                StatusCode::FORBIDDEN,
                "body-not-approved",
                "The gateway names no Content-Digest that was approved: nobody approved this body.",
            ),
            Self::Mismatch => (
                StatusCode::FORBIDDEN,
                "body-differs",
                "The body's SHA-256 is not the Content-Digest that was approved.",
            ),
            Self::Unexpected => (
                StatusCode::BAD_REQUEST,
                "body-not-allowed",
                "This is approved without a body, and has one.",
            ),
            Self::Parameters => (
                StatusCode::BAD_REQUEST,
                "parameters",
                "A payout says ?to=NAME&amount=NUMBER, a lockdown ?site=NUMBER of a site, each once.",
            ),
        }
    }

    /// As problem details (RFC 9457).
    fn answer(self, passed: &Passed) -> Answer {
        let (status, kind, detail) = self.row();
        let problem = json!({
            "type": format!("urn:sample-api:problem:{kind}"),
            "title": kind.replace('-', " "),
            "status": status.as_u16(),
            "detail": detail,
            "instance": said(passed, "countersign-request-id"),
        });
        let mut answer = handlers::json_answer(status, &problem);
        let kind = HeaderValue::from_static("application/problem+json");
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        answer
    }
}

/// Whether the body is the one that people approved.
fn is_approved(passed: &Passed) -> Result<(), Refused> {
    let approved = said(passed, APPROVED).and_then(sha256_of);
    let approved = approved.ok_or(Refused::Unapproved)?;
    let received = digest(&SHA256, &passed.body);
    match approved == received.as_ref() {
        true => Ok(()),
        false => Err(Refused::Mismatch),
    }
}

/// The one `sha-256` of a dictionary of digests: `sha-256=:base64:` (RFC 9530 section 2, RFC 8941 section 3.3.5).
fn sha256_of(digests: &str) -> Option<Vec<u8>> {
    let mut found = digests.split(',').filter_map(|member| {
        let value = member.trim().strip_prefix("sha-256=")?;
        let encoded = value.strip_prefix(':')?.strip_suffix(':')?;
        BASE64.decode(encoded.as_bytes()).ok()
    });
    match (found.next(), found.next()) {
        (Some(digest), None) => Some(digest),
        _ => None,
    }
}

/// The one value of a query parameter. Twice is as if it were not there: people were shown one of them.
fn parameter(passed: &Passed, name: &str) -> Option<String> {
    let query = passed.request.uri.query()?;
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut found = pairs.filter(|(known, _)| known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    (1..=TO_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_amount(text: &str) -> bool {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.len() <= AMOUNT_CHARS_MAX && digits(whole) && digits(cents) && cents.len() <= 2
}

/// What an identity header says, where it says something.
fn said<'a>(passed: &'a Passed, header: &str) -> Option<&'a str> {
    let value = passed.identity.get(header)?.to_str().ok()?;
    (value != "-").then_some(value)
}

/// Who asked, in the gateway's words.
fn asker(passed: &Passed) -> Value {
    let said = |header| said(passed, header);
    json!({
        "subject": said("countersign-subject"),
        "client": said("countersign-client"),
        "organization": said("countersign-organization"),
    })
}

/// The approval that let it pass. Behind another proxy the API does not see it.
fn approval(passed: &Passed) -> Option<&str> {
    let value = passed.request.headers.get("countersign-approval")?;
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, Request};
    use http_body_util::BodyExt as _;

    fn passed(target: &str, body: &'static str, approved: Option<&str>) -> Passed {
        let request = Request::post(target).header("countersign-approval", "a1");
        let mut identity = HeaderMap::new();
        if let Some(approved) = approved {
            identity.insert(APPROVED, HeaderValue::from_str(approved).unwrap());
        }
        identity.insert("countersign-subject", HeaderValue::from_static("ada"));
        identity.insert("countersign-client", HeaderValue::from_static("-"));
        Passed {
            request: request.body(()).unwrap().into_parts().0,
            body: Bytes::from_static(body.as_bytes()),
            identity,
        }
    }

    async fn told(answer: Answer) -> Value {
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    /// `printf '{"hello": "world"}' | openssl dgst -sha256 -binary | base64`, as RFC 9530 appendix A prints it.
    const HELLO: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const BODY: &str = "{\"hello\": \"world\"}\n";
    const TARGET: &str = "/payouts?to=Ada%20Lovelace&amount=12.50";

    #[tokio::test]
    async fn the_approved_body_is_paid() {
        for approved in [
            HELLO.to_owned(),
            format!("sha-512=:YWJj:, {HELLO}"),
            format!("{HELLO},sha-512=:YWJj:"),
        ] {
            let answer = payout(&passed(TARGET, BODY, Some(&approved)));
            assert_eq!(answer.status(), 201, "{approved}");
            let expected = json!({
                "paid": { "to": "Ada Lovelace", "amount": "12.50" },
                "asked_by": { "subject": "ada", "client": null, "organization": null },
                "approval": "a1",
            });
            assert_eq!(told(answer).await, expected);
        }
    }

    #[tokio::test]
    async fn a_body_that_nobody_approved_is_not_paid() {
        let twice = format!("{HELLO}, {HELLO}");
        for (body, approved, kind) in [
            ("{\"hello\": \"World\"}\n", Some(HELLO), "body-differs"),
            ("", Some(HELLO), "body-differs"),
            (BODY, Some("sha-256=:YWJj:"), "body-differs"),
            (BODY, None, "body-not-approved"),
            (BODY, Some("-"), "body-not-approved"),
            (BODY, Some("sha-512=:YWJj:"), "body-not-approved"),
            (BODY, Some(twice.as_str()), "body-not-approved"),
            (BODY, Some(HELLO.trim_end_matches(':')), "body-not-approved"),
            (
                BODY,
                Some(&HELLO.replace("sha", "SHA")),
                "body-not-approved",
            ),
        ] {
            let answer = payout(&passed(TARGET, body, approved));
            assert_eq!(answer.status(), 403, "{body} {approved:?}");
            assert_eq!(
                answer.headers()[header::CONTENT_TYPE],
                "application/problem+json"
            );
            let told = told(answer).await;
            let expected = format!("urn:sample-api:problem:{kind}");
            assert_eq!(told["type"], expected, "{body} {approved:?}");
        }
    }

    #[test]
    fn what_a_payout_says_twice_or_not_at_all_it_does_not_say() {
        for query in [
            "",
            "?to=a",
            "?amount=1",
            "?to=a&amount=1&amount=2",
            "?to=a&to=b&amount=1",
            "?to=&amount=1",
            "?to=a%0Ab&amount=1",
            "?to=a&amount=-1",
            "?to=a&amount=1.234",
            "?to=a&amount=1.",
            "?to=a&amount=1e9",
            "?to=a&amount=12345678901234567",
        ] {
            let answer = payout(&passed(&format!("/payouts{query}"), BODY, Some(HELLO)));
            assert_eq!(answer.status(), 400, "{query}");
        }
    }

    #[tokio::test]
    async fn a_lockdown_has_no_body() {
        let answer = lockdown(&passed("/lockdown?site=1001", "", Some("-")));
        assert_eq!(answer.status(), 200);
        assert_eq!(told(answer).await["locked"]["name"], "Northern reservoir");
        let answer = lockdown(&passed("/lockdown?site=1001", "x", Some("-")));
        assert_eq!(answer.status(), 400);
        let answer = lockdown(&passed("/lockdown?site=7", "", Some("-")));
        assert_eq!(answer.status(), 400);
    }
}
