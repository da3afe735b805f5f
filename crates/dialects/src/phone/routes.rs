//! Which path leads where.

use super::{
    bodies::{BODY_BYTES_MAX, NewAnswer, NewDevice, NewIdentification},
    calls, page,
    rows::{About, Device, Identified, Request as Row, Waiting},
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
    denied::Refusal,
    outcome::Outcome,
};
use http::Method;

type Decode = fn(&Request<'_>) -> Decoded;
type Encode = fn(&Result<Outcome, Refusal>, &Reply, &CallContext) -> Response;

/// A call that reads.
const fn reads(
    name: &'static str,
    path: &'static str,
    callers: Callers,
    delivery: Delivery,
    (decode, encode, doc): (Decode, Encode, Doc),
) -> Route {
    Route {
        name,
        method: Method::GET,
        path,
        callers,
        body_bytes_max: 0,
        // The page is of the same origin, and no other page has a device's key.
        cors: Cors::No,
        delivery,
        decode,
        encode,
        doc,
    }
}

/// A call that changes something.
const fn changes(
    name: &'static str,
    path: &'static str,
    callers: Callers,
    (decode, encode, doc): (Decode, Encode, Doc),
) -> Route {
    Route {
        name,
        method: Method::POST,
        path,
        callers,
        body_bytes_max: BODY_BYTES_MAX,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode,
        encode,
        doc,
    }
}

const fn json(schema: SchemaOf) -> Option<Body> {
    Some(Body {
        media_type: media::JSON,
        schema,
    })
}

const fn doc(
    summary: &'static str,
    description: &'static str,
    parameters: &'static [Parameter],
    answers: &'static [Answer],
) -> Doc {
    Doc {
        summary,
        description,
        parameters,
        body: None,
        answers,
        refusals: &[],
    }
}

const fn takes(schema: SchemaOf, refusals: &'static [u16], doc: Doc) -> Doc {
    Doc {
        summary: doc.summary,
        description: doc.description,
        parameters: doc.parameters,
        body: json(schema),
        answers: doc.answers,
        refusals,
    }
}

const fn answers(status: u16, about: &'static str, schema: SchemaOf) -> Answer {
    Answer {
        status,
        about,
        body: json(schema),
        headers: &[],
    }
}

const ID: &[Parameter] = &[Parameter {
    name: "id",
    place: Place::Path,
    required: true,
    about: "The request.",
    schema: openapi::of::<String>,
}];

const SEEN: &[Parameter] = &[Parameter {
    name: "seen",
    place: Place::Query,
    required: false,
    about: "The version that was seen: the answer comes when there is another, or after 25 s.",
    schema: openapi::of::<u64>,
}];

const FILE: &[Parameter] = &[Parameter {
    name: "file",
    place: Place::Path,
    required: true,
    about: "A file of the page.",
    schema: openapi::of::<String>,
}];

const DEVICE: &[Answer] = &[answers(200, "The device.", openapi::of::<Device<'static>>)];
const NEW_DEVICE: &[Answer] = &[answers(201, "The device.", openapi::of::<Device<'static>>)];
const ROW: &[Answer] = &[answers(200, "The request.", openapi::of::<Row<'static>>)];
const WAITING: &[Answer] = &[answers(200, "What waits.", openapi::of::<Waiting<'static>>)];
const EVENTS: &[Answer] = &[Answer {
    status: 200,
    about: "Events without a name, each with what waits as its data, as the long poll answers it.",
    body: Some(Body {
        media_type: "text/event-stream",
        schema: openapi::of::<String>,
    }),
    headers: &[],
}];
const IDENTIFIED: &[Answer] = &[answers(
    200,
    "Who showed it, and what it did.",
    openapi::of::<Identified<'static>>,
)];
const TOLD: &[Answer] = &[answers(
    200,
    "Who, and when.",
    openapi::of::<About<'static>>,
)];

#[rustfmt::skip] // two lines each: this is a table
pub(super) static ROUTES: &[Route] = &[
    reads("phone.page", "/phone", Callers::Anyone, Delivery::Once,
        (page::decode_page, page::encode, doc("The page", "", &[], page::ANSWERS))),
    reads("phone.file", "/phone/{file}", Callers::Anyone, Delivery::Once,
        (page::decode_file, page::encode, doc("A file of the page", "", FILE, page::ANSWERS))),
    reads("phone.about", "/phone/v1/about", Callers::Anyone, Delivery::Once,
        (calls::decode_about, calls::encode_about, doc("Whose phones answer here, and what time it is", "", &[], TOLD))),
    changes("phone.enrol", "/phone/v1/devices", Callers::NewDevice,
        (calls::decode_enrolment, calls::encode_enrolment, takes(openapi::of::<NewDevice>, &[409],
            doc("Enrol this device", "Signed with the key that it brings along.", &[], NEW_DEVICE)))),
    reads("phone.device", "/phone/v1/device", Callers::Device, Delivery::Once,
        (calls::decode_device, calls::encode_device, doc("What is known of this device", "", &[], DEVICE))),
    reads("phone.requests", "/phone/v1/requests", Callers::Device, Delivery::LongPoll,
        (calls::decode_waiting, calls::encode_waiting, doc("What waits for an answer", "", SEEN, WAITING))),
    reads("phone.events", "/phone/v1/events", Callers::Device, Delivery::Events,
        (calls::decode_events, calls::encode_waiting, doc("What waits for an answer, as server-sent events", "", &[], EVENTS))),
    reads("phone.request", "/phone/v1/requests/{id}", Callers::Device, Delivery::Once,
        (calls::decode_request, calls::encode_request, doc("Show a request", "", ID, ROW))),
    changes("phone.answer", "/phone/v1/requests/{id}/answer", Callers::Device,
        (calls::decode_answer, calls::encode_request, takes(openapi::of::<NewAnswer>, &[409, 410],
            doc("Approve or reject", "403 `wrong-pin` says how many tries are left, `device-locked` that there is none.", ID, ROW)))),
    changes("phone.type_in", "/phone/v1/identifications", Callers::Device,
        (calls::decode_identification, calls::encode_identification, takes(openapi::of::<NewIdentification>, &[404, 409],
            doc("Type in a nonce", "404: there is no such nonce, or not any more.", &[], IDENTIFIED)))),
];
