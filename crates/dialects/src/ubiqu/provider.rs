//! `/api/serviceprovider`: whoever asks people.

use super::{
    body::Members,
    flavour::Flavour,
    identification::{decoded, named},
};
use crate::{Decoded, Reply, Request};
use countersign_engine::{
    call::{Call, NewProvider, Presented, ProviderCall},
    denied::Denied,
    id::ClientId,
};
use schemars::JsonSchema;

/// A service provider that registers itself. `template` and `challenge_url`, which clients send too, mean nothing here.
#[derive(JsonSchema)]
#[schemars(rename = "NewServiceProvider")]
pub struct ProviderBody {
    /// What people call it: their phones show it.
    pub name: String,
    /// Its own page.
    pub url: Option<String>,
    /// Where every change of its objects is told.
    pub callback_url: Option<String>,
    /// Where every change is told by name only.
    pub notification_url: Option<String>,
}

/// Nobody has to be somebody yet.
pub(super) fn register(request: &Request<'_>) -> Decoded {
    let new = Members::read(request).and_then(|mut members| {
        let name = members.needed("name");
        let url = members.text("url");
        let callback_url = members.text("callback_url");
        let notification_url = members.text("notification_url");
        let new = name.map(|name| NewProvider {
            name,
            url,
            callback_url,
            notification_url,
        });
        members.finish(new)
    });
    Decoded {
        presented: Presented::Absent,
        call: new.map(|new| Call::Provider(ProviderCall::Register(new))),
        reply: Reply::Ubiqu(Flavour::asked(request.headers)),
    }
}

pub(super) fn show(request: &Request<'_>) -> Decoded {
    let id = named(request, "serviceprovider", ClientId::parse);
    decoded(request, id.map(ProviderCall::ShowProvider))
}

pub(super) fn validate_domain(request: &Request<'_>) -> Decoded {
    decoded(request, Ok(ProviderCall::ShowSelf) as Result<_, Denied>)
}
