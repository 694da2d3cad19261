//! L2: who is named like us. Asked when somebody joins, renames, or writes; the platform's id alone makes one of us.

use std::sync::LazyLock;

use crate::known::{Counts, Known, Name};
use crate::score::Weights;
use crate::shape::{Digits, joined, shape};
use crate::verdict::{Evidence, Signal};

/// Words of office. The long ones count inside other words as well.
const OFFICES: &[&str] = &[
    "admin",
    "administrator",
    "agent",
    "assistance",
    "bot",
    "care",
    "customer",
    "desk",
    "founder",
    "help",
    "helpdesk",
    "manager",
    "mod",
    "moderator",
    "official",
    "safeguard",
    "service",
    "staff",
    "support",
    "team",
    "ticket",
    "tickets",
    "verification",
    "поддержка",
    "админ",
    "модератор",
    "soporte",
    "suporte",
    "客服",
    "管理员",
    "관리자",
    "고객센터",
];

/// Words that go with an office, and are none.
const BESIDE: &[&str] =
    &["center", "centre", "community", "the", "your", "live", "tech", "technical", "desk", "head", "chief"];

/// From so many letters on, an office is one even inside another word.
const INSIDE_FROM: usize = 7;

/// A staff name this short is anybody's first name: only the very same counts.
const COMMON: usize = 6;

/// A name that a platform shows is hardly anybody else's from so many letters on: of two words, or with an office in it; or in
/// one. A first name alone is anybody's.
const TELLING: usize = 8;
const TELLING_ALONE: usize = 13;

/// What is taken for a copy of a name that a platform shows of one of us.
pub(crate) fn of_shown(name: &str) -> Counts {
    let read = Read::new(name);
    let letters = read.plain.chars().count();
    let several = read.readings.first().is_some_and(|words| words.len() > 1) || read.office().is_some();
    let telling = letters >= TELLING && several && !read.is_all_office() || letters >= TELLING_ALONE;
    if telling { Counts::Unmistakable } else { Counts::Common }
}

/// What speaks against a name; nothing does against one of us.
pub fn judge(name: &str, handle: &str, id: Option<&str>, known: &Known, weights: &Weights) -> Vec<Signal> {
    if id.is_some_and(|id| known.is_staff(id)) {
        return Vec::new();
    }
    let mut signals: Vec<Signal> = Vec::new();
    for shown in [name, handle].into_iter().filter(|shown| !shown.is_empty()) {
        let Some((id, why)) = speaks_against(shown, known) else { continue };
        let stronger = signals.iter().all(|signal| signal.weight < weights.of(id));
        if stronger {
            let evidence = Evidence { text: shown.chars().take(80).collect(), range: 0..0 };
            let source = match id {
                "staff_name" => "team",
                "brand_name" => "base",
                _ => "rules",
            };
            signals = vec![Signal { id, weight: weights.of(id), source: source.into(), evidence, why }];
        }
    }
    signals
}

fn speaks_against(shown: &str, known: &Known) -> Option<(&'static str, String)> {
    let theirs = Read::new(shown);
    if let Some(ours) = known.staff.iter().flat_map(|one| &one.names).find(|ours| theirs.copies(ours)) {
        return Some(("staff_name", format!("The name is that of {}, and the account is not.", ours.shown)));
    }
    let brand = known.brands.iter().find(|brand| {
        let bounded = theirs.words.contains(&brand.shape);
        bounded || (brand.letters >= 5 && theirs.whole.contains(&brand.shape))
    });
    let office = theirs.office();
    match (brand, office) {
        (Some(brand), Some(_)) => Some((
            "brand_name",
            format!("The name has {} and an office in it, and the account is not of us.", brand.name),
        )),
        (Some(brand), None) if theirs.whole == brand.shape => {
            Some(("brand_name", format!("The name is {}, and the account is not of us.", brand.name)))
        }
        (None, Some(office)) if theirs.is_all_office() => {
            Some(("office_name", format!("The name is an office ({office}), and the account is not of us.")))
        }
        (None, Some(office)) => Some(("office_word", format!("The name has an office in it ({office})."))),
        _ => None,
    }
}

/// Whether a handle in a text has our brand and an office in it.
pub(crate) fn poses(handle: &str, known: &Known) -> bool {
    let theirs = Read::new(handle);
    let brand = |shape: &str, letters: usize| {
        theirs.words.iter().any(|word| word == shape) || (letters >= 4 && theirs.whole.contains(shape))
    };
    theirs.office().is_some() && known.brands.iter().any(|ours| brand(&ours.shape, ours.letters))
        || known.staff.iter().flat_map(|one| &one.names).any(|ours| theirs.office().is_some() && theirs.copies(ours))
}

/// A name, taken apart.
struct Read {
    /// Its words, digits being gaps and digits being letters.
    readings: [Vec<String>; 2],
    /// Both.
    words: Vec<String>,
    whole: String,
    /// The same, digits being gaps: `ada2024` is Ada.
    plain: String,
}

/// A word of office, shaped.
struct Office {
    word: &'static str,
    shape: String,
    /// It counts inside other words.
    inside: bool,
}

static SHAPED: LazyLock<Vec<Office>> = LazyLock::new(|| {
    let shaped = |word: &&'static str| Office {
        word,
        shape: joined(&shape(word, Digits::Letters)),
        inside: word.chars().count() >= INSIDE_FROM || !word.is_ascii(),
    };
    OFFICES.iter().map(shaped).collect()
});

static WITH: LazyLock<Vec<String>> =
    LazyLock::new(|| BESIDE.iter().map(|word| joined(&shape(word, Digits::Letters))).collect());

impl Read {
    fn new(name: &str) -> Self {
        let spaced = apart(name);
        let shaped = shape(&spaced, Digits::Letters);
        // `Admin2` is an admin; `m0d` is a mod.
        let gapped = shape(&spaced, Digits::Gaps);
        let words = |shape: &str| shape.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let readings: [Vec<String>; 2] = [words(&gapped), words(&shaped)];
        let whole = |digits| joined(&shape(name, digits));
        Self { words: readings.concat(), readings, whole: whole(Digits::Letters), plain: whole(Digits::Gaps) }
    }

    fn office(&self) -> Option<&'static str> {
        let held = |office: &&Office| {
            self.words.contains(&office.shape) || (office.inside && self.whole.contains(&office.shape))
        };
        SHAPED.iter().find(held).map(|office| office.word)
    }

    /// Nothing but offices and what goes with them.
    fn is_all_office(&self) -> bool {
        let known =
            |word: &String| word.len() < 2 || SHAPED.iter().any(|office| office.shape == *word) || WITH.contains(word);
        self.readings.iter().any(|words| words.iter().all(known))
    }

    /// One of us by name: the very same, or with decoration.
    fn copies(&self, ours: &Name) -> bool {
        let shape = joined(&ours.shape);
        let letters = shape.chars().count();
        if letters < 3 {
            return false;
        }
        if ours.counts == Counts::Common {
            return false;
        }
        if self.whole == shape {
            return true;
        }
        if ours.counts == Counts::Unmistakable {
            return self.plain == shape || self.whole.contains(&shape) && self.office().is_some();
        }
        let contained = if letters >= COMMON {
            self.whole.contains(&shape)
        } else {
            ours.shape.split(' ').all(|word| self.words.iter().any(|own| own == word))
        };
        contained && (letters >= COMMON || self.office().is_some())
    }
}

/// `OfficialLumenBot` in its words.
fn apart(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut small = false;
    for c in name.chars() {
        // A capital I amid small letters imitates an l.
        if small && c.is_ascii_uppercase() && c != 'I' {
            out.push(' ');
        }
        small = c.is_ascii_lowercase();
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Facts, Staff};

    fn known() -> Known {
        let staff = |id: &str, names: &[&str]| Staff {
            ids: vec![id.to_owned()],
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            shown: Vec::new(),
        };
        Known::new(&Facts {
            brands: vec!["Lumen".into()],
            staff: vec![
                staff("1", &["Ada Quill", "adaquill"]),
                staff("2", &["Bo"]),
                staff("3", &["Safeguard"]),
                staff("4", &["Shaw"]),
            ],
            ..Facts::default()
        })
    }

    fn judged(name: &str, handle: &str, id: Option<&str>) -> Option<&'static str> {
        judge(name, handle, id, &known(), &Weights::default()).first().map(|signal| signal.id)
    }

    #[test]
    fn who_is_named_like_us_and_is_not_us_is_seen() {
        for name in [
            "Ada Quill",
            "ada_quill",
            "АdaQuill",
            "Ada Qui11",
            "✪ Ada Quill ✪",
            "AdaQuill | Support",
            "Ada\u{200B}Quill",
            "Shaw",
            "Shaw Support",
        ] {
            assert_eq!(judged(name, "", Some("99")), Some("staff_name"), "{name}");
        }
        assert_eq!(judged("somebody", "ada.quill", None), Some("staff_name"), "the handle counts");
        assert_eq!(judged("Lumen Support", "", None), Some("brand_name"));
        assert_eq!(judged("LumenHelpDesk", "", None), Some("brand_name"));
        assert_eq!(judged("Lumen", "", None), Some("brand_name"));
        assert_eq!(judged("OfficiaISafeguardBot", "", None), Some("staff_name"));
        for name in [
            "Support",
            "Helpdesk",
            "Community Manager",
            "Admin Team",
            "Support Ticket 4",
            "M0derator",
            "Official Support",
        ] {
            assert_eq!(judged(name, "", None), Some("office_name"), "{name}");
        }
        assert_eq!(judged("Kim (admin)", "", None), Some("office_word"));
    }

    #[test]
    fn what_platforms_show_of_us_is_copied_by_the_very_same_and_not_by_first_names() {
        let shown = ["moderator_ann", "Ann", "christopher", "Lena Harbour", "Support"].map(str::to_owned).to_vec();
        let ann = Staff { ids: vec!["1".to_owned()], names: vec!["Nobody Else".to_owned()], shown };
        let known = Known::new(&Facts { staff: vec![ann.clone()], ..Facts::default() });
        let judged = |known: &Known, name: &str| {
            let signals = judge(name, "", Some("99"), known, &Weights::default());
            signals.first().is_some_and(|signal| signal.id == "staff_name")
        };
        let copies =
            ["moderat0r_ann", "Moderator Ann", "moderator_ann_2024", "Lena Harb\u{43e}ur", "Lena Harbour | Support"];
        for name in copies {
            assert!(judged(&known, name), "{name}");
        }
        for name in [
            "Ann",
            "ANN",
            "Christopher",
            "christopher2",
            "Lena",
            "Lena Harbourmaster",
            "Lena Harbour fan",
            "Anna Support",
        ] {
            assert!(!judged(&known, name), "{name}");
        }
        assert!(judge("moderator_ann", "", Some("1"), &known, &Weights::default()).is_empty(), "she herself");
        assert!(poses("moderat0r_ann", &known));
        // The twin: what nobody told us of, nobody copies.
        let unseen = Known::new(&Facts { staff: vec![Staff { shown: Vec::new(), ..ann }], ..Facts::default() });
        assert!(copies.iter().all(|name| !judged(&unseen, name)));
    }

    #[test]
    fn the_id_makes_one_of_us_and_others_are_left_alone() {
        assert_eq!(judged("Ada Quill", "adaquill", Some("1")), None);
        assert_eq!(judged("Lumen Support", "", Some("3")), None);
        for name in [
            "Ada",
            "Adam Quilliam",
            "Bob",
            "Shawn",
            "Shaw Miller",
            "modesty",
            "Luminous",
            "teamwork",
            "robotics",
            "lumen fan",
            "botanist",
            "🙂",
            "",
        ] {
            assert_eq!(judged(name, "", Some("77")), None, "{name}");
        }
    }
}
