//! Where one word ends and the next begins, once the letters of several were joined: `y o u r s e e d`.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Short words of English, and those that scams are made of.
const WORDS: &str = "\
    a about access account accounts action active activate activation add address admin after again against agent air airdrop all \
    allocation already also always am amount an and another announcement any anyone app apply approve are around as ask asset \
    assets assist assistance at authenticate available avoid away back balance bank be because been before below best better \
    big bio bitcoin block bonus bot both bridge buy by call can card cash chain change channel chat check claim claims click code \
    coin coins come community complete confirm connect contact contract could create crypto customer daily day days dear \
    decentralized deposit desk did direct discord dm do does done double down drop during each early earn easy email end ends \
    enter error eth ethereum ever every everyone exchange expert expire expires extra fast fee fees find first fix follow for \
    form foundation forum found free friend from full fund funds gas get getting gift give giveaway go going good got great group \
    guaranteed guys had happy has have he hello help her here hey hi him his hold holder holders hour hours how hurry i if \
    import in inbox income info instant into invest invested investment is issue it its join just keep key keys kindly know last \
    late latest left let life like limited link list listing little live login long lost low luck lucky made make making \
    manager many market max me member members mentor message method migrate migration million min mine minimum mining mint \
    minutes missed moderator money month more most move my need network never new next nft nfts no node not nothing now of \
    off offer offered official old on once one online only open opportunity or order other our out over own page paid part \
    partner password pay payment pending people per phone phrase please pool portal possible post power presale price private \
    prize problem profile profit profits project promo promotion proof protocol public pump put quick random rate ready real \
    receive recover recovery rectify refund register registered registration release remaining reply request required resolve \
    restore return returned reward rewards right safe sale scan second secret secure security see seed select selected sell \
    send server service set share she sign signal signals site slots so solana sold some someone soon special spot spots \
    staking start started stay still stop submit supply support sure swap sync synchronize take taking tap team technical \
    telegram tell text than thank thanks that the their them then there they thing this those through ticket tickets till time \
    to today token tokens tomorrow tonight top trade trader trading transaction transfer trust trusted try tweet twice two \
    unlock until up update upgrade urgent us usd usdt use used user users using valid validate validation verified verify very \
    via vip visit voucher wait wallet wallets want was watch way we web week weekly welcome well were what when where which \
    while whitelist who will win winner winners wish with withdraw withdrawal within without won work working world would \
    write wrong year yes yet you your yours";

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());

/// No piece is longer.
const LONGEST: usize = 16;
/// What is longer was not spelled out by hand.
const MOST: usize = 200;

/// The letters before which a word begins, by their number, the last first.
pub(super) fn starts(letters: &str) -> Vec<usize> {
    if !letters.is_ascii() || letters.len() > MOST {
        return Vec::new();
    }
    // For each place the cheapest way to get there, and whence.
    let mut ways: Vec<(usize, usize)> = vec![(0, 0)];
    for end in 1..=letters.len() {
        let pieces = (end.saturating_sub(LONGEST)..end).filter_map(|start| {
            let (cost, _) = ways.get(start)?;
            Some((cost + price(letters.get(start..end)?), start))
        });
        let best = pieces.min().unwrap_or_default();
        ways.push(best);
    }
    let mut starts = Vec::new();
    let mut at = letters.len();
    while let Some((_, from)) = ways.get(at).filter(|(_, from)| *from > 0) {
        starts.push(*from);
        at = *from;
    }
    starts
}

/// Short words are found everywhere, so they cost more; a stranger costs by its length, and whole it costs least.
fn price(piece: &str) -> usize {
    match piece.len() {
        length if !KNOWN.contains(piece) => 4 + 2 * length,
        1 => 6,
        2 => 5,
        3 => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_words_come_apart_and_strangers_stay_whole() {
        let apart = |letters: &str| {
            let mut text = letters.to_owned();
            for at in starts(letters) {
                text.insert(at, ' ');
            }
            text
        };
        assert_eq!(apart("enteryourseedphrase"), "enter your seed phrase");
        assert_eq!(apart("dmmeforhelpwithmigration"), "dm me for help with migration");
        assert_eq!(apart("claimlumqqtokens"), "claim lumqq tokens");
        assert!(starts(&"a".repeat(MOST + 1)).is_empty(), "nobody spells that out");
        assert_eq!(apart("migration"), "migration");
        assert_eq!(apart("conversion"), "conversion");
        assert_eq!(apart("qqqq"), "qqqq");
        assert_eq!(apart(""), "");
        assert_eq!(apart("привет"), "привет");
    }
}
