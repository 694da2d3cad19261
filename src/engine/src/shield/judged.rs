//! What all cases lead to that moderators judged, far beyond those whose words are learnt: each is read once, and kept for as
//! long as nothing more is said about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use townkeeper_contract::text::Allowed;
use townkeeper_shield::{Confirmed, Entities};
use townkeeper_store::{JudgedCase, Store, StoreError};

/// The newest so many count: at some 500 bytes each, ten megabytes.
pub(super) const CASES: u32 = 20_000;

/// How many are read at a time.
const PAGE: usize = 500;

/// Judged cases, the oldest first, and what each leads to.
#[derive(Clone, Default)]
pub(super) struct Judged(BTreeMap<JudgedCase, Arc<Entities>>);

impl Judged {
    /// Those of now. What was known before is not read again.
    pub(super) async fn read(store: &Store, workspace: &str, before: &Self) -> Result<Self, StoreError> {
        let now = store.judged_cases(workspace, CASES).await?;
        let known = now.iter().filter_map(|case| Some((*case, Arc::clone(before.0.get(case)?))));
        let mut judged = Self(known.collect());
        let new: Vec<i64> = now.iter().filter(|case| !judged.0.contains_key(case)).map(|case| case.number).collect();
        for page in new.chunks(PAGE) {
            let texts = store.judged_texts(workspace, page).await?;
            // Of many it takes a while.
            let each = |(case, text): (JudgedCase, String)| (case, Arc::new(Entities::of(&text)));
            let read = tokio::task::spawn_blocking(move || texts.into_iter().map(each).collect::<Vec<_>>()).await;
            match read {
                Ok(read) => judged.0.extend(read),
                Err(error) => tracing::error!(%error, "what some cases lead to could not be read"),
            }
        }
        Ok(judged)
    }

    /// What they deny, save what is ours.
    pub(super) fn confirmed(&self, ours: &Allowed) -> Confirmed {
        let (scams, cleared): (Vec<_>, Vec<_>) = self.0.iter().partition(|(case, _)| case.scam);
        let scams = scams.into_iter().map(|(case, entities)| (case.number, &**entities));
        Confirmed::of(scams, cleared.into_iter().map(|(_, entities)| &**entities), ours)
    }
}
