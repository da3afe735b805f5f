//! What Ultra's callers are told.
//!
//! The realm's endpoints answer as Keycloak does, in the words of RFC 6749 section 5.2. Of the API the vendor says
//! only that wrong credentials and a lacking token are 401, and prints one error in the form of its GraphQL server:
//! ours have that form, where a GraphQL endpoint was asked.

use crate::{
    Response,
    wire::{
        headers, media,
        oauth_error::{self, OAuthError},
    },
};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Malformed, Refusal},
};
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use serde::Serialize;

/// The answer of an endpoint where clients authenticate. Keycloak says 401 to a client that may not have what it
/// asks for, too.
pub fn refuse_at_client_endpoint(refusal: &Refusal, context: &CallContext) -> Response {
    let mut error = oauth_error::at_client_endpoint(refusal);
    if matches!(refusal, Refusal::Denied(Denied::UnauthorizedClient)) {
        error.status = StatusCode::UNAUTHORIZED;
    }
    let mut response = oauth_error::with_body(&error, refusal);
    oauth_error::add_client_challenge(&mut response, context);
    response
}

/// The engine answered another call than the route's: our fault.
pub(super) fn unexpected(context: &CallContext) -> Response {
    let refusal = Fault::internal("the outcome is not one of this route's call").into();
    refuse_at_client_endpoint(&refusal, context)
}

/// The table of the API: nothing tells a caller who is not let in why, not even that he showed nothing.
fn at_guard(refusal: &Refusal) -> OAuthError {
    match refusal {
        Refusal::Denied(
            Denied::NoCredential
            | Denied::InvalidClient(_)
            | Denied::InvalidToken(_)
            | Denied::MalformedCredential(
                Malformed::Form | Malformed::TooLong | Malformed::Unaccepted,
            ),
        ) => OAuthError {
            status: StatusCode::UNAUTHORIZED,
            code: "invalid_token",
            description: "The credential is not valid.".into(),
        },
        other => oauth_error::at_resource(other),
    }
}

/// The answer of an endpoint that is no GraphQL one.
pub fn refuse_at_guard(refusal: &Refusal, context: &CallContext) -> Response {
    let error = at_guard(refusal);
    let response = oauth_error::with_body(&error, refusal);
    challenged(response, &error, refusal, context)
}

/// The answer of a GraphQL endpoint.
pub fn refuse_at_graphql(refusal: &Refusal, context: &CallContext) -> Response {
    let error = at_guard(refusal);
    let body = GraphQlBody::of(&error);
    let mut response = headers::json(error.status, media::JSON, &body);
    headers::add_refusal(&mut response, refusal);
    challenged(response, &error, refusal, context)
}

/// A 401 has one challenge, the same for all. What lacks besides is said as RFC 6750 section 3 does.
fn challenged(
    mut response: Response,
    error: &OAuthError,
    refusal: &Refusal,
    context: &CallContext,
) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        let headers = response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    } else {
        oauth_error::add_bearer_challenge(&mut response, error, refusal, context);
    }
    response
}

/// An answer of a GraphQL server that has nothing but an error, as the vendor's prints it: `message` is an object.
#[derive(Serialize)]
struct GraphQlBody<'a> {
    data: (),
    errors: [GraphQlError<'a>; 1],
}

#[derive(Serialize)]
struct GraphQlError<'a> {
    message: Message<'a>,
    extensions: Extensions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    status_code: u16,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    code: String,
    status_code: u16,
}

impl<'a> GraphQlBody<'a> {
    fn of(error: &'a OAuthError) -> Self {
        let status_code = error.status.as_u16();
        let reason = error.status.canonical_reason().unwrap_or("Refused");
        let is_unauthorized = error.status == StatusCode::UNAUTHORIZED;
        let (code, message) = if is_unauthorized {
            ("UNAUTHENTICATED".into(), reason)
        } else {
            let code = reason.to_ascii_uppercase().replace([' ', '-'], "_");
            (code, &*error.description)
        };
        Self {
            data: (),
            errors: [GraphQlError {
                message: Message {
                    status_code,
                    message,
                },
                extensions: Extensions { code, status_code },
            }],
        }
    }
}
