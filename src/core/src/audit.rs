//! The audit log's chain: how a record is hashed, and how a log is checked. Each record holds the hash of the one before
//! it; the head, kept beside the log, says where it ends.
//!
//! What it cannot show: a log that was written anew from some record on, head included. For that its head must be
//! known outside (signed heartbeats carry it).

use sha2::{Digest as _, Sha256};
use townkeeper_contract::access::{AuditHead, AuditRecord};

use crate::secret;

/// The hash of what was changed, before or after; of nothing, it is empty.
pub fn digest(state: Option<&str>) -> String {
    state.map(secret::hash).unwrap_or_default()
}

/// The hash of a record: every field but `hash`, each behind its length, so that none can run into the next.
pub fn seal(record: &AuditRecord) -> String {
    let AuditRecord { n, at_ms, actor, method, action, subject, before_hash, after_hash, prev_hash, hash: _ } = record;
    let mut hasher = Sha256::new();
    hasher.update(b"townkeeper.audit/1");
    let (n, at_ms) = (n.to_string(), at_ms.to_string());
    for field in [&n, &at_ms, actor, method, action, subject, before_hash, after_hash, prev_hash] {
        hasher.update(field.len().to_be_bytes());
        hasher.update(field);
    }
    format!("{:x}", hasher.finalize())
}

/// The first record that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub n: i64,
    pub why: &'static str,
}

/// A log that is being read from its beginning.
#[derive(Clone, Debug)]
pub struct Chain {
    next: i64,
    prev: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { next: 1, prev: String::new() }
    }
}

impl Chain {
    /// How many records were good.
    pub fn good(&self) -> i64 {
        self.next - 1
    }

    /// The next record, in the log's order.
    pub fn check(&mut self, record: &AuditRecord) -> Result<(), Broken> {
        let broken = |why| Err(Broken { n: self.next, why });
        if record.n > self.next {
            return broken("it is missing");
        }
        if record.n < self.next {
            return broken("another stands in its place");
        }
        if seal(record) != record.hash {
            return broken("it was changed");
        }
        if record.prev_hash != self.prev {
            return broken("it does not follow the one before");
        }
        self.next += 1;
        self.prev.clone_from(&record.hash);
        Ok(())
    }

    /// The end of the log, held against its head.
    pub fn finish(&self, head: &AuditHead) -> Result<(), Broken> {
        let last = self.good();
        if head.n > last {
            return Err(Broken { n: self.next, why: "it is missing: the end was cut off" });
        }
        if head.n < last {
            return Err(Broken { n: head.n + 1, why: "it is beyond the head of the log" });
        }
        if head.hash != self.prev {
            return Err(Broken { n: last, why: "it is not what the head of the log says" });
        }
        Ok(())
    }
}

/// Checks a whole log.
pub fn verify(records: &[AuditRecord], head: &AuditHead) -> Result<(), Broken> {
    let mut chain = Chain::default();
    records.iter().try_for_each(|record| chain.check(record))?;
    chain.finish(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A log of records with these subjects.
    fn log(subjects: &[String]) -> (Vec<AuditRecord>, AuditHead) {
        let mut head = AuditHead::default();
        let records = subjects.iter().map(|subject| {
            let mut record = AuditRecord {
                n: head.n + 1,
                at_ms: head.n * 7,
                actor: "operator".to_owned(),
                method: "operator".to_owned(),
                action: "token.create".to_owned(),
                subject: subject.clone(),
                before_hash: digest(None),
                after_hash: digest(Some(subject)),
                prev_hash: head.hash.clone(),
                hash: String::new(),
            };
            record.hash = seal(&record);
            head = AuditHead { n: record.n, hash: record.hash.clone() };
            record
        });
        (records.collect(), head)
    }

    /// Changes one field.
    fn flip(record: &mut AuditRecord, field: usize) {
        match field {
            0 => record.n += 1_000,
            1 => record.at_ms += 1,
            2 => record.actor.push('x'),
            3 => record.method.push('x'),
            4 => record.action.push('x'),
            5 => record.subject.push('x'),
            6 => record.before_hash.push('0'),
            7 => record.after_hash.push('0'),
            8 => record.prev_hash.push('0'),
            _ => record.hash.push('0'),
        }
    }

    proptest! {
        #[test]
        fn any_single_change_is_found_where_it_is(
            subjects in proptest::collection::vec(".{0,12}", 1..20),
            at in any::<prop::sample::Index>(),
            field in 0_usize..10,
        ) {
            let (records, head) = log(&subjects);
            prop_assert_eq!(verify(&records, &head), Ok(()));
            let at = at.index(records.len());
            let n = i64::try_from(at).unwrap() + 1;

            let mut flipped = records.clone();
            flip(&mut flipped[at], field);
            prop_assert_eq!(verify(&flipped, &head).map_err(|b| b.n), Err(n));

            let mut deleted = records.clone();
            deleted.remove(at);
            prop_assert_eq!(verify(&deleted, &head).map_err(|b| b.n), Err(n));

            let mut inserted = records.clone();
            inserted.insert(at, AuditRecord { subject: "forged".to_owned(), ..records[at].clone() });
            prop_assert_eq!(verify(&inserted, &head).map_err(|b| b.n), Err(n));

            let cut = &records[..at];
            prop_assert_eq!(verify(cut, &head).map_err(|b| b.n), Err(n));

            // One that was changed and sealed again breaks the chain behind it, or at the head.
            let mut forged = records.clone();
            forged[at].subject.push('x');
            forged[at].hash = seal(&forged[at]);
            prop_assert_eq!(verify(&forged, &head).map_err(|b| b.n), Err((n + 1).min(head.n)));

            let more = AuditHead { n: n - 1, hash: records[at].prev_hash.clone() };
            prop_assert_eq!(verify(&records, &more).map_err(|b| b.n), Err(n));
        }
    }

    /// The red twin: without the head a cut end is not seen.
    #[test]
    fn red_twin_without_the_head_a_cut_end_is_not_seen() {
        let (records, head) = log(&["a".to_owned(), "b".to_owned()]);
        let mut chain = Chain::default();
        assert!(records[..1].iter().all(|record| chain.check(record).is_ok()), "the rest is whole by itself");
        assert!(chain.finish(&head).is_err());
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let (records, _) = log(&["ab".to_owned()]);
        let moved = AuditRecord { actor: "operatoro".to_owned(), method: "perator".to_owned(), ..records[0].clone() };
        assert_ne!(seal(&moved), seal(&records[0]));
    }
}
