//! What the server tells of itself: log lines and numbers. Neither ever carries a secret, and no label of a
//! metric carries what a caller wrote.

pub mod collected;
pub mod latency;
pub mod log;
pub mod metrics;
pub mod outbox;
pub mod seldom;
