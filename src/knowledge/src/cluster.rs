//! Questions put together by what they ask, without anybody having said what that is: the same questions give the same
//! groups, in the same order.

use std::collections::HashMap;

use crate::index::features::{Counts, Features};
use crate::index::{Index, amount, cosine};

/// So many questions are looked at; what follows is left out.
pub const MAX_QUESTIONS: usize = 1_000;

/// How much alike questions of one group are on average: the cosine of their character n-grams, rare ones counting more.
const ALIKE: f32 = 0.3;

/// A question is compared with so many of a group: those that came first.
const COMPARED: usize = 8;

/// The most typical question is looked for among so many.
const CANDIDATES: usize = 64;

/// Groups of positions, the largest group first. In a group the most typical question comes first, then the others in
/// their order; those that differ in case and punctuation only are in one group.
pub fn clusters(questions: &[&str]) -> Vec<Vec<usize>> {
    let features: Vec<Features> = questions.iter().take(MAX_QUESTIONS).map(|text| Features::of(text)).collect();
    let index = Index::build(&features);
    let vectors: Vec<Counts> = features.iter().map(|of| index.vector(of)).collect();
    let mut groups: Vec<Vec<&Counts>> = Vec::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut exact: HashMap<u64, usize> = HashMap::new();
    for (at, (of, vector)) in features.iter().zip(&vectors).enumerate() {
        if vector.is_empty() {
            continue;
        }
        let same = exact.get(&of.exact).copied().or_else(|| nearest(&groups, vector));
        let group = same.unwrap_or(groups.len());
        if same.is_none() {
            groups.push(Vec::new());
            members.push(Vec::new());
        }
        exact.insert(of.exact, group);
        if let (Some(vectors), Some(members)) = (groups.get_mut(group), members.get_mut(group)) {
            vectors.push(vector);
            members.push(at);
        }
    }
    for (members, group) in members.iter_mut().zip(&groups) {
        let typical = typical(group);
        if let Some(first) = members.get_mut(..=typical) {
            first.rotate_right(1);
        }
    }
    members.sort_by_key(|members| std::cmp::Reverse(members.len()));
    members
}

/// The group that the question belongs to, if it is like one.
fn nearest(groups: &[Vec<&Counts>], question: &Counts) -> Option<usize> {
    let alike = groups.iter().map(|group| alike(group, question)).enumerate();
    let best = alike.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    best.filter(|(_, alike)| *alike >= ALIKE).map(|(group, _)| group)
}

/// How much a question is like those of a group.
fn alike(group: &[&Counts], question: &Counts) -> f32 {
    let compared = group.iter().take(COMPARED);
    let sum: f32 = compared.clone().map(|other| cosine(question, other)).sum();
    sum / amount(compared.len().max(1))
}

/// Which of a group is most like the others.
fn typical(group: &[&Counts]) -> usize {
    let alike = group.iter().take(CANDIDATES).map(|question| alike(group, question)).enumerate();
    alike.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: [&str; 9] = [
        "will LUM be listed on Example Exchange?",
        "can I use a lantern as an avatar",
        "when is LUM listed on Example Exchange",
        "Will LUM be listed on example exchange",
        "is there a hackathon this winter",
        "example exchange listing LUM when?",
        "when does the winter hackathon begin",
        "",
        "???",
    ];

    #[test]
    fn what_asks_the_same_is_together_and_the_largest_comes_first() {
        let found = clusters(&ASKED);
        let mut first = found[0].clone();
        first.sort_unstable();
        assert_eq!(first, [0, 2, 3, 5], "{found:?}");
        let hackathon = found.iter().find(|group| group.contains(&4)).expect("grouped");
        assert!(hackathon.contains(&6), "{found:?}");
        assert!(found.iter().any(|group| group == &[1]), "{found:?}");
        assert_eq!(found.concat().len(), 7, "what holds no word is in no group: {found:?}");
        assert_eq!(clusters(&ASKED), found, "and again");
    }

    #[test]
    fn the_number_of_questions_is_bounded() {
        let many: Vec<String> = (0..MAX_QUESTIONS + 5).map(|n| format!("question number {n} of many")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(clusters(&many).concat().len(), MAX_QUESTIONS);
    }
}
