//! Numbers: amounts, shares, ratios, and every digit the passes before have left.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::sought::{ASCII, Sought};
use super::{Hit, pattern};

/// Names that hold digits and count nothing; kept short, for whatever stands here is never looked at.
static NAME: LazyLock<Sought> = LazyLock::new(|| {
    Sought::around(
        "[0-9]",
        ASCII,
        r"(?i)\b(?:web[23]|erc-?(?:20|721|1155)|bep-?20|trc-?20|eip-?(?:155|712|1559|4337|7702)|bip-?(?:32|39|44)|sha-?(?:256|512)|l[12]|layer[ -][12]|2fa|mp[34]|utf-8|ipv[46]|p2p|24/7|base(?:58|64)|ed25519|secp256k1)\b",
    )
});

/// The number of a list item at the beginning of a line.
static MARKER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^ {0,8}(?P<n>[0-9]{1,2})[.)] "));

/// A number with its separators. Groups of three after spaces count as one number.
const NUMBER: &str = r"(?:[0-9]{1,3}(?: [0-9]{3})+\b(?:[.,][0-9]+)?|[0-9]+(?:[.,'_][0-9]+)*)";
const SCALE: &str = r"(?:(?: |-)?(?:thousand|million|billion|trillion|mn|bn|mio|mrd)\b|(?-i:k|K|M|B|T)\b)";
const CURRENCY: &str = r"(?:us\$|[$€£¥₿Ξ]|usd\b|eur\b|euros?\b|gbp\b|pounds?\b|jpy\b|dollars?\b)";

static AMOUNT: LazyLock<Sought> = LazyLock::new(|| {
    let unit = r"[ -](?:\$?[a-z]{2,10})";
    let sign = " ?(?:->|=>|→|⇒|=) ?";
    let share = r" ?(?:[%‰]|(?:percent|per cent|pct)\b)";
    let times = r" ?(?:x\b|×)|[ -](?:times|fold)\b";
    let signs = |c| matches!(c, '€' | '£' | '¥' | '₿' | 'Ξ' | 'ξ' | '→' | '⇒' | '×' | '‰');
    let core = "(?i-u:[0-9]|hal[fv]|doubl|tripl|quadrupl|twice|thrice)";
    Sought::around(core, signs, &[
        // 1:6, 1 : 6, 1-for-6, 12:30:05; 1 LMN to 6 LUM
        &format!(r"(?i)(?P<a>{NUMBER})(?:(?: ?: ?|{sign}| ?to ?|-to-|-for-| for | in )|{unit}(?: ?: ?|{sign}| to | for | into | per | (?:is|are|becomes?|equals?|gives?|gets?|buys?|makes?|yields?)(?: you)? ))(?P<b>{NUMBER})(?P<more>(?::{NUMBER})*)"),
        r"|(?P<num>[0-9]+) ?/ ?(?P<den>[0-9]+)",
        &format!(r"|(?P<cur1>{CURRENCY} ?)?(?P<n>{NUMBER})(?P<scale>{SCALE})?(?:(?P<share>{share})|(?P<points> ?(?:bps|basis points)\b)|(?P<times>{times})|(?P<cur2> ?{CURRENCY}))?"),
        r"|\b(?P<multiple>half|halve)(?:s|d)? (?:of )?(?:your|their|the|my|our|all|what|back|bonus|tokens?|coins?|rewards?|amount|balance|value)\b",
        // "double what you send", "it doubles"; but "double-check"
        r"|\b(?:(?P<doubled>double|triple|quadruple)(?:s|d)?|(?P<doubling>doubl|tripl|quadrupl)ing)\b(?P<manner>[ -](?:check|click|tap|quote|space|room)[a-z]*)?",
        r"|\b(?P<often>twice|thrice) (?:as|the|what|your|that|it)\b",
    ]
    .concat())
});

/// Hides names, and the numbers of a list that counts up from one.
pub(super) fn names(text: &str) -> Vec<Hit> {
    let hide = |range: Range<usize>| Hit { range, value: None };
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let names = NAME.captures(text);
    let mut hits: Vec<Hit> = names.iter().filter_map(|found| Some(hide(found.get(0)?.range()))).collect();
    let mut last = 0;
    for found in MARKER.captures_iter(text) {
        let Some(number) = found.name("n") else { continue };
        let Ok(n) = number.as_str().parse::<u32>() else { continue };
        if n == 1 || n == last + 1 {
            last = n;
            hits.push(hide(number.range()));
        }
    }
    hits.sort_by_key(|hit| hit.range.start);
    hits
}

pub(super) fn amounts(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for found in AMOUNT.captures(text) {
        let Some(whole) = found.get(0) else { continue };
        let value = found.name("manner").is_none().then(|| value(&found));
        hits.push(Hit { range: whole.range(), value });
    }
    hits
}

fn value(found: &Captures<'_>) -> String {
    let text = |name| found.name(name).map_or("", |m| m.as_str());
    if let (Some(a), Some(b)) = (found.name("a"), found.name("b")) {
        // Leading zeros behind a colon are minutes.
        let rest = |number: &str| if number.starts_with('0') { number.to_owned() } else { plain(number) };
        let mut out = format!("{}:{}", plain(a.as_str()), rest(b.as_str()));
        for more in text("more").split(':').skip(1) {
            out.push(':');
            out.push_str(&rest(more));
        }
        return out;
    }
    if found.name("num").is_some() {
        return format!("{}/{}", plain(text("num")), plain(text("den")));
    }
    if found.name("multiple").is_some() {
        return "1/2".to_owned();
    }
    let times = ["doubled", "doubling", "often"].into_iter().find_map(|name| found.name(name));
    match times.and_then(|times| times.as_str().get(..2)).map(str::to_ascii_lowercase).as_deref() {
        Some("do" | "tw") => return "2x".to_owned(),
        Some("tr" | "th") => return "3x".to_owned(),
        Some(_) => return "4x".to_owned(),
        None => {}
    }
    let number = scaled(&plain(text("n")), text("scale"));
    let currency = [text("cur1"), text("cur2")].into_iter().find_map(symbol);
    if text("share").ends_with('‰') {
        format!("{number}‰")
    } else if found.name("share").is_some() {
        format!("{number}%")
    } else if found.name("points").is_some() {
        format!("{number}bps")
    } else if found.name("times").is_some() {
        format!("{number}x")
    } else {
        format!("{}{number}", currency.unwrap_or_default())
    }
}

fn symbol(currency: &str) -> Option<&'static str> {
    match currency.trim().to_lowercase().as_str() {
        "$" | "us$" | "usd" | "dollar" | "dollars" => Some("$"),
        "€" | "eur" | "euro" | "euros" => Some("€"),
        "£" | "gbp" | "pound" | "pounds" => Some("£"),
        "¥" | "jpy" => Some("¥"),
        "₿" => Some("₿"),
        "ξ" => Some("Ξ"),
        _ => None,
    }
}

/// A number without its thousands separators and superfluous zeros: "47,316" and "47 316" are `47316`, "1.50" is
/// `1.5`. What is no plain number ("1.2.3") stays as it is.
fn plain(number: &str) -> String {
    let number: String = number.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '_')).collect();
    let (dots, commas) = (number.matches('.').count(), number.matches(',').count());
    let decimal = match (dots, commas) {
        (0, 0) => None,
        // "47.316" is one thing to some readers and another to others: it equals only itself.
        (1, 0) if in_groups(&number, '.') => return number,
        (1, 0) => Some('.'),
        (0, 1) => (!in_groups(&number, ',')).then_some(','),
        (0, _) if in_groups(&number, ',') => None,
        (_, 0) if in_groups(&number, '.') => None,
        (1, _) if number.rfind('.') > number.rfind(',') => Some('.'),
        (_, 1) if number.rfind(',') > number.rfind('.') => Some(','),
        _ => return number,
    };
    let (whole, fraction) = decimal.and_then(|mark| number.rsplit_once(mark)).unwrap_or((&number, ""));
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Whether `mark` parts a number into groups of three, as in "1,234,567".
fn in_groups(number: &str, mark: char) -> bool {
    let mut groups = number.split(mark);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && first != "0" && groups.all(|group| group.len() == 3)
}

/// "1.5" and "million" is `1500000`.
fn scaled(number: &str, scale: &str) -> String {
    let zeros = match scale.trim_matches(|c: char| c.is_whitespace() || c == '-') {
        "k" | "K" => 3,
        "M" => 6,
        "B" => 9,
        "T" => 12,
        word => match word.to_ascii_lowercase().as_str() {
            "thousand" => 3,
            "million" | "mn" | "mio" => 6,
            "billion" | "bn" | "mrd" => 9,
            "trillion" => 12,
            _ => return number.to_owned(),
        },
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (moved, left) = fraction.split_at(fraction.len().min(zeros));
    plain(&format!("{whole}{moved:0<zeros$}.{left}"))
}

/// A number in words or digits, in digits: "two hundred and fifty thousand" is `250000`. `None` if it is too large
/// or no number.
pub(super) fn in_digits(words: &str) -> Option<String> {
    if words.bytes().all(|b| b.is_ascii_digit()) {
        return Some(words.to_owned());
    }
    let (mut total, mut part) = (0_u64, 0_u64);
    for word in words
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | ','))
        .filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("and"))
    {
        match small(&word.to_ascii_lowercase())? {
            100 => part = part.max(1).checked_mul(100)?,
            scale @ 1000.. => {
                total = total.checked_add(part.max(1).checked_mul(scale)?)?;
                part = 0;
            }
            n => part = part.checked_add(n)?,
        }
    }
    total.checked_add(part).map(|n| n.to_string())
}

fn small(word: &str) -> Option<u64> {
    const UNITS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    const SCALES: [(&str, u64); 5] = [
        ("hundred", 100),
        ("thousand", 1000),
        ("million", 1_000_000),
        ("billion", 1_000_000_000),
        ("trillion", 1_000_000_000_000),
    ];
    let unit = UNITS.iter().zip(0..).find(|(name, _)| **name == word).map(|(_, n)| n);
    let ten = || TENS.iter().zip((20..).step_by(10)).find(|(name, _)| **name == word).map(|(_, n)| n);
    let scale = || SCALES.iter().find(|(name, _)| *name == word).map(|(_, n)| *n);
    unit.or_else(ten).or_else(scale)
}

/// The patterns that are looked for at their places.
#[cfg(test)]
pub(super) fn sought() -> Vec<&'static Sought> {
    vec![&NAME, &AMOUNT]
}
