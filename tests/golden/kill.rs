//! `kill -9`, again and again, on one home under load: nothing that was accepted is lost, nothing is said twice without
//! anybody knowing, every turn ends once.
//!
//! * `plan`: how often, when, at which fault points; `TOWNKEEPER_KILLS` and `TOWNKEEPER_SEED`
//! * `town`: the rounds and the reckoning; its load are `visitors` on the web, `people` on Telegram and, in `guild`, on
//!   Discord, `words` what they say
//! * `faults`: the lives that end at a fault point, where the build has them
//! * `nodes`: two daemons on one PostgreSQL
//! * `check`: what the outside knows against what the store says; `twins` shows that it can complain
//!
//! `tests/kill.sh` makes 1,000 kills and prints the table.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's tool: what cannot be done must end the test")]
#![expect(clippy::print_stdout, reason = "the seed, and the table of tests/kill.sh")]

mod check;
#[cfg(feature = "faults")]
mod faults;
mod guild;
mod nodes;
mod people;
mod plan;
mod town;
mod twins;
mod visitors;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use crate::daemon::{Daemon, Home, question, say};
use plan::{kills, seed};
use town::{Squares, Town};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_web() {
    let mut town = Town::open("random_web", seed(), 3, Squares::None).await;
    while town.kills < kills(15) {
        town.random_round().await;
    }
    let reckoning = town.close().await;
    reckoning.assert_kept();
    let all = BTreeSet::from(["abstention", "canonical", "model", "notice"]);
    assert_eq!(visitors::kinds(&reckoning.truth.asked), all, "the load lacks a kind of answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_platforms() {
    let mut town = Town::open("random_platforms", seed(), 1, Squares::Both).await;
    while town.kills < kills(25) {
        town.random_round().await;
    }
    let reckoning = town.close().await;
    reckoning.assert_kept();
    assert!(!reckoning.truth.shown.is_empty() && !reckoning.stored.ledger.tickets.is_empty(), "the load is too thin");
}

#[tokio::test]
async fn a_first_start_may_be_killed_anywhere() {
    let seed = seed();
    println!("a_first_start_may_be_killed_anywhere: TOWNKEEPER_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let starts = kills(5);
    for _ in 0..starts {
        let mut town = Town::open("first_start", rng.u64(..), 0, Squares::None).await;
        town.kill_while_starting(Duration::from_micros(rng.u64(0..150_000))).await;
        let daemon = Daemon::start(&town.home).await;
        let heard = say(&daemon.client(), &question("how do I migrate from a hardware wallet?")).await;
        assert!(heard.reply().citation.is_some());
        daemon.operator(&town.home).tickets().await.expect("the operator's token holds");
    }
    println!("kills| a_first_start | {starts} | {starts} | 0 | 0 | 0 | {starts} | 0 | 0 | 0 | 0 | 0 |");
}

/// A visitor who hangs up has perhaps been accepted; the same key then leads to that turn, not to a refusal.
#[tokio::test]
async fn who_hangs_up_and_comes_back_is_answered() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    for n in 0..60 {
        let conversation = format!("{n:026}");
        let mut body = question("how do I migrate from a hardware wallet?");
        body.conversation = Some(conversation.as_str().into());
        body.key = Some("once".to_owned());
        let patience = Duration::from_micros(100 * n);
        tokio::time::timeout(patience, client.chat(&body)).await.map(drop).ok();
        let heard = say(&client, &body).await;
        assert!(heard.reply().citation.is_some());
    }
}

/// What the code can die at, this file knows how to reach: a new fault point without a round is a failure here.
#[test]
fn no_fault_point_is_forgotten() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    let mut folders = vec![root.join("src"), root.join("adapters")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let code = std::fs::read_to_string(&path).unwrap();
                let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                let names = lines.filter_map(|line| line.split_once("fault!(\"")?.1.split_once('"'));
                found.extend(names.map(|(name, _)| name.to_owned()));
            }
        }
    }
    let known: BTreeSet<String> = plan::POINTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, known);
}
