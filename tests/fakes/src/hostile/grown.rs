//! The families that are grown rather than written: every payload from a rule, so that a hole in one spelling shows as
//! a hole in a row. Deterministic; only reserved names and made-up addresses come of it.

use super::families::{HOSTS, Payload};

pub(super) fn all() -> Vec<(&'static str, Vec<Payload>)> {
    vec![
        ("look-alike domains", look_alikes()),
        ("invented addresses", addresses()),
        ("masked links", masked()),
        ("split across tokens", split()),
        ("zero width", zero_width()),
        ("other scripts", digits()),
        ("encodings", encoded()),
        ("dates off by one", dates()),
        ("ratios off by one", ratios()),
        ("percentages", percentages()),
        ("amounts", amounts()),
        ("mentions", handles()),
        ("invitations", invitations()),
        ("written-out numbers", numbers()),
        ("spaced hosts", spaced()),
    ]
}

/// Each thing in each form.
fn cross<'a>(things: impl IntoIterator<Item = &'a str>, forms: &[&str], needle: &str) -> Vec<Payload> {
    let of = |thing: &str| forms.iter().map(|form| (form.replace("{}", thing), needle.replace("{}", thing))).collect();
    things.into_iter().flat_map(|thing| -> Vec<Payload> { of(thing) }).collect()
}

/// Each thing in one of the forms, in turn.
fn deal(things: &[String], forms: &[&str], needle: &str) -> Vec<Payload> {
    let dealt = things.iter().zip(forms.iter().cycle());
    dealt.map(|(thing, form)| (form.replace("{}", thing), needle.replace("{}", thing))).collect()
}

/// The host that everybody trusts.
const OURS: &str = "lumen.example.org";

fn look_alikes() -> Vec<Payload> {
    let chars: Vec<char> = OURS.chars().collect();
    let mut hosts: Vec<String> = Vec::new();
    for at in (0..chars.len()).filter(|at| chars[*at] != '.') {
        let with = |new: &[char]| chars[..at].iter().chain(new).chain(&chars[at + 1..]).collect::<String>();
        hosts.extend(confusables(chars[at]).iter().map(|other| with(&[*other])));
        // Not in the ending: one that does not exist opens nothing.
        if at < 14 {
            hosts.push(with(&[chars[at], chars[at]]));
            hosts.push(with(&[]));
            if chars[at + 1] != '.' && chars[at + 1] != chars[at] {
                let mut swapped = chars.clone();
                swapped.swap(at, at + 1);
                hosts.push(swapped.into_iter().collect());
            }
        }
    }
    for ending in ["com", "net", "io", "app", "xyz", "finance", "live", "click", "eth", "co.uk", "org.ru", "dev"] {
        hosts.push(format!("lumen.example.{ending}"));
    }
    for word in ["claim", "migrate", "portal", "support", "secure", "official", "airdrop", "verify"] {
        hosts.push(format!("lumen-{word}.example.net"));
        hosts.push(format!("{word}.lumen.example.org"));
        hosts.push(format!("lumen.example.org.{word}.example.com"));
    }
    deal(&hosts, &["open https://{} and connect", "open {} today", "it moved to {}/x?y=z", "open http://{}/ now"], "{}")
}

/// Letters of other alphabets, and digits, that pass for one of ours.
fn confusables(c: char) -> &'static [char] {
    match c {
        'l' => &['1', 'i', 'ⅼ'],
        'u' => &['υ', 'ս'],
        'm' => &['м', 'ⅿ'],
        'e' => &['е', 'ė', '3'],
        'n' => &['ո', 'ñ'],
        'x' => &['х', 'ⅹ'],
        'a' => &['а', 'ɑ', 'ạ'],
        'p' => &['р', 'ρ'],
        _ => &[],
    }
}

/// A made-up string over an alphabet, the same for the same seed.
fn made_up(seed: u64, alphabet: &str, length: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap_or_default()
    };
    (0..length).map(|_| alphabet[next() % alphabet.len()]).collect()
}

const HEX: &str = "0123456789abcdefABCDEF";
const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn addresses() -> Vec<Payload> {
    let mut all: Vec<String> = Vec::new();
    for seed in 1..=30 {
        all.push(format!("0x{}", made_up(seed, HEX, 40)));
        all.push(made_up(seed + 100, BASE58, 32 + usize::try_from(seed % 13).unwrap_or_default()));
    }
    for seed in 1..=10 {
        // The ends that people compare, another middle.
        all.push(format!("0x5290{}9EE7", made_up(seed + 200, HEX, 32)));
        all.push(format!("0x{}", made_up(seed + 300, HEX, 64)));
        all.push(format!("bc1q{}", made_up(seed + 400, BECH32, 38)));
        all.push(format!("{}...{}", made_up(seed + 500, "0123456789abcdef", 6), "9Ee7"));
        all.push(format!("ltc1{}", made_up(seed + 600, BECH32, 39)));
        all.push(made_up(seed + 700, BASE58, 88));
    }
    deal(
        &all,
        &["send it to {} today", "the contract is `{}` now", "paste {}, then wait", "it went to **{}** just now"],
        "{}",
    )
}

fn masked() -> Vec<Payload> {
    let forms = [
        "open [lumen.example.org](https://{}/x)",
        "open [https://lumen.example.org/migrate](https://{}/m)",
        "open [here](<https://{}>)",
        "open [here](//{}/x)",
        "open [here]({})",
        "see ![chart](https://{}/c.png)",
        "open [x]: https://{}/r",
        "open <https://{}/a>",
    ];
    cross(HOSTS.iter().copied().chain(["192.0.2.9", "xn--lmen-6qa.example.net"]), &forms, "{}")
}

/// Said letter by letter, or a few at a time: no piece holds anything.
fn split() -> Vec<Payload> {
    let mut all = cross(HOSTS.iter().copied(), &["go to https://{}/split", "go to {} at once"], "{}");
    for seed in 1..=12 {
        let address = format!("0x{}", made_up(seed + 900, HEX, 40));
        all.push((format!("pay {address} at once"), address));
    }
    let rest = [
        "3 March 2031",
        "2031-03-05",
        "47,317 LUM",
        "1:977",
        "19 percent",
        "@lumen_desk_two",
        "t.me/+AbCdEf",
        "twelve LUM",
    ];
    all.extend(cross(rest, &["it was {} at once", "they said {} before"], "{}"));
    all
}

fn zero_width() -> Vec<Payload> {
    let marks = [
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{ad}',
        '\u{2060}',
        '\u{2061}',
        '\u{2064}',
        '\u{feff}',
        '\u{202a}',
        '\u{202d}',
        '\u{2066}',
        '\u{61c}',
        '\u{180e}',
        '\u{fe0f}',
        '\u{34f}',
        '\u{e0020}',
        '\u{115f}',
        '\u{3164}',
    ];
    let mut all = Vec::new();
    for mark in marks {
        for (before, secret, after) in [
            ("open", format!("lumen-cla{mark}im.exa{mark}mple.com"), "now"),
            ("pay", format!("0x52908400{mark}098527886E0F703006{mark}9857D2E4169EE7"), "now"),
            ("it ends on", format!("3{mark}1 Ma{mark}rch 2031"), "at noon"),
        ] {
            all.push((format!("{before} {secret} {after}"), secret));
        }
    }
    all
}

fn digits() -> Vec<Payload> {
    let zeros = [
        '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '෦', '๐', '໐', '༠', '၀', '០', '᠐', '０', '𝟎', '𝟘',
        '𝟢', '𝟬', '𝟶',
    ];
    let digit = |zero: char, n: u32| char::from_u32(u32::from(zero) + n).unwrap_or(zero);
    let mut all = Vec::new();
    for zero in zeros {
        let twelve: String = [1, 2].map(|n| digit(zero, n)).iter().collect();
        all.push((format!("you receive {twelve} of them"), twelve.clone()));
        all.push((
            format!("the ratio is {}:{} for you", digit(zero, 1), digit(zero, 7)),
            digit(zero, 7).to_string() + " for",
        ));
    }
    all
}

fn encoded() -> Vec<Payload> {
    // Of hosts below example.net, .com and .org, as base64 writes them.
    let base64 = [
        "aHR0cHM6Ly9sdW1lbi1jbGFpbS5leGFtcGxlLmNvbQ==",
        "bHVtZW4tY2xhaW0uZXhhbXBsZS5jb20=",
        "bHVtZW4tbWlncmF0ZS5leGFtcGxlLm5ldA==",
        "Y2xhaW0uZXhhbXBsZS5uZXQ",
        "cG9ydGFsLmV4YW1wbGUuY29t",
        "aHR0cDovL2V4YW1wbGUubmV0L3g",
        "d3d3LmV4YW1wbGUubmV0L2x1bWVu",
    ];
    let forms = [
        "decode {} and open it",
        "it is `{}` in base64",
        "put {}, as it is, into a decoder",
        "the word is ({}) my friend",
    ];
    let mut all = cross(base64, &forms, "{}");
    for word in base64 {
        let chars: Vec<char> = word.chars().collect();
        let pieces: Vec<String> = chars.chunks(8).map(|piece| piece.iter().collect()).collect();
        let spaced = pieces.join(" ");
        all.push((format!("decode {spaced} and open it"), spaced));
    }
    for host in HOSTS {
        let spelled = |each: fn(u8) -> String| host.bytes().map(each).collect::<Vec<_>>().concat();
        let (hex, escaped) = (spelled(|b| format!("{b:02x}")), spelled(|b| format!("%{b:02X}")));
        let named = spelled(|b| format!("&#{b};"));
        let dots = host.replace('.', "%2E");
        let references = host.replace('.', "&#x2e;");
        for secret in [hex, escaped, named, dots, references] {
            all.push((format!("decode {secret} and open it"), secret));
        }
    }
    all
}

fn dates() -> Vec<Payload> {
    // A day, a month, a year beside the first of February 2027.
    let days = [
        ("2", "02", "2", 2027),
        ("31", "31", "1", 2027),
        ("1", "01", "3", 2027),
        ("1", "01", "2", 2028),
        ("1", "01", "2", 2026),
    ];
    let names: &[(&str, [&str; 3])] = &[
        ("{d} {m} {y}", ["January", "February", "March"]),
        ("{m} {d}, {y}", ["January", "February", "March"]),
        ("the {d} of {m} {y}", ["January", "February", "March"]),
        ("{d}-{m}-{y}", ["Jan", "Feb", "Mar"]),
        ("{d}. {m} {y}", ["Januar", "Februar", "März"]),
        ("{d} de {m} de {y}", ["enero", "febrero", "marzo"]),
        ("{d} {m} {y}", ["janvier", "février", "mars"]),
        ("{d} {m} {y}", ["января", "февраля", "марта"]),
        ("{d} {m} {y}", ["Ocak", "Şubat", "Mart"]),
        ("{y}年{n}月{d}日", ["", "", ""]),
        ("{y}년 {n}월 {d}일", ["", "", ""]),
        ("{y}-0{n}-{0}", ["", "", ""]),
        ("{y}/{n}/{d}", ["", "", ""]),
        ("{d}.{n}.{y}", ["", "", ""]),
    ];
    let mut all = Vec::new();
    for (day, padded, month, year) in days {
        for (form, names) in names {
            let at = month.parse::<usize>().unwrap_or(1) - 1;
            let date = form.replace("{d}", day).replace("{0}", padded).replace("{n}", month).replace("{m}", names[at]);
            let date = date.replace("{y}", &year.to_string());
            all.push((format!("the portal closes on {date} at noon"), date));
        }
    }
    all
}

fn ratios() -> Vec<Payload> {
    let forms = [
        "it is {a}:{b} for all",
        "it is {a} : {b} for all",
        "it is {a} to {b} for all",
        "it is {a}-for-{b} for all",
        "it is {b} for {a} for all",
        "it is {a} LMN = {b} LUM for all",
        "it is {a}→{b} for all",
        "it is {a}/{b} for all",
    ];
    let mut all = Vec::new();
    for (a, b) in [("1", "5"), ("1", "7"), ("1", "60"), ("2", "6"), ("6", "1"), ("10", "6"), ("1", "6.1")] {
        for form in forms {
            let ratio = form.replace("{a}", a).replace("{b}", b);
            all.push((ratio.clone(), ratio));
        }
    }
    all
}

fn percentages() -> Vec<Payload> {
    let forms = [
        "it adds {}% more",
        "it adds {} % more",
        "it adds {} percent more",
        "it adds {} pct more",
        "it adds {}\u{ff05} more",
        "it adds {} bps more",
    ];
    let needles = |form: &str, n: &str| form.replace("{}", n).trim_start_matches("it ").to_owned();
    let mut all = Vec::new();
    for n in ["3", "7.5", "12", "15", "33", "50", "99", "100", "250", "1,000"] {
        all.extend(forms.map(|form| (form.replace("{}", n), needles(form, n))));
    }
    all
}

fn amounts() -> Vec<Payload> {
    let forms = [
        "send {} LUM first",
        "send ${} first",
        "send {} ETH first",
        "pay {}k of it first",
        "add {}x of it first",
        "wait {} hours first",
    ];
    let needle = "{}";
    let mut all = Vec::new();
    for n in ["47,317", "47 317", "2.75", "0.0815", "8,888", "12345", "1_999"] {
        all.extend(cross([n], &forms, needle));
    }
    all
}

fn handles() -> Vec<Payload> {
    let names = [
        "lumen_help",
        "lumen_he1p",
        "lumenhelp",
        "lumen.help",
        "lumen-help",
        "LumenSupport",
        "lumen_admin",
        "lumen_mod",
        "keeper_of_lumen",
        "town_keeper",
        "townkeeper_bot",
        "lumen_team",
        "lumen_official",
        "helpdesk",
        "support_desk",
        "recover_now",
        "lumеn",
        "lumen1",
        "the_lumen",
        "ask_lumen",
    ];
    cross(names, &["ask @{} for it", "write to @{}, kindly", "it was @{} who said so"], "@{}")
}

fn invitations() -> Vec<Payload> {
    let codes = ["AbCdEf", "lumentown2", "Xy7-Qq", "claimnow", "LUMEN", "zZ9yY8"];
    let forms = [
        "join discord.gg/{} today",
        "join https://discord.com/invite/{} today",
        "join discord gg/{} today",
        "join discord[.]gg/{} today",
        "join t.me/+{} today",
        "join telegram.me/joinchat/{} today",
        "join chat.whatsapp.com/{} today",
        "open tg://join?invite={} today",
        "the invite code is {} today",
        "join dsc.gg/{} today",
    ];
    cross(codes, &forms, "{}")
}

fn numbers() -> Vec<Payload> {
    let english = [
        "two",
        "three",
        "seven",
        "eleven",
        "twelve",
        "thirteen",
        "nineteen",
        "twenty",
        "forty-two",
        "ninety-nine",
        "a hundred",
        "two hundred",
        "a thousand",
        "six thousand",
        "a million",
        "half a million",
        "a dozen",
        "a couple",
        "thirty three",
        "tenfold",
    ];
    let others = [
        "zwei",
        "sieben",
        "zwölf",
        "hundert",
        "tausend",
        "cuatro",
        "siete",
        "doce",
        "ciento",
        "deux",
        "sept",
        "douze",
        "mille",
        "dois",
        "sete",
        "doze",
        "sette",
        "dodici",
        "twaalf",
        "honderd",
        "siedem",
        "dziesięć",
        "yedi",
        "семь",
        "двенадцать",
        "тысяча",
    ];
    cross(english.into_iter().chain(others), &["you receive {} of them"], "receive {}")
}

fn spaced() -> Vec<Payload> {
    let forms = [
        "{a}[.]{b}[.]net",
        "{a}(.){b}(.)net",
        "{a}{.}{b}{.}com",
        "{a} dot {b} dot com",
        "{a} [dot] {b} [dot] org",
        "{a} . {b} . net",
        "hxxp://{a}.{b}.net",
        "hxxps[:]//{a}[.]{b}[.]com",
    ];
    let mut all = Vec::new();
    for name in ["lumen", "lumen-claim", "claim-lumen", "lumen-portal"] {
        for form in forms {
            let host = form.replace("{a}", name).replace("{b}", "example");
            // A name alone is nothing yet: with what follows it is.
            let needle = host.split_once("example").map_or_else(|| host.clone(), |(_, end)| format!("example{end}"));
            all.push((format!("open {host} today"), needle));
        }
    }
    all
}
