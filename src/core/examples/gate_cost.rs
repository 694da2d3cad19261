//! What the gate costs: nanoseconds for each token of an ordinary answer, and nanoseconds to extract from a kilobyte.
//! `cargo run --release -p townkeeper-core --example gate_cost`

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::extract;
use townkeeper_core::gate::{Gate, Passed};
use townkeeper_knowledge::{Base, parse};

const ENTRY: &str = "---\nid: meetups\ntitle: Where are the meetups?\nclass: routine\nowner: team\nreviewed_by: others\n\
    reviewed_at: 2026-11-12\nreview_by: 2027-06-30\nstatus: published\ncanonical_url: https://lumen.example.org/m\n\
    variants:\n  - do you meet in person\n  - next gathering\n  - meeting place\n---\nIn the old mill, on 4 February 2027.\n";

/// What models say most: words, with a name, a number of the entry and a link of it here and there.
const ANSWER: &str = "We meet in the old mill, and everybody is welcome there: bring a friend, or come alone and make \
    some. The next gathering is on 4 February 2027, as https://lumen.example.org/m says, and you need no ticket for it. \
    Open your wallet only at home, please; nobody at the mill will ask you to. \n\n- Come as you are.\n- Stay as long as \
    you like.\n\nIf it rains, we sit inside, where the river is heard through the windows and the bread is warm. ";

const ROUNDS: usize = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entry = parse("meetups.md", ENTRY)?;
    let base = Base::build(vec![("meetups.md".to_owned(), entry)]).map_err(|errors| format!("{errors:?}"))?;
    let tokens: Vec<&str> = ANSWER.split_inclusive(' ').collect();
    let sources = [EntryId::from("meetups")];
    let (mut spoken, mut held) = (Duration::ZERO, 0);
    for _ in 0..ROUNDS {
        let mut gate = Gate::new(&base, &sources);
        gate.push("[meetups] ");
        let began = Instant::now();
        for token in &tokens {
            match gate.push(token) {
                Passed::Text(text) => held += usize::from(black_box(text).is_empty()),
                Passed::Blocked(why) => return Err(format!("stopped: {why:?}").into()),
            }
        }
        black_box(gate.finish());
        spoken += began.elapsed();
    }
    let began = Instant::now();
    for _ in 0..ROUNDS {
        black_box(extract(black_box(ANSWER)));
    }
    let extracted = began.elapsed();
    let said = ROUNDS * tokens.len();
    let line = format!(
        "gate: {} ns a token, {} of 1000 tokens held; extract: {} ns a KiB\n",
        spoken.as_nanos() / said as u128,
        held * 1000 / said,
        extracted.as_nanos() * 1024 / (ROUNDS * ANSWER.len()) as u128,
    );
    std::io::stdout().write_all(line.as_bytes())?;
    Ok(())
}
