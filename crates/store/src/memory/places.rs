//! Where rows stand in the orders of queries.

use crate::tables::approval_place;
use countersign_engine::{
    id::EnvironmentId,
    model::approval::Approval,
    ports::{Query, WaitingOf},
    row::Row,
    time::Timestamp,
};
use data_encoding::HEXUPPER;

pub(super) fn is_waiting_of(approval: &Approval, of: &WaitingOf) -> bool {
    match of {
        WaitingOf::Organization(id) => approval.organization.as_ref() == Some(id),
        WaitingOf::Provider(id) => approval.operation().is_some_and(|it| it.provider == *id),
    }
}

/// Where something that is over stands: the longest over first.
fn lapsed_place(at: Timestamp, environment: &EnvironmentId, id: &str) -> String {
    format!("{:020}{environment}{id}", at.micros())
}

/// Where a row stands in a query's order; none if the query does not ask for it.
pub(super) fn place_in(query: &Query, row: &Row) -> Option<String> {
    match (query, row) {
        (Query::Environments, Row::Environment(row)) => Some(row.id.as_str().into()),
        (Query::Organizations, Row::Organization(row)) => Some(row.id.as_str().into()),
        (Query::Operators, Row::Operator(row)) => Some(row.id.as_str().into()),
        (Query::Clients(environment, organization), Row::Client(row)) => {
            let wanted = row.environment == *environment
                && organization
                    .as_ref()
                    .is_none_or(|id| *id == row.organization);
            wanted.then(|| row.id.as_str().into())
        }
        (Query::Credentials(environment, holder), Row::Credential(row)) => {
            let wanted = row.environment == *environment
                && holder.as_ref().is_none_or(|holder| *holder == row.holder);
            wanted.then(|| row.id.as_str().into())
        }
        (Query::CredentialById(environment, id), Row::Credential(row)) => {
            let wanted = row.environment == *environment && row.id == *id;
            wanted.then(|| row.id.as_str().into())
        }
        (Query::KeySets(environment), Row::KeySet(row)) => {
            (row.environment == *environment).then(|| row.name.clone())
        }
        (Query::Subjects(environment, organization), Row::Subject(row)) => {
            let wanted = row.environment == *environment && row.organization == *organization;
            wanted.then(|| row.id.as_str().into())
        }
        (Query::Sessions(environment, subject), Row::Session(row)) => {
            let wanted = row.environment == *environment && row.subject == *subject;
            wanted.then(|| HEXUPPER.encode(row.digest.as_bytes()))
        }
        (Query::Subscriptions(environment, organization), Row::Subscription(row)) => {
            let wanted = row.environment == *environment && row.organization == *organization;
            wanted.then(|| row.id.as_str().into())
        }
        (Query::Devices(environment), Row::Device(row)) => {
            (row.environment == *environment).then(|| row.id.as_str().into())
        }
        (Query::Approvals(environment, organization), Row::Approval(row)) => {
            let is_of = |id| row.organization.as_ref() == Some(id);
            let wanted = row.environment == *environment && organization.as_ref().is_none_or(is_of);
            wanted.then(|| approval_place(row))
        }
        (Query::LapsedApprovals { now }, Row::Approval(row)) => {
            let at = row.lapses_at();
            (at <= *now).then(|| lapsed_place(at, &row.environment, row.id.as_str()))
        }
        (Query::LapsedIdentifications { now }, Row::Identification(row)) => {
            let at = row.lapses_at();
            (at <= *now).then(|| lapsed_place(at, &row.environment, row.id.as_str()))
        }
        (Query::Deliveries { environment, dead }, Row::Delivery(row)) => {
            let wanted = row.environment == *environment && row.due_at.is_none() == *dead;
            wanted.then(|| row.id.as_str().into())
        }
        (Query::Lane { place, order, dead }, Row::Delivery(row)) => {
            let is_of = row.order == *order && row.place() == *place;
            let wanted = is_of && row.due_at.is_none() == *dead;
            wanted.then(|| row.id.as_str().into())
        }
        _ => None,
    }
}
