//! Approvers, devices, approvals, and where service providers hear of them.

use super::{
    body, cleared, client, decoded, environment, idempotency, no_query, organization, segment,
    subject,
};
use crate::{
    Decoded, Request,
    admin::{approval_bodies as bodies, query::Query},
};
use countersign_engine::{
    call::{AdminCall, ApprovalAdmin, LinkTo, NewApprover},
    denied::Denied,
    id::{ApprovalId, ApproverId, DeviceId, OrganizationId},
};

fn asked(request: &Request<'_>, call: impl FnOnce() -> Result<ApprovalAdmin, Denied>) -> Decoded {
    decoded(request, call().map(AdminCall::Approvals))
}

fn approver(request: &Request<'_>) -> Result<ApproverId, Denied> {
    segment(request, "approver", ApproverId::parse)
}

fn device(request: &Request<'_>) -> Result<DeviceId, Denied> {
    segment(request, "device", DeviceId::parse)
}

pub(in crate::admin) fn list_approvers(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        Ok(ApprovalAdmin::Approvers(environment, organization))
    })
}

pub(in crate::admin) fn add_approver(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        let read: bodies::ApproverToAdd = body(request)?;
        Ok(ApprovalAdmin::AddApprover {
            environment,
            organization,
            new: NewApprover {
                id: read.id,
                display_name: read.display_name,
                groups: read.groups.unwrap_or_default(),
            },
        })
    })
}

pub(in crate::admin) fn amend_approver(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        let approver = approver(request)?;
        let read: bodies::ApproverToChange = body(request)?;
        Ok(ApprovalAdmin::AmendApprover {
            environment,
            organization,
            approver,
            display_name: read.display_name,
            groups: read.groups,
        })
    })
}

pub(in crate::admin) fn remove_approver(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        let approver = approver(request)?;
        Ok(ApprovalAdmin::RemoveApprover(
            environment,
            organization,
            approver,
        ))
    })
}

pub(in crate::admin) fn link_approver(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, organization) = (environment(request)?, organization(request)?);
        let to = LinkTo::Approver(organization, approver(request)?);
        Ok(ApprovalAdmin::LinkNonce(environment, to))
    })
}

pub(in crate::admin) fn link_subject(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let environment = environment(request)?;
        let to = LinkTo::Subject(subject(request)?);
        Ok(ApprovalAdmin::LinkNonce(environment, to))
    })
}

pub(in crate::admin) fn list_devices(request: &Request<'_>) -> Decoded {
    asked(request, || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["limit", "cursor"])?;
        Ok(ApprovalAdmin::Devices {
            environment,
            after: query.cursor()?,
            limit: query.limit()?,
        })
    })
}

pub(in crate::admin) fn show_device(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, device) = (environment(request)?, device(request)?);
        Ok(ApprovalAdmin::ShowDevice(environment, device))
    })
}

pub(in crate::admin) fn unlock_device(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, device) = (environment(request)?, device(request)?);
        Ok(ApprovalAdmin::UnlockDevice(environment, device))
    })
}

pub(in crate::admin) fn remove_device(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, device) = (environment(request)?, device(request)?);
        Ok(ApprovalAdmin::RemoveDevice(environment, device))
    })
}

pub(in crate::admin) fn list_approvals(request: &Request<'_>) -> Decoded {
    asked(request, || {
        let environment = environment(request)?;
        let query = Query::read(request.query, &["organization", "limit", "cursor"])?;
        Ok(ApprovalAdmin::Approvals {
            environment,
            organization: query.id("organization", OrganizationId::parse)?,
            after: query.cursor()?,
            limit: query.limit()?,
        })
    })
}

pub(in crate::admin) fn show_approval(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let environment = environment(request)?;
        let approval = segment(request, "approval", ApprovalId::parse)?;
        Ok(ApprovalAdmin::ShowApproval(environment, approval))
    })
}

pub(in crate::admin) fn set_callbacks(request: &Request<'_>) -> Decoded {
    asked(request, || {
        no_query(request)?;
        let (environment, provider) = (environment(request)?, client(request)?);
        let idempotency = idempotency(request)?;
        let read: bodies::CallbacksToSet = body(request)?;
        Ok(ApprovalAdmin::Callbacks {
            environment,
            provider,
            callback_url: cleared(read.callback_url).flatten(),
            notification_url: cleared(read.notification_url).flatten(),
            idempotency,
        })
    })
}
