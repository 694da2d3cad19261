//! Messages that are known to be clean, whatever is taught: the honest ones of the seed, which ship with the daemon, and what
//! moderators here said is no scam. No lesson may make the text model flag one of them.

use serde::Deserialize;
use townkeeper_shield::Folded;

/// Patterns of scams, and the honest messages (N1 to N8) that are taken for them.
const SEED: &str = include_str!("../../../../config/shield/seed.jsonl");

#[derive(Deserialize)]
struct Line {
    text: String,
    label: u8,
}

/// The honest messages of the seed.
pub(super) fn frozen() -> Vec<Folded> {
    let lines = SEED.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.filter(|line| line.label == 0).map(|line| Folded::new(&line.text)).collect()
}

#[cfg(test)]
mod tests {
    use townkeeper_shield::Model;

    use super::*;

    #[test]
    fn every_honest_line_of_the_seed_is_read_and_the_shipped_model_flags_none() {
        let clean = frozen();
        let honest = SEED.lines().filter(|line| line.contains("\"label\": 0")).count();
        assert!(clean.len() == honest && honest > 100, "{honest}");
        let model = Model::shipped().unwrap();
        assert_eq!(clean.iter().filter(|folded| model.logit(folded) >= 0.0).count(), 0);
    }
}
