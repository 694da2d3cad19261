//! Two daemons on one PostgreSQL: one of them is killed, again and again, and the other goes on with what it had.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use townkeeper_fakes::postgres::Cluster;
use townkeeper_store::Store;

use super::plan::{Moment, Round, kills, seed};
use super::town::{LULL, Squares, TOKEN, Town};
use crate::daemon::{Daemon, Home, PATIENCE, WORKSPACE};

/// Long enough for a loaded machine to renew in time, short enough that much is taken over in a run.
const BRIEF: f64 = 2.0;

/// What `[store] lease_s` is where nobody sets it.
const USUAL: f64 = 10.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_postgres() {
    let mut nodes = Nodes::open("two_nodes_on_postgres", seed(), BRIEF).await;
    while nodes.town.kills < kills(100) {
        nodes.round(false).await;
    }
    nodes.close().await;
}

/// The same with the usual lease, waiting each time until the survivor has finished what the dead node left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takeover_with_the_usual_lease() {
    let mut nodes = Nodes::open("takeover_with_the_usual_lease", seed(), USUAL).await;
    while nodes.town.kills < kills(3) {
        nodes.round(true).await;
    }
    nodes.close().await;
}

/// Two homes on one database, under load.
struct Nodes {
    town: Town,
    homes: [Home; 2],
    running: [Option<Daemon>; 2],
    store: Store,
    /// From a kill to the end of everything that was open at it.
    takeovers: Vec<Duration>,
    _cluster: Cluster,
}

impl Nodes {
    async fn open(name: &'static str, seed: u64, lease_s: f64) -> Self {
        let cluster = Cluster::start(false);
        let url = cluster.database("town");
        let mut town = Town::open(name, seed, 4, Squares::Telegram).await;
        let home = |town: &Town| {
            let telegram = town.telegram.as_ref().expect("a town with Telegram");
            let home = Home::new().with_model(&town.model.base_url()).with_telegram(telegram.base_url(), TOKEN);
            let file = home.folder().join("postgres.url");
            std::fs::write(&file, &url).unwrap();
            let file = file.display();
            home.with(&format!("[store]\nurl_file = \"{file}\"\nlease_s = {lease_s:?}\n[log]\nlevel = \"error\"\n"))
        };
        let homes = [home(&town), home(&town)];
        // The last lives, in which everything is finished, are a third node's.
        town.home = home(&town);
        town.url = Some(url.clone());
        let store = Store::connect(&url).await.unwrap();
        Self { town, homes, running: [None, None], store, takeovers: Vec::new(), _cluster: cluster }
    }

    /// Both run; one dies. What it had is the other's.
    async fn round(&mut self, watched: bool) {
        for (running, home) in self.running.iter_mut().zip(&self.homes) {
            if running.is_none() {
                *running = Some(Daemon::start(home).await);
            }
        }
        let rng = &mut self.town.rng;
        let (victim, mut visited) = (rng.usize(..2), rng.usize(..2));
        let mut round = Round::draw(rng, true, true);
        if watched {
            // Then there is something open on the one that dies.
            (visited, round.moment) = (victim, Moment::Asked(1));
        }
        let mark = self.town.mark();
        self.enter(visited);
        self.town.write(round.before + round.during);
        tokio::time::timeout(LULL, self.town.reach(mark, round.moment)).await.ok();
        let killed = Instant::now();
        if let Some(daemon) = self.running.get_mut(victim).and_then(Option::take) {
            daemon.kill().await;
        }
        self.town.kills += 1;
        self.enter(1 - victim);
        if watched {
            let open = self.open_now().await;
            let finished = async {
                while !self.open_now().await.is_disjoint(&open) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(PATIENCE, finished).await.expect("what the dead node left is not taken over");
            self.takeovers.push(killed.elapsed());
        }
    }

    fn enter(&self, node: usize) {
        let daemon = self.running.get(node).and_then(Option::as_ref).expect("it runs");
        self.town.enter(daemon, false);
    }

    /// The events that no terminal answers yet.
    async fn open_now(&self) -> BTreeSet<String> {
        let ledger = self.store.ledger(WORKSPACE).await.unwrap();
        ledger.events.into_iter().filter(|event| event.open).map(|event| event.turn).collect()
    }

    async fn close(mut self) {
        for running in &mut self.running {
            if let Some(daemon) = running.take() {
                daemon.kill().await;
            }
        }
        if let Some(longest) = self.takeovers.iter().max() {
            println!("takeover| {} kills | longest {:.1} s |", self.takeovers.len(), longest.as_secs_f64());
        }
        self.store.close().await;
        self.town.close().await.assert_kept();
    }
}
