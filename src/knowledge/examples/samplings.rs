//! Measures look-up and its promise over several samplings of question variants.
//!
//! `cargo run --release -p townkeeper-knowledge --example samplings -- variants.jsonl queries.jsonl [variants] [far.jsonl]`
//! A line of variants holds `id` and `text`; of every id, so many are drawn (10 if not said), five times over. With `-`
//! for the queries, the variants that were not drawn are asked, and every third entry is left out of the base: questions
//! about it are out of scope (with `+` none is left out). Variants of a fourth file are asked as far out of scope. So
//! settings can be tried without looking at the measured questions.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use townkeeper_knowledge::eval::{Found, Query, Row, Summary, rows, share};
use townkeeper_knowledge::{Base, Entry};

#[derive(Deserialize)]
struct Variant {
    id: String,
    text: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variants, queries, more @ ..] = arguments.as_slice() else {
        return Err("usage: samplings variants.jsonl queries.jsonl|- [variants a base] [far.jsonl]".into());
    };
    let count = more.first().map_or(Ok(10), |n| n.parse())?;
    let mut far = Vec::new();
    if let Some(path) = more.get(1) {
        far = rows::<Variant>(path, &std::fs::read_to_string(path)?)?;
    }
    let mut of = BTreeMap::<String, Vec<String>>::new();
    for variant in rows::<Variant>(variants, &std::fs::read_to_string(variants)?)? {
        of.entry(variant.id).or_default().push(variant.text);
    }
    let asked = if queries == "-" || queries == "+" {
        None
    } else {
        Some(rows::<Query>(queries, &std::fs::read_to_string(queries)?)?)
    };
    for seed in 0..5 {
        let (entries, mut rest) = draw(&of, count, seed, queries == "-");
        let started = Instant::now();
        let base = Base::build(entries).map_err(|errors| format!("{errors:?}"))?;
        let built = started.elapsed();
        let outside = |v: &Variant| Query { q: v.text.clone(), entry: None, oos: Some("far".to_owned()) };
        rest.extend(far.iter().step_by(2).map(outside));
        let queries = asked.as_ref().unwrap_or(&rest);
        let found: Vec<Found<'_>> = queries.iter().map(|query| Found::new(query, &base.look_up(&query.q))).collect();
        let all = Summary::new(&base, queries, &found);
        let oracle = oracle(&found, all.in_scope);
        let certainty = &base.calibration().all;
        print(&format!(
            "{seed}: {} entries, {} + {} questions, top-1 {:.3} top-3 {:.3} auroc {:.3?} | {:?} from {:.3} cov {:.3} prec \
             {:.3} | answered {} precision {:.3} coverage {:.3} of {oracle:.3} | built {built:?}",
            all.entries,
            all.in_scope,
            all.out_of_scope,
            all.top1,
            all.top3,
            all.auroc,
            all.promise,
            certainty.from,
            certainty.coverage,
            certainty.precision,
            all.answered,
            all.achieved_precision.unwrap_or(1.0),
            all.coverage,
        ));
    }
    Ok(())
}

/// The coverage of the best threshold, known afterwards, at 95 of 100.
fn oracle(found: &[Found<'_>], in_scope: usize) -> f64 {
    let mut sure: Vec<(f32, bool)> = found.iter().map(|f| (f.sure, f.rank() == Some(0))).collect();
    sure.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut most) = (0, 0);
    for (i, (_, good)) in sure.iter().enumerate() {
        right += usize::from(*good);
        if right * 100 >= 95 * (i + 1) {
            most = right;
        }
    }
    share(most, in_scope)
}

/// Entries of so many variants each, and the questions that are left.
fn draw(
    of: &BTreeMap<String, Vec<String>>,
    count: usize,
    seed: u64,
    leave_out: bool,
) -> (Vec<(String, Entry)>, Vec<Query>) {
    let (mut entries, mut rest) = (Vec::new(), Vec::new());
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for (position, (id, texts)) in (seed..).zip(of) {
        let mut texts = texts.clone();
        texts.sort_by_cached_key(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        });
        let left = texts.split_off(count.min(texts.len()));
        let outside = leave_out && position % 3 == 0;
        rest.extend(left.into_iter().map(|q| Query {
            q,
            entry: (!outside).then(|| id.clone()),
            oos: outside.then(|| "near".to_owned()),
        }));
        let mut texts = texts.into_iter();
        let question = texts.next().unwrap_or_default();
        let row = Row {
            id: id.clone(),
            question,
            variants: texts.collect(),
            not_variants: Vec::new(),
            answer: "-".to_owned(),
            class: None,
            lang: None,
        };
        if !outside {
            entries.push((id.clone(), row.into()));
        }
    }
    (entries, rest)
}

fn print(line: &str) {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").ok();
}
