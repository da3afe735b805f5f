//! The numbers behind `/metrics`. Every label is a word of ours: nothing that a caller writes becomes one.

use super::latency::Latency;
use countersign_engine::{
    decision::Decision,
    denied::{Fault, Refusal},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{sync::Mutex, time::Duration};

/// Every number, and the registry that prints them.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    denials: Family<ReasonLabels, Counter>,
    allowed: Counter,
    denied: Counter,
    unknowable: Counter,
    /// How long requests on the public and admin listeners take, from their head to their answer.
    pub request_latency: Latency,
    /// How long decisions take.
    pub decision_latency: Latency,
    connections: Family<ListenerLabels, Gauge>,
    connections_refused: Family<ListenerLabels, Counter>,
    /// Handlers that panicked: always a defect.
    pub panics: Counter,
    /// Observations that did not fit into the queue.
    pub observations_dropped: Counter,
    /// Requests that are held until there are news.
    pub held_requests: Gauge,
    /// Requests that were answered at once, because too many were held.
    pub held_requests_refused: Counter,
    rows: Family<TableLabels, Gauge>,
    deliveries: Family<DeliveryLabels, Gauge>,
    /// Writes by workers that failed, to be tried again.
    pub housekeeping_failures: Counter,
    /// Whether `/readyz` says yes.
    pub ready: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    listener: &'static str,
    route: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabels {
    table: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("countersign")),
            requests: Family::default(),
            refusals: Family::default(),
            denials: Family::default(),
            allowed: Counter::default(),
            denied: Counter::default(),
            unknowable: Counter::default(),
            request_latency: Latency::default(),
            decision_latency: Latency::default(),
            connections: Family::default(),
            connections_refused: Family::default(),
            panics: Counter::default(),
            observations_dropped: Counter::default(),
            held_requests: Gauge::default(),
            held_requests_refused: Counter::default(),
            rows: Family::default(),
            deliveries: Family::default(),
            housekeeping_failures: Counter::default(),
            ready: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        self.with_registry(|to| {
            to.register("requests", "Requests answered", self.requests.clone());
            to.register(
                "refusals",
                "Calls refused, by reason",
                self.refusals.clone(),
            );
            to.register(
                "decision_denials",
                "Decisions to deny, by reason",
                self.denials.clone(),
            );
            to.register(
                "decisions_allowed",
                "Decisions to allow",
                self.allowed.clone(),
            );
            to.register("decisions_denied", "Decisions to deny", self.denied.clone());
            to.register(
                "decisions_unknowable",
                "Decisions that could not be made, and so denied",
                self.unknowable.clone(),
            );
            to.register(
                "request_seconds",
                "Time to answer",
                self.request_latency.clone(),
            );
            to.register(
                "decision_seconds",
                "Time to decide",
                self.decision_latency.clone(),
            );
            to.register("connections", "Open connections", self.connections.clone());
            to.register(
                "connections_refused",
                "Connections closed at once, because there were too many",
                self.connections_refused.clone(),
            );
            to.register("panics", "Handlers that panicked", self.panics.clone());
            to.register(
                "observations_dropped",
                "Audit observations that did not fit into the queue",
                self.observations_dropped.clone(),
            );
            to.register(
                "held_requests",
                "Requests that are held until there are news",
                self.held_requests.clone(),
            );
            to.register(
                "held_requests_refused",
                "Requests answered without waiting, because too many were held",
                self.held_requests_refused.clone(),
            );
            to.register("store_rows", "Rows of each table", self.rows.clone());
            to.register(
                "outbox_deliveries",
                "Deliveries that wait, and dead letters",
                self.deliveries.clone(),
            );
            to.register(
                "housekeeping_failures",
                "Writes by workers that failed and are tried again",
                self.housekeeping_failures.clone(),
            );
            to.register("ready", "Whether this node is ready", self.ready.clone());
        });
    }

    /// Add or print numbers of other parts.
    pub fn with_registry<T>(&self, work: impl FnOnce(&mut Registry) -> T) -> T {
        // A panic while numbers were printed does not make them wrong.
        let mut registry = self
            .registry
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut registry)
    }

    /// The OpenMetrics text.
    ///
    /// # Errors
    /// When a number cannot be printed, which is a defect.
    pub fn print(&self) -> Result<String, Fault> {
        let mut text = String::new();
        self.with_registry(|registry| text::encode(&mut text, registry))
            .map_err(Fault::internal)?;
        Ok(text)
    }

    /// A request was answered. `route` is the route's own name, or one word for what had none; `took` is none where it
    /// was held for news.
    pub fn answered(
        &self,
        listener: &'static str,
        route: &'static str,
        status: http::StatusCode,
        took: Option<Duration>,
    ) {
        let status = class(status);
        self.requests
            .get_or_create(&RequestLabels {
                listener,
                route,
                status,
            })
            .inc();
        if let Some(took) = took {
            self.request_latency.observe(took);
        }
    }

    /// A call was refused.
    pub fn refused(&self, refusal: &Refusal) {
        let reason = word(refusal);
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// A decision was made.
    pub fn decided(&self, decision: &Decision, took: Duration) {
        match decision {
            Decision::Allow(_) => {
                self.allowed.inc();
            }
            Decision::Deny(denied) => {
                match denied.refusal {
                    Refusal::Denied(_) => self.denied.inc(),
                    Refusal::Fault(_) => self.unknowable.inc(),
                };
                let reason = word(&denied.refusal);
                self.denials.get_or_create(&ReasonLabels { reason }).inc();
            }
        }
        self.decision_latency.observe(took);
    }

    /// The gauge of a listener's open connections.
    pub fn connections(&self, listener: &'static str) -> Gauge {
        self.connections
            .get_or_create(&ListenerLabels { listener })
            .clone()
    }

    /// The counter of a listener's refused connections.
    pub fn connections_refused(&self, listener: &'static str) -> Counter {
        self.connections_refused
            .get_or_create(&ListenerLabels { listener })
            .clone()
    }

    /// A table has so many rows.
    pub fn rows(&self, table: &'static str, rows: u64) {
        self.rows
            .get_or_create(&TableLabels { table })
            .set(i64::try_from(rows).unwrap_or(i64::MAX));
    }

    /// So many deliveries are in this state.
    pub fn deliveries(&self, state: &'static str, rows: u64) {
        self.deliveries
            .get_or_create(&DeliveryLabels { state })
            .set(i64::try_from(rows).unwrap_or(i64::MAX));
    }
}

fn word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Denied(denied) => denied.word(),
        Refusal::Fault(Fault::Unavailable(_)) => "unavailable",
        Refusal::Fault(Fault::Internal(_)) => "internal",
    }
}

fn class(status: http::StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
