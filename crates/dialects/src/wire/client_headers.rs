//! A client's identifier and secret as headers of the request (Ultra's back-end example), and what it asks for.

use super::{authorization, client_auth, form::Form};
use crate::Request;
use countersign_engine::{
    call::{Presented, Shown},
    denied::Malformed,
    secret::Secret,
};
use http::HeaderMap;

/// The headers. Their underscores make proxies drop them that are not told otherwise.
pub const NAMES: [&str; 4] = ["client_id", SECRET, "grant_type", "scope"];
/// The one that holds the secret: no API should see it.
pub const SECRET: &str = "client_secret";

/// What the headers ask for, where they authenticate the request.
pub struct ClientHeaders {
    /// The client, or why it cannot be one.
    pub presented: Presented,
    /// `grant_type`, as carried.
    pub grant_type: Option<String>,
    /// `scope`, as carried.
    pub scope: Option<String>,
}

/// Find a client in the headers; none where there is no `client_secret`. One that is there must be the only
/// credential of the request, and nothing of it may stand in `form` too.
pub fn find(request: &Request<'_>, form: Option<&Form>) -> Option<ClientHeaders> {
    if !request.headers.contains_key(SECRET) {
        return None;
    }
    let (presented, grant_type, scope) = match read(request, form) {
        Ok((shown, grant_type, scope)) => (Presented::Present(shown), grant_type, scope),
        Err(why) => (Presented::Malformed(why), None, None),
    };
    Some(ClientHeaders {
        presented,
        grant_type,
        scope,
    })
}

type Read = (Shown, Option<String>, Option<String>);

fn read(request: &Request<'_>, form: Option<&Form>) -> Result<Read, Malformed> {
    if client_auth::shows_secret_in_query(request.query) {
        return Err(Malformed::Place);
    }
    let headers = request.headers;
    let is_in_form = |name: &&str| form.is_some_and(|form| form.count(name) > 0);
    let also = ["client_assertion", "client_assertion_type"];
    if headers.contains_key(http::header::AUTHORIZATION)
        || NAMES.iter().chain(&also).any(is_in_form)
    {
        return Err(Malformed::Two);
    }
    let [client_id, secret, grant_type, scope] = NAMES.map(|name| once(headers, name));
    let client_id = client_id?.ok_or(Malformed::Form)?;
    let secret = secret?.ok_or(Malformed::Form)?;
    let pair = authorization::checked(client_id, Secret::new(secret))?;
    let shown = Shown::ClientSecret {
        client_id: pair.client_id,
        secret: pair.secret,
    };
    Ok((shown, grant_type?, scope?))
}

/// The one value of a header.
fn once(headers: &HeaderMap, name: &str) -> Result<Option<String>, Malformed> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Malformed::Repeated),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(Malformed::Form),
        },
    }
}
