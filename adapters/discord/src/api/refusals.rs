//! Counts what Discord refuses (401, 403, 429). Ten thousand in ten minutes would have it ban our address for an hour;
//! far below that we fall silent by ourselves.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The window of Discord's count.
const WINDOW: Duration = Duration::from_mins(10);
/// Refusals after which nothing leaves until the window ends. Two windows that touch hold twice as many.
const MOST: u32 = 1_000;

#[derive(Debug)]
pub(crate) struct Refusals {
    window: Mutex<Option<(Instant, u32)>>,
    /// Until when nothing leaves.
    until: watch::Sender<Option<Instant>>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { window: Mutex::default(), until: watch::Sender::new(None) }
    }
}

impl Refusals {
    pub(crate) fn count(&self) {
        let now = Instant::now();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = window.filter(|(since, _)| now - *since < WINDOW).unwrap_or((now, 0));
        *window = Some((since, before + 1));
        if before + 1 >= MOST {
            self.until.send_replace(Some(since + WINDOW));
        }
    }

    /// How long nothing may leave; `None`: it may.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let left = (*self.until.borrow())?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Waits for the next silence; when it ends.
    pub(crate) async fn silence(&self) -> Instant {
        let mut until = self.until.subscribe();
        loop {
            let ends = *until.borrow_and_update();
            if let Some(ends) = ends.filter(|ends| *ends > Instant::now()) {
                return ends;
            }
            if until.changed().await.is_err() {
                // Not while we are borrowed.
                return Instant::now();
            }
        }
    }
}
