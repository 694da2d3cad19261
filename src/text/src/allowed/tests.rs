//! What is ours, what is nearly ours, and what is nothing like it.

use super::*;

const OURS: &str = "Open https://lumen.example.org/migrate before 4 February 2027, one LMN to six LUM, 47,316 in all. The \
    contract is 0x52908400098527886E0F7030069857D2E4169EE7, on Solana 7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU. \
    Ask @lumen_help or discord.gg/LumenTown.";

fn only(text: &str) -> Finding {
    let mut found = extract(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found.remove(0)
}

#[test]
fn what_is_published_may_be_said_in_any_of_its_spellings() {
    let allowed = Allowed::of([OURS]);
    for text in [
        "hxxps://Lumen[.]example[.]org/migrate/",
        "lumen.example.org",
        "2027-02-04",
        "4. Februar 2027",
        "4 de febrero de 2027",
        "4 февраля 2027",
        "2027년 2월 4일",
        "2月4日",
        "February 4th",
        "in February 2027",
        "1:6",
        "one-for-six",
        "1 LMN = 6 LUM",
        "47316",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU",
        "@Lumen_Help",
        "https://discord.com/invite/LumenTown",
        "the invite code is LumenTown",
    ] {
        assert!(allowed.holds(&only(text)), "{text}");
        assert_eq!(allowed.near(&only(text)), None, "{text}");
    }
}

#[test]
fn what_is_nearly_ours_is_told_from_what_is_nothing_like_it() {
    let allowed = Allowed::of([OURS]);
    for near in [
        "https://lurnen.example.org/migrate",
        "1umen.example.org",
        "lumеn.example.org",
        "lumen.example.org.claim.example.net",
        "lumen-claim.example.net",
        "lumne.example.org",
        "help@lumen-claim.example.net",
        "0x52908400098527886e0f7030069857d2e4169ee7",
        "0x529000000000000000000000000000000000 9EE7".replace(' ', "").as_str(),
        "0x5290...9EE7",
        "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsu",
        "5 February 2027",
        "4 March 2027",
        "4 February 2028",
        "1:7",
        "6:1",
        "47,317",
        "@lumen_he1p",
        "@lumen_help_desk",
        "discord.gg/LumenT0wn",
        "invite code LumenTowm",
    ] {
        let finding = only(near);
        assert!(!allowed.holds(&finding), "{near} is not ours");
        assert!(allowed.near(&finding).is_some(), "{near} could be taken for ours");
    }
    for unknown in [
        "https://phish.example.net",
        "other.example.com",
        "0x00000000000000000000000000000000DeaDBeef",
        "9 May 2031",
        "3:8",
        "12%",
        "@somebody",
        "discord.gg/AbCdEf",
    ] {
        let finding = only(unknown);
        assert!(!allowed.holds(&finding), "{unknown} is not ours");
        assert_eq!(allowed.near(&finding), None, "{unknown} is nothing like ours");
    }
}

/// UTS #39: each letter of our host, replaced by each of those that are confused with it.
#[test]
fn every_single_confusable_of_our_host_is_seen() {
    let allowed = Allowed::of(["https://lumen.example.org"]);
    let host = "lumen.example.org";
    let alike = |c: char| {
        ('\u{a1}'..='\u{ffff}').filter(move |other| {
            other.is_alphanumeric() && skeleton_of(*other) == skeleton_of(c) && !other.is_whitespace()
        })
    };
    let mut tried = 0;
    for (at, c) in host.char_indices().filter(|(_, c)| *c != '.') {
        for other in alike(c) {
            let disguised = format!("{}{other}{}", host.get(..at).unwrap(), host.get(at + 1..).unwrap());
            let found = extract(&format!("https://{disguised}"));
            // Some become the plain letter before anybody compares: those are ours.
            let finding = found.first().unwrap_or_else(|| panic!("{disguised} is no link"));
            let seen = allowed.holds(finding) || allowed.near(finding).is_some();
            assert!(seen, "{disguised} ({finding:?})");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

fn skeleton_of(c: char) -> String {
    crate::normalise::skeleton(&c.to_string())
}
