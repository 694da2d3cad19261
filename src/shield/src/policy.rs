//! What follows from a verdict, and where: a table by platform, kind of channel and trust. Each thing that is to be known
//! is said by the most exact row that says it, else by the defaults. Thresholds may be target shares of false alarms, read
//! off the community's own shadow traffic.

mod breaker;
mod row;
mod shadow;

pub use breaker::Breaker;
pub use row::{Fault, Measure, Measures, Refused, Row, Sanction};
pub use shadow::{ENOUGH, Shadow, Shadows, bin};

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::behaviour::key;
use crate::message::Tier;
use crate::verdict::{Action, Grounds, Verdict};

/// Counts up with every change of the defaults below.
pub const VERSION: u32 = 2;

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

impl Channel {
    /// Scams are talked about there: to name one is to warn of it.
    pub fn is_about_scams(self) -> bool {
        matches!(self, Self::Reports | Self::Staff)
    }
}

/// From which score on a message is flagged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// A score, 0 to 1.
    Score(f32),
    /// The share of clean messages that may be flagged, 0 to 1. Until the shadow knows enough, the default score.
    FalsePositives(f64),
}

/// The score from which on a message is flagged where nothing else is said.
pub const FLAG: f32 = 0.5;

/// What shadow traffic may make of a threshold: a raid that nobody called a scam must not blind the shield, and a quiet
/// month must not make it jump at every link.
pub const WITHIN: (f32, f32) = (0.2, 0.9);

impl Threshold {
    /// The score that it means over this traffic.
    pub fn over(self, shadow: &Shadow) -> f32 {
        match self {
            Self::Score(score) => score,
            Self::FalsePositives(share) => {
                shadow.threshold(share).map_or(FLAG, |score| score.clamp(WITHIN.0, WITHIN.1))
            }
        }
    }
}

/// What is done, and from which score on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub flag: f32,
    /// What is done upon a score alone; never more than flagging and calling, whatever stands here.
    pub score: Measures,
    /// What is done where something passes for ours or asks for a secret.
    pub fact: Measures,
    /// What is done about what is on a list.
    pub listed: Measures,
}

impl Limits {
    /// The defaults: hard facts hold, only what is listed goes. The trusted and the staff are not silenced for what may be a
    /// mistake, and where scams are talked about a fact is no order.
    pub fn at(channel: Channel, tier: Tier) -> Self {
        let (flag, hold) = (Measures::of(Action::Flag), Measures::of(Action::Hold));
        let gone = Measures { author: Some(Sanction::Restrict), ..Measures::of(Action::Delete) };
        let (fact, listed) = match (channel, tier) {
            (_, Tier::Staff) | (Channel::Staff, _) => (flag, flag),
            (Channel::Reports, _) | (_, Tier::Trusted) => (flag, hold),
            (_, Tier::New | Tier::Member) => (hold, gone),
        };
        Self { flag: FLAG, score: flag, fact, listed }
    }

    /// What follows from a score and its grounds.
    pub fn measures(&self, score: f32, grounds: Grounds) -> Measures {
        match grounds {
            Grounds::Listed => self.listed,
            Grounds::Fact if score >= FLAG => self.fact,
            _ if score >= self.flag => self.score.mild(),
            _ => Measures::default(),
        }
    }

    /// A verdict as it is by these limits, and all that follows from it.
    pub fn decide(&self, mut verdict: Verdict) -> (Verdict, Measures) {
        let measures = self.measures(verdict.score, verdict.grounds);
        verdict.action = measures.message;
        verdict.threshold = Some(self.flag);
        if let Some(without) = &mut verdict.counterfactual {
            without.action = self.measures(without.score, without.grounds).message;
        }
        (verdict, measures)
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

/// Which table of the operator's own it was: eight hex digits, the same wherever the same rows are written, in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableVersion(u64);

impl TableVersion {
    /// None: there is no row.
    fn of(rows: &[Row]) -> Option<Self> {
        let mut lines: Vec<String> = rows.iter().filter_map(|row| serde_json::to_string(row).ok()).collect();
        lines.sort_unstable();
        (!lines.is_empty()).then(|| Self(key(&lines.join("\n")) >> 32))
    }
}

impl fmt::Display for TableVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl Serialize for TableVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A workspace's table. Without a row, the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    rows: Vec<Row>,
    version: Option<TableVersion>,
}

impl Policy {
    /// Refuses rows that cannot be meant.
    pub fn new(rows: Vec<Row>) -> Result<Self, Refused> {
        row::check(&rows)?;
        Ok(Self { version: TableVersion::of(&rows), rows })
    }

    /// Which table it is, for whoever reads a verdict later.
    pub fn version(&self) -> Option<TableVersion> {
        self.version
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What the most exact row that says it says: tier before channel before platform.
    fn said<T>(&self, place: &Place<'_>, read: impl Fn(&Row) -> Option<T>) -> Option<(&Row, T)> {
        let fitting = self.rows.iter().filter(|row| row.fits(place));
        fitting.filter_map(|row| Some((row, read(row)?))).max_by_key(|(row, _)| row.exactness())
    }

    /// The threshold at a place, and the platform whose traffic tells its share; `None`: that of all.
    pub fn threshold(&self, place: &Place<'_>) -> (Threshold, Option<&str>) {
        let said = self.said(place, Row::threshold);
        said.map_or((Threshold::Score(FLAG), None), |(row, threshold)| (threshold, row.platform.as_deref()))
    }

    /// A verdict as it is at a place, by which table, and all that follows from it.
    pub fn decide(&self, place: &Place<'_>, shadows: &Shadows, verdict: Verdict) -> (Verdict, Measures) {
        let (mut verdict, measures) = self.limits(place, shadows).decide(verdict);
        verdict.versions.table = self.version;
        (verdict, measures)
    }

    /// The limits at a place. Of the staff nobody is ever silenced.
    pub fn limits(&self, place: &Place<'_>, shadows: &Shadows) -> Limits {
        let default = Limits::at(place.channel, place.tier);
        let (threshold, of) = self.threshold(place);
        let said = |read: fn(&Row) -> Option<Measures>| self.said(place, read).map(|(_, measures)| measures);
        let within = |measures: Measures| if place.tier == Tier::Staff { measures.mild() } else { measures };
        Limits {
            flag: threshold.over(shadows.of(of)),
            score: said(Row::on_score).unwrap_or(default.score).mild(),
            fact: within(said(Row::on_fact).unwrap_or(default.fact)),
            listed: within(said(Row::on_listed).unwrap_or(default.listed)),
        }
    }
}

#[cfg(test)]
mod tests;
