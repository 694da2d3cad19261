//! Pictures, judged: what their codes say as if their author had written it beside the words, and what they look like beside
//! pictures that moderators spoke of.

use std::sync::Arc;

use townkeeper_core::say;
use townkeeper_knowledge::Base;
use townkeeper_shield::media::{Bank, ImageHash, Picture};
use townkeeper_shield::policy::Channel;
use townkeeper_shield::{Folded, Signal, Verdict};
use townkeeper_store::{JudgedPicture, NewCase};

use super::memory::Met;
use super::{Ground, Watch, said, table, why};
use crate::pictures::Look;

/// What was seen on a message's pictures.
pub(crate) struct Sight {
    /// What their codes say, one a line.
    codes: String,
    /// A picture that moderators said is a scam: its case, and the reason.
    known: Option<(i64, Signal)>,
    /// What those pictures look like that have a code or are known.
    marked: Vec<u64>,
    /// What all of them look like.
    all: Vec<u64>,
}

impl Sight {
    /// `judged`: what moderators said of earlier ones.
    pub(crate) fn of(pictures: &[Picture], judged: &[JudgedPicture]) -> Self {
        let mut sight = Self { codes: String::new(), known: None, marked: Vec::new(), all: Vec::new() };
        let bank = bank(judged);
        let mut codes = Vec::new();
        for picture in pictures {
            let known = picture.hash.and_then(|hash| Some((bank.find(hash)?.0.parse().ok()?, bank.signal(picture)?)));
            let marked = known.is_some() || !picture.codes.is_empty();
            let hash = picture.hash.map(ImageHash::bits);
            sight.marked.extend(hash.filter(|_| marked));
            sight.all.extend(hash);
            sight.known = sight.known.take().or(known);
            codes.extend(picture.codes.iter().map(String::as_str));
        }
        sight.codes = codes.join("\n");
        sight
    }

    /// What those pictures look like that speak for a case themselves.
    pub(crate) fn marked(&self) -> Vec<u64> {
        self.marked.clone()
    }

    /// What all of them look like.
    pub(crate) fn all(&self) -> Vec<u64> {
        self.all.clone()
    }
}

/// What is held against others: what is called none by one case is no scam in another.
fn bank(judged: &[JudgedPicture]) -> Bank {
    let mut cleared = Bank::default();
    let of = |picture: &JudgedPicture| (ImageHash::from_bits(picture.hash), picture.number.to_string());
    for (hash, name) in judged.iter().filter(|picture| !picture.scam).map(of) {
        cleared.insert(hash, &name);
    }
    let mut bank = Bank::default();
    for (hash, name) in judged.iter().filter(|picture| picture.scam).map(of) {
        if cleared.find(hash).is_none() {
            bank.insert(hash, &name);
        }
    }
    bank
}

impl Watch {
    /// Whether pictures are looked at here at all.
    pub(crate) fn looks_at_pictures(&self) -> bool {
        self.guarding.pictures
    }

    /// `Some`: its pictures make a message look like a scam, and more so than its words alone did.
    pub(crate) fn judge_pictures(&self, look: &Look, sight: &Sight, base: &Arc<Base>) -> Option<NewCase> {
        let ground = self.ground(base);
        let place = table::place(&look.inbound.account, look.channel, look.tier);
        let spoken = self.spoken(&ground, look, place.channel, &sight.codes).map(|verdict| {
            let why = say::cases::in_a_code(&why(&verdict.signals));
            (verdict, why)
        });
        let shown = sight.known.as_ref().map(|(case, signal)| {
            let verdict = ground.beside(look, place.channel, "", vec![signal.clone()], None);
            (verdict, say::cases::known_picture(*case))
        });
        let worst = [shown, spoken].into_iter().flatten().max_by(|(a, _), (b, _)| a.score.total_cmp(&b.score))?;
        let (verdict, why) = worst;
        let (verdict, measures) = self.guarding.policy.decide(&place, &self.counts.shadows(), verdict);
        let (action, also) = table::case(measures)?;
        look.found.is_none_or(|found| action > found).then(|| NewCase {
            action,
            also,
            why,
            text: sight.codes.clone(),
            verdict: serde_json::to_value(&verdict).unwrap_or_default(),
            ..look.case()
        })
    }

    /// What the codes say, behind the author's own words: who warns of a code is no thief.
    fn spoken(&self, ground: &Ground, look: &Look, channel: Channel, codes: &str) -> Option<Verdict> {
        if codes.is_empty() {
            return None;
        }
        let words = said(&look.inbound).unwrap_or_default();
        let text = if words.is_empty() { codes.to_owned() } else { format!("{words}\n{codes}") };
        Some(ground.beside(look, channel, &text, Vec::new(), self.model.as_deref()))
    }
}

impl Ground {
    /// A verdict over a text of the same author. What they did lately was held against the message itself.
    fn beside(
        &self,
        look: &Look,
        channel: Channel,
        text: &str,
        signals: Vec<Signal>,
        model: Option<&townkeeper_shield::Model>,
    ) -> Verdict {
        let met = Met { tier: look.tier, reply: None, before: None, signals };
        self.verdict(&look.inbound, text, &Folded::new(text), &met, channel, model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(bits: u64) -> Picture {
        Picture { width: 9, height: 9, hash: Some(ImageHash::from_bits(bits)), codes: Vec::new() }
    }

    fn judged(number: i64, scam: bool, hash: u64) -> JudgedPicture {
        JudgedPicture { number, scam, hash }
    }

    #[test]
    fn a_picture_nearly_like_one_of_a_scam_is_known_and_none_that_was_cleared() {
        let known = |judged: &[JudgedPicture], bits| Sight::of(&[picture(bits)], judged).known.map(|(case, _)| case);
        assert_eq!(known(&[judged(7, true, 0)], 0xff), Some(7), "eight marks of 64");
        assert_eq!(known(&[judged(7, true, 0)], 0x1ff), None);
        assert_eq!(known(&[judged(7, false, 0)], 0), None);
        // A scam came with the logo that everybody has, and somebody was taken for a thief by it.
        assert_eq!(known(&[judged(7, true, 0), judged(9, false, 1)], 0), None);
    }

    #[test]
    fn a_picture_speaks_for_a_case_by_its_code_or_because_it_is_known() {
        let code = Picture { codes: vec!["https://claim-lumen.example.net".to_owned()], ..picture(!0) };
        let pictures = [picture(0), code, picture(0xffff_0000)];
        let sight = Sight::of(&pictures, &[judged(7, true, 0xffff_0001)]);
        assert_eq!((sight.marked(), sight.all()), (vec![!0, 0xffff_0000], vec![0, !0, 0xffff_0000]));
    }
}
