//! Callbacks: each change of state of an object, told to its service provider. Made anew for each attempt.

use super::v1;
use crate::announce::{Outbound, standard_headers};
use countersign_engine::{
    denied::Fault, id::DeliveryId, model::provider_object::ProviderObject, secret::Secret,
    time::Timestamp,
};
use serde::Serialize;

/// How much a service provider is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The whole object, in v1's flavour.
    Whole,
    /// Its type and its name: whoever hears it reads the object.
    Named,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Callback(v1::Object<'a>),
    Notification(Name<'a>),
}

#[derive(Serialize)]
struct Name<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    uuid: &'a str,
}

/// What is sent to `url` about `object`. The vendor describes no signature: Standard Webhooks' headers are beside it,
/// for receivers that know them, with a signature where the service provider has a secret. `id` is the same in every
/// attempt.
///
/// # Errors
/// [`Fault`] when the object cannot be printed, or the secret is none of ours.
pub fn announce(
    object: &ProviderObject,
    told: Told,
    url: &str,
    id: &DeliveryId,
    secret: Option<Secret<String>>,
    now: Timestamp,
) -> Result<Outbound, Fault> {
    let body = match told {
        Told::Whole => Body::Callback(v1::Object::new(object)?),
        Told::Named => Body::Notification(Name {
            kind: v1::kind(object),
            uuid: object.id(),
        }),
    };
    let body = serde_json::to_vec(&body).map_err(Fault::internal)?;
    let secrets: Vec<_> = secret.into_iter().collect();
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(standard_headers(id.as_str(), &secrets, &body, now)?);
    Ok(Outbound {
        url: url.to_owned(),
        headers,
        body: body.into(),
    })
}
