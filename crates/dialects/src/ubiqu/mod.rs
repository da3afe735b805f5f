//! Ubiqu: service providers ask people for approval on their phones, in the two flavours that its clients speak: the
//! tutorial's (2016), and the "v1" that `Accept` names (2018).

mod body;
pub mod callbacks;
mod encode;
pub mod error;
mod flavour;
mod identification;
mod key;
pub mod operation;
mod picture;
pub mod provider;
mod routes;
mod states;
pub mod tutorial;
pub mod v1;

pub use flavour::Flavour;

use crate::{
    Dialect, Listener,
    wire::{
        media,
        openapi::{self, About, Body},
    },
};
use serde_json::json;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "ubiqu",
    listener: Listener::Public,
    routes: routes::ROUTES,
    refuse: error::refuse_at_guard,
    refuse_graphql: None,
    openapi: document,
};

static ABOUT: About = About {
    title: "Countersign: Ubiqu",
    description: "Ubiqu's Free API: a person types a nonce into a phone and is known by an asset from then on, whose \
                  keys authenticate, sign and decrypt once the person has approved. `Accept: \
                  application/vnd.free.v1+json` chooses the v1 flavour; everything else gets the tutorial's. Every \
                  refusal is `{\"errors\": [{\"code\", \"message\"}]}`, which is ours, as the vendor documents none.",
    listener: Listener::Public,
    error: Body {
        media_type: media::JSON,
        schema: openapi::of::<error::ErrorBody>,
    },
};

fn document() -> serde_json::Value {
    let mut document = openapi::document(&ABOUT, routes::ROUTES);
    // The vendor's key stands in a header of its own, where all other faces have a bearer.
    if let Some(scheme) = document.pointer_mut("/components/securitySchemes/apiKey") {
        *scheme = json!({ "type": "apiKey", "in": "header", "name": "X-Api-Key" });
    }
    document
}
