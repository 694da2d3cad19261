//! What people ask in these tests. Every question that may become a ticket is like no other, so that two tickets for
//! one question are seen as such.

use std::time::Duration;

use fastrand::Rng;
use townkeeper_fakes::model::{Reply, Script};

/// Answered from the sample base.
const PUBLISHED: &[&str] = &[
    "how do I migrate from a hardware wallet?",
    "what is the ratio between LMN and LUM",
    "somebody from support wrote me a DM",
    "what is the gas fee",
];

/// A question of any kind.
pub(crate) fn question(rng: &mut Rng) -> String {
    let name = rng.u32(..);
    match rng.u8(0..10) {
        0..=2 => PUBLISHED[rng.usize(..PUBLISHED.len())].to_owned(),
        3..=5 => format!("which moon wallet does the admiral nr{name} prefer?"),
        6 => format!("/ticket my parrot nr{name} sings at night"),
        7 => format!("tell me a quick tale about parrot nr{name}"),
        8 => format!("tell me a kept tale about parrot nr{name}"),
        _ if rng.bool() => long_tale(rng),
        _ => format!("tell me a slow tale about parrot nr{name}"),
    }
}

/// A question whose answer is so long that it is shown while it is written.
pub(crate) fn long_tale(rng: &mut Rng) -> String {
    format!("tell me a long tale about parrot nr{}", rng.u32(..))
}

/// Whether only one person ever asked this, once.
pub(crate) fn is_unique(question: &str) -> bool {
    question.contains(" nr")
}

/// The model that tells tales: at once, word by word, so slowly that they are shown while they are told, or with a note
/// about who listens.
pub(crate) fn tales() -> Script {
    let tale = "Once a parrot sat in a tree and sang so well that the whole town came to listen.";
    let paced = |gap| Reply::Paced { deltas: townkeeper_fakes::model::words(tale), gap: Duration::from_millis(gap) };
    let note = Reply::Tool { name: "remember".to_owned(), args: serde_json::json!({ "note": "Likes parrots" }) };
    let kept = [note, Reply::text(tale)];
    Script::new()
        .when("kept tale", kept)
        .when("quick tale", [Reply::text(tale)])
        .when("slow tale", [paced(4)])
        .when("long tale", [paced(60)])
}
