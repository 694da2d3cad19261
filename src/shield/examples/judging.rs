//! How long judging takes, a message at a time, on one core: folding, the text model, the other layers, and all of it;
//! and what it takes of memory.
//!
//! `cargo run --release -p townkeeper-shield --example judging -- FILE.jsonl…` reads lines `{"text"}`; 440,000 generated hosts
//! are denied meanwhile. The files are judged several times over, message after message as in a busy room, and of each
//! message the fastest time counts: where the processor was somebody else's meanwhile, it was slower.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use townkeeper_shield::behaviour::{Crowd, Fingerprint, Seen};
use townkeeper_shield::{Author, Facts, Folded, List, Lists, Message, Model, Shield, Weights};

const HOSTS: u64 = 440_000;
const PASSES: usize = 7;
const PARTS: [&str; 4] = ["fold", "text model", "other layers", "all of it"];
/// What this is started with to write the compiled list, so that compiling leaves nothing in the memory that is measured.
const COMPILE: &str = "--compile";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == COMPILE) {
        return Ok(std::io::stdout().write_all(list().compiled())?);
    }
    let before = resident();
    let compiled = Command::new(std::env::current_exe()?).arg(COMPILE).output()?.stdout;
    let (shield, model) = (shield(compiled), Model::shipped()?);
    let mut crowd = Crowd::default();
    for file in &args {
        let mut best: Vec<[Duration; PARTS.len()]> = Vec::new();
        for _ in 0..PASSES {
            for (at, line) in BufReader::new(std::fs::File::open(file)?).lines().enumerate() {
                let row: serde_json::Value = serde_json::from_str(&line?)?;
                let took = once(&shield, &model, &mut crowd, row["text"].as_str().unwrap_or_default());
                match best.get_mut(at) {
                    Some(best) => best.iter_mut().zip(took).for_each(|(best, took)| *best = took.min(*best)),
                    None => best.push(took),
                }
            }
        }
        print(&format!("{file}: {} messages", best.len()));
        for (at, part) in PARTS.iter().enumerate() {
            say(part, best.iter().filter_map(|times| times.get(at).copied()).collect());
        }
    }
    print(&format!("list, model, automata and what is remembered: {} KiB resident", resident().saturating_sub(before)));
    Ok(())
}

fn list() -> List {
    let host = |n: u64| format!("claim-{:x}.example-{}.com", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24, n % 977);
    let hosts: Vec<String> = (0..HOSTS).map(host).collect();
    List::new(hosts.iter().map(String::as_str), "generated")
}

fn shield(mut compiled: Vec<u8>) -> Shield {
    compiled.shrink_to_fit();
    let list = List::of_compiled(compiled, "generated").unwrap_or_default();
    print(&format!("{} hosts in {} bytes", list.len(), list.bytes()));
    let facts = Facts {
        hosts: vec!["lumen.example.org".to_owned()],
        brands: vec!["lumen".to_owned(), "LUM".to_owned()],
        ..Facts::default()
    };
    Shield::new(&facts, Lists { global: vec![list], ..Lists::default() }, Weights::default())
}

fn once(shield: &Shield, model: &Model, crowd: &mut Crowd, text: &str) -> [Duration; PARTS.len()] {
    let began = Instant::now();
    let folded = Folded::new(text);
    let fold = began.elapsed();
    let logit = model.logit(&folded);
    let worded = began.elapsed();
    let print = Fingerprint::of(&folded);
    let bits = print.map_or(0, Fingerprint::bits);
    let seen = Seen { at_ms: 0, person: bits % 5_000, message: bits, text: print, ..Seen::default() };
    let signals = crowd.observe(&seen);
    let author = Author { id: Some("7"), name: "Kim Park", handle: "kim_p", ..Author::default() };
    black_box(shield.judge_folded(&Message { text, author, ..Message::default() }, &folded, Some(logit), &signals));
    let all = began.elapsed();
    [fold, worded.saturating_sub(fold), all.saturating_sub(worded), all]
}

fn say(part: &str, mut times: Vec<Duration>) {
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

/// The resident memory of this process, in KiB; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
