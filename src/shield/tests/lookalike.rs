//! Thousands of hosts made from a brand as thieves make them, and thousands of honest ones that share letters with it.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be made must end it")]

use townkeeper_shield::signals::brand;
use townkeeper_shield::{Action, Facts, Known, Lists, Message, Shield, Weights};

const BRANDS: &[&str] = &["lumen", "quartzine", "elderoak"];
const ACTIONS: &[&str] = &[
    "claim",
    "migrate",
    "migration",
    "swap",
    "bridge",
    "airdrop",
    "token",
    "app",
    "portal",
    "support",
    "official",
    "verify",
    "wallet",
    "mint",
    "rewards",
    "v2",
    "drop",
    "stake",
    "presale",
    "help",
    "login",
    "launch",
];
const ENDINGS: &[&str] =
    &["com", "net", "xyz", "app", "io", "fun", "site", "online", "top", "network", "finance", "co.uk"];
const HOSTING: &[&str] = &["pages.dev", "vercel.app", "netlify.app", "web.app", "github.io", "herokuapp.com"];
/// Honest names, among them words with `lumen` or its letters inside.
const HONEST: &[&str] = &[
    "luminous",
    "lumentum",
    "volumen",
    "albumen",
    "columen",
    "illumenate",
    "lumber",
    "numen",
    "rumen",
    "acumen",
    "documents",
    "lament",
    "element",
    "luminary",
    "blumenhaus",
    "flumenworks",
    "volumenta",
    "cerumenfree",
    "bitumen",
    "regimen",
    "specimen",
    "women",
    "human",
    "menlu",
    "solumentis",
    "quartz",
    "quartzite",
    "quarzheizung",
    "alder",
    "elder",
    "elderly",
    "oak",
    "elderflower",
    "oakland",
    "oldoak",
    "northwind",
    "bluebird",
    "acme",
    "harbor",
    "meadow",
    "granite",
    "cinder",
    "willow",
    "maple",
    "orbit",
    "summit",
    "ledgerly",
    "bridgeport",
    "swapmeet",
    "tokenring",
    "claimsdesk",
    "walletshop",
    "appfolio",
    "mintgreen",
    "dropwise",
    "officialgazette",
    "supportworks",
    "launchbox",
];

fn known() -> Known {
    let facts = Facts {
        hosts: vec!["lumen.example.org".into(), "quartzine.example.org".into(), "elderoak.example.org".into()],
        brands: BRANDS.iter().map(|brand| (*brand).to_owned()).collect(),
        ..Facts::default()
    };
    Known::new(&facts)
}

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
}

/// The brand with letters doubled, swapped or missing, or in letters that only look like it.
fn distorted(brand: &str, dice: &mut Dice) -> String {
    let letters: Vec<char> = brand.chars().collect();
    let at = 1 + dice.up_to(letters.len() - 2);
    let mut word = letters.clone();
    match dice.up_to(5) {
        0 => word.insert(at, letters[at]),
        1 if letters[at] != letters[at - 1] => word.swap(at, at - 1),
        2 => drop(word.remove(at)),
        3 => {
            for c in &mut word {
                *c = match *c {
                    'o' => '0',
                    'e' => '3',
                    'l' => '1',
                    'a' => '4',
                    c => c,
                };
            }
        }
        _ => {
            for c in &mut word {
                *c = match *c {
                    'e' => 'е',
                    'a' => 'а',
                    'o' => 'о',
                    'u' => 'υ',
                    c => c,
                };
            }
        }
    }
    word.into_iter().collect()
}

fn lookalike(dice: &mut Dice) -> String {
    let brand = dice.pick(BRANDS);
    let (action, more, ending, hosting) =
        (dice.pick(ACTIONS), dice.pick(ACTIONS), dice.pick(ENDINGS), dice.pick(HOSTING));
    match dice.up_to(11) {
        0 => format!("{action}-{brand}.{ending}"),
        1 => format!("{brand}-{action}.{ending}"),
        2 => format!("{brand}{action}.{ending}"),
        3 => format!("{action}{brand}{more}.{ending}"),
        4 => format!("{brand}.{ending}"),
        5 => format!("{brand}-{action}.{hosting}"),
        6 => format!("{brand}.{action}-{more}.{ending}"),
        7 => format!("{brand}.example.org.{action}-{more}.{ending}"),
        8 => format!("{}.{ending}", distorted(brand, dice)),
        9 => format!("{action}-{}.{ending}", distorted(brand, dice)),
        _ => {
            let (start, rest) = brand.split_at(3);
            format!("{start}-{rest}.{ending}")
        }
    }
}

fn honest(dice: &mut Dice) -> String {
    let (name, other, ending) = (dice.pick(HONEST), dice.pick(HONEST), dice.pick(ENDINGS));
    match dice.up_to(5) {
        0 => format!("{name}.{ending}"),
        1 => format!("{name}-{other}.{ending}"),
        2 => format!("{}.{name}.{ending}", dice.pick(ACTIONS)),
        3 => format!("{name}{}.{ending}", dice.pick(ACTIONS)),
        _ => format!("{name}.{}", dice.pick(HOSTING)),
    }
}

/// As it travels.
fn sent(host: &str) -> String {
    idna::domain_to_ascii(host).unwrap()
}

#[test]
fn look_alikes_are_seen_and_the_honest_are_not() {
    let known = known();
    let mut dice = Dice(7);
    let made: Vec<String> = (0..5000).map(|_| sent(&lookalike(&mut dice))).collect();
    let missed: Vec<&String> = made.iter().filter(|host| brand::judge(host, &known).is_none()).collect();
    assert!(missed.len() * 100 <= made.len(), "{} missed: {:?}", missed.len(), &missed[..missed.len().min(40)]);
    let clean: Vec<String> = (0..5000).map(|_| honest(&mut dice)).collect();
    let hit: Vec<&String> = clean.iter().filter(|host| brand::judge(host, &known).is_some()).collect();
    assert!(hit.len() * 500 <= clean.len(), "{} hit: {:?}", hit.len(), &hit[..hit.len().min(40)]);
}

#[test]
fn ours_are_never_look_alikes_and_their_twins_elsewhere_are() {
    let known = known();
    for host in ["lumen.example.org", "docs.lumen.example.org", "www.lumen.example.org"] {
        assert_eq!(brand::judge(host, &known), None, "{host}");
    }
    for host in ["lumen.example.com", "lumen.example.org.evil.example.net", "www.lumen.com"] {
        assert!(brand::judge(host, &known).is_some(), "{host}");
    }
    // The red twin: with nothing ours, our own host is as foreign as any.
    let bare = Known::new(&Facts { brands: vec!["lumen".into()], ..Facts::default() });
    assert!(brand::judge("lumen.example.org", &bare).is_some());
}

#[test]
fn a_bare_look_alike_is_held_and_an_honest_host_passes() {
    let facts = Facts { hosts: vec!["lumen.example.org".into()], brands: vec!["lumen".into()], ..Facts::default() };
    let shield = Shield::new(&facts, Lists::default(), Weights::default());
    let action = |text| shield.judge(&Message { text, ..Message::default() }, None, &[]).action;
    assert_eq!(action("claim-lumen.net"), Action::Hold);
    assert_eq!(action("xn--lumn-nye.com"), Action::Hold, "punycode");
    assert_eq!(action("luminous.com"), Action::Pass);
    assert_eq!(action("bitumen.net"), Action::Pass);
}
