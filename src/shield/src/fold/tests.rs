//! Folding: what is undone, what stays, and that every stretch finds its way back.

use proptest::prelude::*;

use super::*;

fn folded(text: &str) -> String {
    Folded::new(text).text().to_owned()
}

#[test]
fn tricks_are_undone() {
    let cases = [
        ("ｃｌａｉｍ your ｔｏｋｅｎｓ", "claim your tokens"),
        ("mi\u{200B}gra\u{AD}te y\u{2060}our wal\u{200D}let", "migrate your wallet"),
        ("𝗖𝗹𝗮𝗶𝗺 𝓎𝑜𝓊𝓇 𝔯𝔢𝔴𝔞𝔯𝔡", "claim your reward"),
        ("ⓒⓛⓐⓘⓜ 🅝🅞🅦 🆆🅰🅻🅻🅴🆃 ᴄʟᴀɪᴍ", "claim now wallet claim"),
        ("Сlаіm уоur tоkеns nоw", "claim your tokens now"),
        ("СLАІМ the АIRDRОР", "claim the airdrop"),
        ("vаlidаtе yоur wаllеt with аlphа", "validate your wallet with alpha"),
        ("cl\u{336}a\u{336}i\u{336}m n\u{337}\u{321}ow", "claim now"),
        ("cla1m supp0rt w@llet p@ssphr4se", "claim support wallet passphrase"),
        ("wa11et va1idate c1aim 0fficial s£ed m0r3", "wallet validate claim official seed more"),
        ("enter your s e e d   p h r a s e here", "enter your seed phrase here"),
        ("D M  m e  f o r  h e l p", "dm me for help"),
        ("c.l.a.i.m n-o-w t_o_k_e_n", "claim now token"),
        ("claım ın tıme", "claim in time"),
        ("claim сlаіm しましょう今日は受け取れます", "claim claim しましょう今日は受け取れます"),
        ("с l а i m", "claim"),
        ("e n t e r y o u r s e e d now", "enter your seed now"),
        ("c.l.a.i.m.n.o.w", "claim now"),
        ("𝗱 𝗺 𝗺 𝗲", "dm me"),
    ];
    for (text, expected) in cases {
        let folded = Folded::new(text);
        assert_eq!(folded.text(), expected, "{text:?}");
        assert!(folded.changed() > 0.0, "{text:?}");
    }
    assert_eq!(folded("  Claim\u{A0}\tNOW \n"), "claim now");
}

/// The short way trusts in it.
#[test]
fn what_is_copied_is_as_long_in_lower_case() {
    let copied = ('\0'..=char::MAX).filter(|c| plain::is_plain(&c.to_string()));
    for c in copied {
        let lower: String = c.to_lowercase().collect();
        assert!(lower.len() == c.len_utf8() && (c.is_ascii() || !c.is_whitespace()), "{c:?}");
    }
}

#[test]
fn honest_writing_stays_what_it_is() {
    let cases = [
        "Привет! Я сегодня перевёл токены, а в кошельке пусто: что делать?",
        "А я и в понедельник не смогу",
        "Нужна SIM-карта, пишите в WhatsApp, у меня iPhone и VPN",
        "Καλημέρα σε όλους, πού είναι το πορτοφόλι μου;",
        "トークンはいつ受け取れますか？ ウォレットに 3 枚あります",
        "我的钱包里没有收到代币，怎么办？",
        "토큰을 언제 받을 수 있나요?",
        "¿Cuándo podré migrar mis fichas? Está pendiente así",
        "Não recebi nada na minha carteira até agora, é normal?",
        "Cüzdanımı nasıl taşırım, yardım eder misiniz?",
        "Grüße aus Köln, wie geht’s weiter mit dem Tausch?",
        "web3 p2p v2 mp3 b2c 10k 4th 24h 3 days x86 h264 sha256 covid19",
        "see docs.example.org/v2/p4th and mail t0m@example.org, @us3r #t4g $lum",
        "0x52908400098527886e0f7030069857d2e4169ee7",
        "7xkxtg2cw87d97txjsdpbd5jbkheTqA83tzrujosgasu",
        "e.g. i.e. plan b is a go, wow!!! ok",
        "5 + 3 = 8, 1 2 3 4 5",
        "👩\u{200D}👧 ❤\u{FE0F} 🇩🇪",
    ];
    for text in cases {
        let plain = text.to_lowercase().replace(['\u{200D}', '\u{FE0F}'], "").replace('？', "?").replace('，', ",");
        assert_eq!(folded(text), plain, "{text:?}");
        assert!(Folded::new(text).changed() < f32::EPSILON, "{text:?}");
    }
}

#[test]
fn letters_that_hide_in_a_russian_word_become_russian() {
    assert_eq!(folded("зapaбoтoк от 500 долларов, пишите"), "заработок от 500 долларов, пишите");
    assert!(Folded::new("зapaбoтoк от 500 долларов, пишите").changed() > 0.1);
}

#[test]
fn the_way_back_leads_to_the_words_that_were_written() {
    let cases = [
        ("Please CLAIM  it", "claim", "CLAIM"),
        ("Please  claim it", "it", "it"),
        ("a \n b  c", "b c", "b  c"),
        ("go 𝗖𝗹𝗮𝗶𝗺 it", "claim", "𝗖𝗹𝗮𝗶𝗺"),
        ("go 𝗖𝗹𝗮𝗶𝗺 it", "lai", "𝗹𝗮𝗶"),
        ("x mi\u{200B}gra\u{200B}\u{200B}te now", "migrate", "mi\u{200B}gra\u{200B}\u{200B}te"),
        ("your s e e d  p h r a s e ok", "seed", "s e e d"),
        ("your s e e d  p h r a s e ok", "phrase", "p h r a s e"),
        ("ﬁne words", "fine", "ﬁne"),
        ("ﬁne words", "i", "ﬁ"),
        ("Я ПЕРЕВЁЛ ТОКЕНЫ", "перевёл", "ПЕРЕВЁЛ"),
        ("cafe\u{301} ok", "café", "cafe\u{301}"),
    ];
    for (text, words, expected) in cases {
        let folded = Folded::new(text);
        let start = folded.text().find(words).unwrap();
        let place = folded.original(start..start + words.len());
        assert_eq!(text.get(place), Some(expected), "{text:?}");
    }
}

/// Each of these is read once, however long it is: otherwise this would take hours.
#[test]
fn no_text_takes_more_than_its_length() {
    for piece in
        ["1 ", "a ", "и ", "a.", "e\u{301}\u{302}", "\u{200B}", "Сl", "0a", "ﷺ", "a@1", "\u{1160}", " ", "x.yy"]
    {
        let text = piece.repeat(200_000);
        let folded = Folded::new(&text);
        let end = folded.text().len();
        assert!(text.get(folded.original(end / 2..end)).is_some(), "{piece:?}");
    }
}

/// Honest and tricky characters, so that they meet.
fn texts() -> impl Strategy<Value = String> {
    "([a-zA-Z ]{0,9}|[0-9@$!|.,_ -]{0,3}|[а-яА-Яο-ω]{0,5}|[\u{200B}\u{AD}\u{301}\u{FE0F}\u{2800}ﬁ½ﷺİßĳ𝗖𝓎🅰ᴀ👩１Ａ\n]{0,3}|\\PC{0,3}){0,8}"
}

proptest! {
    #[test]
    fn every_stretch_has_its_place(text in texts(), from in 0..64_usize, to in 0..64_usize) {
        let folded = Folded::new(&text);
        let range = folded.original(from.min(to)..from.max(to));
        prop_assert!(text.get(range.clone()).is_some(), "{:?} of {:?}", range, text);
        let all = folded.original(0..folded.text().len());
        prop_assert!(all.start <= range.start.max(all.start) && range.end <= text.len());
        // Later stretches do not stand before earlier ones.
        let starts: Vec<_> = folded.text().char_indices().map(|(at, _)| folded.original(at..at + 1).start).collect();
        prop_assert!(starts.is_sorted(), "{starts:?}");
        prop_assert!((0.0..=1.0).contains(&folded.changed()));
    }

    #[test]
    fn the_short_way_reads_what_the_long_way_reads(
        text in "([a-zA-Z]{0,6}[ \t\n.,'-]{0,3}[0-9@$!|]{0,2}|[а-яА-ЯёЁӀ҂]{0,6}[ \n.,•|«—🚀-]{0,2}[0-9!|]{0,1}){0,8}",
    ) {
        let (short, long) = (Folded::new(&text), Folded::closely(&text));
        prop_assert_eq!(short.text(), long.text());
        prop_assert!((short.changed() - long.changed()).abs() < f32::EPSILON);
        for (at, c) in short.text().char_indices().filter(|(_, c)| *c != ' ') {
            prop_assert_eq!(short.original(at..at + c.len_utf8()), long.original(at..at + c.len_utf8()));
        }
    }
}
