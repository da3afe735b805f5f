//! Clients of an environment, and their credentials.

use super::{
    amend, body, cleared, client, credential, decoded, environment, idempotency, if_match,
    no_query, page,
};
use crate::{
    Decoded, Request,
    admin::{bodies, members::Clearable, query::Query},
};
use countersign_engine::{
    call::{
        AdminCall, Amend, ClientChange, Lifecycle, Listing, New, NewClient, NewCredential,
        NewHolder, PlatformChange, Target,
    },
    denied::{Denied, ProblemKind},
    id::{ClientId, OrganizationId},
    model::{
        client::{ClientKind, Platform, SignIn},
        credential::RateLimit,
    },
};
use countersign_jose::{Algorithm, Jwk};
use std::time::Duration;

pub(in crate::admin) fn list_clients(request: &Request<'_>) -> Decoded {
    let call = || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["organization", "limit", "cursor"])?;
        let organization = query.id("organization", OrganizationId::parse)?;
        page(Listing::Clients(environment, organization), &query)
    };
    decoded(request, call())
}

pub(in crate::admin) fn list_credentials(request: &Request<'_>) -> Decoded {
    let call = || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["client", "limit", "cursor"])?;
        let client = query.id("client", ClientId::parse)?;
        page(Listing::Credentials(environment, client), &query)
    };
    decoded(request, call())
}

fn client_target(request: &Request<'_>) -> Result<Target, Denied> {
    Ok(Target::Client(environment(request)?, client(request)?))
}

pub(in crate::admin) fn show_client(request: &Request<'_>) -> Decoded {
    let target = no_query(request).and_then(|()| client_target(request));
    decoded(request, target.map(AdminCall::Show))
}

pub(in crate::admin) fn show_credential(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let target = Target::Credential(environment, credential(request)?);
        Ok(AdminCall::Show(target))
    };
    decoded(request, call())
}

pub(in crate::admin) fn create_client(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let idempotency = idempotency(request)?;
        let read: bodies::ClientToMake = body(request)?;
        let new = New::Client(NewClient {
            environment,
            id: read.id,
            organization: read.organization,
            display_name: read.display_name,
            kind: read.kind,
            spelling: read.spelling.unwrap_or_default(),
            scopes: read.scopes.unwrap_or_default(),
            resources: read.resources.unwrap_or_default(),
            serves: read.serves.unwrap_or_default(),
            platform: platform(read.kind, read.platform),
            sign_in: read.sign_in.map(sign_in),
            number: read.number,
            maker_number: read.maker_number,
        });
        Ok(AdminCall::Create { new, idempotency })
    };
    decoded(request, call())
}

pub(in crate::admin) fn create_credential(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let holder = NewHolder::Client(client(request)?);
        let idempotency = idempotency(request)?;
        let read: bodies::CredentialToMake = body(request)?;
        let new = New::Credential(NewCredential {
            environment,
            holder,
            kind: read.kind,
            key: key(read.algorithm, read.jwk)?,
            lifecycle: Lifecycle {
                comment: read.comment,
                scopes: read.scopes,
                not_before: cleared(read.not_before),
                expires_at: cleared(read.expires_at),
                allowed_networks: read.allowed_networks,
                origins: read.origins,
                metadata: cleared(read.metadata),
                api_version: cleared(read.api_version),
                rate_limit: rate_limit(read.rate_limit),
            },
        });
        Ok(AdminCall::Create { new, idempotency })
    };
    decoded(request, call())
}

/// What a platform is unless it is said: partners sign with RS512, and their assertions live an hour at most.
fn platform(kind: ClientKind, read: Option<bodies::PlatformBody>) -> Option<Platform> {
    let said = match read {
        Some(read) => platform_change(read),
        None if kind == ClientKind::Platform => PlatformChange::default(),
        None => return None,
    };
    Some(Platform {
        code: said.code.unwrap_or_default(),
        algorithm: said.algorithm.unwrap_or(Algorithm::Rs512),
        single_use: said.single_use.unwrap_or_default(),
        enrols: said.enrols.unwrap_or_default(),
        token_lifetime_max_s: said.token_lifetime_max_s.unwrap_or(3600),
    })
}

fn platform_change(read: bodies::PlatformBody) -> PlatformChange {
    PlatformChange {
        code: read.code,
        algorithm: read.algorithm,
        single_use: read.single_use,
        enrols: read.enrols,
        token_lifetime_max_s: read.token_lifetime_max_s,
    }
}

fn sign_in(read: bodies::SignInBody) -> SignIn {
    SignIn {
        sign_ups: read.sign_ups,
    }
}

/// A key is used with one algorithm: the one that is said, or else the one that the JWK says (RFC 7517 section 4.4).
fn key(
    algorithm: Option<Algorithm>,
    jwk: Option<Jwk>,
) -> Result<Option<(Algorithm, Option<Jwk>)>, Denied> {
    let named = jwk.as_ref().and_then(|jwk| jwk.alg.as_deref());
    match (algorithm.or_else(|| Algorithm::from_name(named?)), jwk) {
        (Some(algorithm), jwk) => Ok(Some((algorithm, jwk))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Denied::invalid("algorithm", ProblemKind::Missing)),
    }
}

pub(super) fn rate_limit(
    member: Option<Clearable<bodies::RateLimitBody>>,
) -> Option<Option<RateLimit>> {
    cleared(member).map(|limit| {
        limit.map(|limit| RateLimit {
            per_minute: limit.per_minute,
            burst: limit.burst,
        })
    })
}

pub(in crate::admin) fn amend_client(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let environment = environment(request)?;
        let client = client(request)?;
        let read: bodies::ClientToChange = body(request)?;
        let change = ClientChange {
            display_name: read.display_name,
            state: read.state,
            scopes: read.scopes,
            resources: read.resources,
            serves: read.serves,
            platform: read.platform.map(platform_change),
            sign_in: cleared(read.sign_in).map(|member| member.map(sign_in)),
        };
        Ok(Amend::Client(environment, client, change))
    })
}

pub(in crate::admin) fn amend_credential(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let environment = environment(request)?;
        let credential = credential(request)?;
        let read: bodies::CredentialToChange = body(request)?;
        let change = Lifecycle {
            comment: read.comment,
            scopes: read.scopes,
            not_before: cleared(read.not_before),
            expires_at: cleared(read.expires_at),
            allowed_networks: read.allowed_networks,
            origins: read.origins,
            metadata: cleared(read.metadata),
            api_version: cleared(read.api_version),
            rate_limit: rate_limit(read.rate_limit),
        };
        Ok(Amend::Credential(environment, credential, change))
    })
}

pub(in crate::admin) fn remove_client(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let target = client_target(request)?;
        let if_version = Some(if_match(request)?);
        Ok(AdminCall::Remove { target, if_version })
    };
    decoded(request, call())
}

pub(in crate::admin) fn rotate_credential(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let credential = credential(request)?;
        let idempotency = idempotency(request)?;
        let read: bodies::CredentialRotation = body(request)?;
        Ok(AdminCall::RotateCredential {
            environment,
            credential,
            overlap: Duration::from_secs(read.overlap_s),
            idempotency,
        })
    };
    decoded(request, call())
}

pub(in crate::admin) fn revoke_credential(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let environment = environment(request)?;
        let credential = credential(request)?;
        Ok(AdminCall::RevokeCredential(environment, credential))
    };
    decoded(request, call())
}
