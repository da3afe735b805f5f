//! Which path leads where.

use super::{
    encode::{self, Came},
    identification::{identify, show_asset, show_identification},
    operation::{self, DecryptBody, OperationBody},
    provider::{self, ProviderBody},
    tutorial::{self, Wrapped},
    v1,
};
use crate::{
    Cors, Decoded, Delivery, Reply, Request, Response, Route,
    wire::{
        media,
        openapi::{self, Answer, Body, Doc, Parameter, Place, SchemaOf},
    },
};
use countersign_engine::{
    call::{CallContext, Callers},
    model::approval::OperationKind::{Authenticate, Decrypt, Sign},
};
use http::Method;

/// Bytes of a body: two ciphers, or a document's address.
const BODY_BYTES_MAX: usize = 8 * 1024;

/// Bytes of a body that nobody reads: `{}`, or the `null` of v1's client.
const UNREAD_BYTES_MAX: usize = 1024;

type Decode = fn(&Request<'_>) -> Decoded;
type Encode = fn(&Came, &Reply, &CallContext) -> Response;

/// A route of service providers.
const fn route(
    name: &'static str,
    method: Method,
    path: &'static str,
    what: (Decode, Encode, Doc),
) -> Route {
    route_for(Callers::ApiKey, name, method, path, what)
}

/// A route for servers, never for browsers.
const fn route_for(
    callers: Callers,
    name: &'static str,
    method: Method,
    path: &'static str,
    (decode, encode, doc): (Decode, Encode, Doc),
) -> Route {
    Route {
        name,
        method,
        path,
        callers,
        body_bytes_max: if doc.body.is_some() {
            BODY_BYTES_MAX
        } else {
            UNREAD_BYTES_MAX
        },
        cors: Cors::No,
        delivery: Delivery::Once,
        decode,
        encode,
        doc,
    }
}

const IN_QUERY: &[Parameter] = &[Parameter {
    name: "uuid",
    place: Place::Query,
    required: true,
    about: "Which.",
    schema: openapi::of::<String>,
}];

const IN_PATH: &[Parameter] = &[Parameter {
    name: "uuid",
    place: Place::Path,
    required: true,
    about: "Which.",
    schema: openapi::of::<String>,
}];

/// An object's answer in both flavours.
const fn answers(tutorial: SchemaOf, v1: SchemaOf) -> [Answer; 2] {
    const fn answer(media_type: &'static str, schema: SchemaOf) -> Answer {
        Answer {
            status: 200,
            about: "The object.",
            body: Some(Body { media_type, schema }),
            headers: &[("Cache-Control", "`no-store`")],
        }
    }
    [
        answer(media::JSON, tutorial),
        answer(super::flavour::V1, v1),
    ]
}

static IDENTIFICATION: [Answer; 2] = answers(
    openapi::of::<Wrapped<tutorial::Identification<'static>>>,
    openapi::of::<Wrapped<v1::Identification<'static>>>,
);
static ASSET: [Answer; 2] = answers(
    openapi::of::<Wrapped<tutorial::Asset<'static>>>,
    openapi::of::<Wrapped<v1::Asset<'static>>>,
);
static OPERATION: [Answer; 2] = answers(
    openapi::of::<Wrapped<tutorial::Operation<'static>>>,
    openapi::of::<Wrapped<v1::Operation<'static>>>,
);
static PROVIDER: [Answer; 2] = answers(
    openapi::of::<Wrapped<v1::ServiceProvider<'static>>>,
    openapi::of::<Wrapped<v1::ServiceProvider<'static>>>,
);
static DOMAIN: [Answer; 2] = answers(
    openapi::of::<Wrapped<v1::DomainValidation>>,
    openapi::of::<Wrapped<v1::DomainValidation>>,
);

const IDENTIFY: Doc = Doc {
    summary: "Show a nonce to a person",
    description: "The vendor's. Good for ten minutes. A body is not read.",
    parameters: &[],
    body: None,
    answers: &IDENTIFICATION,
    refusals: &[],
};

const fn show(
    summary: &'static str,
    parameters: &'static [Parameter],
    answers: &'static [Answer],
) -> Doc {
    Doc {
        summary,
        description: "The vendor's. Somebody else's is answered like one that does not exist.",
        parameters,
        body: None,
        answers,
        refusals: &[404],
    }
}

const fn ask(summary: &'static str, description: &'static str, schema: SchemaOf) -> Doc {
    Doc {
        summary,
        description,
        parameters: &[],
        body: Some(Body {
            media_type: media::JSON,
            schema,
        }),
        answers: &OPERATION,
        refusals: &[404, 409],
    }
}

const AUTHENTICATE_DOC: Doc = ask(
    "Ask a person to authenticate",
    "The vendor's. Good for five minutes.",
    openapi::of::<OperationBody>,
);
const SIGN_DOC: Doc = ask(
    "Ask a person to sign",
    "The vendor's. Good for five minutes.",
    openapi::of::<OperationBody>,
);
const DECRYPT_DOC: Doc = ask(
    "Ask a person to decrypt",
    "The vendor's, but for `oaep`. Good for five minutes.",
    openapi::of::<DecryptBody>,
);

const REGISTER_DOC: Doc = Doc {
    summary: "Become a service provider",
    description: "The vendor's (v1). Where the environment lets strangers register. The API key is told once, and good \
                  for asking people once somebody has typed the nonce into a phone.",
    parameters: &[],
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<ProviderBody>,
    }),
    answers: &PROVIDER,
    refusals: &[403, 404, 409, 429],
};

const DOMAIN_DOC: Doc = Doc {
    summary: "Whether the provider's domain is validated",
    description: "The vendor's (v1). No domain is looked at here, so that the answer is always false. A body is not \
                  read.",
    parameters: &[],
    body: None,
    answers: &DOMAIN,
    refusals: &[],
};

const IDENTIFICATIONS: &str = "/api/identification";

/// Every route.
pub(super) static ROUTES: &[Route] = &[
    route(
        "ubiqu.identify",
        Method::POST,
        IDENTIFICATIONS,
        (identify, encode::identification, IDENTIFY),
    ),
    route(
        "ubiqu.identification",
        Method::GET,
        IDENTIFICATIONS,
        (
            show_identification,
            encode::identification,
            show("What came of a nonce", IN_QUERY, &IDENTIFICATION),
        ),
    ),
    route(
        "ubiqu.identification_by_path",
        Method::GET,
        "/api/identification/{uuid}",
        (
            show_identification,
            encode::identification,
            show("What came of a nonce", IN_PATH, &IDENTIFICATION),
        ),
    ),
    route(
        "ubiqu.asset",
        Method::GET,
        "/api/asset",
        (
            show_asset,
            encode::asset,
            show("A person's keys", IN_QUERY, &ASSET),
        ),
    ),
    route(
        "ubiqu.asset_by_path",
        Method::GET,
        "/api/asset/{uuid}",
        (
            show_asset,
            encode::asset,
            show("A person's keys", IN_PATH, &ASSET),
        ),
    ),
    route(
        "ubiqu.ask_authenticate",
        Method::POST,
        "/api/authenticate",
        (
            |request| operation::ask(request, Authenticate),
            encode::authenticate,
            AUTHENTICATE_DOC,
        ),
    ),
    route(
        "ubiqu.authenticate",
        Method::GET,
        "/api/authenticate",
        (
            |request| operation::show(request, Authenticate),
            encode::authenticate,
            show("What came of it", IN_QUERY, &OPERATION),
        ),
    ),
    route(
        "ubiqu.authenticate_by_path",
        Method::GET,
        "/api/authenticate/{uuid}",
        (
            |request| operation::show(request, Authenticate),
            encode::authenticate,
            show("What came of it", IN_PATH, &OPERATION),
        ),
    ),
    route(
        "ubiqu.ask_sign",
        Method::POST,
        "/api/sign",
        (
            |request| operation::ask(request, Sign),
            encode::sign,
            SIGN_DOC,
        ),
    ),
    route(
        "ubiqu.sign",
        Method::GET,
        "/api/sign",
        (
            |request| operation::show(request, Sign),
            encode::sign,
            show("What came of it", IN_QUERY, &OPERATION),
        ),
    ),
    route(
        "ubiqu.sign_by_path",
        Method::GET,
        "/api/sign/{uuid}",
        (
            |request| operation::show(request, Sign),
            encode::sign,
            show("What came of it", IN_PATH, &OPERATION),
        ),
    ),
    route(
        "ubiqu.ask_decrypt",
        Method::POST,
        "/api/decrypt",
        (
            |request| operation::ask(request, Decrypt),
            encode::decrypt,
            DECRYPT_DOC,
        ),
    ),
    route(
        "ubiqu.decrypt",
        Method::GET,
        "/api/decrypt",
        (
            |request| operation::show(request, Decrypt),
            encode::decrypt,
            show("What came of it", IN_QUERY, &OPERATION),
        ),
    ),
    route(
        "ubiqu.decrypt_by_path",
        Method::GET,
        "/api/decrypt/{uuid}",
        (
            |request| operation::show(request, Decrypt),
            encode::decrypt,
            show("What came of it", IN_PATH, &OPERATION),
        ),
    ),
    route_for(
        Callers::Anyone,
        "ubiqu.register",
        Method::POST,
        "/api/serviceprovider",
        (provider::register, encode::provider, REGISTER_DOC),
    ),
    route(
        "ubiqu.serviceprovider",
        Method::GET,
        "/api/serviceprovider",
        (
            provider::show,
            encode::provider,
            show("The service provider itself", IN_QUERY, &PROVIDER),
        ),
    ),
    route(
        "ubiqu.serviceprovider_by_path",
        Method::GET,
        "/api/serviceprovider/{uuid}",
        (
            provider::show,
            encode::provider,
            show("The service provider itself", IN_PATH, &PROVIDER),
        ),
    ),
    route(
        "ubiqu.validate_domain",
        Method::POST,
        "/api/serviceprovider/validatedomain",
        (provider::validate_domain, encode::domain, DOMAIN_DOC),
    ),
    // As the vendor's own client spells it.
    route(
        "ubiqu.validate_domain_spelled_twice",
        Method::POST,
        "/api//serviceprovider/validatedomain",
        (provider::validate_domain, encode::domain, DOMAIN_DOC),
    ),
];
