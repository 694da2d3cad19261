//! Tables of what must be found, and what must be left alone.

use proptest::prelude::*;

use super::*;
use FindingKind::{Address, Amount, Date, Encoded, Handle, Host, Invite, Url};

/// What is found in `text`, as kind and value.
fn found(text: &str) -> Vec<(FindingKind, String)> {
    extract(text).into_iter().map(|finding| (finding.kind, finding.value)).collect()
}

fn check(cases: &[(&str, &[(FindingKind, &str)])]) {
    for (text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(kind, value)| (*kind, (*value).to_owned())).collect();
        assert_eq!(found(text), expected, "{text:?}");
    }
}

const EVM: &str = "0x52908400098527886E0F7030069857D2E4169EE7";
const SOLANA: &str = "So11111111111111111111111111111111111111112";
const BECH32: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

#[test]
fn destinations_are_what_is_found_but_for_numbers() {
    let text = "https://example.org by 4 February, 13 % to @name or 0x52908400098527886E0F7030069857D2E4169EE7, half of your 6";
    let mut all = extract(text);
    all.retain(|finding| !matches!(finding.kind, Date | Amount));
    assert_eq!((all.len(), destinations(text)), (3, all));
}

#[test]
fn links() {
    check(&[
        ("https://Example.ORG/A/b/", &[(Url, "https://example.org/A/b")]),
        ("see (https://example.org/a_(b)).", &[(Url, "https://example.org/a_(b)")]),
        ("[portal](https://example.org/x)!", &[(Url, "https://example.org/x")]),
        (
            "**https://example.org**, <https://example.org/>",
            &[(Url, "https://example.org"), (Url, "https://example.org")],
        ),
        ("http://example.org:80/a?b=1#c", &[(Url, "http://example.org/a?b=1#c")]),
        ("hxxps://example[.]org/x", &[(Url, "https://example.org/x")]),
        ("https[:]//example(dot)org", &[(Url, "https://example.org")]),
        ("https:\\\\example.org\\x", &[(Url, "https://example.org/x")]),
        ("go to example.org/x?y, now", &[(Url, "https://example.org/x?y")]),
        ("t.me/lumen and github.com/lumen", &[(Url, "https://t.me/lumen"), (Url, "https://github.com/lumen")]),
        ("example dot org/x", &[(Url, "https://example.org/x")]),
        ("ex\u{200B}ample.o\u{AD}rg/x", &[(Url, "https://example.org/x")]),
        ("ｅｘａｍｐｌｅ．ｏｒｇ／ｘ", &[(Url, "https://example.org/x")]),
        ("portal.https://example.org", &[(Url, "https://example.org")]),
        ("https://user@example.org/x", &[(Url, "https://user@example.org/x")]),
        ("https://bücher.example.org", &[(Url, "https://xn--bcher-kva.example.org")]),
        ("javascript:alert(1)", &[(Url, "javascript:alert(1)")]),
        ("mailto:Me@Example.org or Me@example.org.", &[(Url, "mailto:me@example.org"), (Url, "mailto:me@example.org")]),
        ("192.0.2.1:8080/x", &[(Url, "https://192.0.2.1:8080/x")]),
        ("example.org./x", &[(Url, "https://example.org/x")]),
        ("https://example.org/2026-02-04/1:6/0x12345678", &[(Url, "https://example.org/2026-02-04/1:6/0x12345678")]),
        ("example.org/@name", &[(Url, "https://example.org/@name")]),
        ("https://пример.example.org", &[(Url, "https://xn--e1afmkfd.example.org")]),
    ]);
}

#[test]
fn hosts() {
    check(&[
        ("example.org", &[(Host, "example.org")]),
        ("Visit www.Example.org.", &[(Host, "www.example.org")]),
        ("example.org/", &[(Host, "example.org")]),
        ("example.org.Then go", &[(Host, "example.org")]),
        ("example。org", &[(Host, "example.org")]),
        ("exаmple.org", &[(Host, "xn--exmple-4nf.org")]),
        ("пример.рф", &[(Host, "xn--e1afmkfd.xn--p1ai")]),
        ("shop.com.np shop.xx.np", &[(Host, "shop.com.np"), (Host, "shop.xx.np")]),
        ("192.0.2.1", &[(Host, "192.0.2.1")]),
        ("lumen.eth", &[(Host, "lumen.eth")]),
        ("example . org, example .org", &[(Host, "example.org"), (Host, "example.org")]),
        ("a[.]b[.]example[.]org, example dot co dot uk", &[(Host, "a.b.example.org"), (Host, "example.co.uk")]),
        ("e.g. this, i.e. that... etc. and/or U.S. end.Tell", &[]),
        ("swap DOT to the next", &[]),
        (
            "go to a . example . net now, or lumen dot example dot live",
            &[(Host, "example.net"), (Host, "example.live")],
        ),
        ("e x a m p l e . o r g today", &[(Host, "example.org")]),
        (r"example\.org, example**.**org, example&period;org", &[(Host, "example.org"); 3]),
        ("example&#46;org, example&#x2E;org, example%2eorg", &[(Host, "example.org"); 3]),
    ]);
}

#[test]
fn addresses() {
    check(&[
        (EVM, &[(Address, EVM)]),
        (&format!("_{EVM}_,"), &[(Address, EVM)]),
        (&EVM.replacen("0x", "0X", 1), &[(Address, EVM)]),
        (SOLANA, &[(Address, SOLANA)]),
        (BECH32, &[(Address, BECH32)]),
        ("0x5290…9EE7", &[(Address, "0x5290...9EE7")]),
        ("7xKX...gAsU", &[(Address, "7xKX...gAsU")]),
        ("0xdeadbeef", &[(Address, "0xdeadbeef")]),
        (&format!("0x{}", "ab".repeat(32)), &[(Address, &format!("0x{}", "ab".repeat(32)))]),
        (&"ab12".repeat(16), &[(Address, &"ab12".repeat(16))]),
        ("0x5290\u{200B}8400098527886E0F7030069857D2E4169EE7", &[(Address, EVM)]),
        ("antidisestablishmentarianism Donaudampfschifffahrtsgesellschaft", &[]),
        ("wait...what so...", &[]),
    ]);
    assert_ne!(found(EVM), found(&EVM.to_lowercase()), "case is a checksum");
}

#[test]
fn dates() {
    check(&[
        ("4 February 2026", &[(Date, "2026-02-04")]),
        ("February 4th, 2026", &[(Date, "2026-02-04")]),
        ("4th of Feb. 2026", &[(Date, "2026-02-04")]),
        ("Feb 4", &[(Date, "--02-04")]),
        ("February 4th", &[(Date, "--02-04")]),
        ("March the fifth, the twenty-first of May 2031", &[(Date, "--03-05"), (Date, "2031-05-21")]),
        ("the second of February, February the thirtieth", &[(Date, "--02-02"), (Date, "--02-30")]),
        ("4-Feb-26, 4 Feb '26", &[(Date, "2026-02-04"), (Date, "2026-02-04")]),
        ("2026-02-04 2026/2/4 2026.02.04", &[(Date, "2026-02-04"), (Date, "2026-02-04"), (Date, "2026-02-04")]),
        ("2026‑02‑04", &[(Date, "2026-02-04")]),
        ("２０２６年２月４日", &[(Date, "2026-02-04")]),
        ("٢٠٢٦-٠٢-٠٤", &[(Date, "2026-02-04")]),
        ("04/02/2026 4/2/26 04.02.2026", &[(Date, "04/02/2026"), (Date, "04/02/2026"), (Date, "04/02/2026")]),
        ("25/02/2026 02/25/2026", &[(Date, "2026-02-25"), (Date, "2026-02-25")]),
        ("February 2026, 2026-02", &[(Date, "2026-02"), (Date, "2026-02")]),
        ("Q1 2026", &[(Date, "2026-Q1")]),
        ("since 2025 or in March", &[(Date, "2025"), (Date, "--03")]),
        ("by the end of May", &[(Date, "--05")]),
        ("2026-02-04T12:30Z", &[(Date, "2026-02-04"), (Amount, "12:30")]),
        ("4 February 5 March", &[(Date, "--02-04"), (Date, "--03-05")]),
        ("2000 LMN, $2000, 2000 tokens", &[(Amount, "2000"), (Amount, "$2000"), (Amount, "2000")]),
        ("4\tFebruary\r\n2026, 4   February  2026", &[(Date, "2026-02-04"), (Date, "2026-02-04")]),
        ("at 2026 UTC", &[(Date, "2026")]),
        ("4. Februar 2026, 4 de febrero de 2026, 4 février 2026, 4 febbraio 2026", &[(Date, "2026-02-04"); 4]),
        ("4 de fevereiro de 2026, 4 lutego 2026, 4 Şubat 2026", &[(Date, "2026-02-04"); 3]),
        ("4 февраля 2026, 4 лютого 2026, 2026년 2월 4일", &[(Date, "2026-02-04"); 3]),
        ("2月4日, am 4. Februar", &[(Date, "--02-04"); 2]),
        ("im Dezember, в феврале, в декабре, décembre", &[(Date, "--12"), (Date, "--12")]),
        ("you may march on; Mars, mai, gen, out, листопад", &[]),
    ]);
}

#[test]
fn amounts() {
    check(&[
        ("13% 13 percent 13 per cent １３％", &[(Amount, "13%"); 4]),
        ("1:6, 1 : 6, 1 to 6, 1-to-6", &[(Amount, "1:6"); 4]),
        ("1 LMN to 6 LUM, 1 LMN = 6 LUM, 1 LMN → 6 LUM", &[(Amount, "1:6"); 3]),
        ("1 LMN is 6 LUM, 1 token gives you 6", &[(Amount, "1:6"); 2]),
        ("one to six, one-for-six, 1 to six", &[(Amount, "1:6"); 3]),
        ("47,316 47316 47'316 47_316", &[(Amount, "47316"); 4]),
        ("47 316 LMN", &[(Amount, "47316")]),
        ("47k, 47 thousand, forty-seven thousand tokens", &[(Amount, "47000"); 3]),
        ("1.5 million, 1,500,000, 1.500.000, 1.5M", &[(Amount, "1500000"); 4]),
        ("$1.50 1.5 USD US$1.5 1,5 dollars", &[(Amount, "$1.5"); 4]),
        ("€1.234,50", &[(Amount, "€1234.5")]),
        ("½ 1/2 half of your", &[(Amount, "1/2"); 3]),
        ("double your, 2x, two times", &[(Amount, "2x"); 3]),
        ("double what you send, it doubles, doubling it, twice as much", &[(Amount, "2x"); 4]),
        ("It triples. Half what you sent", &[(Amount, "3x"), (Amount, "1/2")]),
        ("ninety days; six LUM", &[(Amount, "90"), (Amount, "6")]),
        ("007 0.50 1.2.3", &[(Amount, "7"), (Amount, "0.5"), (Amount, "1.2.3")]),
        ("v2 ratio1to6", &[(Amount, "2"), (Amount, "1:6")]),
        ("at 09:05", &[(Amount, "9:05")]),
        ("1.500 1.5", &[(Amount, "1.500"), (Amount, "1.5")]),
        ("❶:❻ ①：⑥ ١:٦ 1\n:\n6", &[(Amount, "1:6"); 4]),
        ("13٪ 13‰", &[(Amount, "13%"), (Amount, "13‰")]),
        ("1\u{200B}3\u{FE0F}%", &[(Amount, "13%")]),
        ("ERC-20 on web3, BIP39, 24/7 layer 2", &[]),
        ("one of us, double-check, second to none", &[]),
    ]);
}

#[test]
fn the_numbers_of_a_list_are_no_amounts_but_a_number_alone_is() {
    check(&[("1. Open\n2. Choose 5\n 3) Sign", &[(Amount, "5")]), ("You get\n6. for each", &[(Amount, "6")])]);
}

#[test]
fn handles() {
    check(&[
        ("ask @Lumen_Help.", &[(Handle, "@lumen_help")]),
        ("@everyone (@a)", &[(Handle, "@everyone"), (Handle, "@a")]),
        ("@Keeper:example.org", &[(Handle, "@keeper:example.org")]),
        ("@keeper@example.org", &[(Handle, "@keeper@example.org")]),
        ("#room:example.org", &[(Handle, "#room:example.org")]),
        ("<@123456789>", &[(Handle, "@123456789")]),
    ]);
}

#[test]
fn invitations() {
    check(&[
        ("discord.gg/AbC, https://discord.com/invite/AbC?x=1", &[(Invite, "https://discord.gg/AbC"); 2]),
        ("discord gg/AbC or discord[.]gg/AbC", &[(Invite, "https://discord.gg/AbC"); 2]),
        ("t.me/+AbC_d, telegram.me/joinchat/AbC_d", &[(Invite, "https://t.me/+AbC_d"); 2]),
        ("tg://join?invite=AbC", &[(Invite, "https://t.me/+AbC")]),
        ("https://chat.whatsapp.com/AbC", &[(Invite, "https://chat.whatsapp.com/AbC")]),
        ("The invite code is `AbC-9`.", &[(Invite, "code:AbC-9")]),
        ("use invite code: lumenclaim", &[(Invite, "code:lumenclaim")]),
        ("the invite link is posted there; an invitation came", &[]),
    ]);
}

#[test]
fn base64_that_hides_a_link() {
    check(&[
        ("decode aHR0cHM6Ly9leGFtcGxlLm5ldA== now", &[(Encoded, "aHR0cHM6Ly9leGFtcGxlLm5ldA==")]),
        ("decode aHR0 cHM6Ly9l eGFt cGxl Lm5ldA== now", &[(Encoded, "aHR0cHM6Ly9leGFtcGxlLm5ldA==")]),
        ("use MetaMask ZXhhbXBsZS5uZXQ", &[(Encoded, "MetaMaskZXhhbXBsZS5uZXQ")]),
        ("`ZXhhbXBsZS5jb20vYWI_Yw`", &[(Encoded, "ZXhhbXBsZS5jb20vYWI_Yw")]),
        ("MetaMask WalletConnect LinkedIn DeFi DAOs and/or Self-Custody JavaScript", &[]),
    ]);
    for (word, odd) in [("ZXhh", true), ("bHVtZW4u", true), ("MetaMask", false), ("DAOs", false), ("iPhone", false)] {
        assert_eq!(is_odd(word), odd, "{word}");
    }
}

#[test]
fn a_label_that_shows_another_host_than_it_opens() {
    for (text, masked) in [
        ("[lumen.example.org](https://lumen.example.net)", true),
        ("[https://lumen.example.org/x](https://other.example.org/x)", true),
        ("[the portal](https://lumen.example.org)", false),
        ("[lumen.example.org](https://lumen.example.org/x)", false),
        ("[lumen.example.org] (see above)", false),
    ] {
        assert_eq!(masks(text), masked, "{text}");
    }
}

#[test]
fn the_host_of_a_finding() {
    let hosts = |text| extract(text).iter().map(|f| f.host().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(hosts("https://a@example.org:8080/x"), [Some("example.org".to_owned())]);
    assert_eq!(hosts("example.org 13%"), [Some("example.org".to_owned()), None]);
    assert_eq!(hosts("mailto:a@example.org"), [None]);
}

#[test]
fn ranges_point_into_the_original() {
    let text = "Ａｔ ex\u{200B}ample[.]org — ４ February";
    let words: Vec<_> = extract(text).iter().map(|f| text.get(f.range.clone()).unwrap()).collect();
    assert_eq!(words, ["ex\u{200B}ample[.]org", "４ February"]);
}

/// The red twin of the view: what the patterns alone would let pass.
#[test]
fn the_patterns_alone_miss_disguises_that_the_view_undoes() {
    for disguise in ["example[.]org/x", "exam\u{200B}ple.o\u{AD}rg/x", "ｅｘａｍｐｌｅ．ｏｒｇ／ｘ"] {
        let bare: Vec<_> = links::paths(disguise).into_iter().filter_map(|hit| hit.value).collect();
        assert!(!bare.contains(&"https://example.org/x".to_owned()), "{disguise}");
        assert_eq!(found(disguise), [(Url, "https://example.org/x".to_owned())], "{disguise}");
    }
}

#[test]
fn a_megabyte_of_anything_is_read() {
    let units = [
        "a.",
        "zz.",
        "1.",
        "1 ",
        "1:",
        "1 to ",
        "@",
        "a@",
        "@a.b:",
        "https://",
        "x:/",
        "0x",
        "0x1234...",
        "[.]",
        " dot ",
        "one ",
        "one to ",
        "one hundred and ",
        "4 feb ",
        "2026-",
        "1 000 ",
        "(",
        ")",
        "-",
        " ",
        "\u{200B}",
        "ａ",
        "½",
        "۱",
        "example.org/",
        "example.org ",
        "a\u{301}",
        "$",
        "1.\n",
        "\u{1F468}\u{200D}",
        "_",
        "#a:b.",
    ];
    for unit in units {
        check_ranges(&unit.repeat((1 << 12) / unit.len()));
    }
    check_ranges(&units.concat().repeat((1 << 20) / units.concat().len()));
}

fn check_ranges(text: &str) {
    for finding in extract(text) {
        assert!(text.get(finding.range.clone()).is_some_and(|words| !words.is_empty()), "{finding:?}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_ranges_are_whole_characters_in_order(
        noise in "\\PC{0,40}",
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "https://", "example.org", "/x", "@", "1", ":", "6", " to ", "2026", "-02", "-04", " Feb ", "½", "％",
                "[.]", " dot ", "com", "one", " ", "0x", "1234", "...", "\u{200B}", "é", "\u{301}", "。", "年", "月", "\n",
                "#", "$", ",", "hundred", "4th", "may", "'", "７", "\u{1F468}\u{200D}", "(", ")", "mailto:", "\\",
            ]),
            0..25,
        ),
    ) {
        let text = format!("{}{noise}", parts.concat());
        let mut last = 0;
        for finding in extract(&text) {
            prop_assert!(text.get(finding.range.clone()).is_some_and(|words| !words.is_empty()), "{finding:?}");
            prop_assert!(finding.range.start >= last);
            prop_assert!(!finding.value.is_empty());
            last = finding.range.start;
        }
    }

    #[test]
    fn nothing_with_digits_goes_unseen(before in "[a-z ]{0,10}", digits in "[0-9]{1,30}", after in "[a-z .,:/-]{0,10}") {
        let text = format!("{before}{digits}{after}");
        prop_assume!(amounts::names(&text).is_empty());
        prop_assert!(!extract(&text).is_empty(), "{}", text);
    }

    #[test]
    fn a_finding_alone_is_found_again(text in "(https://|www\\.)?[a-z]{2,8}\\.(org|com|io)(/[a-z0-9]{0,6}){0,2}|[0-9]{1,3}(,[0-9]{3}){0,2}%?") {
        // A number that could be a year is one, once nothing else says that it counts something.
        for finding in extract(&text).into_iter().filter(|finding| !matches!(finding.value.parse(), Ok(1900..2100))) {
            let again = extract(&finding.value);
            prop_assert_eq!(again.first().map(|f| (f.kind, &f.value)), Some((finding.kind, &finding.value)));
        }
    }
}
