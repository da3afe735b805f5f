//! Whether a connection still does something. No clock is read for a request: a watcher counts its own ticks.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection has done.
#[derive(Debug, Default)]
pub(super) struct Activity {
    in_flight: AtomicU32,
    begun: AtomicU64,
    /// Bytes came since the last request began or ended: the start of a head.
    has_bytes: AtomicBool,
    is_http2: AtomicBool,
}

impl Activity {
    /// A request's head is complete.
    pub(super) fn begin(self: &Arc<Self>, is_http2: bool) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.has_bytes.store(false, Ordering::Relaxed);
        self.is_http2.store(is_http2, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }
}

/// A request that is being answered; dropped with its future, however that ends.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.has_bytes.store(false, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the ticks in which a connection did nothing, or not enough.
#[derive(Debug)]
pub(super) struct Watcher {
    activity: Arc<Activity>,
    seen: u64,
    ticks_idle: u32,
    ticks_in_head: u32,
}

impl Watcher {
    /// A watcher of a new connection.
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self {
            activity,
            seen: 0,
            ticks_idle: 0,
            ticks_in_head: 0,
        }
    }

    /// One tick is over. Whether the connection is too, at so many ticks without a request, or with a
    /// head that does not end.
    ///
    /// HTTP/2 carries frames of its own between requests, so there only requests count.
    pub(super) fn is_over(&mut self, idle_max: u32, head_max: u32) -> bool {
        let begun = self.activity.begun.load(Ordering::Relaxed);
        if self.activity.in_flight.load(Ordering::Relaxed) > 0 || begun != self.seen {
            self.seen = begun;
            self.ticks_idle = 0;
            self.ticks_in_head = 0;
            return false;
        }
        self.ticks_idle += 1;
        let in_head = self.activity.has_bytes.load(Ordering::Relaxed)
            && !self.activity.is_http2.load(Ordering::Relaxed);
        self.ticks_in_head = if in_head { self.ticks_in_head + 1 } else { 0 };
        self.ticks_idle > idle_max || self.ticks_in_head > head_max
    }
}

/// A stream whose reads are noticed.
#[derive(Debug)]
pub(super) struct Noticed<S> {
    /// The stream.
    pub(super) stream: S,
    /// Who is told.
    pub(super) activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noticed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.has_bytes.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noticed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_over_when_nothing_comes_or_a_head_does_not_end() {
        let activity = Arc::new(Activity::default());
        let mut watcher = Watcher::new(Arc::clone(&activity));
        assert!(!watcher.is_over(2, 1));
        assert!(!watcher.is_over(2, 1));
        assert!(watcher.is_over(2, 1), "idle");

        let request = activity.begin(false);
        for _ in 0..10 {
            assert!(!watcher.is_over(2, 1), "a request is under way");
        }
        drop(request);
        activity.has_bytes.store(true, Ordering::Relaxed);
        assert!(!watcher.is_over(9, 1));
        assert!(watcher.is_over(9, 1), "a head that does not end");
    }

    #[test]
    fn frames_between_http2_requests_are_not_a_head() {
        let activity = Arc::new(Activity::default());
        let mut watcher = Watcher::new(Arc::clone(&activity));
        drop(activity.begin(true));
        activity.has_bytes.store(true, Ordering::Relaxed);
        for _ in 0..9 {
            assert!(!watcher.is_over(9, 1));
        }
    }
}
