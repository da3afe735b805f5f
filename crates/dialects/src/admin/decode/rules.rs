//! Guards, key sets, and single tokens.

use super::{amend, body, cleared, clients::rate_limit, decoded, environment, no_query, page};
use crate::{
    Decoded, Request,
    admin::{
        approval_bodies::ApproversBody, bodies, conditional::no_idempotency_key, query::Query,
    },
};
use countersign_engine::{
    call::{AdminCall, Amend, Listing, Target},
    denied::{Denied, Problem, ProblemKind},
    id::EnvironmentId,
    model::guard::{ApprovalRule, Approvers, Guard},
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
        Ok(Amend::Guards(environment, guards(read.guards)?))
    })
}

/// All problems of all guards are told at once.
fn guards(read: Vec<bodies::GuardBody>) -> Result<Vec<Guard>, Denied> {
    let mut problems = Vec::new();
    let mut guards = Vec::with_capacity(read.len());
    for (place, mut read) in read.into_iter().enumerate() {
        match approval(&mut read) {
            Ok(rule) => guards.push(guard(read, rule)),
            Err(wrong) => problems.extend(wrong.into_iter().map(|(member, kind)| {
                let field = format!("guards[{place}].{member}");
                Problem { field, kind }
            })),
        }
    }
    match problems.is_empty() {
        true => Ok(guards),
        false => Err(Denied::Invalid(problems)),
    }
}

/// The members about approvals, which stand in the guard itself.
fn approval(
    read: &mut bodies::GuardBody,
) -> Result<Option<ApprovalRule>, Vec<(&'static str, ProblemKind)>> {
    let is_required = cleared(read.approval.take()).flatten().is_some();
    let approvers = cleared(read.approvers.take()).flatten();
    let body = cleared(read.body.take()).flatten();
    let sentence = cleared(read.sentence.take()).flatten();
    if !is_required {
        let given = [
            ("approvers", approvers.is_some()),
            ("body", body.is_some()),
            ("sentence", sentence.is_some()),
        ];
        let needless = given.into_iter().filter(|(_, is_given)| *is_given);
        let alone = ProblemKind::Expected("this only beside `approval`: `required`");
        let problems: Vec<_> = needless.map(|(name, _)| (name, alone.clone())).collect();
        return match problems.is_empty() {
            true => Ok(None),
            false => Err(problems),
        };
    }
    match (body, sentence) {
        (Some(body), Some(sentence)) => Ok(Some(ApprovalRule {
            approvers: approvers.map_or(Approvers::Subject, |ApproversBody(who)| who),
            body,
            sentence,
        })),
        (body, sentence) => {
            let lacking = [("body", body.is_none()), ("sentence", sentence.is_none())];
            let lacking = lacking.into_iter().filter(|(_, lacks)| *lacks);
            Err(lacking
                .map(|(name, _)| (name, ProblemKind::Missing))
                .collect())
        }
    }
}

fn guard(read: bodies::GuardBody, approval: Option<ApprovalRule>) -> Guard {
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
        approval,
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
