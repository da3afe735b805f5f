//! What requests about approvals carry. The engine checks that an address is one, and how many may be in a list.

use super::{
    members::{Clearable, Member, Members, Problems, body, object},
    place::Place,
};
use countersign_engine::{
    id::{ApproverId, OrganizationId},
    model::guard::Approvers,
};
use serde_json::{Value, json};

body! {
    /// An approver to add to an organization.
    ApproverToAdd {
        /// Its name within the organization, for good.
        id: ApproverId,
        /// What people call it; receipts say it. Its name unless given.
        display_name: Option<String>,
        /// Its groups, as guards name them.
        groups: Option<Vec<String>>,
    }

    /// What to change of an approver. What is left out stays.
    ApproverToChange {
        /// What people call it.
        display_name: Option<String>,
        /// Its groups, all of them.
        groups: Option<Vec<String>>,
    }

    /// Where a service provider hears of changes of its objects. What is left out, or `null`, is told nowhere.
    CallbacksToSet {
        /// Where the whole object is told: an https URL without user, password or fragment.
        callback_url: Option<Clearable<String>>,
        /// Where it is told by its name only: likewise.
        notification_url: Option<Clearable<String>>,
    }

    /// A group of an organization's approvers.
    ApproverGroupBody {
        /// Whose group; that of the caller's own organization unless given.
        organization: Option<Clearable<OrganizationId>>,
        /// Its name.
        group: String,
        /// How many of it must approve; one unless given.
        needed: Option<u8>,
    }
}

/// The one word of `approval`.
#[derive(Debug)]
pub(super) struct Required;

/// Who may approve: `"subject"`, or a group.
#[derive(Debug)]
pub(super) struct ApproversBody(pub(super) Approvers);

impl Member for Required {
    const EXPECTED: &'static str = "`required`";

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        if value.as_str() == Some("required") {
            return Some(Self);
        }
        problems.expected::<Self>(at);
        None
    }

    fn schema() -> Value {
        json!({ "const": "required" })
    }
}

impl Member for ApproversBody {
    const EXPECTED: &'static str = "`subject`, or a group of an organization's approvers";

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        if value.as_str() == Some("subject") {
            return Some(Self(Approvers::Subject));
        }
        if !value.is_object() {
            problems.expected::<Self>(at);
            return None;
        }
        let read = ApproverGroupBody::read(value, at, problems)?;
        Some(Self(Approvers::Group {
            organization: read.organization.and_then(|Clearable(named)| named),
            group: read.group,
            needed: read.needed.unwrap_or(1),
        }))
    }

    fn schema() -> Value {
        json!({ "anyOf": [{ "const": "subject" }, ApproverGroupBody::schema()] })
    }
}
