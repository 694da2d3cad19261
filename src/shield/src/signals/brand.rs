//! Whether a host could be taken for one of ours: our brand in it, shaped on both sides, beside words that thieves put
//! there. A brand of few letters is only seen between boundaries or beside such words: `luminous` is no `lumen`.

mod words;

use psl::Type;
use strsim::osa_distance;

use crate::known::{Brand, Known};
use crate::shape::{Digits, joined, shape};
use words::{acts, explains};

/// How a foreign host resembles ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Our name under another ending.
    Ending,
    /// Our name in letters that only look like ours.
    Letters,
    /// Our name with a slip of the pen.
    Typo,
    /// Our name below somebody else's domain.
    Below,
    /// Our name on free hosting.
    FreeHosting,
    /// Our name beside other words.
    Beside,
}

impl Likeness {
    /// The rest of a sentence that begins with the host.
    pub fn says(self) -> &'static str {
        match self {
            Self::Ending => "has our name under another ending",
            Self::Letters => "has our name in letters that look alike",
            Self::Typo => "is our name with a slip of the pen",
            Self::Below => "has our name below somebody else's domain",
            Self::FreeHosting => "has our name on free hosting",
            Self::Beside => "has our name beside other words",
        }
    }
}

/// Shorter brands are no typo of anything.
const TYPO_FROM: usize = 5;
/// No other word is but one letter from a brand as long as this.
const LONG: usize = 7;
/// `-ite` and `-ine`, `-ing` and `-ion`.
const ENDING: usize = 3;
/// From so many letters on, a brand inside any word is no chance.
const INSIDE_FROM: usize = 6;

/// Which brand of ours a foreign host is made to resemble. One of ours never is.
pub fn judge<'k>(host: &str, known: &'k Known) -> Option<(&'k str, Likeness)> {
    if known.brands.is_empty() || known.owns_host(host) {
        return None;
    }
    let host = host.strip_prefix("www.").unwrap_or(host);
    let read = Read::new(host);
    known.brands.iter().find_map(|brand| Some((brand.name.as_str(), read.resembles(brand)?)))
}

/// Whether a name in a path or a handle has one of our brands in it.
pub(crate) fn names<'k>(name: &str, known: &'k Known) -> Option<&'k str> {
    let label = Label::new(name);
    let loose = acts(&label.whole);
    known.brands.iter().find(|brand| label.names(brand, loose)).map(|brand| brand.name.as_str())
}

/// A host, taken apart.
struct Read {
    /// What stands before the public suffix, the registered name last.
    labels: Vec<Label>,
    private: bool,
    /// Beside words that thieves use, slips are no chance.
    loose: bool,
    /// Without its dots.
    whole: String,
}

impl Read {
    fn new(host: &str) -> Self {
        let suffix = psl::suffix(host.as_bytes());
        let private = suffix.is_some_and(|suffix| suffix.typ() == Some(Type::Private));
        let ending = suffix.map_or(0, |suffix| suffix.as_bytes().len());
        let names = host.get(..host.len().saturating_sub(ending)).unwrap_or_default().trim_end_matches('.');
        let names = if names.contains("xn--") { idna::domain_to_unicode(names).0 } else { names.to_owned() };
        let labels: Vec<Label> = names.split('.').filter(|label| !label.is_empty()).map(Label::new).collect();
        let loose = labels.iter().any(|label| acts(&label.whole));
        let whole = labels.iter().map(|label| label.whole.as_str()).collect();
        Self { labels, private, loose, whole }
    }

    fn resembles(&self, brand: &Brand) -> Option<Likeness> {
        let last = self.labels.len().checked_sub(1)?;
        if let Some(at) = self.labels.iter().position(|label| label.names(brand, self.loose)) {
            let label = self.labels.get(at)?;
            let plain = label.raw.contains(&brand.word);
            return Some(match () {
                () if self.private && at == last => Likeness::FreeHosting,
                () if at != last => Likeness::Below,
                () if !plain => Likeness::Letters,
                () if label.whole == brand.shape => Likeness::Ending,
                () => Likeness::Beside,
            });
        }
        if self.labels.iter().any(|label| label.nearly_names(brand, self.loose)) {
            return Some(Likeness::Typo);
        }
        // `eliza.os.example`: the name in pieces.
        (brand.letters >= INSIDE_FROM && self.whole.contains(&brand.shape)).then_some(Likeness::Below)
    }
}

/// One part of a host.
struct Label {
    /// In lower case, otherwise as it is.
    raw: String,
    /// Its words, digits being gaps and digits being letters.
    words: [String; 2],
    /// All of it, digits being letters.
    whole: String,
}

impl Label {
    fn new(label: &str) -> Self {
        let (gaps, letters) = (shape(label, Digits::Gaps), shape(label, Digits::Letters));
        let whole = joined(&letters);
        Self { raw: label.to_lowercase(), words: [gaps, letters], whole }
    }

    /// Its words each, and all of them together.
    fn pieces(&self) -> impl Iterator<Item = &str> {
        let parts = self.words.iter().flat_map(|words| words.split(' '));
        parts.chain(std::iter::once(self.whole.as_str()))
    }

    fn names(&self, brand: &Brand, loose: bool) -> bool {
        let wanted = brand.shape.as_str();
        let short = wanted.len() < 4;
        if brand.letters >= INSIDE_FROM && self.whole.contains(wanted) {
            return true;
        }
        let bounded = self.words.iter().any(|words| words.split(' ').any(|word| word == wanted));
        if bounded && (!short || loose) || (self.whole == wanted && !short) {
            return true;
        }
        self.pieces().any(|piece| {
            piece.len() > wanted.len()
                && piece.match_indices(wanted).any(|(at, _)| {
                    let before = piece.get(..at).unwrap_or_default();
                    let behind = piece.get(at + wanted.len()..).unwrap_or_default();
                    explains(before, brand.letters) && explains(behind, brand.letters)
                })
        })
    }

    /// A slip of the pen: in a word by itself, or in what is left of one without its explained ends.
    fn nearly_names(&self, brand: &Brand, loose: bool) -> bool {
        brand.letters >= TYPO_FROM
            && self.pieces().any(|piece| slip(piece, &brand.shape, loose) || core_slips(piece, brand))
    }
}

/// A slip within a word whose rest is what thieves write.
fn core_slips(piece: &str, brand: &Brand) -> bool {
    let wanted = brand.shape.len();
    if piece.len() < wanted + 2 || !piece.is_ascii() {
        return false;
    }
    let lengths = wanted - 1..=wanted + 1;
    let windows = lengths.flat_map(|length| (0..=piece.len().saturating_sub(length)).map(move |at| (at, length)));
    windows.into_iter().any(|(at, length)| {
        let (Some(before), Some(core), Some(behind)) =
            (piece.get(..at), piece.get(at..at + length), piece.get(at + length..))
        else {
            return false;
        };
        // The words around it must be what thieves write, not just anything short.
        (before.len() > 2 || behind.len() > 2)
            && ends(core) == ends(&brand.shape)
            && slip(core, &brand.shape, true)
            && explains(before, brand.letters)
            && explains(behind, brand.letters)
    })
}

/// One slip: a letter doubled, two swapped, one missing. Of a longer brand, or beside words of thieves, one mistyped or
/// added as well; of a long one, any letter for another in its stem.
fn slip(word: &str, brand: &str, loose: bool) -> bool {
    let (length, wanted) = (word.chars().count(), brand.chars().count());
    if word == brand || length.abs_diff(wanted) > 2 {
        return false;
    }
    let distance = osa_distance(word, brand);
    if distance != 1 {
        return false;
    }
    if loose || wanted >= INSIDE_FROM {
        let framed = wanted >= LONG || ends(word) == ends(brand);
        return swapped(word, brand)
            || framed && length != wanted
            || length == wanted
                && ((loose || framed) && mistyped(word, brand) || wanted >= LONG && differs_in_stem(word, brand));
    }
    if length > wanted {
        // Doubled: without its repeated letters it is the brand without its own.
        let mut letters: Vec<char> = word.chars().collect();
        letters.dedup();
        let mut ours: Vec<char> = brand.chars().collect();
        ours.dedup();
        return letters == ours;
    }
    if length < wanted {
        return wanted > TYPO_FROM || ends(word) == ends(brand);
    }
    swapped(word, brand)
}

/// Its first and its last letter.
fn ends(text: &str) -> (Option<char>, Option<char>) {
    (text.chars().next(), text.chars().next_back())
}

/// The same letters in another order.
fn swapped(word: &str, brand: &str) -> bool {
    let mut sorted: [Vec<char>; 2] = [word.chars().collect(), brand.chars().collect()];
    for letters in &mut sorted {
        letters.sort_unstable();
    }
    let [word, brand] = sorted;
    word == brand
}

/// The letter that differs is neither the first nor of the ending, in which words of one family differ.
fn differs_in_stem(word: &str, brand: &str) -> bool {
    let at = word.chars().zip(brand.chars()).position(|(theirs, ours)| theirs != ours);
    at.is_some_and(|at| at > 0 && at + ENDING < brand.chars().count())
}

/// One letter is another that lies beside it on the keyboard, or sounds like it. Anything else is another word.
fn mistyped(word: &str, brand: &str) -> bool {
    let pair = word.chars().zip(brand.chars()).find(|(theirs, ours)| theirs != ours);
    let Some((theirs, ours)) = pair else { return false };
    NEIGHBOURS.iter().any(|near| near.contains(theirs) && near.contains(ours))
}

/// Letters that are taken for each other; `i` is read as `l` in shapes.
const NEIGHBOURS: &[&str] = &[
    "qw", "we", "er", "rt", "ty", "yu", "ul", "lo", "op", "as", "sd", "df", "fg", "gh", "hj", "jk", "kl", "zx", "xc",
    "cv", "vb", "bn", "nm", "qa", "wz", "aq", "sw", "sx", "de", "dc", "fr", "fv", "gt", "gb", "hy", "hn", "ju", "jm",
    "aeou", "aelou", "szx", "ck", "ly", "uv", "uw", "mn", "cq", "bd", "pq",
];
