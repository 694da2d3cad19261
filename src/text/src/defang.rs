//! Links and addresses that nobody can open or copy by accident: what somebody else wrote, shown by us.

use crate::allowed::Allowed;
use crate::extract::{Finding, FindingKind, extract};

/// `text` with every link, host, invitation and address written so that no platform makes it clickable and no wallet
/// takes it, except what is `allowed`.
pub fn defang(text: &str, allowed: &Allowed) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for finding in extract(text) {
        let harmless = match finding.kind {
            FindingKind::Url | FindingKind::Host | FindingKind::Invite => links,
            FindingKind::Address | FindingKind::Encoded => abbreviated,
            FindingKind::Date | FindingKind::Amount | FindingKind::Handle => continue,
        };
        if allowed.holds(&finding) || finding.range.start < done {
            continue;
        }
        let Finding { range, .. } = finding;
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(&harmless(text.get(range.clone()).unwrap_or_default()));
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// `hxxps[:]//example[.]org`.
fn links(link: &str) -> String {
    let mut out = String::with_capacity(link.len() + 8);
    let link = match link.get(..4) {
        Some(http) if http.eq_ignore_ascii_case("http") => {
            out.push_str("hxxp");
            link.get(4..).unwrap_or_default()
        }
        _ => link,
    };
    let mut before = ' ';
    for c in link.chars() {
        match c {
            '.' | '\u{ff0e}' | '\u{3002}' | '\u{ff61}' | '\u{2024}' if before != '[' => out.push_str("[.]"),
            // A mail address, or a scheme that works without slashes.
            '@' if before != '[' => out.push_str("[@]"),
            ':' if before != '[' => out.push_str("[:]"),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// The two ends of an address: enough to tell which one is meant, too little to send to.
fn abbreviated(address: &str) -> String {
    let chars: Vec<char> = address.chars().collect();
    if chars.len() <= 12 {
        return address.to_owned();
    }
    let ends = |part: &[char]| part.iter().collect::<String>();
    format!("{}…{}", ends(chars.get(..6).unwrap_or_default()), ends(chars.get(chars.len() - 4..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_others_wrote_opens_nothing_and_ours_still_does() {
        let ours = Allowed::of(["https://lumen.example.org/migrate"]);
        let cases = [
            ("is https://lumen-claim.example.net/x real?", "is hxxps[:]//lumen-claim[.]example[.]net/x real?"),
            ("is lumen.example.net it? And lumen.example.org?", "is lumen[.]example[.]net it? And lumen.example.org?"),
            ("https://lumen.example.org/migrate", "https://lumen.example.org/migrate"),
            ("me@other.example.net", "me[@]other[.]example[.]net"),
            ("javascript:alert(1)", "javascript[:]alert(1)"),
            ("to 0x52908400098527886E0F7030069857D2E4169EE7 now", "to 0x5290…9EE7 now"),
            ("join discord.gg/AbC on 4 May", "join discord[.]gg/AbC on 4 May"),
            ("nothing. At all.", "nothing. At all."),
        ];
        for (text, expected) in cases {
            assert_eq!(defang(text, &ours), expected);
            assert_eq!(defang(expected, &ours), expected, "twice");
        }
    }

    proptest! {
        #[test]
        fn no_dot_of_a_foreign_host_stays(name in "[a-z]{3,9}", rest in "(/[a-z]{0,5})?", around in "[a-z ]{0,9}") {
            let text = format!("{around} https://{name}.example.net{rest} {around}");
            let safe = defang(&text, &Allowed::default());
            prop_assert!(!safe.contains(&format!("{name}.example")) && !safe.contains("https:"), "{}", safe);
        }
    }
}
