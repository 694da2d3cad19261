//! The words that stand beside a brand in the hosts of thieves. A word between these explains what surrounds a brand;
//! any other makes it a part of another name.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::shape::{Digits, joined, shape};

/// What thieves offer; beside these, a slip of the pen in the brand is no chance either.
const OFFERS: &str = "account accounts airdrop airdrops allocation allowlist app auth bonus bridge bridging buy claim \
    claimed claiming claims connect convert converter dapp dapps desk distribution drop drops eligibility eligible \
    event events exchange foundation gift gifts giveaway help helpdesk ico ido ino launch launchpad ledger login \
    merge migrate migrated migrates migrating migration migrations migrator mint minting mints nft nfts official \
    onboarding payout portal presale promo reclaim recover recovery rectify redeem redemption refund refunds register \
    registration relaunch rebrand resolve restore reward rewards sale secure security sign signin signup snapshot \
    stake staker staking support swap swaps swapping sync team ticket tickets token tokens transfer unlock update \
    upgrade validate validation validator vault verification verified verify vesting wallet wallets whitelist \
    withdraw withdrawal genesis community governance defi dex farm farming yield casino";

/// Words that only fill.
const FILLERS: &str = "access admin alpha base beta blog bsc cash center central centre chain check checker coin coins \
    com crypto dao dash dashboard dev docs doc early earn enter erc explorer finance fix for free game games get \
    global go group hello here hq hub holder holders index info io join labs legacy link links live main mainnet \
    manage market meme members my net network new news node now og old online open org page pages panel pay phase \
    play plus pool pro program project protocol public round rpc safe scan season service services site sites sol \
    solana start status swapper test testnet the this tool tools tracker trade trading try use user users vip vote \
    web world xyz your zone eth ethereum ai fi to us win";

/// So short that beside a short brand they may be parts of another word.
const SHORT: usize = 2;

static EXPLAINED: LazyLock<HashSet<String>> = LazyLock::new(|| set(OFFERS).union(&set(FILLERS)).cloned().collect());
static OFFERED: LazyLock<HashSet<String>> = LazyLock::new(|| set(OFFERS));

fn set(words: &str) -> HashSet<String> {
    words.split_whitespace().map(|word| joined(&shape(word, Digits::Letters))).collect()
}

/// Whether a shaped stretch is nothing but such words.
pub(super) fn explains(rest: &str, letters: usize) -> bool {
    if rest.is_empty() {
        return true;
    }
    if rest.len() > 40 || !rest.is_ascii() {
        return false;
    }
    // reached[n]: the first n letters are words.
    let mut reached = vec![false; rest.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for end in 1..=rest.len() {
        let word_ends = (0..end).any(|start| {
            let word = rest.get(start..end).unwrap_or_default();
            let short = word.len() <= SHORT && letters < 5;
            reached.get(start) == Some(&true) && !short && EXPLAINED.contains(word)
        });
        if let Some(slot) = reached.get_mut(end) {
            *slot = word_ends;
        }
    }
    reached.last() == Some(&true)
}

/// Whether a shaped label has such an offer in it.
pub(super) fn acts(label: &str) -> bool {
    (3..=12).any(|length| {
        (0..(label.len() + 1).saturating_sub(length)).any(|at| {
            let long = length >= 4 || length == label.len();
            label.get(at..at + length).is_some_and(|word| long && OFFERED.contains(word))
        })
    })
}
