//! Subjects, and their sessions.

use super::{
    amend, body, cleared, decoded, environment, idempotency, if_match, no_query, organization,
    page, segment, subject,
};
use crate::{
    Decoded, Request,
    admin::{query::Query, subject_bodies as bodies},
};
use countersign_engine::{
    call::{
        AdminCall, Amend, Contact, Listing, New, NewSubject, SubjectCall, SubjectChange, Target,
    },
    denied::{Denied, ProblemKind},
    id::CredentialId,
    model::subject::{Address, Attributes, Names},
};

pub(in crate::admin) fn list_subjects(request: &Request<'_>) -> Decoded {
    let call = || {
        let listing = Listing::Subjects(environment(request)?, organization(request)?);
        page(listing, &Query::read(request.query, &["limit", "cursor"])?)
    };
    decoded(request, call())
}

pub(in crate::admin) fn create_subject(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        let idempotency = idempotency(request)?;
        let read: bodies::SubjectToMake = body(request)?;
        let new = New::Subject(NewSubject {
            environment,
            id: read.id,
            organization,
            platform: read.platform,
            email: read.email,
            phone: read.phone,
            attributes: Attributes {
                name: read.name,
                names: read.names.map(names),
                date_of_birth: read.date_of_birth,
                address: read.address.map(address),
            },
            metadata: read.metadata,
        });
        Ok(AdminCall::Create { new, idempotency })
    };
    decoded(request, call())
}

fn names(read: bodies::NamesBody) -> Names {
    Names {
        first: cleared(read.first).flatten(),
        last: cleared(read.last).flatten(),
    }
}

fn address(read: bodies::AddressBody) -> Address {
    Address {
        line1: cleared(read.line1).flatten(),
        line2: cleared(read.line2).flatten(),
        city: cleared(read.city).flatten(),
        state: cleared(read.state).flatten(),
        postal_code: cleared(read.postal_code).flatten(),
        country_code: cleared(read.country_code).flatten(),
    }
}

pub(in crate::admin) fn find_subject(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        let read: bodies::SubjectToFind = body(request)?;
        let contact = match (read.email, read.phone) {
            (Some(email), None) => Contact::Email(email),
            (None, Some(phone)) => Contact::Phone(phone),
            _ => {
                let expected = ProblemKind::Expected("`email` or `phone`, one of them");
                return Err(Denied::invalid("email", expected));
            }
        };
        Ok(AdminCall::Subjects(SubjectCall::Find {
            environment,
            organization,
            platform: read.platform,
            contact,
        }))
    };
    decoded(request, call())
}

fn target(request: &Request<'_>) -> Result<Target, Denied> {
    no_query(request)?;
    Ok(Target::Subject(environment(request)?, subject(request)?))
}

pub(in crate::admin) fn show_subject(request: &Request<'_>) -> Decoded {
    decoded(request, target(request).map(AdminCall::Show))
}

pub(in crate::admin) fn amend_subject(request: &Request<'_>) -> Decoded {
    amend(request, || {
        let (environment, subject) = (environment(request)?, subject(request)?);
        let read: bodies::SubjectToChange = body(request)?;
        let change = SubjectChange {
            email: cleared(read.email),
            phone: cleared(read.phone),
            name: cleared(read.name),
            names: cleared(read.names).map(|member| member.map(names)),
            date_of_birth: cleared(read.date_of_birth),
            address: cleared(read.address).map(|member| member.map(address)),
            metadata: cleared(read.metadata),
            state: read.state,
        };
        Ok(Amend::Subject(environment, subject, change))
    })
}

pub(in crate::admin) fn erase_subject(request: &Request<'_>) -> Decoded {
    let call = || {
        let target = target(request)?;
        let if_version = Some(if_match(request)?);
        Ok(AdminCall::Remove { target, if_version })
    };
    decoded(request, call())
}

pub(in crate::admin) fn export_subject(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let call = SubjectCall::Export(environment(request)?, subject(request)?);
        Ok(AdminCall::Subjects(call))
    };
    decoded(request, call())
}

pub(in crate::admin) fn send_password_link(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let call = SubjectCall::SendPasswordLink(environment(request)?, subject(request)?);
        Ok(AdminCall::Subjects(call))
    };
    decoded(request, call())
}

pub(in crate::admin) fn end_tokens_of_subject(request: &Request<'_>) -> Decoded {
    decoded(request, target(request).map(AdminCall::EndTokens))
}

pub(in crate::admin) fn list_sessions(request: &Request<'_>) -> Decoded {
    let call = || {
        let (environment, subject) = (environment(request)?, subject(request)?);
        let query = Query::read(request.query, &["limit", "cursor"])?;
        Ok(AdminCall::Subjects(SubjectCall::Sessions {
            environment,
            subject,
            after: query.cursor()?,
            limit: query.limit()?,
        }))
    };
    decoded(request, call())
}

pub(in crate::admin) fn end_session(request: &Request<'_>) -> Decoded {
    let call = || {
        no_query(request)?;
        let (environment, subject) = (environment(request)?, subject(request)?);
        let session = segment(request, "session", CredentialId::parse)?;
        Ok(AdminCall::Subjects(SubjectCall::EndSession {
            environment,
            subject,
            session: session.to_string(),
        }))
    };
    decoded(request, call())
}
