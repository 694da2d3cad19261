//! What the gate costs: nanoseconds for each token of an ordinary answer, and microseconds to extract from a kilobyte.
//! `cargo run --release -p townkeeper-core --example gate_cost`

use std::hint::black_box;
use std::time::Instant;

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

fn main() {
    let entry = parse("meetups.md", ENTRY).expect("a good entry");
    let base = Base::build(vec![("meetups.md".to_owned(), entry)]).expect("a good base");
    let tokens: Vec<&str> = ANSWER.split_inclusive(' ').collect();
    let sources = [EntryId::from("meetups")];
    let mut spoken = std::time::Duration::ZERO;
    let mut held = 0;
    for _ in 0..ROUNDS {
        let mut gate = Gate::new(&base, &sources);
        gate.push("[meetups] ");
        let began = Instant::now();
        for token in &tokens {
            match gate.push(token) {
                Passed::Text(text) => held += usize::from(black_box(text).is_empty()),
                Passed::Blocked(why) => panic!("stopped: {why:?}"),
            }
        }
        assert!(matches!(gate.finish(), Passed::Text(_)));
        spoken += began.elapsed();
    }
    let began = Instant::now();
    for _ in 0..ROUNDS {
        black_box(extract(black_box(ANSWER)));
    }
    let extracted = began.elapsed();
    let said = ROUNDS * tokens.len();
    let kilobytes = (ROUNDS * ANSWER.len()) as f64 / 1024.0;
    let line = format!(
        "gate: {} ns a token, {:.1} % of tokens held; extract: {:.1} µs a KiB\n",
        spoken.as_nanos() / said as u128,
        held as f64 * 100.0 / said as f64,
        extracted.as_secs_f64() * 1e6 / kilobytes,
    );
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).expect("stdout is open");
}
