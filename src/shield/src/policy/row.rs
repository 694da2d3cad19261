//! A row of the table as people write it, and why one is refused.

use serde::{Deserialize, Serialize};

use super::{Channel, Place, Threshold};
use crate::message::Tier;
use crate::verdict::Action;

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Moderators are shown it.
    Flag,
    /// Nobody sees it until a moderator has looked, as far as the platform can.
    Hold,
    /// It is taken down.
    Delete,
    /// Its author only reads, for a while.
    Restrict,
    /// Its author goes.
    Ban,
    /// Moderators are called: it waits in no digest.
    Notify,
}

impl Measure {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Hold => "hold",
            Self::Delete => "delete",
            Self::Restrict => "restrict",
            Self::Ban => "ban",
            Self::Notify => "notify",
        }
    }
}

/// What is done about an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sanction {
    Restrict,
    Ban,
}

/// All that is done: about the message, about its author, and whether somebody is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    pub message: Action,
    pub author: Option<Sanction>,
    pub notify: bool,
}

impl Measures {
    /// Something about the message, and nothing else.
    pub fn of(message: Action) -> Self {
        Self { message, ..Self::default() }
    }

    /// Whatever is done is shown; none: nothing.
    fn all(named: &[Measure]) -> Self {
        let mut all = Self::default();
        for measure in named {
            let message = match measure {
                Measure::Hold => Action::Hold,
                Measure::Delete => Action::Delete,
                _ => Action::Flag,
            };
            all.message = all.message.max(message);
            match measure {
                Measure::Ban => all.author = Some(Sanction::Ban),
                Measure::Restrict => all.author = all.author.or(Some(Sanction::Restrict)),
                Measure::Notify => all.notify = true,
                _ => {}
            }
        }
        all
    }

    /// At most a flag and a call.
    #[must_use]
    pub fn mild(self) -> Self {
        Self { message: self.message.min(Action::Flag), author: None, ..self }
    }

    /// As a row names it.
    pub fn named(self) -> Vec<Measure> {
        let message = match self.message {
            Action::Pass => None,
            Action::Flag => Some(Measure::Flag),
            Action::Hold => Some(Measure::Hold),
            Action::Delete => Some(Measure::Delete),
        };
        let author = self.author.map(|sanction| match sanction {
            Sanction::Restrict => Measure::Restrict,
            Sanction::Ban => Measure::Ban,
        });
        [message, author, self.notify.then_some(Measure::Notify)].into_iter().flatten().collect()
    }
}

/// One row. Where it holds: what it leaves open fits all. What it does not say, other rows and the defaults do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// `discord`, `telegram`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The share of clean messages that may be flagged: 0.001 is one in a thousand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag_fpr: Option<f64>,
    /// Or the score from which on a message is flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag_score: Option<f64>,
    /// What is done upon a score alone: `flag`, `notify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Vec<Measure>>,
    /// What is done where something passes for ours or asks for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<Vec<Measure>>,
    /// What is done about what is on a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Vec<Measure>>,
}

impl Row {
    pub(super) fn fits(&self, place: &Place<'_>) -> bool {
        self.platform.as_deref().is_none_or(|platform| platform == place.platform)
            && self.channel.is_none_or(|channel| channel == place.channel)
            && self.tier.is_none_or(|tier| tier == place.tier)
    }

    /// Platform, then channel, then trust: what is further in says more.
    pub(super) fn exactness(&self) -> u8 {
        u8::from(self.platform.is_some()) + 2 * u8::from(self.channel.is_some()) + 4 * u8::from(self.tier.is_some())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a score")]
    pub(super) fn threshold(&self) -> Option<Threshold> {
        let share = self.flag_fpr.map(Threshold::FalsePositives);
        share.or_else(|| self.flag_score.map(|score| Threshold::Score(score as f32)))
    }

    pub(super) fn on_score(&self) -> Option<Measures> {
        self.score.as_deref().map(Measures::all)
    }

    pub(super) fn on_fact(&self) -> Option<Measures> {
        self.fact.as_deref().map(Measures::all)
    }

    pub(super) fn on_listed(&self) -> Option<Measures> {
        self.listed.as_deref().map(Measures::all)
    }

    /// Each list that it has, by its key.
    fn lists(&self) -> impl Iterator<Item = (&'static str, &[Measure])> {
        let lists = [("score", &self.score), ("fact", &self.fact), ("listed", &self.listed)];
        lists.into_iter().filter_map(|(key, list)| Some((key, list.as_deref()?)))
    }

    /// Every key by which it says something.
    fn says(&self) -> impl Iterator<Item = &'static str> {
        let threshold = (self.flag_fpr.is_some() || self.flag_score.is_some()).then_some("flag_fpr or flag_score");
        threshold.into_iter().chain(self.lists().map(|(key, _)| key))
    }

    fn fault(&self) -> Option<Fault> {
        if self.says().next().is_none() {
            return Some(Fault::Nothing);
        }
        match (self.flag_fpr, self.flag_score) {
            (Some(_), Some(_)) => return Some(Fault::TwoThresholds),
            (Some(share), None) if !(share > 0.0 && share <= MOST_SHARE) => return Some(Fault::Share(share)),
            (None, Some(score)) if !(score > 0.0 && score < 1.0) => return Some(Fault::Score(score)),
            _ => {}
        }
        let beyond = |measure: &&Measure| !matches!(measure, Measure::Flag | Measure::Notify);
        self.lists().find_map(|(key, list)| {
            let has = |measure| list.contains(&measure);
            let (beyond, of_staff) = (list.iter().find(beyond).copied(), self.tier == Some(Tier::Staff));
            match beyond {
                Some(beyond) if key == "score" => Some(Fault::OnScore(beyond.as_str())),
                Some(beyond) if of_staff => Some(Fault::Staff { key, measure: beyond.as_str() }),
                _ if has(Measure::Hold) && has(Measure::Delete) => Some(Fault::Both { key, two: ("hold", "delete") }),
                _ if has(Measure::Restrict) && has(Measure::Ban) => Some(Fault::Both { key, two: ("restrict", "ban") }),
                _ => None,
            }
        })
    }
}

/// More false alarms than that are no aim.
const MOST_SHARE: f64 = 0.1;

/// Why a row cannot be meant, and what to write instead.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("it says nothing; give it flag_fpr, flag_score, score, fact or listed, or take it out")]
    Nothing,
    #[error("flag_fpr and flag_score say two things about one threshold; keep one of them")]
    TwoThresholds,
    #[error(
        "flag_fpr = {0} is no share of clean messages that anybody wants flagged; give one above 0 and up to 0.1: \
         0.001 is one in a thousand"
    )]
    Share(f64),
    #[error("flag_score = {0} is no score; give one between 0 and 1, such as 0.6")]
    Score(f64),
    #[error(
        "score names `{0}`, but a score alone never does more than flag and notify: words prove nothing; name it in \
         fact or listed, which hard facts lead to"
    )]
    OnScore(&'static str),
    #[error("{key} names `{measure}` for staff, of whom nobody is silenced by itself; leave flag or notify")]
    Staff { key: &'static str, measure: &'static str },
    #[error("{key} names `{}` and `{}`, which cannot both be done; keep one of them", two.0, two.1)]
    Both { key: &'static str, two: (&'static str, &'static str) },
    #[error("it says {key} for the same platform, channel and tier as row {other}; keep one of them")]
    Twice { key: &'static str, other: usize },
}

/// A row that is refused; rows count from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("row {row} of the policy: {fault}")]
pub struct Refused {
    pub row: usize,
    pub fault: Fault,
}

/// Whether all of them can be meant.
pub(super) fn check(rows: &[Row]) -> Result<(), Refused> {
    for (at, row) in rows.iter().enumerate() {
        let earlier = rows.iter().take(at).enumerate();
        let mut same = earlier.filter(|(_, other)| {
            (&other.platform, other.channel, other.tier) == (&row.platform, row.channel, row.tier)
        });
        let twice = same.find_map(|(other, said)| {
            let key = row.says().find(|key| said.says().any(|said| said == *key))?;
            Some(Fault::Twice { key, other: other + 1 })
        });
        if let Some(fault) = row.fault().or(twice) {
            return Err(Refused { row: at + 1, fault });
        }
    }
    Ok(())
}
