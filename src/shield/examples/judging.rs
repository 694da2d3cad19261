//! How long judging takes, a message at a time, on one core: folding, the text model, the other layers, and all of it.
//!
//! `cargo run --release -p townkeeper-shield --example judging -- FILE.jsonl…` reads lines `{"text"}`; 440,000 generated hosts
//! are denied meanwhile.

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use townkeeper_shield::behaviour::{Crowd, Fingerprint, Seen};
use townkeeper_shield::{Author, Facts, Folded, List, Lists, Message, Model, Shield, Weights};

const HOSTS: u64 = 440_000;
/// Of so many runs of a message the fastest counts: the others were somebody else's.
const RUNS: usize = 5;
const PARTS: [&str; 4] = ["fold", "text model", "other layers", "all of it"];

fn shield() -> Shield {
    let host = |n: u64| format!("claim-{:x}.example-{}.com", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24, n % 977);
    let hosts: Vec<String> = (0..HOSTS).map(host).collect();
    let list = List::new(hosts.iter().map(String::as_str), "generated");
    print(&format!("{} hosts in {} bytes", list.len(), list.bytes()));
    let facts = Facts {
        hosts: vec!["lumen.example.org".to_owned()],
        brands: vec!["lumen".to_owned(), "LUM".to_owned()],
        ..Facts::default()
    };
    Shield::new(&facts, Lists { global: vec![list], ..Lists::default() }, Weights::default())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (shield, model) = (shield(), Model::shipped()?);
    for file in std::env::args().skip(1) {
        let lines = std::fs::read_to_string(&file)?;
        let rows = lines.lines().map(serde_json::from_str::<serde_json::Value>).collect::<Result<Vec<_>, _>>()?;
        let mut times: [Vec<Duration>; PARTS.len()] = Default::default();
        let mut crowd = Crowd::default();
        for (at, row) in (0..).zip(&rows) {
            let text = row["text"].as_str().unwrap_or_default();
            let mut best = [Duration::MAX; PARTS.len()];
            for _ in 0..RUNS {
                let each = once(&shield, &model, &mut crowd, text, at);
                best.iter_mut().zip(each).for_each(|(best, took)| *best = took.min(*best));
            }
            times.iter_mut().zip(best).for_each(|(times, best)| times.push(best));
        }
        print(&format!("{file}: {} messages", rows.len()));
        PARTS.iter().zip(&mut times).for_each(|(part, times)| line(part, times));
    }
    Ok(())
}

fn once(shield: &Shield, model: &Model, crowd: &mut Crowd, text: &str, at: u32) -> [Duration; PARTS.len()] {
    let began = Instant::now();
    let folded = Folded::new(text);
    let fold = began.elapsed();
    let logit = model.logit(&folded);
    let worded = began.elapsed();
    let print = Fingerprint::of(&folded);
    let seen = Seen { at_ms: i64::from(at) * 1_000, person: u64::from(at % 5_000), text: print, ..Seen::default() };
    let signals = crowd.observe(&seen);
    let author = Author { id: Some("7"), name: "Kim Park", handle: "kim_p", ..Author::default() };
    black_box(shield.judge_folded(&Message { text, author, ..Message::default() }, &folded, Some(logit), &signals));
    let all = began.elapsed();
    [fold, worded.saturating_sub(fold), all.saturating_sub(worded), all]
}

fn line(part: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len().saturating_sub(1) * share / 1_000).map_or(0, Duration::as_nanos);
    let sum: Duration = times.iter().sum();
    let a_second = times.len() as u128 * 1_000_000_000 / sum.as_nanos().max(1);
    print(&format!(
        "  {part:<13} p50 {:>6} ns  p99 {:>7} ns  p99.9 {:>7} ns  {a_second:>7} a second",
        at(500),
        at(990),
        at(999)
    ));
}

fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
