//! The names of months in the languages that communities write most, in full and as they are shortened.

use std::collections::HashMap;
use std::sync::LazyLock;

/// January to December. English, German, Spanish, French, Italian, Portuguese, Dutch, Polish, Czech, Swedish, Turkish,
/// Indonesian, Russian and Ukrainian, in the cases that stand beside a day.
const NAMES: [&str; 12] = [
    "january jan januar jänner enero ene janvier janv gennaio gen janeiro januari styczeń stycznia leden ledna ocak \
     январь января янв січень січня",
    "february feb februar febrero février fevrier févr febbraio fevereiro fev februari luty lutego únor února şubat \
     febuari февраль февраля фев лютий лютого",
    "march mar märz maerz marzo mars março marco maart marzec marca březen března mart maret март марта мар березень \
     березня",
    "april apr abril avril avr aprile kwiecień kwietnia duben dubna nisan апрель апреля апр квітень квітня",
    "may mai mayo maggio maio mei maj maja květen května mayıs май мая травень травня",
    "june jun juni junio juin giugno junho czerwiec czerwca červen června haziran июнь июня июн червень червня",
    "july jul juli julio juillet juil luglio julho lipiec lipca červenec července temmuz июль июля июл липень липня",
    "august aug agosto août aout augustus augusti sierpień sierpnia srpen srpna ağustos agustus август августа авг \
     серпень серпня",
    "september sep sept septiembre setiembre septembre settembre setembro wrzesień września září eylül сентябрь \
     сентября сен вересень вересня",
    "october oct oktober okt octubre octobre ottobre outubro październik października říjen října ekim октябрь \
     октября окт жовтень жовтня",
    "november nov noviembre novembre novembro listopad listopada listopadu kasım ноябрь ноября ноя листопада",
    "december dec dezember dez diciembre décembre decembre dicembre dezembro desember grudzień grudnia prosinec \
     prosince aralık декабрь декабря дек грудень грудня",
];

/// Names that are other words as well, in some language: alone they are no date.
const WORDS: &str = "abr ago apr aug avr dec dez ene feb fev gen jan janv jul juil jun juni maj maja mai maio mar marca marco mars \
    mart mei may mayo march nov oct okt out sep sept juli leden listopad nisan ocak ekim янв фев мар апр июн июл \
    авг сен окт ноя дек мая май лютого лютий листопада";

static MONTHS: LazyLock<HashMap<&str, u32>> = LazyLock::new(|| {
    let named =
        NAMES.iter().zip(1..).flat_map(|(names, number)| names.split_whitespace().map(move |name| (name, number)));
    named.collect()
});

/// 1 to 12; 0 if it is none. In any case.
pub(super) fn number(name: &str) -> u32 {
    MONTHS.get(name.to_lowercase().as_str()).copied().unwrap_or(0)
}

/// Whether a word, in any case, names a month, shortened or not.
pub fn is_month(word: &str) -> bool {
    number(word) > 0
}

/// A pattern for any of them, and one for those that are nothing else.
pub(super) fn patterns() -> (String, String) {
    let alone = |name: &&str| !WORDS.split_whitespace().any(|word| word == *name);
    let names = || NAMES.iter().flat_map(|names| names.split_whitespace());
    (alternatives(names().collect()), alternatives(names().filter(alone).collect()))
}

/// The longest first: where one begins another, the whole word is meant.
fn alternatives(mut names: Vec<&str>) -> String {
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    format!("(?:{})", names.join("|"))
}
