//! Places: what is set for each, what that means for an event there, and where each setting comes from.
//!
//! What nobody has set is as the configuration of the account says, else as it is by default. A group or channel is
//! ignored until somebody who may links it, unless the account's `groups` is `any`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use townkeeper_contract::case::ShieldMode;
use townkeeper_contract::id::{AccountId, PlaceId};
use townkeeper_contract::inbound::{PlaceKind, ReplyTo};
use townkeeper_contract::place::{
    PlaceChannel, PlaceInfo, PlaceMode, PlaceSetting, PlaceWho, SettingOrigin, ShownSetting,
};

/// Which groups and channels of an account are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    /// Those that a moderator linked.
    Linked,
    /// All.
    Any,
}

/// What the configuration says of an account's places; `None`: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub groups: Option<Groups>,
    pub moderators: Option<PlaceWho>,
}

/// One setting that somebody made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    pub value: String,
    /// As the audit log writes it.
    pub by: String,
    /// How they showed who they are, as the audit log writes it.
    pub method: String,
    pub at_ms: i64,
}

/// A place that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub account: AccountId,
    pub id: PlaceId,
    pub kind: PlaceKind,
    /// Where something goes that answers nobody.
    pub address: Option<ReplyTo>,
    /// The bigger place that it is a part of.
    pub within: Option<PlaceId>,
    /// The event upon which it was said that we are not switched on here.
    pub told: Option<String>,
    pub set: BTreeMap<PlaceSetting, Set>,
}

/// What an event's place means for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    pub mode: PlaceMode,
    /// It may be said, once, that we are not switched on here.
    pub untold: bool,
    /// What a model answers in; `None`: the language of the question.
    pub language: Option<String>,
    pub who: PlaceWho,
    pub shield: ShieldMode,
    pub channel: PlaceChannel,
}

impl Default for Here {
    /// A private chat.
    fn default() -> Self {
        Self {
            mode: PlaceMode::Answer,
            untold: false,
            language: None,
            who: PlaceWho::Platform,
            shield: ShieldMode::Off,
            channel: PlaceChannel::Open,
        }
    }
}

impl Place {
    /// What somebody has set.
    pub fn value(&self, setting: PlaceSetting) -> Option<&str> {
        self.set.get(&setting).map(|set| set.value.as_str())
    }

    /// The place with all its settings; `whole` is the bigger place that it is a part of.
    pub fn info(&self, whole: Option<&Self>, rules: Rules) -> PlaceInfo {
        let (account, place) = (self.account.clone(), self.id.clone());
        PlaceInfo { account, place, kind: self.kind, settings: shown(Some(self), whole, rules) }
    }
}

/// What holds in a place: what was set for it, else for the whole that it is a part of. Either links it.
fn set<'a>(place: Option<&'a Place>, whole: Option<&'a Place>, setting: PlaceSetting) -> Option<&'a Set> {
    let both = || [place, whole].into_iter().filter_map(|place| place?.set.get(&setting));
    let links = |set: &&Set| setting == PlaceSetting::Link && set.value == "yes";
    both().find(links).or_else(|| both().next())
}

/// Whether somebody who may has let us speak in a place.
pub fn is_linked(place: Option<&Place>, whole: Option<&Place>, rules: Rules) -> bool {
    let link = set(place, whole, PlaceSetting::Link);
    link.map_or(rules.groups == Some(Groups::Any), |link| link.value == "yes")
}

/// What a place is set to, where it is a group or a channel. A place that is not known has nothing set.
pub fn here(place: Option<&Place>, whole: Option<&Place>, rules: Rules) -> Here {
    let set = |setting| set(place, whole, setting).map(|set| set.value.as_str());
    let (link, linked) = (set(PlaceSetting::Link), is_linked(place, whole, rules));
    let mode = set(PlaceSetting::Mode).and_then(PlaceMode::named).unwrap_or(PlaceMode::Answer);
    // One notice is enough for all of a server.
    let told = whole.or(place).is_some_and(|place| place.told.is_some());
    Here {
        mode: if linked { mode } else { PlaceMode::Off },
        untold: !linked && link.is_none() && !told,
        language: set(PlaceSetting::Language).filter(|language| *language != AUTO).map(str::to_owned),
        who: set(PlaceSetting::Who).and_then(PlaceWho::named).or(rules.moderators).unwrap_or(PlaceWho::Platform),
        // Also where we say nothing: a moderator may want to be shown what is wrong all the same.
        shield: if linked {
            set(PlaceSetting::Shield).and_then(ShieldMode::named).unwrap_or(ShieldMode::Shadow)
        } else {
            ShieldMode::Off
        },
        channel: set(PlaceSetting::Channel).and_then(PlaceChannel::named).unwrap_or(PlaceChannel::Open),
    }
}

/// What an event of the whole itself is judged by: as far as nothing is set for the whole, the shield is as in its strictest
/// part. Names are the same in all of them.
pub fn here_of_whole<'a>(whole: Option<&Place>, parts: impl Iterator<Item = &'a Place>, rules: Rules) -> Here {
    let is_set = |place: &Place| place.value(PlaceSetting::Shield).is_some();
    let itself = here(whole, None, rules);
    if whole.is_some_and(is_set) {
        return itself;
    }
    let strictest = parts.filter(|part| is_set(part)).map(|part| here(Some(part), whole, rules).shield).max();
    Here { shield: strictest.unwrap_or(itself.shield), ..itself }
}

/// Every setting as it is now, and where it comes from.
pub fn shown(place: Option<&Place>, whole: Option<&Place>, rules: Rules) -> Vec<ShownSetting> {
    let each = PlaceSetting::ALL.iter().map(|setting| {
        let Some(set) = set(place, whole, *setting) else {
            let (value, origin) = unset(*setting, rules);
            return ShownSetting { setting: *setting, value: value.to_owned(), origin, by: None, at_ms: None };
        };
        ShownSetting {
            setting: *setting,
            value: set.value.clone(),
            origin: if set.method.starts_with("chat:") { SettingOrigin::Chat } else { SettingOrigin::Api },
            by: Some(set.by.clone()),
            at_ms: Some(set.at_ms),
        }
    });
    each.collect()
}

/// What a setting is that nobody has made.
fn unset(setting: PlaceSetting, rules: Rules) -> (&'static str, SettingOrigin) {
    let or = |configured: Option<&'static str>, default| match configured {
        Some(value) => (value, SettingOrigin::File),
        None => (default, SettingOrigin::Default),
    };
    match setting {
        PlaceSetting::Link => or(rules.groups.map(|groups| if groups == Groups::Any { "yes" } else { "no" }), "no"),
        PlaceSetting::Mode => or(None, PlaceMode::Answer.as_str()),
        PlaceSetting::Notices | PlaceSetting::Safety => or(None, "off"),
        PlaceSetting::Shield => or(None, ShieldMode::Shadow.as_str()),
        PlaceSetting::Channel => or(None, PlaceChannel::Open.as_str()),
        PlaceSetting::Language => or(None, AUTO),
        PlaceSetting::Who => or(rules.moderators.map(PlaceWho::as_str), PlaceWho::Platform.as_str()),
    }
}

/// The language of the question.
const AUTO: &str = "auto";

/// A setting's word as it is kept, if it is one.
pub fn valid(setting: PlaceSetting, word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let known = match setting {
        PlaceSetting::Link => ["yes", "no"].contains(&lower.as_str()),
        PlaceSetting::Mode => PlaceMode::named(&lower).is_some(),
        PlaceSetting::Safety if lower == "on" => return Some("here".to_owned()),
        PlaceSetting::Notices | PlaceSetting::Safety => ["here", "off"].contains(&lower.as_str()),
        PlaceSetting::Shield => ShieldMode::named(&lower).is_some(),
        PlaceSetting::Channel => PlaceChannel::named(&lower).is_some(),
        PlaceSetting::Who => PlaceWho::named(&lower).is_some(),
        PlaceSetting::Language if lower == AUTO => true,
        PlaceSetting::Language => return is_tag(word).then(|| word.to_owned()),
    };
    known.then_some(lower)
}

/// Whether this has the form of a language tag (RFC 5646): it goes into a prompt, so nothing else may stand in it.
fn is_tag(word: &str) -> bool {
    let mut parts = word.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
    is_language
        && word.len() <= 16
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(set: &[(PlaceSetting, &str)]) -> Place {
        let set = set.iter().map(|(setting, value)| {
            let (by, method) = ("moderator:chat:42".to_owned(), "chat:chat:42".to_owned());
            (*setting, Set { value: (*value).to_owned(), by, method, at_ms: 7 })
        });
        Place {
            account: AccountId::from("chat:main"),
            id: PlaceId::from("square"),
            kind: PlaceKind::Group,
            address: None,
            within: None,
            told: None,
            set: set.collect(),
        }
    }

    const ANY: Rules = Rules { groups: Some(Groups::Any), moderators: None };

    #[test]
    fn a_group_is_off_until_it_is_linked_unless_the_file_says_otherwise() {
        use PlaceSetting::{Link, Mode};
        let mode = |set: &[(PlaceSetting, &str)], rules| here(Some(&place(set)), None, rules).mode;
        let linked = Rules::default();
        assert_eq!(here(None, None, linked).mode, PlaceMode::Off);
        assert_eq!(mode(&[(Mode, "support")], linked), PlaceMode::Off, "a mode alone links nothing");
        assert_eq!(mode(&[(Link, "yes")], linked), PlaceMode::Answer);
        assert_eq!(mode(&[(Link, "yes"), (Mode, "support")], linked), PlaceMode::Support);
        assert_eq!(here(None, None, ANY).mode, PlaceMode::Answer);
        assert_eq!(mode(&[(Link, "no")], ANY), PlaceMode::Off);
        assert_eq!(mode(&[(Mode, "off")], ANY), PlaceMode::Off);
    }

    #[test]
    fn only_a_place_that_nobody_decided_on_is_told_and_once() {
        let untold = |place: Option<&Place>, rules| here(place, None, rules).untold;
        assert!(untold(None, Rules::default()) && untold(Some(&place(&[])), Rules::default()));
        assert!(!untold(None, ANY), "it is answered there");
        let told = Place { told: Some("e1".to_owned()), ..place(&[]) };
        let unlinked = place(&[(PlaceSetting::Link, "no")]);
        assert!(!untold(Some(&told), Rules::default()) && !untold(Some(&unlinked), Rules::default()));
    }

    #[test]
    fn a_part_is_as_its_whole_unless_it_is_set_otherwise_and_either_links_it() {
        use PlaceSetting::{Language, Link, Mode};
        let whole = place(&[(Link, "yes"), (Mode, "support"), (Language, "de")]);
        let in_whole = |set: &[(PlaceSetting, &str)]| here(Some(&place(set)), Some(&whole), Rules::default());
        let unknown = here(None, Some(&whole), Rules::default());
        assert_eq!((unknown.mode, unknown.language.as_deref()), (PlaceMode::Support, Some("de")));
        assert_eq!(in_whole(&[(Mode, "answer")]).mode, PlaceMode::Answer);
        assert_eq!(in_whole(&[(Mode, "off")]).mode, PlaceMode::Off);
        assert_eq!(in_whole(&[(Link, "no")]).mode, PlaceMode::Support, "either links it");
        let unlinked = place(&[(Link, "no")]);
        assert_eq!(here(Some(&place(&[(Link, "yes")])), Some(&unlinked), Rules::default()).mode, PlaceMode::Answer);
        let off = here(None, Some(&unlinked), ANY);
        assert!(off.mode == PlaceMode::Off && !off.untold);
        let told = Place { told: Some("e1".to_owned()), ..place(&[]) };
        assert!(!here(None, Some(&told), Rules::default()).untold && here(None, None, Rules::default()).untold);
        assert_eq!(shown(None, Some(&whole), ANY)[1].value, "support");
    }

    #[test]
    fn what_is_of_the_whole_is_watched_as_in_its_strictest_part_unless_it_is_set_itself() {
        use PlaceSetting::{Link, Shield};
        let shield = |whole: &[(PlaceSetting, &str)], parts: &[&str]| {
            let parts: Vec<Place> = parts.iter().map(|mode| place(&[(Shield, mode)])).collect();
            here_of_whole(Some(&place(whole)), parts.iter(), Rules::default()).shield
        };
        let linked = &[(Link, "yes")][..];
        assert_eq!(shield(linked, &[]), ShieldMode::Shadow);
        assert_eq!(shield(linked, &["flag", "shadow"]), ShieldMode::Flag);
        assert_eq!(shield(linked, &["off", "guard", "flag"]), ShieldMode::Guard);
        assert_eq!(shield(linked, &["off"]), ShieldMode::Off);
        assert_eq!(shield(&[(Link, "yes"), (Shield, "shadow")], &["guard"]), ShieldMode::Shadow);
        assert_eq!(shield(&[], &["guard"]), ShieldMode::Off, "nobody linked it");
        let talk = place(&[(Link, "yes")]);
        assert_eq!(
            here_of_whole(None, [&talk].into_iter(), ANY).shield,
            ShieldMode::Shadow,
            "a part that sets nothing"
        );
    }

    #[test]
    fn each_setting_names_its_origin() {
        let rules = Rules { groups: None, moderators: Some(PlaceWho::Roles) };
        let mut place = place(&[(PlaceSetting::Link, "yes"), (PlaceSetting::Mode, "support")]);
        "operator".clone_into(&mut place.set.get_mut(&PlaceSetting::Mode).expect("set").method);
        let shown = shown(Some(&place), None, rules);
        let lines: Vec<String> =
            shown.iter().map(|s| format!("{} {} {} {:?}", s.setting, s.value, s.origin, s.at_ms)).collect();
        let expected = "link yes chat Some(7)|mode support api Some(7)|notices off default None|\
                        safety off default None|shield shadow default None|channel open default None|language auto default None|who roles file None";
        assert_eq!(lines.join("|"), expected);
        let link = |rules| super::shown(None, None, rules).remove(0);
        assert_eq!((link(ANY).value.as_str(), link(ANY).origin), ("yes", SettingOrigin::File));
        assert_eq!(link(Rules::default()).origin, SettingOrigin::Default);
    }

    #[test]
    fn a_language_is_a_tag_and_nothing_else() {
        for good in ["de", "pt-BR", "zh-Hant", "fil"] {
            assert_eq!(valid(PlaceSetting::Language, good).as_deref(), Some(good));
        }
        assert_eq!(valid(PlaceSetting::Language, "AUTO").as_deref(), Some("auto"));
        for bad in ["", "d", "german", "de; obey", "de_DE", "de-", "12", "de\n", "de-aaaaaaaaa", "d\u{e9}"] {
            assert_eq!(valid(PlaceSetting::Language, bad), None, "{bad:?}");
        }
        assert_eq!(valid(PlaceSetting::Mode, "Support").as_deref(), Some("support"));
        assert_eq!(valid(PlaceSetting::Mode, "loud"), None);
        assert_eq!(valid(PlaceSetting::Link, "maybe"), None);
        assert_eq!(valid(PlaceSetting::Safety, "ON").as_deref(), Some("here"), "as people say it");
    }
}
