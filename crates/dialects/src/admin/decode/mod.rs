//! From requests to calls. Each decoder says which parameters, which body and which headers its route has.

mod approvals;
mod clients;
mod installation;
mod rules;
mod subjects;
mod webhooks;

pub(super) use approvals::*;
pub(super) use clients::*;
pub(super) use installation::*;
pub(super) use rules::*;
pub(super) use subjects::*;
pub(super) use webhooks::*;

use super::{
    members::{Clearable, Member, Problems},
    place::Place,
    query::Query,
};
use crate::{
    Decoded, Reply, Request,
    wire::{authorization, json},
};
use countersign_engine::{
    call::{AdminCall, Call, IdempotencyKey, Listing},
    denied::Denied,
    id::{ClientId, CredentialId, EnvironmentId, NotAnId, OperatorId, OrganizationId, SubjectId},
};

/// Whoever asks shows an operator's token, in `Authorization` and nowhere else.
fn decoded(request: &Request<'_>, call: Result<AdminCall, Denied>) -> Decoded {
    Decoded {
        presented: authorization::presented_bearer(request.headers),
        call: call.map(Call::Admin),
        reply: Reply::Plain,
    }
}

/// The body as a `T`.
fn body<T: Member>(request: &Request<'_>) -> Result<T, Denied> {
    let value = json::value(request)?;
    let mut problems = Problems::default();
    let read = T::read(&value, &Place::Body, &mut problems);
    problems.settle(read)
}

/// A segment of the path. What cannot be an identifier names nothing: 404, not 400.
fn segment<T>(
    request: &Request<'_>,
    noun: &'static str,
    parse: impl FnOnce(&str) -> Result<T, NotAnId>,
) -> Result<T, Denied> {
    let found = request.parameters.iter().find(|(name, _)| *name == noun);
    found
        .and_then(|(_, text)| parse(text).ok())
        .ok_or(Denied::NotFound { noun })
}

fn environment(request: &Request<'_>) -> Result<EnvironmentId, Denied> {
    segment(request, "environment", EnvironmentId::parse)
}

fn organization(request: &Request<'_>) -> Result<OrganizationId, Denied> {
    segment(request, "organization", OrganizationId::parse)
}

fn operator(request: &Request<'_>) -> Result<OperatorId, Denied> {
    segment(request, "operator", OperatorId::parse)
}

fn client(request: &Request<'_>) -> Result<ClientId, Denied> {
    segment(request, "client", ClientId::parse)
}

fn credential(request: &Request<'_>) -> Result<CredentialId, Denied> {
    segment(request, "credential", CredentialId::parse)
}

fn subject(request: &Request<'_>) -> Result<SubjectId, Denied> {
    segment(request, "subject", SubjectId::parse)
}

/// The route has no parameters after `?`.
fn no_query(request: &Request<'_>) -> Result<(), Denied> {
    Query::read(request.query, &[]).map(|_| ())
}

fn if_match(request: &Request<'_>) -> Result<u64, Denied> {
    super::conditional::if_match(request.headers)
}

fn idempotency(request: &Request<'_>) -> Result<Option<IdempotencyKey>, Denied> {
    super::conditional::idempotency_key(request.headers, request.method, request.path, request.body)
}

/// A page of `listing`, which may be narrowed by the parameters in `query`.
fn page(listing: Listing, query: &Query<'_>) -> Result<AdminCall, Denied> {
    Ok(AdminCall::List {
        listing,
        after: query.cursor()?,
        limit: query.limit()?,
    })
}

/// `Some(None)`: cleared.
fn cleared<T>(member: Option<Clearable<T>>) -> Option<Option<T>> {
    member.map(|Clearable(value)| value)
}
