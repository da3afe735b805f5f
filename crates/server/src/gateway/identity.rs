//! The headers that tell an API who called: the one list. Answers and sample configurations are made from it.

use countersign_engine::{decision::Principal, denied::Fault};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// One identity header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Its name as documentation and sample configurations write it.
    pub name: &'static str,
    /// The same in lower case, as HTTP/2 and [`HeaderName`] want it.
    pub lower: &'static str,
    /// Whether every 200 carries it, with `-` where there is no value.
    pub always: bool,
    /// What its value is, for the documentation in the samples.
    pub meaning: &'static str,
}

macro_rules! identity_headers {
    ($($constant:ident $name:literal $lower:literal $always:literal $meaning:literal;)*) => {
        $(const $constant: HeaderName = HeaderName::from_static($lower);)*

        /// Every identity header, in the order in which samples write them.
        pub const IDENTITY_HEADERS: &[IdentityHeader] = &[
            $(IdentityHeader { name: $name, lower: $lower, always: $always, meaning: $meaning },)*
        ];
    };
}

identity_headers! {
    SUBJECT "Countersign-Subject" "countersign-subject" true "for whom the caller speaks";
    CLIENT "Countersign-Client" "countersign-client" true "the client's id";
    ORGANIZATION "Countersign-Organization" "countersign-organization" true "the customer that owns the client";
    ENVIRONMENT "Countersign-Environment" "countersign-environment" true "sandbox or production, by its name";
    SCOPES "Countersign-Scopes" "countersign-scopes" true "what the caller may do, separated by spaces";
    CREDENTIAL "Countersign-Credential" "countersign-credential" true "what kind of credential was shown";
    EXPIRES "Countersign-Expires" "countersign-expires" true "when it ends, in seconds since 1970";
    REQUEST_ID "Countersign-Request-Id" "countersign-request-id" true "the name of this request in logs and audit";
    CONTENT_DIGEST "Countersign-Content-Digest" "countersign-content-digest" true "the body's digest that was judged, if one was";
    ASSERTION "Countersign-Assertion" "countersign-assertion" false "the same facts, signed, where the guard asks for it";
}

/// The one header of the managed kind that a caller may send: which approval its request has.
pub const APPROVAL: &str = "countersign-approval";

/// The prefix of managed headers, without the separator.
pub const PREFIX: &str = "countersign";

/// Whether a caller may not send a header of this (lower-case) name: with `_` and `.` read as `-`, as
/// CGI and its heirs do, it begins with `Countersign-`.
pub fn is_managed(name: &str) -> bool {
    let rest = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    matches!(rest, Some([b'-' | b'_' | b'.', ..])) && name != APPROVAL
}

const NO_VALUE: HeaderValue = HeaderValue::from_static("-");

/// The headers of every answer that lets `principal` pass. Made once per fact; a request adds its id.
///
/// # Errors
/// [`Fault`] when a value cannot stand in a header: nothing must pass then.
pub fn render(principal: &Principal) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::with_capacity(IDENTITY_HEADERS.len() + 2);
    let expires = principal.expires_at.map(|at| at.seconds().to_string());
    let scopes = principal.scopes.to_string();
    let values = [
        (SUBJECT, principal.subject.as_deref()),
        (CLIENT, principal.client.as_ref().map(|id| id.as_str())),
        (
            ORGANIZATION,
            principal.organization.as_ref().map(|id| id.as_str()),
        ),
        (ENVIRONMENT, Some(principal.environment.as_str())),
        (SCOPES, Some(scopes.as_str())),
        (CREDENTIAL, Some(principal.shown.word())),
        (EXPIRES, expires.as_deref()),
        (REQUEST_ID, None),
        // Of a countersigned request: it is said of this one only.
        (CONTENT_DIGEST, None),
    ];
    for (name, value) in values {
        headers.insert(name, spelled(value)?);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(headers)
}

fn spelled(value: Option<&str>) -> Result<HeaderValue, Fault> {
    match value {
        None | Some("") => Ok(NO_VALUE),
        Some(text) if text.bytes().all(|b| matches!(b, b' '..=b'~')) => {
            HeaderValue::from_str(text).map_err(Fault::internal)
        }
        Some(_) => Err(Fault::internal("an identity that no header can carry")),
    }
}

/// Say which request this is.
pub fn name_request(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
}

/// Say which body was countersigned.
pub fn name_body(headers: &mut HeaderMap, digest: HeaderValue) {
    headers.insert(CONTENT_DIGEST, digest);
}

/// Add the signed assertion.
pub fn add_assertion(headers: &mut HeaderMap, compact: HeaderValue) {
    headers.insert(ASSERTION, compact);
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        decision::ShownKind,
        id::{ClientId, EnvironmentId, OrganizationId},
        model::{credential::CredentialKind, scopes::Scopes},
        time::Timestamp,
    };

    fn anyone() -> Principal {
        Principal {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            organization: None,
            client: None,
            subject: None,
            scopes: Scopes::default(),
            shown: ShownKind::Anonymous,
            expires_at: None,
        }
    }

    #[test]
    fn names_that_some_reader_takes_for_a_managed_one_are_managed() {
        for name in [
            "countersign-subject",
            "countersign_subject",
            "countersign.subject",
            "countersign-anything",
            "countersign-",
            "countersign_approval",
            "countersign-approval-2",
        ] {
            assert!(is_managed(name), "{name}");
        }
        for name in [
            "countersign-approval",
            "countersign",
            "countersigned",
            "x-countersign-subject",
        ] {
            assert!(!is_managed(name), "{name}");
        }
    }

    #[test]
    fn the_list_is_managed_and_its_two_spellings_agree() {
        for header in IDENTITY_HEADERS {
            assert!(is_managed(header.lower), "{}", header.lower);
            assert_eq!(header.name.to_ascii_lowercase(), header.lower);
        }
    }

    #[test]
    fn whoever_passes_every_header_is_there() {
        let known = Principal {
            organization: OrganizationId::parse("acme").ok(),
            client: ClientId::parse("c1").ok(),
            subject: Some("client:c1".to_owned()),
            scopes: Scopes::parse("write read").unwrap(),
            shown: ShownKind::Credential(CredentialKind::ApiKey),
            expires_at: Some(Timestamp::from_micros(1_999_999)),
            ..anyone()
        };
        let texts = |principal: &Principal| -> Vec<String> {
            let headers = render(principal).unwrap();
            let always = IDENTITY_HEADERS.iter().filter(|header| header.always);
            always
                .map(|header| headers[header.lower].to_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            texts(&known),
            [
                "client:c1",
                "c1",
                "acme",
                "sandbox",
                "read write",
                "api_key",
                "1",
                "-",
                "-"
            ]
        );
        assert_eq!(
            texts(&anyone()),
            ["-", "-", "-", "sandbox", "-", "anonymous", "-", "-", "-"]
        );
    }

    #[test]
    fn an_identity_that_a_header_cannot_carry_does_not_pass() {
        for subject in ["a\nb", "a\tb", "caf\u{e9}"] {
            let principal = Principal {
                subject: Some(subject.to_owned()),
                ..anyone()
            };
            assert!(render(&principal).is_err(), "{subject:?}");
        }
    }
}
