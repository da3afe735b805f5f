//! How a client shows who it is (RFC 6749 section 2.3, RFC 7523 section 2.2): one way per request.

use super::{
    Found,
    authorization::{self, CLIENT_ID_BYTES_MAX, ReadBasic},
    form::Form,
    percent,
};
use crate::Request;
use countersign_engine::{
    bounds::TOKEN_BYTES_MAX,
    call::{Presented, Shown},
    denied::Malformed,
    secret::Secret,
};

/// The one type of assertion (RFC 7523 section 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a dialect takes.
#[derive(Clone, Copy)]
pub struct Rules {
    /// How it reads `Authorization: Basic`.
    pub basic: ReadBasic,
    /// Whether it takes signed assertions.
    pub assertions: bool,
}

/// What must not stand in a URL, where logs and histories keep it (RFC 6749 section 2.3.1, RFC 9700 section 4.3.2).
const NOT_IN_QUERY: [&str; 7] = [
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "password",
    "refresh_token",
    "token",
];

/// What the client shows in the header or in `form`; none when the body could not be read.
pub fn client(request: &Request<'_>, form: Option<&Form>, rules: Rules) -> Presented {
    if shows_secret_in_query(request.query) {
        return Presented::Malformed(Malformed::Place);
    }
    let header = authorization::basic(request.headers, rules.basic);
    let in_form = match form.map(InForm::read) {
        None => InForm::default(),
        Some(Ok(found)) => found,
        Some(Err(why)) => return Presented::Malformed(why),
    };
    let is_secret_in_form = in_form.secret.is_some() || in_form.assertion.is_some();
    match header {
        Found::Malformed(why) => Presented::Malformed(why),
        Found::Present(_) if is_secret_in_form => Presented::Malformed(Malformed::Two),
        Found::Present(pair) => match in_form.client_id {
            Some(other) if other != pair.client_id => Presented::Malformed(Malformed::Two),
            _ => Presented::Present(Shown::ClientSecret {
                client_id: pair.client_id,
                secret: pair.secret,
            }),
        },
        Found::Absent => in_form.presented(rules),
    }
}

/// Whether a parameter of the query has the name of a secret.
pub fn shows_secret_in_query(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        percent::decode_form(name.as_bytes())
            .is_ok_and(|name| NOT_IN_QUERY.contains(&name.as_str()))
    })
}

/// The parameters of client authentication.
#[derive(Default)]
struct InForm<'a> {
    client_id: Option<&'a str>,
    secret: Option<&'a str>,
    assertion: Option<&'a str>,
    assertion_type: Option<&'a str>,
}

impl<'a> InForm<'a> {
    fn read(form: &'a Form) -> Result<Self, Malformed> {
        let once = |name| match form.count(name) {
            0 | 1 => Ok(form.text(name)),
            _ => Err(Malformed::Repeated),
        };
        Ok(Self {
            client_id: once("client_id")?,
            secret: once("client_secret")?,
            assertion: once("client_assertion")?,
            assertion_type: once("client_assertion_type")?,
        })
    }

    /// A `client_id` alone says who asks, and shows nothing.
    fn presented(self, rules: Rules) -> Presented {
        let found = match (self.secret, self.assertion, self.assertion_type) {
            (None, None, None) => return Presented::Absent,
            (Some(secret), None, None) => self.secret(secret),
            (None, Some(assertion), Some(ASSERTION_TYPE)) if rules.assertions => {
                self.assertion(assertion)
            }
            (None, _, _) => Err(Malformed::Form),
            (Some(_), _, _) => Err(Malformed::Two),
        };
        match found {
            Ok(shown) => Presented::Present(shown),
            Err(why) => Presented::Malformed(why),
        }
    }

    fn secret(&self, secret: &str) -> Result<Shown, Malformed> {
        let client_id = self.client_id.ok_or(Malformed::Form)?;
        let pair = authorization::checked(client_id.into(), Secret::new(secret.into()))?;
        Ok(Shown::ClientSecret {
            client_id: pair.client_id,
            secret: pair.secret,
        })
    }

    fn assertion(&self, assertion: &str) -> Result<Shown, Malformed> {
        let id_bytes = self.client_id.map_or(0, str::len);
        if assertion.len() > TOKEN_BYTES_MAX || id_bytes > CLIENT_ID_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        Ok(Shown::ClientAssertion {
            client_id: self.client_id.map(str::to_owned),
            assertion: Secret::new(assertion.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests;
