//! Guards, key sets, and single tokens.

use super::{amend, body, cleared, clients::rate_limit, decoded, environment, no_query, page};
use crate::{
    Decoded, Request,
    admin::{bodies, conditional::no_idempotency_key, query::Query},
};
use countersign_engine::{
    call::{AdminCall, Amend, Listing, Target},
    denied::Denied,
    id::EnvironmentId,
    model::guard::Guard,
    secret::Secret,
};
use std::time::Duration;

pub(in crate::admin) fn show_guards(request: &Request<'_>) -> Decoded {
    let environment = no_query(request).and_then(|()| environment(request));
    let call = environment.map(|environment| AdminCall::Show(Target::Guards(environment)));
    decoded(request, call)
}

pub(in crate::admin) fn amend_guards(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let environment = environment(request)?;
        let read: bodies::GuardsToSet = body(request)?;
        let guards = read.guards.into_iter().map(guard).collect();
        Ok(Amend::Guards(environment, guards))
    })
}

fn guard(read: bodies::GuardBody) -> Guard {
    Guard {
        name: read.name,
        hosts: read.hosts.unwrap_or_default(),
        paths: read.paths,
        methods: read.methods.unwrap_or_default(),
        accept: read.accept,
        profiles: read.profiles.unwrap_or_default(),
        audiences: read.audiences.unwrap_or_default(),
        scopes: read.scopes.unwrap_or_default(),
        origins: read.origins.unwrap_or_default(),
        rate_limit: rate_limit(read.rate_limit).flatten(),
        dialect: cleared(read.dialect).flatten(),
        secrets_from_browsers: read.secrets_from_browsers.unwrap_or_default(),
        assertion: read.assertion.unwrap_or_default(),
        approval: None,
    }
}

pub(in crate::admin) fn list_key_sets(request: &Request<'_>) -> Decoded {
    let call = || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["limit", "cursor"])?;
        page(Listing::KeySets(environment), &query)
    };
    decoded(request, call())
}

/// A key set's name is a plain text: one that cannot exist is not found by whoever looks.
fn set(request: &Request<'_>) -> Result<String, Denied> {
    let found = request.parameters.iter().find(|(name, _)| *name == "set");
    found
        .map(|(_, text)| text.clone().into_owned())
        .ok_or(Denied::NotFound { noun: "key set" })
}

pub(in crate::admin) fn show_key_set(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let target = Target::KeySet(environment, set(request)?);
        Ok(AdminCall::Show(target))
    };
    decoded(request, call())
}

pub(in crate::admin) fn rotate_keys(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        no_idempotency_key(request.headers)?;
        let environment = environment(request)?;
        let key_set = set(request)?;
        let read: bodies::KeyRotation = body(request)?;
        Ok(AdminCall::RotateKeys {
            environment,
            key_set,
            overlap: read.overlap_s.map(Duration::from_secs),
            force: read.force.unwrap_or(false),
        })
    };
    decoded(request, call())
}

fn token(request: &Request<'_>) -> Result<(EnvironmentId, Secret<String>), Denied> {
    no_query(request)?;
    let environment = environment(request)?;
    let read: bodies::TokenBody = body(request)?;
    Ok((environment, read.token))
}

pub(in crate::admin) fn revoke_token(request: &Request<'_>) -> Decoded {
    let call =
        token(request).map(|(environment, token)| AdminCall::RevokeToken(environment, token));
    decoded(request, call)
}

pub(in crate::admin) fn inspect_token(request: &Request<'_>) -> Decoded {
    let call =
        token(request).map(|(environment, token)| AdminCall::InspectToken(environment, token));
    decoded(request, call)
}
