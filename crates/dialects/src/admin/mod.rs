//! The admin API: JSON under `/admin/v1`, errors by RFC 9457, `ETag` and `If-Match` on changes, idempotency keys on
//! creations, cursors for pages. `docs/admin-api.md` tells it to those who call it.

mod approval_bodies;
pub mod approval_rows;
mod approval_views;
mod bodies;
mod conditional;
mod decode;
mod docs;
mod encode;
mod leaves;
mod leaving;
mod leaving_rows;
mod members;
mod place;
mod query;
mod routes;
pub mod rows;
mod subject_bodies;
mod subject_views;
#[cfg(test)]
mod tests;
pub mod time;
mod views;

use crate::{
    Dialect, Listener,
    wire::{
        openapi::{self, About, Body},
        problem::{self, PROBLEM_JSON, ProblemBody},
    },
};

/// The admin API.
pub(crate) const DIALECT: Dialect = Dialect {
    name: "admin",
    listener: Listener::Admin,
    routes: routes::ROUTES,
    refuse: problem::refuse,
    refuse_graphql: None,
    openapi: || openapi::document(&ABOUT, routes::ROUTES),
};

const ABOUT: About = About {
    title: "Countersign admin API",
    description: "For operators, who show their token as `Authorization: Bearer`. A change carries `If-Match` with \
        the `ETag` that was read. A creation may carry `Idempotency-Key`: repeated with the same body it is the same \
        creation. A secret is told in the answer to its creation, and for ten minutes in the answers to its repeats. \
        Times are RFC 3339 in UTC; members that end in `_s` are whole seconds.",
    listener: Listener::Admin,
    error: Body {
        media_type: PROBLEM_JSON,
        schema: openapi::of::<ProblemBody>,
    },
};
