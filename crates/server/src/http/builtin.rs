//! The server's own endpoints. Who may call them: anyone who reaches the listener; none tells a secret.
//!
//! | listener | path | says |
//! |---|---|---|
//! | public, admin | `/healthz` | the process answers |
//! | public, admin | `/readyz` | it should be sent requests; 503 with one word why not. Admin: then a line for each environment that the configuration names in vain |
//! | public | `/health` | the same as `/readyz`, in the words of Ayyeka's clients |
//! | public | `/openapi/NAME.json` | a public dialect's OpenAPI document |
//! | admin | `/metrics` | numbers, in the OpenMetrics format |
//! | admin | `/admin/v1/openapi.json` | the admin API's OpenAPI document |

use super::{Answer, Kind, bare};
use crate::state::ServerState;
use bytes::Bytes;
use countersign_dialects::{Dialect, Listener};
use http::{HeaderValue, StatusCode, header};
use std::sync::OnceLock;
use tracing::error;

/// One of the server's own endpoints.
#[derive(Clone, Copy)]
pub(super) enum Builtin {
    /// The process answers.
    Healthz,
    /// It should be sent requests.
    Readyz(Kind),
    /// The same, in Ayyeka's words.
    Health,
    /// Numbers.
    Metrics,
    /// A dialect's OpenAPI document.
    OpenApi(&'static str),
}

impl Builtin {
    /// Every own endpoint of a listener, with its path.
    pub(super) fn table(kind: Kind, dialects: &'static [Dialect]) -> Vec<(String, Self)> {
        let mut table = vec![
            ("/healthz".to_owned(), Self::Healthz),
            ("/readyz".to_owned(), Self::Readyz(kind)),
        ];
        match kind {
            Kind::Admin => {
                table.push(("/metrics".to_owned(), Self::Metrics));
                let admin = dialects.iter().find(|dialect| dialect.name == "admin");
                table.extend(admin.map(|found| {
                    (
                        "/admin/v1/openapi.json".to_owned(),
                        Self::OpenApi(found.name),
                    )
                }));
            }
            Kind::Public | Kind::Gateway => {
                table.push(("/health".to_owned(), Self::Health));
                let public = dialects
                    .iter()
                    .filter(|dialect| dialect.listener == Listener::Public);
                table.extend(public.map(|found| {
                    let path = format!("/openapi/{}.json", found.name);
                    (path, Self::OpenApi(found.name))
                }));
            }
        }
        table
    }

    /// What metrics call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Healthz => "server.healthz",
            Self::Readyz(_) => "server.readyz",
            Self::Health => "server.health",
            Self::Metrics => "server.metrics",
            Self::OpenApi(_) => "server.openapi",
        }
    }

    /// The answer.
    pub(super) async fn answer(self, state: &ServerState) -> Answer {
        match self {
            Self::Healthz => text(StatusCode::OK, TEXT, "ok\n".to_owned()),
            Self::Readyz(kind) => match readiness(kind, state).await {
                Ok(said) => text(StatusCode::OK, TEXT, said),
                Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
            },
            Self::Health => match state.obstacle() {
                None => text(StatusCode::OK, TEXT, "OK".to_owned()),
                Some(_) => text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    TEXT,
                    "unavailable".to_owned(),
                ),
            },
            Self::Metrics => {
                state
                    .metrics
                    .ready
                    .set(i64::from(state.obstacle().is_none()));
                match state.metrics.print() {
                    Ok(numbers) => text(StatusCode::OK, OPEN_METRICS, numbers),
                    Err(fault) => {
                        error!(%fault, "cannot print the metrics");
                        bare::answer(StatusCode::INTERNAL_SERVER_ERROR)
                    }
                }
            }
            Self::OpenApi(name) => document(name),
        }
    }
}

/// `ready`, and for operators a line for each thing that is not as configured; or why not, in one word.
async fn readiness(kind: Kind, state: &ServerState) -> Result<String, &'static str> {
    if let Some(why) = state.obstacle() {
        return Err(why);
    }
    let mut said = "ready\n".to_owned();
    if kind == Kind::Admin {
        // Other listeners work: it stays ready, or the first environment could not be made.
        let lacking = state.lacking_environments().await.map_err(|_| "store")?;
        for line in lacking {
            said.push_str(&line);
            said.push('\n');
        }
    }
    Ok(said)
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A dialect's OpenAPI document, printed once: as it is checked in, byte for byte.
fn document(name: &str) -> Answer {
    static DOCUMENTS: OnceLock<Vec<(&'static str, Bytes)>> = OnceLock::new();
    let documents = DOCUMENTS.get_or_init(|| {
        let printed = countersign_dialects::openapi_documents().into_iter();
        printed.map(|(name, text)| (name, text.into())).collect()
    });
    let Some((_, printed)) = documents.iter().find(|(known, _)| *known == name) else {
        return bare::answer(StatusCode::NOT_FOUND);
    };
    let mut answer = Answer::new(printed.clone().into());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    answer
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Answer {
    let mut answer = Answer::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}
