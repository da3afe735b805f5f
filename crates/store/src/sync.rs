//! What [`crate::generations`] is built from, under one name, so that loom's can stand in.

pub(crate) use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};
