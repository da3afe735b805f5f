//! `/v1/profiles`: a server looks after its users.

use super::{
    Expected, Side, decoded, encoded,
    members::{self, Members},
    sessions::profile_id,
};
use crate::{
    Decoded, Reply, Request, Response,
    admin::time,
    wire::{
        form::Form,
        headers, media,
        openapi::{self, Answer, Body, Doc, Parameter, Place},
    },
};
use countersign_engine::{
    call::{Call, CallContext},
    denied::{Denied, ProblemKind, Refusal},
    model::subject::{Names, Subject},
    outcome::Outcome,
    profiles::{ProfileAnswer, ProfileCall, ProfileName},
};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A profile. Every member is always there.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile<'a> {
    /// Its global id, `p_...`.
    pub id: String,
    /// Its UUID, the other spelling of the same.
    pub uuid: &'a str,
    /// What the caller notes of it.
    pub metadata: Option<&'a Map<String, Value>>,
    /// Of when this is: the last change.
    pub at: String,
    /// Its e-mail address.
    pub email: Option<&'a str>,
    /// Its phone number (E.164).
    pub phone: Option<&'a str>,
    /// The whole name.
    pub name: Option<String>,
    /// The name in parts.
    pub names: Option<ProfileNames<'a>>,
    /// A calendar date.
    pub date_of_birth: Option<&'a str>,
    /// Where the person lives.
    pub address: Option<ProfileAddress<'a>>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// A name in parts.
#[derive(Serialize, JsonSchema)]
pub struct ProfileNames<'a> {
    /// Given name.
    pub first: Option<&'a str>,
    /// Family name.
    pub last: Option<&'a str>,
    /// Both.
    pub full: Option<String>,
}

/// Where a person lives.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileAddress<'a> {
    /// Street and number.
    pub line1: Option<&'a str>,
    /// What does not fit there.
    pub line2: Option<&'a str>,
    /// Town.
    pub city: Option<&'a str>,
    /// State or province.
    pub state: Option<&'a str>,
    /// Postal code.
    pub postal_code: Option<&'a str>,
    /// ISO 3166-1 alpha-3.
    pub country_code: Option<&'a str>,
}

/// What may be set in a profile: members that are left out stay, `null` clears.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct ProfileInput {
    /// A UUID of your own; of a new profile only.
    pub uuid: Option<String>,
    /// Its e-mail address; no other profile may have it.
    pub email: Option<String>,
    /// Its phone number (E.164); no other profile may have it.
    pub phone: Option<String>,
    /// The whole name.
    pub name: Option<String>,
    /// `first` and `last`.
    pub names: Option<Map<String, Value>>,
    /// A calendar date.
    pub date_of_birth: Option<String>,
    /// `line1`, `line2`, `city`, `state`, `postalCode`, `countryCode` (`USA` unless given).
    pub address: Option<Map<String, Value>>,
    /// What you note of it, all of it: at most 50 members and 8 KiB.
    pub metadata: Option<Map<String, Value>>,
}

/// Whose session, and what is set in the profile on the way.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct SessionInput {
    /// The profile's global id, or a UUID.
    pub user_id: Option<String>,
    /// Members of the profile.
    #[schemars(flatten)]
    pub profile: ProfileInput,
}

const ONE: Body = Body {
    media_type: media::JSON,
    schema: openapi::of::<Profile<'static>>,
};
const INPUT: Option<Body> = Some(Body {
    media_type: media::JSON,
    schema: openapi::of::<ProfileInput>,
});
const NAMED: &[Parameter] = &[Parameter {
    name: "profile",
    place: Place::Path,
    required: true,
    about: "The profile's global id, `p_...`, or its UUID.",
    schema: openapi::of::<String>,
}];

/// Pages of lists.
pub(super) const PAGED: &[Parameter] = &[
    Parameter {
        name: "page",
        place: Place::Query,
        required: false,
        about: "Which page, from 1.",
        schema: openapi::of::<u32>,
    },
    Parameter {
        name: "limit",
        place: Place::Query,
        required: false,
        about: "Rows of a page, 1 to 100; 25 unless given. Older versions call it `items`, which is taken too.",
        schema: openapi::of::<u32>,
    },
];

/// The headers of lists.
pub(super) const PAGING: &[(&str, &str)] = &[
    ("Current-Page", "Which page this is, from 1."),
    ("Page-Items", "Rows of a page."),
    (
        "Total-Count",
        "Rows of all pages; where there are more than 20,000, those that were counted.",
    ),
    ("Total-Pages", "How many pages there are."),
];

const fn profile_answer(status: u16, about: &'static str) -> Answer {
    Answer {
        status,
        about,
        body: Some(ONE),
        headers: &[],
    }
}

pub(super) const LIST: Doc = Doc {
    summary: "A page of profiles",
    description: "By their UUIDs.",
    parameters: PAGED,
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The page.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<Vec<Profile<'static>>>,
        }),
        headers: PAGING,
    }],
    refusals: &[409],
};
pub(super) const CREATE: Doc = Doc {
    summary: "Make a profile",
    description: "",
    parameters: &[],
    body: INPUT,
    answers: &[profile_answer(201, "The profile.")],
    refusals: &[409, 422],
};
pub(super) const SHOW: Doc = Doc {
    summary: "A profile",
    description: "",
    parameters: NAMED,
    body: None,
    answers: &[profile_answer(200, "The profile.")],
    refusals: &[],
};
pub(super) const CHANGE: Doc = Doc {
    summary: "Change a profile",
    description: "Members that are left out stay.",
    parameters: NAMED,
    body: INPUT,
    answers: &[profile_answer(200, "The profile as it is now.")],
    refusals: &[409, 422],
};
pub(super) const REMOVE: Doc = Doc {
    summary: "Delete a profile",
    description: "What is known of the person goes at once, and so does every session; `profile.deleted` follows.",
    parameters: NAMED,
    body: None,
    answers: &[Answer {
        status: 204,
        about: "It is being deleted.",
        body: None,
        headers: &[],
    }],
    refusals: &[409],
};

/// The page that a request asks for: its number and its rows.
pub(super) fn paging(request: &Request<'_>) -> Result<(u32, u32), Denied> {
    let query = Form::decode(request.query.unwrap_or_default().as_bytes())?;
    let number = |name: &str, unless: u32, max: u32| match query.text(name) {
        None => Ok(unless),
        Some(text) => {
            let number = text.parse::<u32>().ok().filter(|n| (1..=max).contains(n));
            let expected = ProblemKind::Expected("a number from 1, rows of a page at most 100");
            number.ok_or_else(|| Denied::invalid(name, expected))
        }
    };
    let page = number("page", 1, 1_000_000)?;
    let older = number("items", 25, 100)?;
    Ok((page, number("limit", older, 100)?))
}

fn named(request: &Request<'_>) -> Result<ProfileName, Denied> {
    let raw = request
        .parameters
        .iter()
        .find(|(name, _)| *name == "profile");
    let named = raw.and_then(|(_, text)| members::profile_name(text));
    // What cannot be an identifier is not there.
    named.ok_or(Denied::NotFound { noun: "profile" })
}

fn without_uuid(body: &Members) -> Result<countersign_engine::profiles::ProfileMembers, Denied> {
    let set = members::profile(body)?;
    match set.uuid {
        None => Ok(set),
        Some(_) => {
            let expected = ProblemKind::Expected("left out: it never changes");
            Err(Denied::invalid("uuid", expected))
        }
    }
}

fn asks(request: &Request<'_>, call: impl FnOnce() -> Result<ProfileCall, Denied>) -> Decoded {
    decoded(request, Side::Api, || call().map(Call::Profile))
}

pub(super) fn decode_list(request: &Request<'_>) -> Decoded {
    asks(request, || {
        let (page, limit) = paging(request)?;
        Ok(ProfileCall::List { page, limit })
    })
}

pub(super) fn decode_create(request: &Request<'_>) -> Decoded {
    asks(request, || {
        let body = members::body_if_any(request)?;
        Ok(ProfileCall::Create(members::profile(&body)?))
    })
}

pub(super) fn decode_show(request: &Request<'_>) -> Decoded {
    asks(request, || Ok(ProfileCall::Show(named(request)?)))
}

pub(super) fn decode_change(request: &Request<'_>) -> Decoded {
    asks(request, || {
        let name = named(request)?;
        let body = members::body(request)?;
        Ok(ProfileCall::Change(name, without_uuid(&body)?))
    })
}

pub(super) fn decode_remove(request: &Request<'_>) -> Decoded {
    asks(request, || Ok(ProfileCall::Remove(named(request)?)))
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    encoded(
        result,
        Expected::ApiKey,
        reply,
        context,
        |outcome| match outcome {
            Outcome::Profile(ProfileAnswer::One { profile, is_new }) => {
                let status = if *is_new {
                    StatusCode::CREATED
                } else {
                    StatusCode::OK
                };
                Some(headers::json(status, media::JSON, &shown(profile)))
            }
            Outcome::Profile(ProfileAnswer::Page {
                profiles,
                page,
                limit,
                total,
            }) => {
                let rows: Vec<Profile<'_>> = profiles.iter().map(shown).collect();
                let mut answer = headers::json(StatusCode::OK, media::JSON, &rows);
                number_pages(&mut answer, *page, *limit, *total);
                Some(answer)
            }
            Outcome::Profile(ProfileAnswer::Removed) => {
                Some(headers::empty(StatusCode::NO_CONTENT))
            }
            _ => None,
        },
    )
}

/// Say which page it is, and of how many.
pub(super) fn number_pages(answer: &mut Response, page: u32, limit: u32, total: u64) {
    let numbers = [
        ("current-page", u64::from(page)),
        ("page-items", u64::from(limit)),
        ("total-count", total),
        ("total-pages", total.div_ceil(u64::from(limit.max(1)))),
    ];
    for (name, number) in numbers {
        let name = HeaderName::from_static(name);
        answer.headers_mut().insert(name, HeaderValue::from(number));
    }
}

fn shown(subject: &Subject) -> Profile<'_> {
    let own = &subject.attributes;
    let full = own.names.as_ref().and_then(full_name);
    Profile {
        id: profile_id(subject.id.as_str()),
        uuid: subject.id.as_str(),
        metadata: subject.metadata.as_ref(),
        at: time::write(subject.updated_at),
        email: subject.email.as_deref(),
        phone: subject.phone.as_deref(),
        name: own.name.clone().or_else(|| full.clone()),
        names: own.names.as_ref().map(|names| ProfileNames {
            first: names.first.as_deref(),
            last: names.last.as_deref(),
            full,
        }),
        date_of_birth: own.date_of_birth.as_deref(),
        address: own.address.as_ref().map(|address| ProfileAddress {
            line1: address.line1.as_deref(),
            line2: address.line2.as_deref(),
            city: address.city.as_deref(),
            state: address.state.as_deref(),
            postal_code: address.postal_code.as_deref(),
            country_code: address.country_code.as_deref(),
        }),
        created_at: time::write(subject.created_at),
        updated_at: time::write(subject.updated_at),
    }
}

fn full_name(names: &Names) -> Option<String> {
    let parts = [names.first.as_deref(), names.last.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
