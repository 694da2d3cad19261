//! Dates with or without their day or year, as people and programs write them.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::sought::Sought;
use super::{Hit, months, pattern};

/// The days of a month in words: "fifth", "twenty-first".
const ORDINAL: &str = r"(?:(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)";

/// No date has more bytes before its month or year, or behind it.
const REACH: usize = 64;

/// Tried at each place in this order, so a longer form wins over a part of it.
static DATE: LazyLock<Sought> = LazyLock::new(|| {
    let day = format!(r"(?:[0-9]{{1,2}}(?:st|nd|rd|th|er|[eoº.])?|{ORDINAL})");
    let (month, alone) = months::patterns();
    let year = r"[12][0-9]{3}\b|'[0-9]{2}\b";
    // No date without a month's name, a year of four digits, or three numbers in a row.
    let core = format!(r"(?i){month}|[12][0-9]{{3}}|[0-9][-/.][0-9]{{1,2}}[-/.][0-9]|[月월]");
    Sought::near(&core, REACH, &[
        // 2026-02-04, 2026/2/4, and the Chinese, Japanese and Korean forms
        r"(?i)\b(?P<y1>[12][0-9]{3})(?:[-/.]| ?[年년] ?)(?P<m1>[0-9]{1,2})(?:[-/.]| ?[月월] ?)(?P<d1>[0-9]{1,2})(?:日|일|t|\b)",
        r"|\b(?P<y2>[12][0-9]{3})(?:[-/]| ?[年년] ?)(?P<m2>0[1-9]|1[0-2]|[1-9][月월])\b",
        r"|\b(?P<m10>[0-9]{1,2}) ?[月월] ?(?P<d10>[0-9]{1,2}) ?[日일]",
        // 04/02/2026, 4.2.2026, 4/2/26
        r"|\b(?P<n1>[0-9]{1,2})(?P<sep>[-/.])(?P<n2>[0-9]{1,2})[-/.](?P<n3>[12][0-9]{3}|[0-9]{2})\b",
        // 4 February 2026, 4th of Feb., 4-Feb-26, 4. Februar 2026, 4 de febrero de 2026
        &format!(r"|\b(?P<d3>{day})(?: ?-? ?| of | day of | del? | di )(?P<mon3>{month})\b\.?(?:(?:,? {{0,2}}|-| of | del? )(?P<y3>{year}|-[0-9]{{2}}\b))?"),
        // February 4th, 2026
        &format!(r"|\b(?P<mon4>{month})\.?(?:[ -]| the )(?P<d4>{day})\b(?:,? {{0,2}}(?:of )?(?P<y4>{year}))?"),
        // February 2026
        &format!(r"|\b(?P<mon5>{month})\b\.?,?(?:[ -]| of | del? )(?P<y5>{year})"),
        r"|\bq(?P<q>[1-4])(?: of)?[ /-]?(?P<y6>[12][0-9]{3})\b",
        // a month alone; "may" and "march" are other words too
        r"|\b(?:in|by|until|till|since|before|after|during|of|early|mid|late|this|next|last|end)[ -](?P<mon7>may|march)\b",
        &format!(r"|\b(?P<mon8>{alone})\b"),
        r"|\b(?P<y9>19[0-9]{2}|20[0-9]{2})\b",
    ]
    .concat())
});

/// What makes a number between 1900 and 2099 an amount.
static UNIT_BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[.,'][0-9]|:[0-9]| ?%|[ -]?(?:(?i:tokens?|coins?|dollars?|euros?|percent|k|days|hours|minutes|people|holders)|[A-Z]{2,6})\b)",
    )
});

pub(super) fn dates(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for found in DATE.captures(text) {
        let Some(whole) = found.get(0) else { continue };
        if found.name("y9").is_some() && is_amount(text, whole.start(), whole.end()) {
            continue;
        }
        let Some(value) = value(&found) else { continue };
        // "in March": the preposition is no part of the date.
        let start = found.name("mon7").map_or(whole.start(), |month| month.start());
        hits.push(Hit::new(start..whole.end(), value));
    }
    hits
}

fn is_amount(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    // No unit is longer.
    let behind = text.get(end..text.ceil_char_boundary(end + 32)).unwrap_or_default();
    let clock = ["UTC", "GMT", "CET", "AD", "CE"];
    let part_of_number = before.ends_with(['.', ',', '\'', ':']) && {
        let digits = before.get(..before.len() - 1).unwrap_or_default();
        digits.ends_with(|c: char| c.is_ascii_digit())
    };
    let currency = before.trim_end().ends_with(['$', '€', '£', '¥', '₿', 'Ξ']);
    let unit = UNIT_BEHIND.is_match(behind) && !clock.iter().any(|zone| behind.trim_start().starts_with(zone));
    part_of_number || currency || unit
}

/// The canonical form; `None` when the numbers are no date, which leaves them to the amounts.
fn value(found: &Captures<'_>) -> Option<String> {
    let text = |name: &'static str| found.name(name).map(|m| m.as_str());
    let number = |name| text(name).and_then(|s| s.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok());
    let months = ["mon3", "mon4", "mon5", "mon7", "mon8"];
    let month = months
        .into_iter()
        .find_map(text)
        .map(months::number)
        .or_else(|| ["m1", "m2", "m10"].into_iter().find_map(number));
    let day = ["d1", "d3", "d4", "d10"].into_iter().find_map(|name| number(name).or_else(|| ordinal(text(name)?)));
    let year = ["y1", "y2", "y3", "y4", "y5", "y6", "y9"].into_iter().find_map(number).map(century);
    if let Some(quarter) = number("q") {
        return Some(format!("{}-Q{quarter}", year?));
    }
    if let (Some(a), Some(b), Some(year)) = (number("n1"), number("n2"), number("n3")) {
        let four_digits = text("n3").is_some_and(|year| year.len() == 4);
        return numeric(a, b, century(year)).filter(|_| four_digits || text("sep") == Some("/"));
    }
    let valid = month.is_none_or(|m| (1..=12).contains(&m)) && day.is_none_or(|d| (1..=31).contains(&d));
    match (year, month, day) {
        _ if !valid => None,
        (Some(y), Some(m), Some(d)) => Some(format!("{y:04}-{m:02}-{d:02}")),
        (Some(y), Some(m), None) => Some(format!("{y:04}-{m:02}")),
        (Some(y), None, _) => Some(format!("{y:04}")),
        (None, Some(m), Some(d)) => Some(format!("--{m:02}-{d:02}")),
        (None, Some(m), None) => Some(format!("--{m:02}")),
        (None, None, _) => None,
    }
}

/// 1 to 39; checked with the others.
fn ordinal(words: &str) -> Option<u32> {
    const ONES: [&str; 19] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    let words = words.to_ascii_lowercase();
    let one = |word: &str| ONES.iter().zip(1..).find(|(name, _)| **name == word).map(|(_, n)| n);
    let tens = |word: &str| if word == "twenty" { 20 } else { 30 };
    match words.split_once(['-', ' ', '\n']) {
        Some((ten, rest)) => Some(tens(ten) + one(rest)?),
        None if words == "twentieth" => Some(20),
        None if words == "thirtieth" => Some(30),
        None => one(&words),
    }
}

/// Day and month in either order: ISO where only one order is possible, else the digits as they stand.
fn numeric(a: u32, b: u32, year: u32) -> Option<String> {
    let (month, day) = (1..=12, 1..=31);
    match (month.contains(&a) && day.contains(&b), month.contains(&b) && day.contains(&a)) {
        (true, true) if a != b => Some(format!("{a:02}/{b:02}/{year:04}")),
        (true, _) => Some(format!("{year:04}-{a:02}-{b:02}")),
        (false, true) => Some(format!("{year:04}-{b:02}-{a:02}")),
        (false, false) => None,
    }
}

fn century(year: u32) -> u32 {
    if year < 100 { 2000 + year } else { year }
}

/// The pattern that is looked for at its places.
#[cfg(test)]
pub(super) fn sought() -> Vec<&'static Sought> {
    vec![&DATE]
}
