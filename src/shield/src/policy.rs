//! What follows from a verdict, and where: thresholds and actions by platform, kind of channel and trust. The most exact
//! row wins. Thresholds are target shares of false alarms, read off the community's own shadow traffic.

mod breaker;
mod shadow;

pub use breaker::Breaker;
pub use shadow::Shadow;

use serde::{Deserialize, Serialize};

use crate::message::Tier;
use crate::verdict::{Action, Grounds, Verdict};

/// Counts up with every change of the defaults below.
pub const VERSION: u32 = 1;

/// What a channel is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[default]
    Open,
    /// Where members ask for help, and thieves wait for them.
    Support,
    Announcements,
    /// Where members report scams.
    Reports,
    Staff,
}

/// From which score on a message is flagged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// A score, 0 to 1.
    Score(f32),
    /// The share of clean messages that may be flagged, 0 to 1. Until the shadow knows enough, the default score.
    FalsePositives(f32),
}

/// The score from which on a message is flagged where nothing else is said.
pub const FLAG: f32 = 0.5;

/// What is done, and how far it may go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    pub flag: Threshold,
    /// What is done where something passes for ours or asks for a secret.
    #[serde(skip)]
    pub fact: Action,
    /// What is done about what is on a list.
    #[serde(skip)]
    pub listed: Action,
}

impl Default for Limits {
    fn default() -> Self {
        Self::for_tier(Tier::New)
    }
}

impl Limits {
    /// The defaults: hard facts hold, only what is listed goes; the trusted and the staff are never silenced by a score.
    pub fn for_tier(tier: Tier) -> Self {
        let flag = Threshold::Score(FLAG);
        match tier {
            Tier::New | Tier::Member => Self { flag, fact: Action::Hold, listed: Action::Delete },
            Tier::Trusted => Self { flag, fact: Action::Flag, listed: Action::Hold },
            Tier::Staff => Self { flag, fact: Action::Flag, listed: Action::Flag },
        }
    }

    /// What follows from a score and its grounds, by the default threshold if there is no shadow.
    pub fn action(&self, score: f32, grounds: Grounds) -> Action {
        self.action_over(score, grounds, None)
    }

    fn action_over(&self, score: f32, grounds: Grounds, shadow: Option<&Shadow>) -> Action {
        let threshold = match self.flag {
            Threshold::Score(score) => score,
            Threshold::FalsePositives(share) => shadow.and_then(|shadow| shadow.threshold(share)).unwrap_or(FLAG),
        };
        match grounds {
            Grounds::Listed => self.listed,
            Grounds::Fact if score >= FLAG => self.fact,
            _ if score >= threshold => Action::Flag,
            _ => Action::Pass,
        }
    }
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// `discord`, `telegram`.
    pub platform: &'a str,
    pub channel: Channel,
    pub tier: Tier,
}

/// One row; what it leaves open fits all.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub platform: Option<String>,
    pub channel: Option<Channel>,
    pub tier: Option<Tier>,
    pub limits: Limits,
}

impl Row {
    fn fits(&self, place: &Place<'_>) -> bool {
        self.platform.as_deref().is_none_or(|platform| platform == place.platform)
            && self.channel.is_none_or(|channel| channel == place.channel)
            && self.tier.is_none_or(|tier| tier == place.tier)
    }

    /// Platform, then channel, then trust: what is further in says more.
    fn exactness(&self) -> u8 {
        u8::from(self.platform.is_some()) + 2 * u8::from(self.channel.is_some()) + 4 * u8::from(self.tier.is_some())
    }
}

/// A workspace's policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    pub rows: Vec<Row>,
    /// Judges, and does nothing: how every workspace begins.
    pub shadow: bool,
}

impl Policy {
    /// As a workspace begins: in shadow mode, with the defaults.
    pub fn first() -> Self {
        Self { rows: Vec::new(), shadow: true }
    }

    /// The limits at a place. Of two rows that are equally exact, the later one.
    pub fn limits(&self, place: &Place<'_>) -> Limits {
        let fitting = self.rows.iter().filter(|row| row.fits(place));
        fitting.max_by_key(|row| row.exactness()).map_or_else(|| Limits::for_tier(place.tier), |row| row.limits)
    }

    /// What would be done at a place, were it not for shadow mode.
    pub fn would(&self, verdict: &Verdict, place: &Place<'_>, shadow: &Shadow) -> Action {
        self.limits(place).action_over(verdict.score, verdict.grounds, Some(shadow))
    }

    /// What is done at a place.
    pub fn decide(&self, verdict: &Verdict, place: &Place<'_>, shadow: &Shadow) -> Action {
        if self.shadow { Action::Pass } else { self.would(verdict, place, shadow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(score: f32, grounds: Grounds) -> Verdict {
        Verdict { score, grounds, ..Verdict::default() }
    }

    fn place(tier: Tier) -> Place<'static> {
        Place { platform: "discord", channel: Channel::Open, tier }
    }

    fn decided(score: f32, grounds: Grounds, tier: Tier) -> Action {
        Policy::default().decide(&verdict(score, grounds), &place(tier), &Shadow::default())
    }

    #[test]
    fn only_hard_facts_hold_and_only_lists_delete() {
        assert_eq!(decided(0.999, Grounds::Signs, Tier::New), Action::Flag, "no score alone does more");
        assert_eq!(decided(0.4, Grounds::Signs, Tier::New), Action::Pass);
        assert_eq!(decided(0.9, Grounds::Fact, Tier::New), Action::Hold);
        assert_eq!(decided(0.9, Grounds::Fact, Tier::Trusted), Action::Flag);
        assert_eq!(decided(0.9, Grounds::Listed, Tier::Member), Action::Delete);
        assert_eq!(decided(0.9, Grounds::Listed, Tier::Trusted), Action::Hold, "accounts are stolen");
        assert_eq!(decided(0.9, Grounds::Listed, Tier::Staff), Action::Flag);
    }

    #[test]
    fn in_shadow_mode_nothing_is_done_and_the_red_twin_acts() {
        let listed = verdict(1.0, Grounds::Listed);
        assert_eq!(Policy::first().decide(&listed, &place(Tier::New), &Shadow::default()), Action::Pass);
        assert_eq!(Policy::first().would(&listed, &place(Tier::New), &Shadow::default()), Action::Delete);
        assert_eq!(Policy::default().decide(&listed, &place(Tier::New), &Shadow::default()), Action::Delete);
    }

    #[test]
    fn the_most_exact_row_wins() {
        let row = |platform: Option<&str>, channel, tier, score| Row {
            platform: platform.map(str::to_owned),
            channel,
            tier,
            limits: Limits { flag: Threshold::Score(score), ..Limits::default() },
        };
        let policy = Policy {
            rows: vec![
                row(None, None, Some(Tier::New), 0.1),
                row(Some("discord"), None, None, 0.2),
                row(Some("discord"), Some(Channel::Support), None, 0.3),
                row(None, None, None, 0.4),
            ],
            shadow: false,
        };
        let flag = |platform, channel, tier| policy.limits(&Place { platform, channel, tier }).flag;
        assert_eq!(flag("discord", Channel::Open, Tier::New), Threshold::Score(0.1));
        assert_eq!(flag("discord", Channel::Open, Tier::Member), Threshold::Score(0.2));
        assert_eq!(flag("discord", Channel::Support, Tier::Member), Threshold::Score(0.3));
        assert_eq!(flag("telegram", Channel::Support, Tier::Member), Threshold::Score(0.4));
    }

    #[test]
    fn a_share_of_false_alarms_becomes_a_score_once_the_shadow_knows_enough() {
        let limits = Limits { flag: Threshold::FalsePositives(0.01), ..Limits::default() };
        let policy = Policy { rows: vec![Row { platform: None, channel: None, tier: None, limits }], shadow: false };
        let mut shadow = Shadow::default();
        let judged = |shadow: &Shadow| policy.decide(&verdict(0.3, Grounds::Signs), &place(Tier::New), shadow);
        assert_eq!(judged(&shadow), Action::Pass, "by the default");
        (0..5000).for_each(|_| shadow.note(0.02));
        (0..20).for_each(|_| shadow.note(0.25));
        assert_eq!(judged(&shadow), Action::Flag);
    }
}
