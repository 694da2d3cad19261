//! Lives that end at a fault point: every point of the code, at its first to fourth passing.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use townkeeper_store::Store;

use super::check::{Breach, TELEGRAM};
use super::plan::{Moment, POINTS, Provoke, kills, seed};
use super::town::{LULL, Town};
use crate::daemon::{Daemon, PATIENCE, WORKSPACE};

/// An armed fault has this long to be reached.
const REACH: Duration = Duration::from_secs(20);

/// SIGABRT: how a fault point ends the process.
const ABORTED: i32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_point_of_answering() {
    die_at("every_fault_point_of_answering", 35, |point| !point.starts_with("outbox.")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_point_of_sending() {
    die_at("every_fault_point_of_sending", 20, |point| point.starts_with("outbox.")).await;
}

/// Every one of these points at its 1st to 4th passing, however few kills were asked for. After each an ordinary life
/// and death: a daemon that only ever dies at its first steps would do nothing else any more.
async fn die_at(name: &'static str, share: u32, these: impl Fn(&str) -> bool) {
    let mut town = Town::open(name, seed(), 2, true).await;
    let mut missed = Vec::new();
    let mut nth = 0;
    while nth < 4 || town.kills < kills(share) {
        nth += 1;
        for (point, provoke) in POINTS.iter().filter(|(point, how)| these(point) && *how != Provoke::Elsewhere) {
            let passing = if *provoke == Provoke::Terminate { 1 } else { (nth - 1) % 4 + 1 };
            if !town.fault_round(point, passing, *provoke).await {
                missed.push(format!("{point}:{passing}"));
            }
            town.random_round().await;
        }
    }
    town.close().await.assert_kept();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

/// Live: a recovery that sends again what was under way shows people the same answer twice, and is found out.
#[tokio::test]
async fn a_naive_recovery_doubles() {
    let mut town = Town::open("naive", 1, 0, true).await;
    let telegram = town.telegram.as_ref().unwrap();
    town.people.write_in_private(telegram, "what is the gas fee");
    assert!(town.fault("outbox.sent_before_record", 1).await, "the fault was not reached");

    {
        // Telegram declared to take idempotency keys, which it does not: what was under way becomes `ready` again.
        let store = Store::open(&town.home.data()).await.unwrap();
        let left = store.take_over(WORKSPACE, "naive", vec![TELEGRAM.to_owned()], 0).await.unwrap();
        assert_eq!(left.in_doubt, 1);
        store.close().await;
    }

    let reckoning = town.close().await;
    assert_eq!(reckoning.truth.shown.len(), 2);
    assert!(reckoning.breaches.iter().any(|b| matches!(b, Breach::Doubled(_))), "{:?}", reckoning.breaches);
}

impl Town {
    /// One life under load with a fault point armed. Whether it was reached.
    pub(crate) async fn fault_round(&mut self, point: &str, nth: u32, provoke: Provoke) -> bool {
        self.write(2);
        let mark = self.mark();
        self.kills += 1;
        let Some(mut daemon) = Daemon::start_with_fault(&self.home, &format!("{point}:{nth}")).await else {
            self.released().await;
            return true;
        };
        self.enter(&daemon, false);
        self.write(4);
        if provoke == Provoke::Terminate {
            tokio::time::timeout(LULL, self.reach(mark, Moment::Sends(2))).await.ok();
            daemon.signal("TERM").await;
        }
        dies(daemon).await
    }

    /// One life with a fault point armed, and no more load than there is already.
    pub(crate) async fn fault(&mut self, point: &str, nth: u32) -> bool {
        self.kills += 1;
        if let Some(daemon) = Daemon::start_with_fault(&self.home, &format!("{point}:{nth}")).await {
            return dies(daemon).await;
        }
        self.released().await;
        true
    }

    /// A daemon that died while it started may take a moment to be gone: until the data folder is anybody's.
    async fn released(&self) {
        let lock = self.home.data().join("townkeeper.lock");
        let free = tokio::task::spawn_blocking(move || File::open(lock).and_then(|file| file.lock()));
        tokio::time::timeout(PATIENCE, free).await.expect("the data folder stays locked").unwrap().unwrap();
    }
}

/// Waits until the armed fault ends it; kills it where that does not come.
async fn dies(mut daemon: Daemon) -> bool {
    let Ok(status) = tokio::time::timeout(REACH, daemon.gone()).await else {
        daemon.kill().await;
        return false;
    };
    assert_eq!(status.signal(), Some(ABORTED), "no fault ended the daemon, this did: {status}");
    true
}
