//! The policy's table, between the words of the contract and those of the shield; and how it is shown.

use std::collections::BTreeSet;

use townkeeper_contract::case::{CaseAction, CaseExtra};
use townkeeper_contract::id::AccountId;
use townkeeper_contract::place::PlaceChannel;
use townkeeper_contract::policy::{PolicyLine, ShieldPolicy, Trust};
use townkeeper_shield::policy::{self, Channel, Measures, Place, Sanction, Shadows, Threshold};
use townkeeper_shield::{Action, Tier};

use super::Watch;
use crate::Engine;

/// The platform of an account.
fn platform(account: &AccountId) -> &str {
    account.as_str().split(':').next().unwrap_or_default()
}

/// Where somebody who is trusted so far says something.
pub(super) fn place(account: &AccountId, class: PlaceChannel, tier: Tier) -> Place<'_> {
    Place { platform: platform(account), channel: channel(class), tier }
}

fn channel(channel: PlaceChannel) -> Channel {
    match channel {
        PlaceChannel::Open => Channel::Open,
        PlaceChannel::Support => Channel::Support,
        PlaceChannel::Announcements => Channel::Announcements,
        PlaceChannel::Reports => Channel::Reports,
        PlaceChannel::Staff => Channel::Staff,
    }
}

fn tier(trust: Trust) -> Tier {
    match trust {
        Trust::New => Tier::New,
        Trust::Member => Tier::Member,
        Trust::Trusted => Tier::Trusted,
        Trust::Staff => Tier::Staff,
    }
}

/// What a case says is to be done; `None`: there is none.
pub(super) fn case(measures: Measures) -> Option<(CaseAction, Vec<CaseExtra>)> {
    let action = match measures.message {
        Action::Pass => return None,
        Action::Flag => CaseAction::Flag,
        Action::Hold => CaseAction::Hold,
        Action::Delete => CaseAction::Delete,
    };
    let author = measures.author.map(|sanction| match sanction {
        Sanction::Restrict => CaseExtra::Restrict,
        Sanction::Ban => CaseExtra::Ban,
    });
    let also = author.into_iter().chain(measures.notify.then_some(CaseExtra::Notify));
    Some((action, also.collect()))
}

impl Engine {
    /// What the shield does about what, where and to whom, as it is now.
    pub fn shield_policy(&self) -> ShieldPolicy {
        let platforms = self.house.door.platforms().map(|(account, _)| platform(account).to_owned()).collect();
        self.house.shield.shown(platforms)
    }
}

impl Watch {
    fn shown(&self, mut platforms: BTreeSet<String>) -> ShieldPolicy {
        let shadows = self.counts.shadows();
        platforms.extend(shadows.platforms().map(str::to_owned));
        let each = platforms.iter().flat_map(|platform| {
            PlaceChannel::ALL
                .iter()
                .flat_map(move |channel| Trust::ALL.iter().map(move |tier| (platform, channel, tier)))
        });
        let lines = each.map(|(platform, channel, tier)| self.line(platform, *channel, *tier, &shadows)).collect();
        ShieldPolicy { version: policy::VERSION, lines, not_learnt: self.not_learnt() }
    }

    fn line(&self, platform: &str, class: PlaceChannel, trust: Trust, shadows: &Shadows) -> PolicyLine {
        let place = Place { platform, channel: channel(class), tier: tier(trust) };
        let limits = self.guarding.policy.limits(&place, shadows);
        let (flag_fpr, read_off) = match self.guarding.policy.threshold(&place) {
            (Threshold::Score(_), _) => (None, None),
            (Threshold::FalsePositives(share), of) => (Some(share), Some(shadows.of(of).total())),
        };
        let words = |measures: Measures| measures.named().iter().map(|measure| measure.as_str().to_owned()).collect();
        let there = shadows.of(Some(platform));
        PolicyLine {
            platform: platform.to_owned(),
            channel: class,
            tier: trust,
            flag_score: limits.flag,
            flag_fpr,
            read_off,
            score: words(limits.score),
            fact: words(limits.fact),
            listed: words(limits.listed),
            messages: there.total(),
            flagged: there.from(limits.flag),
        }
    }
}
