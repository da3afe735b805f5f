//! A client's identifier and secret in headers of the request itself (Ultra): what they show, unbelieved.

use crate::{
    bounds::{SCOPES_BYTES_MAX, SECRET_BYTES_MAX},
    decision::{Carrier, Judged},
    denied::{Denied, Malformed},
    digest::Digest,
    id::EnvironmentId,
    model::guard::{Accept, Guard},
    opaque,
};

/// A client as the four headers show it.
pub(crate) struct HeaderClient<'a> {
    pub client_id: &'a str,
    pub secret: &'a str,
    pub grant_type: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// Of the environment and all four: what was found out about them is kept by it.
    pub digest: Digest,
}

/// The client that the headers show; none where they show nothing that `guard` looks at. A `client_id` alone
/// says who asks, and shows nothing.
pub(super) fn look<'a>(
    environment: &EnvironmentId,
    brand: &str,
    guard: &Guard,
    judged: &Judged<'a>,
) -> Result<Option<HeaderClient<'a>>, Denied> {
    let headers = &judged.client_headers;
    if !guard.accept.contains(&Accept::ClientHeaders) {
        return match headers.client_secret {
            Carrier::Present(text)
                if opaque::looks_like_ours(text, brand)
                    || opaque::looks_like_ours(text, opaque::BRAND) =>
            {
                Err(Denied::MalformedCredential(Malformed::Unaccepted))
            }
            _ => Ok(None),
        };
    }
    let Some(secret) = once(headers.client_secret)? else {
        return Ok(None);
    };
    if judged.authorization != Carrier::Absent {
        return Err(Denied::MalformedCredential(Malformed::Two));
    }
    let client_id = once(headers.client_id)?.ok_or(Denied::MalformedCredential(Malformed::Form))?;
    let (grant_type, scope) = (once(headers.grant_type)?, once(headers.scope)?);
    let fits = |text: &str| text.len() <= SECRET_BYTES_MAX;
    let short = fits(client_id) && fits(secret) && grant_type.is_none_or(fits);
    if !short || scope.is_some_and(|scope| scope.len() > SCOPES_BYTES_MAX) {
        return Err(Denied::MalformedCredential(Malformed::TooLong));
    }
    // What is not there is another thing than what is empty.
    let (grant_mark, scope_mark) = (u8::from(grant_type.is_some()), u8::from(scope.is_some()));
    let parts = [
        environment.as_str(),
        client_id,
        secret,
        grant_type.unwrap_or_default(),
        scope.unwrap_or_default(),
    ];
    let marks = [grant_mark, scope_mark];
    let parts = parts.map(str::as_bytes);
    let [environment, client, key, grant, scopes] = parts;
    Ok(Some(HeaderClient {
        client_id,
        secret,
        grant_type,
        scope,
        digest: Digest::of(
            "countersign/client-headers",
            &[environment, client, key, grant, scopes, &marks],
        ),
    }))
}

fn once(carrier: Carrier<'_>) -> Result<Option<&str>, Denied> {
    match carrier {
        Carrier::Absent => Ok(None),
        Carrier::Malformed => Err(Denied::MalformedCredential(Malformed::Repeated)),
        Carrier::Present(text) => Ok(Some(text)),
    }
}
