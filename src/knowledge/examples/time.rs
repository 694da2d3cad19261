//! Times a rebuild and look-ups without a daemon around them.
//!
//! `cargo run --release -p townkeeper-knowledge --example time -- base.jsonl queries.jsonl` (as `townkeeper knowledge eval`)

use std::time::Instant;

use townkeeper_knowledge::eval::{Found, Query, Row, Summary, rows};
use townkeeper_knowledge::{Base, Entry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, queries] = arguments.as_slice() else { return Err("usage: time base.jsonl queries.jsonl".into()) };
    let queries = rows::<Query>(queries, &std::fs::read_to_string(queries)?)?;
    let entries = rows::<Row>(base, &std::fs::read_to_string(base)?)?;
    let started = Instant::now();
    let base = Base::build(entries.into_iter().map(|row| (base.clone(), Entry::from(row))).collect())
        .map_err(|errors| format!("{errors:?}"))?;
    let built = started.elapsed();
    let (mut micros, mut found) = (Vec::new(), Vec::new());
    for query in &queries {
        let started = Instant::now();
        let lookup = base.look_up(&query.q);
        micros.push(started.elapsed().as_secs_f64() * 1e6);
        found.push(Found::new(query, &lookup));
    }
    micros.sort_by(f64::total_cmp);
    let at = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    print(&format!("{} entries, built in {built:?}; p50 {:.1} us, p99 {:.1} us; {peak}", base.len(), at(50), at(99)));
    print(&serde_json::to_string(&Summary::new(&base, &queries, &found))?);
    Ok(())
}

fn print(line: &str) {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").ok();
}
