//! The record: what people are shown and what it is bound to, as they sign it; and the statement that a device signs
//! (docs/receipts.md). Both have one spelling, byte for byte.

use crate::{
    digest::Digest,
    id::{ApprovalId, AssetId, ClientId, DeviceId, EnvironmentId, OrganizationId},
    model::{
        approval::{Approval, Asked, OperationKind},
        guard::Approvers,
    },
    time::Timestamp,
};
use aws_lc_rs::digest::{SHA256, digest};
use countersign_jose::base64url_encode;
use serde::{Deserialize, Serialize};

/// The version of records, statements and receipts.
pub const VERSION: u8 = 1;

/// What people are shown and what it is bound to. Its members stand in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`VERSION`].
    pub v: u8,
    /// Which approval.
    pub approval: ApprovalId,
    /// Where.
    pub environment: EnvironmentId,
    /// Whose word it is: for whom statements are meant.
    pub issuer: String,
    /// What is asked.
    pub kind: Kind,
    /// Who asks.
    pub asked_by: AskedBy,
    /// The sentence that people are shown.
    pub text: String,
    /// What both sides show, to be compared.
    pub code: String,
    /// The request, of a countersignature.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<BoundRequest>,
    /// SHA-256 of what is to be signed, hexadecimal; of an operation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fingerprint: Option<String>,
    /// Where the document stands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource_uri: Option<String>,
    /// The asset; of an operation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asset: Option<AssetId>,
    /// Who may approve; of a countersignature.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approvers: Option<MayApprove>,
    /// When it was asked.
    pub created_at: String,
    /// No answer counts from here on.
    pub expires_at: String,
}

/// What is asked of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// That a request may pass.
    Countersign,
    /// That the person is there.
    Authenticate,
    /// A signature of a document.
    Sign,
    /// Something decrypted.
    Decrypt,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedBy {
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<OrganizationId>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization_name: Option<String>,
    /// Its application.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<ClientId>,
    /// What people call that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_name: Option<String>,
    /// For whom it speaks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
}

/// The request that is countersigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundRequest {
    /// The guard that asks.
    pub guard: String,
    /// The method.
    pub method: String,
    /// The host, without port.
    pub host: String,
    /// The whole request target.
    pub target: String,
    /// `none`, or the `Content-Digest`.
    pub body: String,
}

/// Who may approve a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MayApprove {
    /// The end user for whom the caller speaks.
    Subject,
    /// So many of a group.
    #[serde(untagged)]
    Group(ApproverGroup),
}

/// So many approvers of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproverGroup {
    /// Whose group.
    pub organization: OrganizationId,
    /// Its name.
    pub group: String,
    /// How many must approve.
    pub needed: u8,
}

impl MayApprove {
    /// Those whom a guard names, at a caller of `own`; none where it names a group of no organization.
    pub(super) fn of(approvers: &Approvers, own: Option<&OrganizationId>) -> Option<Self> {
        match approvers {
            Approvers::Subject => Some(Self::Subject),
            Approvers::Group {
                organization,
                group,
                needed,
            } => Some(Self::Group(ApproverGroup {
                organization: organization.as_ref().or(own)?.clone(),
                group: group.clone(),
                needed: *needed,
            })),
        }
    }

    /// How many must approve.
    pub const fn needed(&self) -> u8 {
        match self {
            Self::Subject => 1,
            Self::Group(group) => group.needed,
        }
    }
}

impl Record {
    /// The record of an approval, of which everything but the record itself is known.
    pub(super) fn of(
        approval: &Approval,
        issuer: &str,
        asked_by: AskedBy,
        approvers: Option<MayApprove>,
        text: String,
    ) -> Self {
        let mut record = Self {
            v: VERSION,
            approval: approval.id.clone(),
            environment: approval.environment.clone(),
            issuer: issuer.into(),
            kind: Kind::Countersign,
            asked_by,
            text,
            code: approval.otp.clone(),
            bound: None,
            fingerprint: None,
            resource_uri: None,
            asset: None,
            approvers,
            created_at: approval.created_at.rfc3339(),
            expires_at: approval.expires_at.rfc3339(),
        };
        match &approval.asked {
            Asked::Countersignature(bound) => {
                record.bound = Some(BoundRequest {
                    guard: bound.guard.clone(),
                    method: bound.method.clone(),
                    host: bound.host.clone(),
                    target: bound.target.clone(),
                    body: bound.content_digest.clone().unwrap_or("none".into()),
                });
            }
            Asked::Operation(operation) => {
                let fingerprint = operation.fingerprint.as_bytes();
                record.kind = operation.kind.into();
                record.fingerprint = Some(data_encoding::HEXLOWER.encode(fingerprint));
                record.resource_uri.clone_from(&operation.resource_uri);
                record.asset = Some(operation.asset.clone());
            }
        }
        record
    }

    /// A record, in its one spelling.
    pub fn read(text: &str) -> Option<Self> {
        let record: Self = serde_json::from_str(text).ok()?;
        let is_spelled_so = record.write().is_some_and(|written| written == text);
        (is_spelled_so && record.v == VERSION).then_some(record)
    }

    /// Its one spelling.
    pub(super) fn write(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// How many must approve.
    pub fn needed(&self) -> u8 {
        self.approvers.as_ref().map_or(1, MayApprove::needed)
    }
}

impl From<OperationKind> for Kind {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Authenticate => Self::Authenticate,
            OperationKind::Sign => Self::Sign,
            OperationKind::Decrypt => Self::Decrypt,
        }
    }
}

/// SHA-256 of a record: what statements name, and what an asset signs for a countersignature.
pub(super) fn digest_of(record: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, record.as_bytes()).as_ref());
    Digest::from_bytes(bytes)
}

/// What a statement has to say.
pub(super) struct Stated<'a> {
    pub approval: &'a ApprovalId,
    pub approves: bool,
    /// Of the record.
    pub record: Digest,
    pub device: &'a DeviceId,
    pub audience: &'a str,
}

impl Stated<'_> {
    /// When it was stated, if `text` is this statement: exactly its members, in their order, and nothing else.
    pub fn at(&self, text: &str) -> Option<Timestamp> {
        let at = text.strip_prefix(&self.before_time())?;
        let at = at.strip_suffix(AFTER_TIME)?;
        // Whole seconds: 2026-11-27T04:42:03Z.
        Timestamp::from_rfc3339(at).filter(|_| at.len() == 20)
    }

    fn before_time(&self) -> String {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        format!(
            r#"{{"v":{VERSION},"approval":{},"decision":"{}","record":"{}","device":{},"audience":{},"at":""#,
            text(self.approval.as_str()),
            decision_word(self.approves),
            base64url_encode(self.record.as_bytes()),
            text(self.device.as_str()),
            text(self.audience),
        )
    }

    /// The statement, as a device makes it.
    #[cfg(test)]
    pub fn write(&self, at: Timestamp) -> String {
        let whole = Timestamp::from_seconds(at.seconds()).rfc3339();
        let second = whole.get(..19).unwrap_or_default();
        format!("{}{second}Z{AFTER_TIME}", self.before_time())
    }
}

const AFTER_TIME: &str = "\"}";

/// `approve` or `reject`.
pub(super) const fn decision_word(approves: bool) -> &'static str {
    if approves { "approve" } else { "reject" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated<'a>(approval: &'a ApprovalId, device: &'a DeviceId) -> Stated<'a> {
        Stated {
            approval,
            approves: true,
            record: digest_of("{}"),
            device,
            audience: "https://auth.example",
        }
    }

    #[test]
    fn a_statement_says_exactly_what_is_documented() {
        let approval = ApprovalId::parse("0123456789abcdef0123456789abcdef").unwrap();
        let device = DeviceId::parse("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs").unwrap();
        let of = stated(&approval, &device);
        let text = r#"{"v":1,"approval":"0123456789abcdef0123456789abcdef","decision":"approve","record":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o","device":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs","audience":"https://auth.example","at":"2026-11-27T04:42:03Z"}"#;
        let at = Timestamp::from_rfc3339("2026-11-27T04:42:03Z").unwrap();
        assert_eq!(of.at(text), Some(at));
        assert_eq!(of.write(at), text);
        let others = [
            text.replace("approve\"", "reject\""),
            text.replace(r#""v":1"#, r#""v":2"#),
            text.replace(r#""v":1,"#, ""),
            text.replace(",", ", "),
            text.replace("https://auth.example", "https://auth.example/"),
            text.replace("0123456789abcdef0", "0123456789abcdef1"),
            text.replace("RBNv", "RBNw"),
            text.replace("NzbL", "NzbM"),
            text.replace("04:42:03Z", "04:42:03.000000Z"),
            text.replace("04:42:03Z", "04:42:03+00:00"),
            text.replace("\"}", "\",\"more\":1}"),
            format!("{text} "),
            format!(" {text}"),
            String::new(),
        ];
        for other in others {
            assert_eq!(of.at(&other), None, "{other}");
        }
    }

    #[test]
    fn a_record_is_read_in_its_one_spelling_only() {
        let text = r#"{"v":1,"approval":"a1","environment":"sandbox","issuer":"https://auth.example","kind":"countersign","asked_by":{"organization":"acme","organization_name":"Acme \"&\" Söhne","subject":"s1"},"text":"Pay 5","code":"c0de","bound":{"guard":"payouts","method":"POST","host":"api.example","target":"/payouts?amount=5","body":"none"},"approvers":{"organization":"acme","group":"finance","needed":2},"created_at":"2026-11-27T04:40:26.000000Z","expires_at":"2026-11-27T04:45:26.000000Z"}"#;
        let record = Record::read(text).unwrap();
        assert_eq!(record.needed(), 2);
        assert_eq!(record.write().unwrap(), text);
        let subject = text.replace(
            r#"{"organization":"acme","group":"finance","needed":2}"#,
            r#""subject""#,
        );
        let record = Record::read(&subject).unwrap();
        assert_eq!(record.approvers, Some(MayApprove::Subject));
        for other in [
            text.replace(r#""v":1"#, r#""v":2"#),
            text.replace(r#""v":1,"#, r#""v":1, "#),
            text.replace("ö", "\\u00f6"),
            text.replace(
                r#""text":"Pay 5","code":"c0de""#,
                r#""code":"c0de","text":"Pay 5""#,
            ),
            text.replace(r#""text":"#, r#""fingerprint":null,"text":"#),
            text.replace(r#""needed":2"#, r#""needed":2,"more":1"#),
            text.replace(r#""text":"#, r#""more":1,"text":"#),
        ] {
            assert_eq!(Record::read(&other), None, "{other}");
        }
    }
}
