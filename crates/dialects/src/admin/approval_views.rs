//! Approvers, devices and approvals, as answers carry them.

use super::{
    approval_rows::{self as rows, GuardApprovers},
    time,
    views::word,
};
use crate::wire::nonce::in_threes;
use countersign_engine::{
    model::{
        approval::{Approval, Asked, Seat, Vote},
        approver::{Approver, ApproverList},
        asset::Asset,
        client::ServiceProvider,
        device::{Device, DeviceAsset, Link},
        guard::Approvers,
        provider_object::IdentificationFacts,
    },
    outcome::DeviceFacts,
    time::Timestamp,
};

pub(super) fn approvers(list: &ApproverList) -> rows::Approvers {
    rows::Approvers {
        environment: list.environment.to_string(),
        organization: list.organization.to_string(),
        items: list.approvers.iter().map(approver).collect(),
    }
}

fn approver(row: &Approver) -> rows::Approver {
    rows::Approver {
        id: row.id.to_string(),
        display_name: row.display_name.clone(),
        groups: row.groups.clone(),
        device: row.device.as_ref().map(ToString::to_string),
        created_at: time::write(row.created_at),
    }
}

pub(super) fn nonce(facts: &IdentificationFacts, expires_at: Timestamp) -> rows::LinkNonce {
    rows::LinkNonce {
        nonce: facts.nonce.clone(),
        nonce_formatted: in_threes(&facts.nonce),
        expires_at: time::write(expires_at),
        link: facts.link.clone(),
    }
}

/// A device in a list: its assets by name only.
pub(super) fn device(row: &Device, now: Timestamp) -> rows::Device {
    let asset = |asset: &DeviceAsset| rows::DeviceAsset {
        id: asset.asset.to_string(),
        provider: asset.provider.as_ref().map(ToString::to_string),
        provider_name: None,
        state: None,
    };
    rows::Device {
        environment: row.environment.to_string(),
        id: row.id.to_string(),
        name: row.name.clone(),
        locked_at: row.locked_at.map(time::write),
        wrong_pins: row.wrong_pins,
        assets: row.assets.iter().map(asset).collect(),
        links: row.links.iter().map(link).collect(),
        waiting: u32::try_from(row.waiting_at(now).count()).unwrap_or(u32::MAX),
        created_at: time::write(row.created_at),
        updated_at: time::write(row.updated_at),
    }
}

/// A device with what is known of its assets.
pub(super) fn device_facts(facts: &DeviceFacts, now: Timestamp) -> rows::Device {
    let asset = |(asset, provider): &(Asset, Option<String>)| rows::DeviceAsset {
        id: asset.id.to_string(),
        provider: asset.provider.as_ref().map(ToString::to_string),
        provider_name: provider.clone(),
        state: Some(word(&asset.state)),
    };
    rows::Device {
        assets: facts.assets.iter().map(asset).collect(),
        ..device(&facts.device, now)
    }
}

fn link(link: &Link) -> rows::DeviceLink {
    match link {
        Link::Subject(id) => rows::DeviceLink {
            kind: "subject".into(),
            organization: None,
            id: id.to_string(),
        },
        Link::Approver(organization, id) => rows::DeviceLink {
            kind: "approver".into(),
            organization: Some(organization.to_string()),
            id: id.to_string(),
        },
    }
}

/// An approval whole; a list leaves out what is long.
pub(super) fn approval(row: &Approval, version: u64, now: Timestamp) -> rows::Approval {
    let about = match &row.asked {
        Asked::Operation(operation) => rows::Approval {
            kind: word(&operation.kind),
            client: Some(operation.provider.to_string()),
            asset: Some(operation.asset.to_string()),
            fingerprint: Some(data_encoding::HEXLOWER.encode(operation.fingerprint.as_bytes())),
            ..rows::Approval::default()
        },
        Asked::Countersignature(bound) => rows::Approval {
            kind: "countersign".into(),
            client: bound.client.as_ref().map(ToString::to_string),
            subject: Some(bound.subject.clone()),
            guard: Some(bound.guard.clone()),
            method: Some(bound.method.clone()),
            host: Some(bound.host.clone()),
            target: Some(bound.target.clone()),
            content_digest: bound.content_digest.clone(),
            ..rows::Approval::default()
        },
    };
    let used = row.used.as_ref();
    rows::Approval {
        environment: row.environment.to_string(),
        id: row.id.to_string(),
        organization: row.organization.as_ref().map(ToString::to_string),
        state: row.state_at(now).word().to_owned(),
        code: row.otp.clone(),
        seats: row.seats.iter().map(seat).collect(),
        needed: row.needed,
        votes: row.votes.iter().map(vote).collect(),
        used_at: used.map(|used| time::write(used.at)),
        used_by: used.map(|used| used.request_id.to_string()),
        record: Some(row.record.clone()),
        receipt: row.receipt.clone(),
        created_at: time::write(row.created_at),
        updated_at: time::write(row.updated_at),
        expires_at: time::write(row.expires_at),
        version,
        ..about
    }
}

fn seat(row: &Seat) -> rows::Seat {
    rows::Seat {
        approver: row.approver.as_ref().map(ToString::to_string),
        display_name: row.display_name.clone(),
        device: row.device.to_string(),
        asset: row.asset.to_string(),
    }
}

fn vote(row: &Vote) -> rows::Vote {
    rows::Vote {
        device: row.device.to_string(),
        decision: if row.approves { "approve" } else { "reject" }.to_owned(),
        at: time::write(row.at),
    }
}

pub(super) fn provider(row: &ServiceProvider) -> rows::Provider {
    rows::Provider {
        callback_url: row.callback_url.clone(),
        notification_url: row.notification_url.clone(),
        url: row.url.clone(),
        has_callback_secret: row.callback_secret.is_some(),
        unconfirmed: row.unconfirmed,
        admin_asset: row.admin_asset.as_ref().map(ToString::to_string),
    }
}

pub(super) fn guard_approvers(row: &Approvers) -> GuardApprovers {
    match row {
        Approvers::Subject => GuardApprovers::Word("subject".into()),
        Approvers::Group {
            organization,
            group,
            needed,
        } => GuardApprovers::Group(rows::ApproverGroup {
            organization: organization.as_ref().map(ToString::to_string),
            group: group.clone(),
            needed: *needed,
        }),
    }
}
