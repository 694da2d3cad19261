//! What a model may not put in words either: numbers, multiples, days, and anything about keys. Stricter than
//! [`townkeeper_contract::text::extract()`], which reads everybody's text: what is found too much here costs an
//! abstention, what is missed may cost a person their money.

use std::collections::HashSet;
use std::sync::LazyLock;

use townkeeper_contract::text::normalise;

/// Numbers and what is made of them. "one", "first" and "second" are other words too often.
const NUMBERS: &str = "billion billionth couple dozen dozens eight eighteen eighteenth eighth eighty eleven eleventh fifteen fifteenth \
    fifth fifty five fiftieth forty four fourfold fourteen fourteenth fourth half halve halved halves hundred hundreds hundredth \
    million millions nine nineteen nineteenth ninety ninth quadruple quarter seven seventeen seventeenth seventh seventy six sixteen \
    sixteenth sixth sixty tenfold ten tenth third thirteen thirteenth thirtieth thirty thousand thousands thrice \
    three threefold trillion twelfth twelve twentieth twenty twice two twofold";

/// The same in other languages, from two to a million; left out is what is another word there or in English ("once", "sei").
const FOREIGN: &str = "zwei zweimal drei dreimal vier fünf sechs sieben neun zehn zwölf zwanzig dreißig fünfzig hundert tausend \
    millionen hälfte zehnfach tres cuatro cinco siete ocho nueve diez doce veinte treinta cincuenta cien ciento millones mitad \
    deux quatre cinq sept neuf dix onze douze vingt trente cinquante mille millions moitié dois três quatro sete oito nove dez \
    doze vinte trinta cem milhões metade due quattro cinque sette otto nove dieci dodici venti cento mila metà twee \
    vijf zeven negen tien twaalf honderd duizend helft dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć sto tysiąc \
    iki üç dört beş altı yedi sekiz dokuz yüz bin два две три четыре пять шесть семь восемь девять десять двенадцать двадцать сто тысяча \
    тысяч тысячи миллион миллиона половина половину";

/// Days that are no dates yet: deadlines are made of them.
const DAYS: &str = "friday midnight monday saturday sunday thursday tomorrow tonight tuesday wednesday montag dienstag mittwoch \
    donnerstag freitag samstag sonntag mitternacht übermorgen lunes martes miércoles jueves viernes sábado domingo mañana \
    medianoche lundi mardi mercredi jeudi vendredi samedi dimanche demain minuit domani amanhã понедельник вторник среда четверг \
    пятница суббота воскресенье завтра сегодня полночь";

/// Multiples, in the languages that communities write most.
const MULTIPLES: &str = "doble dobles doppelt doppelte doppio double doubled doubles doubling dobro duplica duplicar duplo triple tripled \
    triples tripling quadrupled verdoppeln verdoppelt verdoppelung вдвое втрое двойной удвоим удвоит удвоить";

/// The same in scripts without spaces between words.
const SPACELESS: &[&str] = &[
    "倍", "双份", "翻番", "两百", "二百", "一百", "一千", "一万", "十二", "二十", "两个", "三个", "明天", "今晚",
    "明日",
];

/// What opens a wallet. No model asks for it, explains it, or says what to do with it.
const KEYS: &[&str] = &[
    "backup phrase",
    "backup words",
    "frase semilla",
    "keystore",
    "mnemonic",
    "mnemonics",
    "passphrase",
    "passphrases",
    "password",
    "passwords",
    "private key",
    "private keys",
    "recovery phrase",
    "recovery phrases",
    "recovery words",
    "recovery code",
    "secret key",
    "secret keys",
    "secret phrase",
    "secret recovery",
    "secret words",
    "seed phrase",
    "seed phrases",
    "seed word",
    "seed words",
    "seedphrase",
    "your seed",
    "your phrase",
    "your words",
    "wallet words",
    "words of your wallet",
    "clave privada",
    "clé privée",
    "frase de recuperación",
    "phrase de récupération",
    "privater schlüssel",
    "wiederherstellungsphrase",
    "kurtarma ifadesi",
    "секретная фраза",
    "助记词",
    "私钥",
    "сид фраза",
    "приватный ключ",
];

/// [`NUMBERS`], [`FOREIGN`], [`DAYS`] and [`MULTIPLES`]: every word of an answer is looked up here.
static COUNTED: LazyLock<HashSet<&str>> =
    LazyLock::new(|| [NUMBERS, FOREIGN, DAYS, MULTIPLES].into_iter().flat_map(str::split_whitespace).collect());

/// Words that one of [`KEYS`] is made of.
static OF_KEYS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    KEYS.iter().flat_map(|key| key.split(' ')).filter(|word| !matches!(*word, "of" | "your")).collect()
});

/// Characters of [`SPACELESS`], and of the keys in such scripts.
static MARKS: LazyLock<HashSet<char>> = LazyLock::new(|| {
    let keys = KEYS.iter().filter(|key| !key.is_ascii() && !key.contains(' '));
    SPACELESS.iter().chain(keys).flat_map(|mark| mark.chars()).collect()
});

/// What kind of word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Key,
    /// Letters of two alphabets in one word, a name with an underscore.
    Disguise,
}

/// Every such word, in order, in the form in which texts are compared.
pub(super) fn strict(text: &str) -> Vec<(Kind, String)> {
    let normal = normalise(text);
    // Normal forms turn numerals into letters: they are looked for in the text as it is.
    let mut found: Vec<(Kind, String)> =
        text.chars().filter(|c| is_numeral(*c)).map(|c| (Kind::Number, c.to_string())).collect();
    let words: Vec<&str> = normal.split(is_between).filter(|word| !word.is_empty()).collect();
    for word in &words {
        found.extend(kind(word).map(|kind| (kind, (*word).to_owned())));
    }
    let bare = words.join(" ");
    // With spaces around them words are whole; a script without spaces has none.
    let padded = format!(" {} ", bare.replace('-', " "));
    for key in KEYS {
        let whole = if key.is_ascii() { format!(" {key} ") } else { (*key).to_owned() };
        found.extend(padded.matches(whole.as_str()).map(|_| (Kind::Key, (*key).to_owned())));
    }
    for mark in SPACELESS {
        found.extend(normal.matches(mark).map(|_| (Kind::Number, (*mark).to_owned())));
    }
    found
}

/// Whether one of them may begin with this word.
pub(super) fn may_begin(word: &str) -> bool {
    if word.chars().any(is_numeral) {
        return true;
    }
    let normal = if word.is_ascii() { word.to_ascii_lowercase() } else { normalise(word) };
    normal.split(is_between).flat_map(|word| std::iter::once(word).chain(word.split('-'))).any(|part| {
        let marked = || !part.is_ascii() && part.chars().any(|c| MARKS.contains(&c));
        !part.is_empty() && (kind(part).is_some() || OF_KEYS.contains(part) || marked())
    })
}

/// What stands between words; a hyphen and an underscore stand inside them.
fn is_between(c: char) -> bool {
    !(c.is_alphanumeric() || matches!(c, '-' | '_' | '\u{300}'..='\u{36f}'))
}

fn kind(word: &str) -> Option<Kind> {
    let inner = word.trim_matches(['-', '_']);
    if inner.contains('_') || mixes(inner) {
        return Some(Kind::Disguise);
    }
    let spelled = inner.contains('-') && {
        let letters: String = inner.split('-').filter(|part| part.chars().count() == 1).collect();
        letters.len() > 3 && is_number(&letters)
    };
    let counts = is_number(inner) || inner.contains('-') && inner.split('-').any(is_number) && !is_manner(inner);
    (spelled || counts).then_some(Kind::Number)
}

fn is_number(word: &str) -> bool {
    COUNTED.contains(word) || word.strip_suffix("fold").is_some_and(|number| COUNTED.contains(number))
}

/// "double-check" counts nothing.
fn is_manner(word: &str) -> bool {
    ["double-check", "double-click", "double-tap"].iter().any(|manner| word.starts_with(manner))
}

/// Latin and look-alike letters in one word.
fn mixes(word: &str) -> bool {
    let latin = word.chars().any(|c| c.is_ascii_alphabetic());
    latin
        && word
            .chars()
            .any(|c| matches!(c, '\u{370}'..='\u{52f}' | '\u{13a0}'..='\u{13ff}' | '\u{10400}'..='\u{1044f}'))
}

/// Roman and other numerals that no digit finder reads.
fn is_numeral(c: char) -> bool {
    !c.is_ascii() && c.is_numeric()
}
