//! The one clock. Everything below this floor takes time as an argument; tests may set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Wall-clock time in Unix milliseconds. Cheap to clone; clones share a setting.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// 0: the system's clock.
    set_ms: Arc<AtomicI64>,
}

impl Clock {
    pub fn system() -> Self {
        Self::default()
    }

    /// Makes the clock stand at `ms`.
    pub fn set(&self, ms: i64) {
        self.set_ms.store(ms, Ordering::Relaxed);
    }

    pub fn now_ms(&self) -> i64 {
        match self.set_ms.load(Ordering::Relaxed) {
            0 => system_ms(),
            set => set,
        }
    }
}

fn system_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock's one home")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
