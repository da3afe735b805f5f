//! A panic in a handler is a defect, and ends that one request only.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};
use tracing::error;

/// A handler panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

/// The future's output, or that it panicked. It is not polled again then.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(move |context| {
        // What a panic may have left half done is the request's own; shared state is behind locks that
        // are poisoned by it, or atomics.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

/// From now on a panic's place is logged, and not its message: that may quote what a caller sent.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location();
        error!(
            file = place.map(std::panic::Location::file),
            line = place.map(std::panic::Location::line),
            "panic"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_not_an_end() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let panicking = async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(1) > 1, "on purpose");
        };
        assert_eq!(caught(panicking).await, Err(Panicked));
    }
}
