//! OpenAPI 3.1 documents, made from the same routes that the server serves.

use crate::{Listener, Route};
use countersign_engine::call::Callers;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Writes a type's schema, and leaves the schemas that it refers to with the generator.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`.
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What a document says of a dialect.
pub struct About {
    /// Its title.
    pub title: &'static str,
    /// What it is, in Markdown.
    pub description: &'static str,
    /// Which listener serves it.
    pub listener: Listener,
    /// The body of every refusal.
    pub error: Body,
}

/// What a document says of a route. The statuses that follow from what the route declares (callers, body,
/// path) are added by [`document`].
pub struct Doc {
    /// In a few words.
    pub summary: &'static str,
    /// More, in Markdown; may be empty.
    pub description: &'static str,
    /// Parameters of path, query and header.
    pub parameters: &'static [Parameter],
    /// The request's body, if it has one.
    pub body: Option<Body>,
    /// What it answers when it does what it was asked.
    pub answers: &'static [Answer],
    /// Statuses of refusals beyond those that follow from the route's other members.
    pub refusals: &'static [u16],
}

/// A parameter.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be there; always so in a path.
    pub required: bool,
    /// What it is.
    pub about: &'static str,
    /// Its form.
    pub schema: SchemaOf,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// Behind the `?`.
    Query,
    /// A header.
    Header,
}

impl Place {
    const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// A body.
pub struct Body {
    /// Its media type.
    pub media_type: &'static str,
    /// Its form.
    pub schema: SchemaOf,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What it means.
    pub about: &'static str,
    /// Its body, if it has one.
    pub body: Option<Body>,
    /// Headers that it carries, each with what it says.
    pub headers: &'static [(&'static str, &'static str)],
}

/// The document of a dialect.
pub fn document(about: &About, routes: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = operation(about, route, &mut schemas);
        paths
            .entry(route.path)
            .or_default()
            .insert(method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "description": about.description,
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": schemas.definitions(), "securitySchemes": security_schemes(routes) },
    })
}

/// A document as it is checked in and served: members sorted, so that it comes out the same whatever map the
/// build's JSON library uses.
pub fn print(document: &Value) -> String {
    format!("{:#}\n", sorted(document))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<&String, Value> =
                members.iter().map(|(name, v)| (name, sorted(v))).collect();
            ordered.into_iter().map(|(n, v)| (n.clone(), v)).collect()
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Every status of a refusal that a route can answer.
pub fn refusals(about: &About, route: &Route) -> BTreeSet<u16> {
    // Requests whose target, headers or framing cannot be read; our own faults.
    let mut statuses = BTreeSet::from([400, 500, 503]);
    if about.listener == Listener::Public {
        statuses.insert(421);
    }
    if route.callers != Callers::Anyone {
        statuses.extend([401, 403, 429]);
    }
    if route.body_bytes_max > 0 {
        statuses.insert(413);
    }
    if route.doc.body.is_some() {
        statuses.insert(415);
    }
    if route.path.contains('{') {
        statuses.insert(404);
    }
    statuses.extend(route.doc.refusals);
    statuses
}

/// Names that stand for one schema in a request and another in an answer. A document must have none.
pub fn ambiguous_schemas(routes: &[Route]) -> Vec<String> {
    let mut schemas = Schemas::new();
    for doc in routes.iter().map(|route| &route.doc) {
        let asked = doc.parameters.iter().map(|parameter| parameter.schema);
        for schema in asked.chain(doc.body.iter().map(|body| body.schema)) {
            schema(&mut schemas.asked);
        }
        for body in doc.answers.iter().filter_map(|answer| answer.body.as_ref()) {
            (body.schema)(&mut schemas.told);
        }
    }
    let (asked, told) = schemas.halves();
    let differs =
        |(name, schema): &(&String, &Value)| asked.get(*name).is_some_and(|s| s != *schema);
    told.iter()
        .filter(differs)
        .map(|(name, _)| name.clone())
        .collect()
}

/// What is read and what is written have different schemas: a default may be left out of one, not the other.
struct Schemas {
    asked: SchemaGenerator,
    told: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|s| {
                s.definitions_path = "/components/schemas".into();
                s.meta_schema = None;
            })
        };
        Self {
            asked: settings().for_deserialize().into_generator(),
            told: settings().for_serialize().into_generator(),
        }
    }

    fn halves(mut self) -> (Map<String, Value>, Map<String, Value>) {
        (
            self.asked.take_definitions(true),
            self.told.take_definitions(true),
        )
    }

    fn definitions(self) -> Map<String, Value> {
        let (mut all, told) = self.halves();
        all.extend(told);
        all
    }
}

fn operation(about: &About, route: &Route, schemas: &mut Schemas) -> Value {
    let doc = &route.doc;
    let mut operation = Map::new();
    operation.insert("operationId".into(), route.name.into());
    operation.insert("summary".into(), doc.summary.into());
    if !doc.description.is_empty() {
        operation.insert("description".into(), doc.description.into());
    }
    operation.insert("security".into(), security(route.callers));
    if !doc.parameters.is_empty() {
        let list: Vec<Value> = doc
            .parameters
            .iter()
            .map(|parameter| {
                json!({
                    "name": parameter.name,
                    "in": parameter.place.word(),
                    "required": parameter.required,
                    "description": parameter.about,
                    "schema": (parameter.schema)(&mut schemas.asked),
                })
            })
            .collect();
        operation.insert("parameters".into(), list.into());
    }
    if let Some(body) = &doc.body {
        let content = content(body, &mut schemas.asked);
        operation.insert(
            "requestBody".into(),
            json!({ "required": true, "content": content }),
        );
    }
    operation.insert("responses".into(), responses(about, route, schemas).into());
    operation.into()
}

fn responses(about: &About, route: &Route, schemas: &mut Schemas) -> Map<String, Value> {
    let mut responses = Map::new();
    for answer in route.doc.answers {
        let mut response = Map::new();
        response.insert("description".into(), answer.about.into());
        if let Some(body) = &answer.body {
            // Answers of one status differ in their media type.
            let status = responses.get(&answer.status.to_string());
            let others = status.and_then(|known: &Value| known.get("content").cloned());
            let mut content = content(body, &mut schemas.told);
            if let (Value::Object(all), Some(Value::Object(others))) = (&mut content, others) {
                all.extend(others);
            }
            response.insert("content".into(), content);
        }
        if !answer.headers.is_empty() {
            response.insert("headers".into(), headers(answer.headers));
        }
        responses.insert(answer.status.to_string(), response.into());
    }
    for status in refusals(about, route) {
        let mut response = Map::new();
        response.insert("description".into(), meaning(status).into());
        response.insert("content".into(), content(&about.error, &mut schemas.told));
        match status {
            401 => response.insert(
                "headers".into(),
                headers(&[("WWW-Authenticate", "How to authenticate.")]),
            ),
            429 | 503 => response.insert(
                "headers".into(),
                headers(&[("Retry-After", "Seconds to wait before trying again.")]),
            ),
            _ => None,
        };
        responses.insert(status.to_string(), response.into());
    }
    responses
}

fn content(body: &Body, generator: &mut SchemaGenerator) -> Value {
    json!({ body.media_type: { "schema": (body.schema)(generator) } })
}

fn headers(list: &[(&str, &str)]) -> Value {
    let entry = |(name, about): &(&str, &str)| {
        let header = json!({ "description": about, "schema": { "type": "string" } });
        ((*name).to_owned(), header)
    };
    Value::Object(list.iter().map(entry).collect())
}

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request is not valid.",
        401 => "The caller is not authenticated.",
        403 => "The caller may not do this.",
        404 => "There is no such thing.",
        409 => "It conflicts with what exists.",
        412 => "It has changed since it was read.",
        413 => "The body is too large.",
        415 => "The body has another media type, or is compressed.",
        421 => "No environment lists this host.",
        422 => "The idempotency key was used for another request.",
        428 => "A change needs `If-Match`.",
        429 => "Too many requests.",
        500 => "Something went wrong here.",
        503 => "Not available now.",
        _ => "Refused.",
    }
}

fn security(callers: Callers) -> Value {
    match callers {
        Callers::Anyone => json!([]),
        // The empty alternative: parameters of the form, which OpenAPI has no scheme for.
        Callers::Client => json!([{ "clientBasic": [] }, {}]),
        Callers::Operator(_) => json!([{ "operatorToken": [] }]),
        Callers::ApiKey => json!([{ "apiKey": [] }]),
        Callers::Session => json!([{ "session": [] }]),
        Callers::AccessToken => json!([{ "accessToken": [] }]),
        Callers::Device | Callers::NewDevice => json!([{ "deviceSignature": [] }]),
    }
}

fn bearer() -> Value {
    json!({ "type": "http", "scheme": "bearer" })
}

/// OpenAPI has no word for HTTP Message Signatures (RFC 9421): one of its two headers stands for both.
fn device_signature() -> Value {
    json!({ "type": "apiKey", "in": "header", "name": "Signature" })
}

fn security_schemes(routes: &[Route]) -> Map<String, Value> {
    let mut schemes = Map::new();
    for route in routes {
        let (name, scheme) = match route.callers {
            Callers::Anyone => continue,
            Callers::Client => ("clientBasic", json!({ "type": "http", "scheme": "basic" })),
            Callers::Operator(_) => ("operatorToken", bearer()),
            Callers::ApiKey => ("apiKey", bearer()),
            Callers::Session => ("session", bearer()),
            Callers::AccessToken => ("accessToken", bearer()),
            Callers::Device | Callers::NewDevice => ("deviceSignature", device_signature()),
        };
        schemes.insert(name.into(), scheme);
    }
    schemes
}
