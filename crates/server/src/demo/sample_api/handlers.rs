//! What the API does with requests that passed. It asks nobody who they are: the identity says so.

use super::{
    Passed, Schemas, countersigned,
    graphql::{self, Graph},
    money, page,
    sites::{ORGANIZATION_NUMBER, SITES, Site, find},
};
use crate::{gateway::identity::IDENTITY_HEADERS, http::Answer};
use async_graphql::ObjectType;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

/// What stands before an identity header's name in an answer: so that users see what the API saw.
const SEEN: &str = "seen-";

/// Answer a request that passed, and show who the API took the caller for.
pub async fn answer(passed: &Passed, schemas: &Schemas) -> Answer {
    let path = passed.request.uri.path();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut answer = match segments.as_slice() {
        [""] => read(passed, || {
            page::answer(page::HTML, "text/html; charset=utf-8")
        }),
        ["page.js"] => read(passed, || page::answer(page::SCRIPT, "text/javascript")),
        ["health"] => read(passed, || plain_text("ok\n")),
        ["v2.0", rest @ ..] => read(passed, || ayyeka(passed, rest)),
        ["sites"] => read(passed, || {
            let sites: Vec<Value> = SITES.iter().map(standard_site).collect();
            json_answer(StatusCode::OK, &json!({ "sites": sites }))
        }),
        ["sites", id] => read(passed, || match find(id) {
            Some(site) => json_answer(StatusCode::OK, &standard_site(site)),
            None => not_found(),
        }),
        ["graphql"] => graph(passed, &schemas.sites).await,
        ["v1", "graphql"] => graph(passed, &schemas.profile).await,
        ["v1", rest @ ..] => read(passed, || {
            money::environment(rest).unwrap_or_else(not_found)
        }),
        ["api", "v1", rest @ ..] => read(passed, || {
            money::wallets(passed, rest).unwrap_or_else(not_found)
        }),
        ["payouts"] => write(passed, countersigned::payout),
        ["lockdown"] => write(passed, countersigned::lockdown),
        _ => not_found(),
    };
    show(&passed.identity, answer.headers_mut());
    answer
}

fn read(passed: &Passed, handler: impl FnOnce() -> Answer) -> Answer {
    match passed.request.method {
        Method::GET | Method::HEAD => handler(),
        _ => wrong_method("GET, HEAD"),
    }
}

fn write(passed: &Passed, handler: impl FnOnce(&Passed) -> Answer) -> Answer {
    match passed.request.method {
        Method::POST => handler(passed),
        _ => wrong_method("POST"),
    }
}

/// A site in the vendor's shape.
#[derive(Serialize)]
struct AyyekaSite {
    id: i32,
    creation_date: &'static str,
    display_name: &'static str,
    status: &'static str,
    longitude: &'static str,
    latitude: &'static str,
    account_organization_id: i32,
}

/// A stream. The vendor publishes no shape of it: this one is ours.
#[derive(Serialize)]
struct AyyekaStream {
    id: i32,
    site_id: i32,
    display_name: &'static str,
    unit: &'static str,
}

/// `/v2.0/...`, in the vendor's shapes and its error envelope.
fn ayyeka(passed: &Passed, segments: &[&str]) -> Answer {
    let found = match segments {
        ["site"] => {
            let sites: Vec<AyyekaSite> = SITES.iter().map(ayyeka_site).collect();
            Some(json_answer(StatusCode::OK, &sites))
        }
        ["site", id] => find(id).map(|site| json_answer(StatusCode::OK, &ayyeka_site(site))),
        ["site", id, "streams"] => find(id).map(|site| {
            let streams: Vec<AyyekaStream> = ayyeka_streams(site).collect();
            json_answer(StatusCode::OK, &streams)
        }),
        _ => None,
    };
    found.unwrap_or_else(|| {
        let request_id = passed.identity.get("countersign-request-id");
        let request_id = request_id.and_then(|value| value.to_str().ok());
        let error = json!({ "message": "not found", "request_id": request_id.unwrap_or("-") });
        json_answer(StatusCode::NOT_FOUND, &error)
    })
}

fn ayyeka_site(site: &Site) -> AyyekaSite {
    AyyekaSite {
        id: site.id,
        creation_date: site.creation_date,
        display_name: site.display_name,
        status: site.status,
        longitude: site.longitude,
        latitude: site.latitude,
        account_organization_id: ORGANIZATION_NUMBER,
    }
}

fn ayyeka_streams(site: &Site) -> impl Iterator<Item = AyyekaStream> {
    site.streams.iter().map(|stream| AyyekaStream {
        id: stream.id,
        site_id: site.id,
        display_name: stream.display_name,
        unit: stream.unit,
    })
}

fn standard_site(site: &Site) -> Value {
    json!({ "id": site.id, "name": site.display_name, "status": site.status })
}

async fn graph<Q>(passed: &Passed, schema: &Graph<Q>) -> Answer
where
    Q: ObjectType + 'static,
{
    if passed.request.method != Method::POST {
        return wrong_method("POST");
    }
    // The printed requests of some vendors carry no document: they are told whom the API takes them for.
    if passed.body.is_empty() {
        return match graphql::who(schema, passed).await {
            Ok(body) => with_body(StatusCode::OK, "application/json", body.into()),
            Err(_) => error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer cannot be written",
            ),
        };
    }
    let kind = passed.request.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok());
    let is_json = kind.is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    if !is_json {
        return error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a GraphQL request is application/json",
        );
    }
    match graphql::run(schema, passed).await {
        Ok(body) => with_body(StatusCode::OK, "application/json", body.into()),
        Err(_) => error(
            StatusCode::BAD_REQUEST,
            "a GraphQL request is an object with a member query",
        ),
    }
}

/// The body is larger than the API takes.
pub fn too_large(bytes_max: usize) -> Answer {
    error(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!("a body has at most {bytes_max} bytes"),
    )
}

/// The body did not come.
pub fn unreadable() -> Answer {
    error(
        StatusCode::REQUEST_TIMEOUT,
        "the body did not come whole and in time",
    )
}

/// An error of the API itself, in its own words.
pub fn error(status: StatusCode, message: &str) -> Answer {
    json_answer(status, &json!({ "error": message }))
}

fn not_found() -> Answer {
    error(StatusCode::NOT_FOUND, "there is nothing here")
}

fn wrong_method(allow: &'static str) -> Answer {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed");
    let headers = answer.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    answer
}

pub fn json_answer(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(mut text) => {
            text.push(b'\n');
            with_body(status, "application/json", text.into())
        }
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            with_body(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                Bytes::new(),
            )
        }
    }
}

fn plain_text(text: &'static str) -> Answer {
    with_body(StatusCode::OK, "text/plain", text.into())
}

pub fn with_body(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn show(identity: &HeaderMap, headers: &mut HeaderMap) {
    for header in IDENTITY_HEADERS {
        let name = HeaderName::try_from(format!("{SEEN}{}", header.lower));
        if let (Some(value), Ok(name)) = (identity.get(header.lower), name) {
            headers.insert(name, value.clone());
        }
    }
}
