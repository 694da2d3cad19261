//! What the shield remembers beyond this process and this node: who is known, what was said within the last day, who was
//! erased. The store's tables are the truth of it; a node's memory is filled from them at its start, follows what others
//! write, and is written down with the next commit, or by the loop here where nothing else is committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::case::Case;
use townkeeper_contract::id::AccountId;
use townkeeper_store::{Print, StoreError};

use super::memory::{Copy, DAY_MS};
use super::{PoisonError, Watch};
use crate::House;

/// How often it is looked for what other nodes learnt and heard, and written down what nobody else took along.
const LOOK: Duration = Duration::from_secs(5);

/// How many fingerprints are read at a time.
const PAGE: u32 = 5_000;

/// Members are written a moment after they were heard, by the clock of whoever heard them: so far back they are read again.
const OVERLAP_MS: i64 = 60_000;

/// How far this node has read what is kept.
#[derive(Default)]
pub(super) struct Followed {
    /// By the node that wrote it.
    prints: HashMap<String, i64>,
    members_ms: i64,
    /// Who was erased, and when.
    erased: HashMap<i64, i64>,
}

/// Before anything is judged: what moderators said, who is of the team, who is known, and what was said lately.
pub(crate) async fn load(house: &House) -> Result<(), StoreError> {
    let mut followed = house.shield.followed.lock().await;
    // What follows was read after them, so nothing of it is to be forgotten.
    followed.erased = house.store.erasures(&house.workspace).await?.into_iter().collect();
    read_members(house, &mut followed).await?;
    read_prints(house, &mut followed, None).await?;
    drop(followed);
    house.shield.counts.keep(house, true).await?;
    house.shield.learn(house).await
}

/// Looks for what is new, and writes down what no commit took along, until the daemon drains.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        let draining = tokio::select! {
            () = house.draining.cancelled() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        let looked = async {
            keep(&house).await?;
            house.shield.follow(&house).await?;
            house.shield.counts.keep(&house, draining).await?;
            house.store.prune_prints(&house.workspace, house.clock.now_ms() - DAY_MS).await?;
            house.shield.learn(&house).await
        };
        if let Err(error) = looked.await {
            tracing::warn!(%error, "what the shield goes by could not be read or kept; trying again");
        }
        if draining {
            return;
        }
    }
}

/// Writes down what is known here alone. What cannot be written now is written later.
async fn keep(house: &House) -> Result<(), StoreError> {
    let (workspace, watch) = (&house.workspace, &house.shield);
    let prints = watch.unwritten();
    if !prints.is_empty()
        && let Err(error) = house.store.keep_prints(workspace, &house.node.id, prints.clone()).await
    {
        watch.put_back(prints);
        return Err(error);
    }
    let members = watch.memory().changed();
    if !members.is_empty()
        && let Err(error) = house.store.keep_members(workspace, members.clone()).await
    {
        watch.memory().put_back_members(members);
        return Err(error);
    }
    let shown = watch.memory().shown();
    if !shown.is_empty() {
        // What is lost here is noted again at a word of theirs, ten minutes later.
        house.store.show_names(workspace, shown).await?;
    }
    Ok(())
}

async fn read_members(house: &House, followed: &mut Followed) -> Result<(), StoreError> {
    let members = house.store.members(&house.workspace, followed.members_ms - OVERLAP_MS).await?;
    house.shield.memory().import(&members);
    let newest = members.iter().map(|member| member.seen_ms).max();
    followed.members_ms = followed.members_ms.max(newest.unwrap_or_default());
    Ok(())
}

/// Reads on in what each node wrote, but for `own`, which is remembered already.
async fn read_prints(house: &House, followed: &mut Followed, own: Option<&str>) -> Result<(), StoreError> {
    let nodes = house.store.print_nodes(&house.workspace).await?;
    followed.prints.retain(|node, _| nodes.contains(node));
    let since_ms = house.clock.now_ms() - DAY_MS;
    for node in nodes.into_iter().filter(|node| Some(node.as_str()) != own) {
        loop {
            let read = followed.prints.get(&node).copied().unwrap_or_default();
            let page = house.store.prints_after(&house.workspace, &node, read, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            followed.prints.insert(node.clone(), *last);
            let whole = page.len() == PAGE as usize;
            let mut memory = house.shield.memory();
            for (_, print) in page.iter().filter(|(_, print)| print.at_ms >= since_ms) {
                memory.take_up(print);
            }
            drop(memory);
            if !whole {
                break;
            }
        }
    }
    Ok(())
}

impl Watch {
    /// Takes up what other nodes wrote since the last time, and forgets whom they erased.
    async fn follow(&self, house: &House) -> Result<(), StoreError> {
        if house.node.alone {
            return Ok(());
        }
        let mut followed = self.followed.lock().await;
        // In this order: what is read then was written after the erasure.
        let erased: HashMap<i64, i64> = house.store.erasures(&house.workspace).await?.into_iter().collect();
        for (mark, _) in erased.iter().filter(|(mark, at_ms)| followed.erased.get(*mark) != Some(*at_ms)) {
            self.memory().forget(*mark);
            house.pictures.forget(*mark);
        }
        followed.erased = erased;
        read_members(house, &mut followed).await?;
        read_prints(house, &mut followed, Some(&house.node.id)).await
    }

    /// Messages of the last day that are like a case's, other than itself, whichever node took them in. Whoever of the team
    /// quoted it is left alone, and so is what stands where scams are talked about.
    pub(crate) async fn copies(&self, house: &House, case: &Case) -> Result<Vec<Copy>, StoreError> {
        // Whose they are is looked up in the table.
        keep(house).await?;
        self.follow(house).await?;
        let ground = Arc::clone(&self.ground.read().unwrap_or_else(PoisonError::into_inner));
        let mut found = self.memory().copies(case, &ground.staff, house.clock.now_ms());
        found.retain(|copy| {
            let account = AccountId::from(copy.account.as_str());
            !house.places.is_about_scams(&account, &copy.place, house.door.rules(&account))
        });
        Ok(found)
    }

    /// What is to be written with the next commit; [`Self::put_back`] where that fails.
    pub(crate) fn unwritten(&self) -> Vec<Print> {
        self.memory().unwritten()
    }

    pub(crate) fn put_back(&self, prints: Vec<Print>) {
        self.memory().put_back(prints);
    }
}
