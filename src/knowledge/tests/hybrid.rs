//! Words and vectors together, with tables made by hand: what is found by meaning alone, what the base promises with
//! vectors, and when they are left aside.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be set up must end it")]

use std::fmt::Write as _;

use townkeeper_knowledge::eval::Row;
use townkeeper_knowledge::{Base, Entry, Evidence, Promise, Report, Unfit, Vector, WordVectors, Zone};

/// A base of so many entries with five questions each, in words of their own or in the same for all.
fn base(entries: usize, words: impl Fn(usize, usize) -> String) -> Base {
    let row = |e: usize| Row {
        id: format!("e{e}"),
        question: words(e, 0),
        variants: (1..5).map(|v| words(e, v)).collect(),
        not_variants: Vec::new(),
        answer: "Yes.".to_owned(),
        class: None,
        lang: None,
    };
    Base::build_with((0..entries).map(|e| (format!("e{e}"), Entry::from(row(e)))).collect(), Evidence::Own).unwrap()
}

fn plain(e: usize, v: usize) -> String {
    format!("topic{e}x{e} subject{e}y{e} matter{e}z{e} word{v}")
}

/// Every question in words that no other has: words alone find nothing of what they have in common.
fn strange(e: usize, v: usize) -> String {
    let mut number = (e * 5 + v + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut letter = || {
        number = number.rotate_left(23).wrapping_mul(0xD134_2543_DE82_EF95);
        char::from(b'a' + u8::try_from((number >> 32) % 26).unwrap())
    };
    (0..8).map(|_| letter()).collect()
}

fn alike(e: usize, v: usize) -> String {
    format!("the very same question {v} {}", (e + v) % 7)
}

/// A table in which the words of an entry, and `other{e}`, point the same way.
fn table(entries: usize, words: impl Fn(usize, usize) -> String) -> WordVectors {
    let mut text = String::new();
    for e in 0..entries {
        let numbers: Vec<&str> = (0..entries).map(|at| if at == e { "1" } else { "0" }).collect();
        let questions: Vec<String> = (0..5).map(|v| words(e, v)).collect();
        let all = questions.iter().flat_map(|question| question.split(' '));
        for word in all.filter(|word| !word.starts_with("word")).chain([format!("other{e}").as_str()]) {
            writeln!(text, "{word} {}", numbers.join(" ")).unwrap();
        }
    }
    WordVectors::read("t.vec", text.lines().map(str::to_owned)).unwrap()
}

fn answer(base: &Base, question: &str, vector: Option<&Vector>) -> Option<String> {
    base.look_up_with(question, vector).answer.map(|entry| entry.id.to_string())
}

#[test]
fn what_words_do_not_find_its_meaning_does() {
    let (base, table) = (base(30, plain), table(30, plain));
    let asked = "other7?";
    let vector = base.mean_of(&table, asked).unwrap();
    assert_eq!(base.look_up_with(asked, Some(&vector)).zone(), Zone::Abstain, "before it has vectors");
    assert!(!base.is_hybrid());
    base.add_vectors(|text| base.mean_of(&table, text)).unwrap();
    assert_eq!((base.is_hybrid(), base.dims(), base.calibration().all.promise), (true, Some(30), Promise::Kept));
    assert_eq!(answer(&base, asked, Some(&vector)).as_deref(), Some("e7"));
    // By words alone it is what it was.
    assert_eq!(base.look_up(asked).zone(), Zone::Abstain);
    assert_eq!(answer(&base, "topic3x3 matter3z3 please", None).as_deref(), Some("e3"));
    // A vector of another size says nothing.
    let other = Vector::new(vec![1.0, 0.0]).unwrap();
    assert_eq!(base.look_up_with(asked, Some(&other)).zone(), Zone::Abstain);
    assert_eq!(base.mean_of(&table, "nobody knows these"), None);
}

/// What the table does not have is read as the base would read it.
#[test]
fn a_slip_of_the_finger_is_understood() {
    let base = base(3, |e, v| format!("portal number{e} question{v}"));
    let table = WordVectors::read("t.vec", ["portal 1 0".to_owned(), "gate 0 1".to_owned()].into_iter()).unwrap();
    assert_eq!(base.mean_of(&table, "the portel?"), Vector::new(vec![1.0, 0.0]));
    assert_eq!(base.mean_of(&table, "the Gate"), Vector::new(vec![0.0, 1.0]));
    assert_eq!(base.mean_of(&table, "portulaca"), None);
}

#[test]
fn a_question_word_for_word_needs_no_vector() {
    let (base, table) = (base(30, plain), table(30, plain));
    base.add_vectors(|text| base.mean_of(&table, text)).unwrap();
    let misled = base.mean_of(&table, "other9").unwrap();
    let found = base.look_up_with(&plain(3, 1), Some(&misled));
    assert!(found.is_word_for_word() && found.answer.is_some_and(|entry| entry.id.as_str() == "e3"));
    assert!(!base.look_up("topic3x3 please").is_word_for_word());
}

/// The hybrid has a certainty of its own: where words prove nothing, it may, and what is shown is its own.
#[test]
fn each_has_its_own_certainty() {
    let (base, table) = (base(30, strange), table(30, strange));
    assert_eq!(base.calibration().all.promise, Promise::OutOfReach);
    let lexical = Report::new(&base);
    base.add_vectors(|text| base.mean_of(&table, text)).unwrap();
    assert_eq!(base.calibration().all.promise, Promise::Kept);
    let hybrid = Report::new(&base);
    assert!(hybrid.first > lexical.first + 0.5, "{} {}", hybrid.first, lexical.first);
    let vector = base.mean_of(&table, "other4").unwrap();
    assert_eq!(answer(&base, "other4", Some(&vector)).as_deref(), Some("e4"));
}

/// Vectors that tell nothing apart are not used where words do better.
#[test]
fn vectors_that_spoil_the_promise_are_left_aside() {
    let base = base(30, plain);
    let noise = |text: &str| {
        let seed = text.bytes().fold(7u32, |n, b| n.wrapping_mul(31).wrapping_add(u32::from(b)));
        Vector::new((0..8u32).map(|i| if (seed >> i) & 1 == 0 { 3.0 } else { -1.0 }).collect())
    };
    base.add_vectors(noise).unwrap();
    let lexical = base.look_up("topic3x3 matter3z3 please").answer.map(|entry| entry.id.clone());
    let with = answer(&base, "topic3x3 matter3z3 please", noise("anything").as_ref());
    if base.is_hybrid() {
        assert_eq!(base.calibration().all.promise, Promise::Kept, "used only where it keeps the promise");
    } else {
        assert_eq!(with, lexical.map(|id| id.to_string()));
    }
}

#[test]
fn where_neither_proves_anything_vectors_only_rank() {
    let (base, table) = (base(30, alike), table(30, strange));
    // Every question of an entry points its own way, and the texts say nothing.
    let of = |e: usize| base.mean_of(&table, &format!("other{e}"));
    let owner = |text: &str| (0..30).find(|e| (0..5).any(|v| alike(*e, v) == text));
    base.add_vectors(|text| owner(text).and_then(of)).unwrap();
    assert_eq!(base.calibration().all.promise, Promise::OutOfReach);
    assert!(base.is_hybrid());
    let vector = of(9).unwrap();
    assert_eq!(answer(&base, "other9", Some(&vector)), None);
}

#[test]
fn vectors_of_two_sizes_and_none_at_all_are_refused() {
    let base = base(3, plain);
    let mut sizes = [2, 3].into_iter().cycle();
    let sizes = std::cell::RefCell::new(&mut sizes);
    let two = |_: &str| Vector::new(vec![1.0; sizes.borrow_mut().next()?]);
    assert_eq!(base.add_vectors(two), Err(Unfit::Dims { one: 2, other: 3 }));
    assert_eq!(base.add_vectors(|_| None), Err(Unfit::Nothing));
    assert_eq!((base.is_hybrid(), base.dims()), (false, None));
}

/// A base too small to prove anything answers as by its words: a fixed certainty says nothing of somebody's vectors.
#[test]
fn a_small_base_stays_with_its_words() {
    let (base, table) = (base(5, plain), table(5, plain));
    base.add_vectors(|text| base.mean_of(&table, text)).unwrap();
    assert_eq!((base.is_hybrid(), base.dims()), (false, Some(5)));
    let vector = base.mean_of(&table, "other3").unwrap();
    assert_eq!(answer(&base, "other3", Some(&vector)), None);
}
