//! Lives that end at a fault point: every point of the code, at its first to fourth passing.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use townkeeper_store::Store;

use super::check::{Breach, TELEGRAM};
use super::plan::{Moment, POINTS, Provoke, Square, kills, seed};
use super::town::{LULL, Squares, Town};
use crate::daemon::{Daemon, PATIENCE, WORKSPACE};

/// An armed fault has this long to be reached.
const REACH: Duration = Duration::from_secs(20);

/// SIGABRT: how a fault point ends the process.
const ABORTED: i32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_point_of_answering() {
    let other = |point: &str| point.starts_with("outbox.") || point.starts_with("live.");
    die_at("every_fault_point_of_answering", 30, |point| !other(point)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_point_of_sending() {
    die_at("every_fault_point_of_sending", 15, |point| point.starts_with("outbox.")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_point_of_showing() {
    die_at("every_fault_point_of_showing", 10, |point| point.starts_with("live.")).await;
}

/// Every one of these points at its 1st to 4th passing, twice on each platform in turn, however few kills were asked for.
/// After every second an ordinary life and death: a daemon that only ever dies at its first steps would do nothing else
/// any more.
async fn die_at(name: &'static str, share: u32, these: impl Fn(&str) -> bool) {
    let mut town = Town::open(name, seed(), 2, Squares::Both).await;
    let mut missed = Vec::new();
    let mut nth = 0;
    while nth < 4 || town.kills < kills(share) {
        nth += 1;
        // The passing that one platform has in these four is the other's in the next.
        let on_discord = (nth - 1 + (nth - 1) / 4) % 2 == 1;
        let square = if on_discord { Square::Discord } else { Square::Telegram };
        for (point, provoke) in POINTS.iter().filter(|(point, how)| these(point) && *how != Provoke::Elsewhere) {
            let passing = if *provoke == Provoke::Terminate { 1 } else { (nth - 1) % 4 + 1 };
            if !town.fault_round(point, passing, *provoke, square).await {
                missed.push(format!("{point}:{passing} on {square:?}"));
            }
            if town.kills.is_multiple_of(3) {
                town.random_round().await;
            }
        }
    }
    town.close().await.assert_kept();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

/// Live: a recovery that sends again what was under way shows people the same answer twice, and is found out.
#[tokio::test]
async fn a_naive_recovery_doubles() {
    let mut town = Town::open("naive", 1, 0, Squares::Telegram).await;
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

/// Live: a platform that forgets the keys it was given says an answer twice, and is found out.
#[tokio::test]
async fn a_forgotten_nonce_doubles() {
    let mut town = Town::open("forgetful", 1, 0, Squares::Both).await;
    let discord = town.discord.as_ref().unwrap();
    discord.tune(|options| options.nonce_ms = 0);
    town.people.ask_in_private(discord, "what is the gas fee");
    assert!(town.fault("outbox.sent_before_record", 1).await, "the fault was not reached");
    let reckoning = town.close().await;
    assert_eq!(reckoning.truth.shown.len(), 3);
    assert!(reckoning.breaches.iter().any(|b| matches!(b, Breach::Doubled(_))), "{:?}", reckoning.breaches);
}

impl Town {
    /// One life under load of one platform (and of the web) with a fault point armed. Whether it was reached.
    pub(crate) async fn fault_round(&mut self, point: &str, nth: u32, provoke: Provoke, square: Square) -> bool {
        self.write_at(square, 2, provoke);
        let mark = self.mark();
        self.kills += 1;
        let Some(mut daemon) = Daemon::start_with_fault(&self.home, &format!("{point}:{nth}")).await else {
            self.released().await;
            return true;
        };
        self.enter(&daemon, false);
        self.write_at(square, 4, provoke);
        if provoke == Provoke::Terminate {
            tokio::time::timeout(LULL, self.reach(mark, Moment::Sends(2))).await.ok();
            daemon.signal("TERM").await;
        }
        self.dies(daemon, (provoke == Provoke::Press).then_some(square)).await
    }

    /// One life with a fault point armed, and no more load than there is already.
    pub(crate) async fn fault(&mut self, point: &str, nth: u32) -> bool {
        self.kills += 1;
        if let Some(daemon) = Daemon::start_with_fault(&self.home, &format!("{point}:{nth}")).await {
            return self.dies(daemon, None).await;
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

    /// Waits until the armed fault ends it, while buttons are `pressed` there as they appear; kills it where that does
    /// not come.
    async fn dies(&mut self, mut daemon: Daemon, pressed: Option<Square>) -> bool {
        let mut often = tokio::time::interval(Duration::from_millis(50));
        let death = async {
            loop {
                tokio::select! {
                    status = daemon.gone() => return status,
                    _ = often.tick() => pressed.into_iter().for_each(|square| self.press(square, true)),
                }
            }
        };
        let Ok(status) = tokio::time::timeout(REACH, death).await else {
            daemon.kill().await;
            return false;
        };
        assert_eq!(status.signal(), Some(ABORTED), "no fault ended the daemon, this did: {status}");
        true
    }
}
