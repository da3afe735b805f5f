//! What the OpenAPI document says of routes: one builder for each kind of route, so that all of a kind say the same.

use super::rows::{Made, Page};
use crate::wire::{
    media,
    openapi::{self, Answer, Body, Doc, Parameter, Place},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
}

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

fn uuid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "uuid" })
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

fn rows_of_a_page(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 })
}

fn entity_tag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^\"[0-9]+\"$" })
}

fn visible(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" })
}

const fn in_path(name: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Path,
        required: true,
        about,
        schema: id,
    }
}

const fn in_query(
    name: &'static str,
    about: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
) -> Parameter {
    Parameter {
        name,
        place: Place::Query,
        required: false,
        about,
        schema,
    }
}

pub(super) const ENVIRONMENT: Parameter = in_path("environment", "The environment.");
pub(super) const ORGANIZATION: Parameter = in_path("organization", "The organization.");
pub(super) const OPERATOR: Parameter = in_path("operator", "The operator.");
pub(super) const CLIENT: Parameter = in_path("client", "The client.");
pub(super) const CREDENTIAL: Parameter = in_path("credential", "The credential's public name.");
pub(super) const TOKEN: Parameter = in_path("token", "The token's public name.");
pub(super) const SUBJECT: Parameter = Parameter {
    schema: uuid,
    ..in_path("subject", "The subject.")
};
pub(super) const SESSION: Parameter = in_path("session", "The session's public name.");
pub(super) const SET: Parameter = Parameter {
    schema: text,
    ..in_path("set", "The key set.")
};
pub(super) const WEBHOOK: Parameter = in_path("webhook", "The webhook subscription.");
pub(super) const DELIVERY: Parameter = in_path("delivery", "The delivery.");
pub(super) const APPROVER: Parameter = in_path("approver", "The approver.");
pub(super) const DEVICE: Parameter = in_path("device", "The device.");
pub(super) const APPROVAL: Parameter = in_path("approval", "The approval.");
pub(super) const WHOSE: Parameter = Parameter {
    required: true,
    ..in_query("organization", "Of this organization.", id)
};
pub(super) const LIMIT: Parameter = in_query("limit", "Rows at most.", rows_of_a_page);
pub(super) const CURSOR: Parameter = in_query("cursor", "`next_cursor` of the page before.", text);
pub(super) const OF_ORGANIZATION: Parameter =
    in_query("organization", "Only of this organization.", id);
pub(super) const OF_CLIENT: Parameter = in_query("client", "Only of this client.", id);
pub(super) const OF_ENVIRONMENT: Parameter = in_query(
    "environment",
    "Only of this environment; `*`: of the installation itself.",
    text,
);
pub(super) const SINCE: Parameter = in_query("since", "Not older than this.", time);
pub(super) const IF_MATCH: Parameter = Parameter {
    name: "If-Match",
    place: Place::Header,
    required: true,
    about: "The `ETag` that was read.",
    schema: entity_tag,
};
pub(super) const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: Place::Header,
    required: false,
    about: "Makes a repeat of this request the same creation.",
    schema: visible,
};

const TAG: (&str, &str) = ("ETag", "The version, for `If-Match`.");
const LOCATION: (&str, &str) = ("Location", "Where it can be read.");

const fn body<T: JsonSchema>() -> Option<Body> {
    Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<T>,
    })
}

const fn doc(
    summary: &'static str,
    parameters: &'static [Parameter],
    body: Option<Body>,
    answers: &'static [Answer],
    refusals: &'static [u16],
) -> Doc {
    Doc {
        summary,
        description: "",
        parameters,
        body,
        answers,
        refusals,
    }
}

/// One row is read.
pub(super) const fn shows<T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, None, one_row::<T>(), &[])
}

/// Something that is no row is told.
pub(super) const fn tells<T: JsonSchema>(summary: &'static str) -> Doc {
    doc(summary, &[], None, told::<T>(), &[])
}

/// Something in the body is looked at.
pub(super) const fn looks_at<B: JsonSchema, T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, body::<B>(), told::<T>(), &[])
}

/// A row is found by what the body says.
pub(super) const fn finds<B: JsonSchema, T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, body::<B>(), one_row::<T>(), &[])
}

/// Something that is no row is gathered from several.
pub(super) const fn gathers<T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, None, told::<T>(), &[])
}

/// A page of rows is read.
pub(super) const fn lists<T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    let answers = const {
        &[Answer {
            status: 200,
            about: "A page.",
            body: body::<Page<T>>(),
            headers: &[],
        }]
    };
    doc(summary, parameters, None, answers, &[])
}

/// Something is made.
pub(super) const fn makes<B: JsonSchema, T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    let answers = const {
        &[Answer {
            status: 201,
            about: "It is made. A secret is told here and nowhere else.",
            body: body::<Made<T>>(),
            headers: &[TAG, LOCATION],
        }]
    };
    doc(summary, parameters, body::<B>(), answers, &[409, 422])
}

/// A row is changed.
pub(super) const fn changes<B: JsonSchema, T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    let refusals = &[409, 412, 428];
    doc(summary, parameters, body::<B>(), one_row::<T>(), refusals)
}

/// Something is started that answers with a row.
pub(super) const fn turns<B: JsonSchema, T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, body::<B>(), one_row::<T>(), &[409])
}

/// A row is ended, and stays to be looked at.
pub(super) const fn revokes<T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, None, one_row::<T>(), &[])
}

/// Something is sent, by and by.
pub(super) const fn sends<T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    let answers = const {
        &[Answer {
            status: 202,
            about: "It is on its way.",
            body: body::<T>(),
            headers: &[],
        }]
    };
    doc(summary, parameters, None, answers, &[409, 429])
}

/// Something changes, and what there is then is told.
pub(super) const fn sets<B: JsonSchema, T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, body::<B>(), told::<T>(), &[409])
}

/// The same, where nothing needs to be said.
pub(super) const fn does<T: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, None, told::<T>(), &[409])
}

/// Something is ended.
pub(super) const fn ends(
    summary: &'static str,
    parameters: &'static [Parameter],
    refusals: &'static [u16],
) -> Doc {
    doc(summary, parameters, None, DONE, refusals)
}

/// What the body names is ended.
pub(super) const fn ends_named<B: JsonSchema>(
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Doc {
    doc(summary, parameters, body::<B>(), DONE, &[])
}

const DONE: &[Answer] = &[Answer {
    status: 204,
    about: "It is done.",
    body: None,
    headers: &[],
}];

const fn one_row<T: JsonSchema>() -> &'static [Answer] {
    const {
        &[Answer {
            status: 200,
            about: "The row.",
            body: body::<T>(),
            headers: &[TAG],
        }]
    }
}

const fn told<T: JsonSchema>() -> &'static [Answer] {
    const {
        &[Answer {
            status: 200,
            about: "What was asked.",
            body: body::<T>(),
            headers: &[],
        }]
    }
}
