//! From outcomes to answers. One function for all routes: what an outcome is decides what is said.

use super::{
    approval_views, conditional::entity_tag, query::write_cursor, rows, subject_views, time, views,
};
use crate::{
    Reply, Response,
    wire::{
        headers::{self, empty},
        media, problem,
    },
};
use countersign_engine::{
    call::CallContext,
    denied::{Fault, Refusal},
    model::credential::Holder,
    outcome::{ApprovalOutcome, Listed, Outcome, SubjectOutcome, View},
    row::Row,
    secret::Secret,
    time::Timestamp,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// The answer to an operator.
pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _reply: &Reply,
    context: &CallContext,
) -> Response {
    let answer = match result {
        Ok(outcome) => answer(outcome, context.now),
        Err(refusal) => return problem::refuse(refusal, context),
    };
    answer.unwrap_or_else(|fault| problem::refuse(&fault.into(), context))
}

fn answer(outcome: &Outcome, now: Timestamp) -> Result<Response, Fault> {
    match outcome {
        Outcome::WhoAmI(operator) => Ok(json(StatusCode::OK, &views::operator(operator, None))),
        Outcome::Rows(listed) => page(listed, now),
        Outcome::Row(view) => {
            let answer = json(StatusCode::OK, &row(view, now)?);
            tagged(answer, view)
        }
        Outcome::Created { view, secret } => created(view, secret.as_ref(), now),
        Outcome::Introspection(token) => {
            Ok(json(StatusCode::OK, &views::inspection(token.as_ref())))
        }
        Outcome::Revoked | Outcome::Done => Ok(empty(StatusCode::NO_CONTENT)),
        Outcome::Subject(outcome) => about_subject(outcome),
        Outcome::Approval(outcome) => about_approvals(outcome, now),
        Outcome::Token(_)
        | Outcome::PublicKeys(_)
        | Outcome::Metadata(_)
        | Outcome::UserInfo(_)
        | Outcome::Session(_)
        | Outcome::Profile(_)
        | Outcome::Provider(_)
        | Outcome::Device(_)
        | Outcome::Login(_) => Err(misplaced()),
    }
}

fn misplaced() -> Fault {
    Fault::internal("an admin call was answered with an outcome of the public endpoints")
}

fn about_approvals(outcome: &ApprovalOutcome, now: Timestamp) -> Result<Response, Fault> {
    Ok(match outcome {
        ApprovalOutcome::Approvers(list) => json(StatusCode::OK, &approval_views::approvers(list)),
        ApprovalOutcome::Device(facts) => {
            json(StatusCode::OK, &approval_views::device_facts(facts, now))
        }
        ApprovalOutcome::Nonce(facts, expires_at) => {
            json(StatusCode::OK, &approval_views::nonce(facts, *expires_at))
        }
        ApprovalOutcome::About { .. } | ApprovalOutcome::Polled { .. } => return Err(misplaced()),
    })
}

fn about_subject(outcome: &SubjectOutcome) -> Result<Response, Fault> {
    match outcome {
        SubjectOutcome::Sessions {
            kept,
            counted,
            next,
        } => {
            let kept = kept.iter().map(|stored| &**stored);
            let page = rows::Page {
                items: subject_views::sessions(counted, kept),
                next_cursor: next.as_ref().map(write_cursor),
            };
            Ok(json(StatusCode::OK, &page))
        }
        SubjectOutcome::Export(gathered) => {
            let export = subject_views::export(gathered);
            let export = export.ok_or_else(|| Fault::internal("an export of no subject"))?;
            Ok(json(StatusCode::OK, &export))
        }
        SubjectOutcome::PasswordLink {
            sent_to,
            expires_at,
        } => {
            let link = rows::PasswordLink {
                sent_to: sent_to.clone(),
                expires_at: time::write(*expires_at),
            };
            Ok(json(StatusCode::ACCEPTED, &link))
        }
    }
}

fn page(listed: &Listed, now: Timestamp) -> Result<Response, Fault> {
    let items = listed
        .rows
        .iter()
        .map(|view| shown(views::listed(view, now)));
    let items: Result<Vec<views::Shown>, Fault> = items.collect();
    let page = rows::Page {
        items: items?,
        next_cursor: listed.next.as_ref().map(write_cursor),
    };
    Ok(json(StatusCode::OK, &page))
}

fn created(
    view: &View,
    secret: Option<&Secret<String>>,
    now: Timestamp,
) -> Result<Response, Fault> {
    let made = rows::Made {
        row: row(view, now)?,
        secret: secret.map(|secret| secret.expose().clone()),
    };
    let mut answer = tagged(json(StatusCode::CREATED, &made), view)?;
    if let Some(place) = place(&view.stored.row) {
        let place = HeaderValue::try_from(place).map_err(Fault::internal)?;
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

fn row(view: &View, now: Timestamp) -> Result<views::Shown, Fault> {
    shown(views::row(view, now))
}

fn shown(row: Option<views::Shown>) -> Result<views::Shown, Fault> {
    row.ok_or_else(|| Fault::internal("a row that no operator sees was to be shown"))
}

fn tagged(mut answer: Response, view: &View) -> Result<Response, Fault> {
    let tag = HeaderValue::try_from(entity_tag(view.stored.version)).map_err(Fault::internal)?;
    answer.headers_mut().insert(header::ETAG, tag);
    Ok(answer)
}

/// Where a row can be read again. Identifiers need no escaping: they have none of the characters that do.
fn place(row: &Row) -> Option<String> {
    let path = match row {
        Row::Environment(row) => format!("environments/{}", row.id),
        Row::Organization(row) => format!("organizations/{}", row.id),
        Row::Operator(row) => format!("operators/{}", row.id),
        Row::Client(row) => format!("environments/{}/clients/{}", row.environment, row.id),
        Row::Credential(row) => match &row.holder {
            Holder::Client(..) => {
                format!("environments/{}/credentials/{}", row.environment, row.id)
            }
            Holder::Operator(_) => return None,
        },
        Row::Subject(row) => format!("environments/{}/subjects/{}", row.environment, row.id),
        Row::Subscription(row) => format!("environments/{}/webhooks/{}", row.environment, row.id),
        _ => return None,
    };
    Some(format!("/admin/v1/{path}"))
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    headers::json(status, media::JSON, body)
}
