//! `/api/identification` and `/api/asset`: who somebody is.

use super::{flavour::Flavour, key};
use crate::{Decoded, Reply, Request, wire::form::Form};
use countersign_engine::{
    call::{Call, ProviderCall},
    denied::{Denied, ProblemKind},
    id::{AssetId, IdentificationId, NotAnId},
};

/// A call of a service provider.
pub(super) fn decoded(request: &Request<'_>, call: Result<ProviderCall, Denied>) -> Decoded {
    Decoded {
        presented: key::presented(request.headers),
        call: call.map(Call::Provider),
        reply: Reply::Ubiqu(Flavour::asked(request.headers)),
    }
}

pub(super) fn identify(request: &Request<'_>) -> Decoded {
    decoded(request, Ok(ProviderCall::Identify))
}

pub(super) fn show_identification(request: &Request<'_>) -> Decoded {
    let id = named(request, "identification", IdentificationId::parse);
    decoded(request, id.map(ProviderCall::ShowIdentification))
}

pub(super) fn show_asset(request: &Request<'_>) -> Decoded {
    let id = named(request, "asset", AssetId::parse);
    decoded(request, id.map(ProviderCall::ShowAsset))
}

/// The object that a request names: by the path's last segment, or by `?uuid=`. What cannot be an identifier names
/// nothing that there is.
pub(super) fn named<T>(
    request: &Request<'_>,
    noun: &'static str,
    parse: fn(&str) -> Result<T, NotAnId>,
) -> Result<T, Denied> {
    let mut parameters = request.parameters.iter();
    let in_path = parameters.find(|(name, _)| *name == "uuid");
    let text = match in_path {
        Some((_, value)) => value.to_string(),
        None => in_query(request.query)?,
    };
    parse(&text).map_err(|_| Denied::NotFound { noun })
}

fn in_query(query: Option<&str>) -> Result<String, Denied> {
    let form = Form::decode(query.unwrap_or_default().as_bytes())?;
    if form.count("uuid") > 1 {
        return Err(Denied::invalid("uuid", ProblemKind::Repeated));
    }
    let text = form.text("uuid").map(str::to_owned);
    text.ok_or_else(|| Denied::invalid("uuid", ProblemKind::Missing))
}
