//! What goes wrong now: the daemon knows of it while it lasts, and the log hears of each kind once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use townkeeper_contract::id::AccountId;
use townkeeper_contract::platform::Host;
use tracing::{debug, info, warn};

/// Where it goes wrong. Each may be in trouble by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Gateway,
    Ration,
    Daemon,
    Refusals,
}

pub(super) struct Trouble {
    account: AccountId,
    host: Arc<dyn Host>,
    told: Mutex<BTreeMap<Part, &'static str>>,
}

impl Trouble {
    pub(super) fn new(account: AccountId, host: Arc<dyn Host>) -> Self {
        Self { account, host, told: Mutex::default() }
    }

    pub(super) fn host(&self) -> Arc<dyn Host> {
        Arc::clone(&self.host)
    }

    /// `what` may be shown to anyone; `detail` is for the log alone.
    pub(super) fn tell(&self, part: Part, what: &'static str, detail: &str) {
        let account = &self.account;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(part, what) == Some(what) {
            debug!(%account, detail, "{what}");
        } else {
            warn!(%account, detail, "{what}; trying again");
            self.host.trouble(told.values().next().copied());
        }
    }

    pub(super) fn over(&self, part: Part) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.remove(&part).is_some() {
            let account = &self.account;
            info!(%account, ?part, "well again");
            self.host.trouble(told.values().next().copied());
        }
    }
}

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// How long to wait after so many failures in a row: nothing after none, then twice as long each time, never longer
/// than a minute, and never as long as the next process.
pub(super) fn pause(failures: u32) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let whole = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}
