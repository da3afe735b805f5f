//! What belongs to no environment: environments themselves, organizations, operators, the audit log.

use super::{
    body, cleared, decoded, environment, idempotency, if_match, no_query, operator, organization,
    page, segment,
};
use crate::{
    Decoded, Request,
    admin::{bodies, query::Query},
};
use countersign_engine::{
    call::{
        AdminCall, Amend, EnvironmentChange, Lifecycle, Listing, New, NewCredential,
        NewEnvironment, NewHolder, NewOperator, NewOrganization, OperatorChange,
        OrganizationChange, Target,
    },
    denied::Denied,
    id::{CredentialId, EnvironmentId, OrganizationId},
    model::credential::CredentialKind,
};

pub(in crate::admin) fn whoami(request: &Request<'_>) -> Decoded {
    decoded(request, no_query(request).map(|()| AdminCall::WhoAmI))
}

fn plain_page(request: &Request<'_>, listing: Listing) -> Result<AdminCall, Denied> {
    page(listing, &Query::read(request.query, &["limit", "cursor"])?)
}

pub(in crate::admin) fn list_environments(request: &Request<'_>) -> Decoded {
    decoded(request, plain_page(request, Listing::Environments))
}

pub(in crate::admin) fn list_organizations(request: &Request<'_>) -> Decoded {
    decoded(request, plain_page(request, Listing::Organizations))
}

pub(in crate::admin) fn list_operators(request: &Request<'_>) -> Decoded {
    decoded(request, plain_page(request, Listing::Operators))
}

pub(in crate::admin) fn list_operator_tokens(request: &Request<'_>) -> Decoded {
    let listing = Listing::Credentials(EnvironmentId::installation(), None);
    decoded(request, plain_page(request, listing))
}

pub(in crate::admin) fn list_audit(request: &Request<'_>) -> Decoded {
    let known = ["environment", "organization", "since", "limit", "cursor"];
    let call = || {
        let query = Query::read(request.query, &known)?;
        let listing = Listing::Audit {
            // `*` is how the lines of the installation itself name their place.
            environment: query.id("environment", EnvironmentId::from_stored)?,
            organization: query.id("organization", OrganizationId::parse)?,
            since: query.time("since")?,
        };
        page(listing, &query)
    };
    decoded(request, call())
}

fn show(request: &Request<'_>, target: Result<Target, Denied>) -> Decoded {
    let call = no_query(request).and(target).map(AdminCall::Show);
    decoded(request, call)
}

pub(in crate::admin) fn show_environment(request: &Request<'_>) -> Decoded {
    show(request, environment(request).map(Target::Environment))
}

pub(in crate::admin) fn show_organization(request: &Request<'_>) -> Decoded {
    show(request, organization(request).map(Target::Organization))
}

pub(in crate::admin) fn show_operator(request: &Request<'_>) -> Decoded {
    show(request, operator(request).map(Target::Operator))
}

/// A creation of what `read` makes of the request.
fn create(request: &Request<'_>, read: impl FnOnce() -> Result<New, Denied>) -> Decoded {
    let call = || {
        no_query(request)?;
        let idempotency = idempotency(request)?;
        let new = read()?;
        Ok(AdminCall::Create { new, idempotency })
    };
    decoded(request, call())
}

pub(in crate::admin) fn create_environment(request: &Request<'_>) -> Decoded {
    create(request, || {
        let read: bodies::EnvironmentToMake = body(request)?;
        Ok(New::Environment(NewEnvironment {
            id: read.id,
            display_name: read.display_name,
            mode: read.mode,
            issuer: read.issuer,
            hosts: read.hosts,
            dialects: read.dialects,
            brand: read.brand,
            allowed_origins: read.allowed_origins.unwrap_or_default(),
            public_url: read.public_url,
            phone_url: read.phone_url,
            provider_registrations: read.provider_registrations,
        }))
    })
}

pub(in crate::admin) fn create_organization(request: &Request<'_>) -> Decoded {
    create(request, || {
        let read: bodies::OrganizationToMake = body(request)?;
        Ok(New::Organization(NewOrganization {
            id: read.id,
            display_name: read.display_name,
            number: read.number,
        }))
    })
}

pub(in crate::admin) fn create_operator(request: &Request<'_>) -> Decoded {
    create(request, || {
        let read: bodies::OperatorToMake = body(request)?;
        Ok(New::Operator(NewOperator {
            id: read.id,
            display_name: read.display_name,
            role: read.role,
        }))
    })
}

pub(in crate::admin) fn create_operator_token(request: &Request<'_>) -> Decoded {
    create(request, || {
        let operator = operator(request)?;
        let read: bodies::OperatorTokenToMake = body(request)?;
        Ok(New::Credential(NewCredential {
            environment: EnvironmentId::installation(),
            holder: NewHolder::Operator(operator),
            kind: CredentialKind::OperatorToken,
            key: None,
            lifecycle: Lifecycle {
                comment: read.comment,
                not_before: cleared(read.not_before),
                expires_at: cleared(read.expires_at),
                allowed_networks: read.allowed_networks,
                ..Lifecycle::default()
            },
        }))
    })
}

/// A change of what `read` makes of the request.
pub(super) fn amend(
    request: &Request<'_>,
    read: impl FnOnce() -> Result<Amend, Denied>,
) -> Decoded {
    let call = || {
        no_query(request)?;
        let if_version = Some(if_match(request)?);
        let change = read()?;
        Ok(AdminCall::Amend { change, if_version })
    };
    decoded(request, call())
}

pub(in crate::admin) fn amend_environment(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let environment = environment(request)?;
        let read: bodies::EnvironmentToChange = body(request)?;
        let change = EnvironmentChange {
            display_name: read.display_name,
            hosts: read.hosts,
            dialects: read.dialects,
            allowed_origins: read.allowed_origins,
            public_url: cleared(read.public_url),
            phone_url: cleared(read.phone_url),
            provider_registrations: cleared(read.provider_registrations),
        };
        Ok(Amend::Environment(environment, change))
    })
}

pub(in crate::admin) fn amend_organization(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let organization = organization(request)?;
        let read: bodies::OrganizationToChange = body(request)?;
        let change = OrganizationChange {
            display_name: read.display_name,
            state: read.state,
        };
        Ok(Amend::Organization(organization, change))
    })
}

pub(in crate::admin) fn amend_operator(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let operator = operator(request)?;
        let read: bodies::OperatorToChange = body(request)?;
        let change = OperatorChange {
            display_name: read.display_name,
            role: read.role,
            state: read.state,
        };
        Ok(Amend::Operator(operator, change))
    })
}

fn end_tokens(request: &Request<'_>, target: Result<Target, Denied>) -> Decoded {
    let call = no_query(request).and(target).map(AdminCall::EndTokens);
    decoded(request, call)
}

pub(in crate::admin) fn end_tokens_of_environment(request: &Request<'_>) -> Decoded {
    end_tokens(request, environment(request).map(Target::Environment))
}

pub(in crate::admin) fn end_tokens_of_organization(request: &Request<'_>) -> Decoded {
    end_tokens(request, organization(request).map(Target::Organization))
}

pub(in crate::admin) fn end_tokens_of_client(request: &Request<'_>) -> Decoded {
    let target = || {
        let environment = environment(request)?;
        Ok(Target::Client(environment, super::client(request)?))
    };
    end_tokens(request, target())
}

pub(in crate::admin) fn revoke_operator_token(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let token = segment(request, "token", CredentialId::parse)?;
        Ok(AdminCall::RevokeCredential(
            EnvironmentId::installation(),
            token,
        ))
    };
    decoded(request, call())
}
