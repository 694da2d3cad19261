//! Look-alike hosts of invented brands, one kind of trick at a time, and honest hosts of every sort: how many of each are
//! seen. The floors are what holds today; a kind that falls below its own is named.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be made must end it")]

use std::collections::BTreeMap;

use townkeeper_shield::signals::brand;
use townkeeper_shield::{Facts, Known};

/// Invented, of five to ten letters, one of two words.
const BRANDS: &[&str] = &["velmo", "orvane", "quillar", "tamberon", "brightfen", "nordwhistle"];
const ACTIONS: &[&str] = &[
    "claim", "migrate", "swap", "bridge", "airdrop", "token", "app", "portal", "support", "verify", "wallet", "mint",
    "stake", "rewards", "login", "official", "connect", "restore",
];
const ENDINGS: &[&str] =
    &["com", "net", "xyz", "app", "io", "org", "site", "online", "top", "finance", "co.uk", "com.br"];
const HOSTING: &[&str] = &[
    "pages.dev",
    "vercel.app",
    "netlify.app",
    "web.app",
    "github.io",
    "herokuapp.com",
    "webflow.io",
    "firebaseapp.com",
];
/// Letters of other scripts that pass for ours.
const TWINS: &[(char, char)] = &[
    ('a', 'а'),
    ('e', 'е'),
    ('o', 'о'),
    ('i', 'і'),
    ('l', 'ӏ'),
    ('r', 'г'),
    ('n', 'п'),
    ('m', 'м'),
    ('t', 'т'),
    ('u', 'υ'),
];

/// The same sequence at each run.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.up_to(list.len())]
    }

    fn letter(&mut self) -> char {
        char::from(b'a' + u8::try_from(self.up_to(26)).unwrap())
    }
}

/// A brand with one slip: of the first two letters only the second, so that it still begins as ours does.
fn slip(kind: &str, brand: &str, dice: &mut Dice) -> String {
    let mut word: Vec<char> = brand.chars().collect();
    let at = 1 + dice.up_to(word.len() - 2);
    match kind {
        "doubled" => word.insert(at, word[at]),
        "swapped" => word.swap(at, at + 1),
        "missing" => drop(word.remove(at)),
        "added" => word.insert(at, dice.letter()),
        "mistyped" => {
            let near = ["qwa", "asdf", "erdf", "uio", "klo", "nmb", "tyg", "cvx"];
            let group = near.into_iter().find(|group| group.contains(word[at])).unwrap_or("zs");
            word[at] = group.chars().find(|c| *c != word[at]).unwrap();
        }
        _ => word[at] = dice.letter(),
    }
    word.into_iter().collect()
}

fn twinned(brand: &str) -> String {
    brand.chars().map(|c| TWINS.iter().find(|(ours, _)| *ours == c).map_or(c, |(_, theirs)| *theirs)).collect()
}

/// One letter in another script.
fn one_twin(brand: &str, dice: &mut Dice) -> String {
    let mut word: Vec<char> = brand.chars().collect();
    let twin = |c: char| TWINS.iter().find(|(ours, _)| *ours == c).map(|(_, theirs)| *theirs);
    let places: Vec<usize> = (0..word.len()).filter(|at| twin(word[*at]).is_some()).collect();
    let at = places[dice.up_to(places.len())];
    word[at] = twin(word[at]).unwrap();
    word.into_iter().collect()
}

const SLIPS: &[&str] = &["doubled", "swapped", "missing", "added", "mistyped", "any other letter"];

/// Each kind, with the share of it, in hundredths, that must be seen.
const KINDS: &[(&str, usize)] = &[
    ("doubled", 97),
    ("swapped", 90),
    ("missing", 97),
    ("added", 65),
    ("mistyped", 65),
    ("any other letter", 50),
    ("slip beside an action", 87),
    ("homoglyphs", 97),
    ("one homoglyph", 97),
    ("digits", 99),
    ("other ending", 100),
    ("before or behind an action", 100),
    ("without a hyphen", 100),
    ("between two", 100),
    ("below another domain", 100),
    ("our host below another", 100),
    ("free hosting", 100),
    ("hyphen inside", 97),
];

fn lookalike(kind: &str, dice: &mut Dice) -> String {
    let brand = dice.pick(BRANDS);
    let (action, more, ending) = (dice.pick(ACTIONS), dice.pick(ACTIONS), dice.pick(ENDINGS));
    match kind {
        "slip beside an action" => {
            let typo = dice.pick(SLIPS);
            format!("{}-{action}.{ending}", slip(typo, brand, dice))
        }
        "homoglyphs" => format!("{}.{ending}", twinned(brand)),
        "one homoglyph" => format!("{}-{action}.{ending}", one_twin(brand, dice)),
        "digits" => {
            let digits = brand.replace('o', "0").replace('e', "3").replace('l', "1").replace('a', "4");
            format!("{digits}-{action}.{ending}")
        }
        "other ending" => format!("{brand}.{ending}"),
        "before or behind an action" if dice.up_to(2) == 0 => format!("{brand}-{action}.{ending}"),
        "before or behind an action" => format!("{action}-{brand}.{ending}"),
        "without a hyphen" if dice.up_to(2) == 0 => format!("{brand}{action}.{ending}"),
        "without a hyphen" => format!("{action}{brand}.{ending}"),
        "between two" => format!("{action}{brand}{more}.{ending}"),
        "below another domain" => format!("{brand}.com.{action}-{more}.{ending}"),
        "our host below another" => format!("{brand}.example.org.session{}.{ending}", dice.up_to(99)),
        "free hosting" => format!("{brand}-{action}.{}", dice.pick(HOSTING)),
        "hyphen inside" => {
            let (start, rest) = brand.split_at(3);
            format!("{start}-{rest}.{ending}")
        }
        typo => format!("{}.{ending}", slip(typo, brand, dice)),
    }
}

fn known() -> Known {
    let hosts = BRANDS.iter().map(|brand| format!("{brand}.example.org")).collect();
    Known::new(&Facts { hosts, brands: BRANDS.iter().map(|brand| (*brand).to_owned()).collect(), ..Facts::default() })
}

#[test]
fn each_kind_of_look_alike_is_seen_and_all_of_them_together() {
    let known = known();
    let mut dice = Dice(11);
    let (mut all, mut caught, mut below) = (0, 0, Vec::new());
    for (kind, floor) in KINDS {
        // A slip may hit the same letter, and is none then.
        let made: Vec<String> = (0..600).map(|_| lookalike(kind, &mut dice)).collect();
        let made: Vec<String> = made.iter().map(|host| idna::domain_to_ascii(host).unwrap()).collect();
        let missed: Vec<&String> = made.iter().filter(|host| brand::judge(host, &known).is_none()).collect();
        (all, caught) = (all + made.len(), caught + made.len() - missed.len());
        if (made.len() - missed.len()) * 100 < floor * made.len() {
            below.push(format!(
                "{kind}: {} of {} missed, {:?}",
                missed.len(),
                made.len(),
                &missed[..missed.len().min(8)]
            ));
        }
    }
    assert!(below.is_empty(), "{below:#?}");
    assert!(caught * 100 >= all * 93, "{caught} of {all}");
}

/// Well known, or made of words as honest names are; some share a syllable with a brand.
const HONEST: &[&str] = &[
    "google",
    "youtube",
    "github",
    "gitlab",
    "wikipedia",
    "mozilla",
    "debian",
    "ubuntu",
    "python",
    "kernel",
    "reddit",
    "discord",
    "telegram",
    "signal",
    "matrix",
    "element",
    "binance",
    "coinbase",
    "kraken",
    "bitstamp",
    "gemini",
    "bitfinex",
    "uniswap",
    "pancakeswap",
    "sushi",
    "curve",
    "aave",
    "compound",
    "maker",
    "lido",
    "rocketpool",
    "opensea",
    "blur",
    "magiceden",
    "metamask",
    "phantom",
    "solflare",
    "ledger",
    "trezor",
    "rabby",
    "etherscan",
    "solscan",
    "coingecko",
    "coinmarketcap",
    "dexscreener",
    "dextools",
    "defillama",
    "dune",
    "messari",
    "chainlink",
    "polygon",
    "arbitrum",
    "optimism",
    "avalanche",
    "cosmos",
    "osmosis",
    "celestia",
    "near",
    "cardano",
    "polkadot",
    "kusama",
    "tezos",
    "algorand",
    "hedera",
    "stellar",
    "ripple",
    "monero",
    "zcash",
    "litecoin",
    "dogecoin",
    "filecoin",
    "arweave",
    "helium",
    "thegraph",
    "snapshot",
    "gnosis",
    "safe",
    "argent",
    "zapper",
    "zerion",
    "debank",
    "layerzero",
    "wormhole",
    "stargate",
    "hop",
    "across",
    "synapse",
    "jupiter",
    "raydium",
    "orca",
    "velvet",
    "velocity",
    "velodrome",
    "elmo",
    "helmo",
    "selma",
    "valmont",
    "welcome",
    "melmoth",
    "volcano",
    "veldt",
    "orvis",
    "ordinal",
    "organe",
    "orange",
    "ovation",
    "morvan",
    "arcane",
    "vane",
    "propane",
    "germane",
    "profane",
    "quill",
    "quilter",
    "quillwork",
    "pillar",
    "quasar",
    "guilder",
    "million",
    "quinoa",
    "killarney",
    "skillard",
    "similar",
    "timber",
    "tambourine",
    "tamper",
    "cameron",
    "decameron",
    "tamarind",
    "chamber",
    "december",
    "amber",
    "lumber",
    "camber",
    "bright",
    "brighton",
    "brightside",
    "fen",
    "fence",
    "offender",
    "defend",
    "brighter",
    "knightfen",
    "lightfoot",
    "brightline",
    "nordic",
    "nordstrom",
    "whistle",
    "whistler",
    "north",
    "nordwind",
    "whistleblower",
    "fjordwhisper",
    "nordvpn",
    "bristle",
];

#[test]
fn honest_hosts_are_left_alone() {
    let known = known();
    let mut hosts: Vec<String> = Vec::new();
    for name in HONEST {
        hosts.push(format!("{name}.com"));
        hosts.push(format!("www.{name}.io"));
        for (at, action) in ACTIONS.iter().enumerate() {
            hosts.push(format!("{action}.{name}.{}", ENDINGS[at % ENDINGS.len()]));
            hosts.push(format!("{name}-{action}.{}", ENDINGS[(at + 5) % ENDINGS.len()]));
            hosts.push(format!("{name}{action}.{}", HOSTING[at % HOSTING.len()]));
        }
    }
    let mut wrong: BTreeMap<&str, usize> = BTreeMap::new();
    for host in &hosts {
        if let Some((brand, _)) = brand::judge(host, &known) {
            *wrong.entry(brand).or_default() += 1;
        }
    }
    let count: usize = wrong.values().sum();
    assert!(hosts.len() > 5_000 && count * 500 <= hosts.len(), "{count} of {}: {wrong:?}", hosts.len());
}
