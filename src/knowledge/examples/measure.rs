//! Measures look-up on labelled questions: accuracy, knowing when not to answer, and time.
//!
//! `cargo run --release -p townkeeper-knowledge --example measure -- base.jsonl queries.jsonl [far.jsonl]`
//! A base line holds `id`, `question`, `variants`; a query line holds `q` and `entry` (null where the base has no
//! answer). Every question of `far.jsonl` counts as one that the base does not hold.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_knowledge::{Base, Class, Entry, Status};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [base, queries, far @ ..] = paths.as_slice() else {
        return Err("usage: measure base.jsonl queries.jsonl [far.jsonl]".into());
    };
    let entries: Vec<(String, Entry)> = lines(base)?.iter().map(|row| (base.clone(), entry(row))).collect();
    let started = Instant::now();
    let base = Base::build(entries).map_err(|errors| format!("{errors:?}"))?;
    let built = started.elapsed();
    let mut asked = Vec::new();
    for row in lines(queries)? {
        let label = row
            .get("entry")
            .and_then(Value::as_str)
            .map_or_else(|| Label::Outside(text(&row, "oos")), |id| Label::Entry(id.to_owned()));
        asked.push((text(&row, "q"), label));
    }
    for path in far {
        asked.extend(lines(path)?.iter().map(|row| (text(row, "q"), Label::Outside("other set".to_owned()))));
    }
    report(&base, &asked);
    print(&format!("entries {}, built in {built:?}", base.len()));
    Ok(())
}

/// What a question should find.
enum Label {
    Entry(String),
    /// Nothing; the word says how far it is from what the base holds.
    Outside(String),
}

fn report(base: &Base, asked: &[(String, Label)]) {
    let (mut inside, mut outside, mut micros) = (Vec::new(), BTreeMap::<&str, Vec<f32>>::new(), Vec::new());
    let (mut top1, mut top3, mut answered, mut right) = (0, 0, 0, 0);
    for (question, label) in asked {
        let started = Instant::now();
        let found = base.look_up(question);
        micros.push(started.elapsed().as_secs_f64() * 1e6);
        let best = found.hits.first().map_or(0.0, |hit| hit.score);
        answered += usize::from(found.answer.is_some());
        match label {
            Label::Outside(far) => outside.entry(far.as_str()).or_default().push(best),
            Label::Entry(id) => {
                let rank = found.hits.iter().position(|hit| hit.entry.id.as_str() == id);
                top1 += usize::from(rank == Some(0));
                top3 += usize::from(rank.is_some_and(|r| r < 3));
                right += usize::from(rank == Some(0) && found.answer.is_some());
                inside.push(best);
            }
        }
    }
    micros.sort_by(f64::total_cmp);
    let at = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
    print(&format!(
        "inside {}: top-1 {:.3}, top-3 {:.3}",
        inside.len(),
        share(top1, inside.len()),
        share(top3, inside.len())
    ));
    for (far, scores) in &outside {
        print(&format!("outside, {far} {}: AUROC {:.3}", scores.len(), auroc(&inside, scores)));
    }
    let (precision, coverage) = (share(right, answered), share(right, inside.len()));
    print(&format!(
        "threshold {:.3}: {answered} answered, precision {precision:.3}, coverage {coverage:.3}",
        base.threshold()
    ));
    print(&format!("look-up p50 {:.1} us, p95 {:.1} us", at(50), at(95)));
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// How often an inside question scores above an outside one.
fn auroc(inside: &[f32], outside: &[f32]) -> f64 {
    let mut wins = 0.0;
    for a in inside {
        for b in outside {
            wins += if a > b {
                1.0
            } else if a < b {
                0.0
            } else {
                0.5
            };
        }
    }
    wins / share(inside.len() * outside.len(), 1)
}

fn lines(path: &str) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
}

fn text(row: &Value, key: &str) -> String {
    row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn entry(row: &Value) -> Entry {
    let variants = row.get("variants").and_then(Value::as_array).into_iter().flatten();
    let id = text(row, "id");
    Entry {
        id: EntryId::new(&id),
        title: text(row, "question"),
        class: Class::Routine,
        owner: "measure".to_owned(),
        reviewed_by: "measure".to_owned(),
        reviewed_at: chrono::NaiveDate::default(),
        review_by: chrono::NaiveDate::MAX,
        status: Status::Published,
        canonical_url: "https://example.org".to_owned(),
        lang: "en".to_owned(),
        variants: variants.filter_map(Value::as_str).map(str::to_owned).collect(),
        not_variants: Vec::new(),
        valid_from: None,
        valid_until: None,
        supersedes: None,
        translations: Vec::new(),
        facts: Vec::new(),
        body: RichText::plain("-", &Origin::Canonical(id)),
        revision: String::new(),
    }
}

fn print(line: &str) {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").ok();
}
