//! `/api/authenticate`, `/api/sign` and `/api/decrypt`: what a person is asked to approve.

use super::{
    body::Members,
    flavour::Flavour,
    identification::{decoded, named},
};
use crate::{Decoded, Request};
use countersign_engine::{
    call::{NewOperation, ProviderCall},
    denied::Denied,
    id::ApprovalId,
    model::approval::OperationKind,
};
use schemars::JsonSchema;

/// What is signed.
#[derive(JsonSchema)]
#[schemars(rename = "NewOperation")]
pub struct OperationBody {
    /// The asset that is asked.
    pub asset_uuid: String,
    /// SHA-256 of what is to be signed, 64 hexadecimal digits. In the v1 flavour it may be left out: then it is of random
    /// bytes that nobody knows.
    pub fingerprint: Option<String>,
    /// Whether the device should be woken; it is unless this says otherwise.
    pub notify: Option<bool>,
    /// Where the document stands that is to be signed; with `sign` only.
    pub resource_uri: Option<String>,
}

/// What is decrypted.
#[derive(JsonSchema)]
#[schemars(rename = "NewDecryption")]
pub struct DecryptBody {
    /// The asset that is asked.
    pub asset_uuid: String,
    /// RSA-OAEP of the plain text under the asset's key, hexadecimal.
    pub cipher_data: String,
    /// RSA-OAEP of the DER of an AES-CBC key, hexadecimal: the answer is encrypted under that.
    pub cipher_key: String,
    /// The form of OAEP: `sha1` unless given, `sha256`, or `sha256-mgf1-sha1`.
    pub oaep: Option<String>,
    /// Whether the device should be woken; it is unless this says otherwise.
    pub notify: Option<bool>,
}

/// An operation is shown by its own type's route only.
pub(super) fn show(request: &Request<'_>, kind: OperationKind) -> Decoded {
    let id = named(request, kind.word(), ApprovalId::parse);
    decoded(request, id.map(|id| ProviderCall::ShowOperation(kind, id)))
}

pub(super) fn ask(request: &Request<'_>, kind: OperationKind) -> Decoded {
    let flavour = Flavour::asked(request.headers);
    let new = Members::read(request).and_then(|members| read(members, kind, flavour));
    decoded(request, new.map(ProviderCall::Ask))
}

fn read(
    mut members: Members,
    kind: OperationKind,
    flavour: Flavour,
) -> Result<NewOperation, Denied> {
    let asset = members.asset();
    let notify = members.flag("notify").unwrap_or(true);
    let decrypts = kind == OperationKind::Decrypt;
    let (fingerprint, cipher) = match decrypts {
        true => (None, members.cipher()),
        false => (members.fingerprint(), None),
    };
    // The tutorial's answer does not tell a fingerprint of ours, and who does not know it cannot verify anything.
    if !decrypts && flavour == Flavour::Tutorial {
        members.need_fingerprint(fingerprint);
    }
    let resource_uri = match kind {
        OperationKind::Sign => members.text("resource_uri"),
        OperationKind::Authenticate | OperationKind::Decrypt => None,
    };
    let new = asset.map(|asset| NewOperation {
        kind,
        asset,
        // The v1 flavour shows one public key, and uses its pair for everything.
        pair: match flavour {
            Flavour::Tutorial => kind,
            Flavour::V1 => OperationKind::Authenticate,
        },
        fingerprint,
        resource_uri,
        notify,
        cipher,
    });
    members.finish(new)
}
