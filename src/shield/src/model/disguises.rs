//! Scams in disguise: how many of those that are caught in plain words are caught in homoglyphs, with invisible
//! characters, in mathematical letters, in leet and spaced out; and how many were, if nothing were folded.

use super::Model;
use crate::fold::{Folded, unfolded};

/// Character classes of its own, not those that the fold knows.
const TWINS: &[(char, &str)] = &[
    ('a', "\u{430}\u{3b1}"),
    ('c', "\u{441}\u{3f2}"),
    ('e', "\u{435}"),
    ('i', "\u{456}"),
    ('j', "\u{458}"),
    ('o', "\u{43e}\u{3bf}"),
    ('p', "\u{440}\u{3c1}"),
    ('s', "\u{455}"),
    ('v', "\u{3bd}"),
    ('x', "\u{445}"),
    ('y', "\u{443}"),
    ('A', "\u{410}\u{391}"),
    ('C', "\u{421}"),
    ('D', "\u{13a0}"),
    ('E', "\u{415}\u{395}"),
    ('I', "\u{406}\u{399}"),
    ('O', "\u{41e}\u{39f}"),
    ('T', "\u{422}\u{3a4}"),
];
const LEET: &[(char, &str)] =
    &[('a', "4@"), ('b', "8"), ('e', "3"), ('i', "1!"), ('l', "1|"), ('o', "0"), ('s', "5$"), ('t', "7")];

/// A small generator: the same disguise every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Half of the characters that have a twin.
fn swapped(text: &str, twins: &[(char, &str)], dice: &mut Dice) -> String {
    let swap = |c: char| {
        let (_, twins) = twins.iter().find(|(of, _)| *of == c).filter(|_| dice.throw(2) == 0)?;
        twins.chars().nth(dice.throw(twins.chars().count()))
    };
    let mut swap = swap;
    text.chars().map(|c| swap(c).unwrap_or(c)).collect()
}

fn words(text: &str, mut each: impl FnMut(&str) -> String) -> String {
    text.split(' ')
        .map(|word| if word.contains('.') { word.to_owned() } else { each(word) })
        .collect::<Vec<_>>()
        .join(" ")
}

fn disguise(kind: &str, text: &str, dice: &mut Dice) -> String {
    match kind {
        "homoglyphs" => swapped(text, TWINS, dice),
        "leet" => words(text, |word| swapped(word, LEET, dice)),
        "invisible" => {
            text.chars().flat_map(|c| [Some(c), (dice.throw(5) < 2).then_some('\u{200B}')]).flatten().collect()
        }
        "mathematical" => text.chars().map(mathematical).collect(),
        _ => words(text, |word| {
            let spaced = dice.throw(2) == 0 && word.len() > 2 && word.chars().all(|c| c.is_ascii_alphabetic());
            let letters: Vec<String> = word.chars().map(String::from).collect();
            letters.join(if spaced { " " } else { "" })
        }),
    }
}

/// Bold, without serifs.
fn mathematical(c: char) -> char {
    let base = match c {
        'a'..='z' => 0x1d5ee - u32::from('a'),
        'A'..='Z' => 0x1d5d4 - u32::from('A'),
        _ => 0,
    };
    char::from_u32(base + u32::from(c)).unwrap()
}

/// The scams of the seed in English that the shipped model catches.
fn caught(model: &Model) -> Vec<String> {
    let seed = include_str!("../../../../config/shield/seed.jsonl");
    let rows = seed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let scams = rows.filter(|row| row["label"] == 1).map(|row| row["text"].as_str().unwrap().to_owned());
    scams.filter(|text| text.is_ascii() && model.logit(&Folded::new(text)) >= 0.0).collect()
}

#[test]
fn a_disguise_saves_no_scam_and_without_folding_it_would() {
    let model = Model::shipped().unwrap();
    let scams = caught(&model);
    assert!(scams.len() > 80, "{}", scams.len());
    for (kind, least, most_unfolded) in [
        ("homoglyphs", 0.97, 0.6),
        ("invisible", 0.97, 0.5),
        ("mathematical", 0.97, 0.5),
        ("leet", 0.85, 1.0),
        ("spaced", 0.85, 1.0),
    ] {
        let mut dice = Dice(0x5eed_5eed_5eed);
        let hidden: Vec<String> = scams.iter().map(|text| disguise(kind, text, &mut dice)).collect();
        let share = |fold: fn(&str) -> Folded| {
            let count = hidden.iter().filter(|text| model.logit(&fold(text)) >= 0.0).count();
            f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(hidden.len()).unwrap())
        };
        let (folded, raw) = (share(Folded::new), share(unfolded));
        assert!(folded >= least, "{kind}: {folded:.3} of {}", hidden.len());
        assert!(raw <= most_unfolded && raw <= folded, "{kind}: {raw:.3} without folding");
    }
}
