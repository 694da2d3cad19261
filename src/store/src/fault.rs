//! Named places at which a test may kill the daemon: `fault!("outbox.claimed")`, and named guards that it may take away,
//! for the red twin of a test: `guard!("freeze.confirmed")`. Compiled to nothing unless the feature `faults` is on, and
//! even then harmless until [`arm`]ed.

/// Marks a fault point. See [`mod@crate::fault`].
#[macro_export]
macro_rules! fault {
    ($name:literal) => {
        #[cfg(feature = "faults")]
        $crate::fault::hit($name);
    };
}

/// Whether a guard stands: always, unless a test took it away (`TOWNKEEPER_FAULT=name:off`, of several `a+b:off`).
#[macro_export]
macro_rules! guard {
    ($name:literal) => {{
        #[cfg(feature = "faults")]
        let stands = $crate::fault::stands($name);
        #[cfg(not(feature = "faults"))]
        let stands = true;
        stands
    }};
}

#[cfg(feature = "faults")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static ARMED: OnceLock<(String, AtomicU32)> = OnceLock::new();
    static OFF: OnceLock<Vec<String>> = OnceLock::new();

    /// Arms one point: the process aborts (as `kill -9` would end it) when the point is passed for the `nth` time.
    pub fn arm(name: &str, nth: u32) {
        ARMED.get_or_init(|| (name.to_owned(), AtomicU32::new(nth)));
    }

    /// Takes a guard away, or several: `a+b`.
    pub fn take_away(names: &str) {
        OFF.get_or_init(|| names.split('+').map(ToOwned::to_owned).collect());
    }

    /// Called by [`crate::guard!`].
    pub fn stands(name: &str) -> bool {
        OFF.get().is_none_or(|off| off.iter().all(|off| off != name))
    }

    /// Called by [`crate::fault!`].
    pub fn hit(name: &str) {
        if let Some((armed, left)) = ARMED.get()
            && armed == name
            && left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            std::process::abort();
        }
    }
}

#[cfg(feature = "faults")]
pub use armed::{arm, hit, stands, take_away};
