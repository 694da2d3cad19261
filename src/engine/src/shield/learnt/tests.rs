//! To take back is to unlearn, bit for bit, whatever was said in between, on whatever cases: over the store, on either engine.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use townkeeper_contract::access::Role;
use townkeeper_contract::case::{CaseAction, CaseWord, ShieldMode};
use townkeeper_core::cases::decide;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_shield::Confirmed;
use townkeeper_store::{By, DecideCase, JudgedPicture, NewCase, SaidCode, ShadowCounts};

use super::super::clean;
use super::*;

/// Hosts, an address, rooms, somebody to write to, words: some of them in several cases.
const TEXTS: [&str; 7] = [
    "Send 1 SOL and get 2 back, doubling is live: https://lucky-lantern.example.net/start",
    "hello friends look what I found https://lucky-lantern.example.net/other",
    "Open a ticket in our help server https://discord.gg/LaNtErN7 and the team will see to it",
    "Kindly DM @Lantern_Desk for help, our support team is in https://discord.gg/LaNtErN7",
    "official contract: 0x52908400098527886E0F7030069857D2E4169EE7, ape in now before it is too late",
    "Dear friends, the lantern festival pays every visitor, ask the lamplighter at the gate for your share",
    "does anybody know when the festival starts and where the gate is? message @lantern_desk",
];

/// All that follows from words about cases, and would be noticed if it stayed.
#[derive(PartialEq)]
struct Known {
    delta: Delta,
    left_out: Vec<i64>,
    confirmed: Confirmed,
    hosts: Vec<u8>,
    pictures: Vec<JudgedPicture>,
    counts: ShadowCounts,
}

/// A workspace with a case of each text, and what one of its nodes learnt.
struct Town<'s> {
    store: &'s Store,
    workspace: String,
    learnt: Learnt,
    model: Arc<Model>,
    clean: Arc<Vec<Folded>>,
}

impl<'s> Town<'s> {
    async fn open(store: &'s Store, workspace: String) -> Self {
        for (number, text) in (1..).zip(TEXTS) {
            let account = if number % 2 == 0 { "discord:main" } else { "telegram:main" };
            let new = NewCase {
                event: format!("m{number}"),
                place: "square".to_owned(),
                address: "square".to_owned(),
                message: Some(format!("square/{number}")),
                edit: false,
                person: "66".to_owned(),
                name: "Ada".to_owned(),
                text: text.to_owned(),
                why: "it looks like a scam".to_owned(),
                verdict: serde_json::json!({}),
                action: CaseAction::Flag,
                also: Vec::new(),
                mode: ShieldMode::Flag,
                counted: Some(100 + number % 3),
            };
            store.open_case(&workspace, account, new, 1_000).await.unwrap();
            store.keep_pictures(&workspace, account, &format!("m{number}"), vec![7 << number]).await.unwrap();
        }
        let (model, clean) = (Arc::new(Model::shipped().unwrap()), Arc::new(clean::frozen()));
        Self { store, workspace, learnt: Learnt::default(), model, clean }
    }

    async fn state(&self, number: i64) -> (CaseState, i64) {
        let kept = self.store.case(&self.workspace, number).await.unwrap().unwrap();
        (kept.case.state, kept.said)
    }

    async fn say(&self, number: i64, word: CaseWord) {
        let (state, said) = self.state(number).await;
        let Some((to, _)) = decide(state, word) else { return };
        let (workspace, actor, method) = (self.workspace.clone(), "operator".to_owned(), "file".to_owned());
        let by = By { workspace, actor, method, now_ms: 2_000 };
        let decide = DecideCase { by, number, said, to, debt: None, takes_back: false, wording: 0 };
        self.store.decide_case(decide).await.unwrap();
    }

    async fn learn(&mut self) {
        let of = (self.store, self.workspace.as_str());
        let (model, clean) = (Some(Arc::clone(&self.model)), Arc::clone(&self.clean));
        if let Some(learnt) = Learnt::read(of, 0, &self.learnt, model, clean).await.unwrap() {
            self.learnt = learnt;
        }
    }

    async fn known(&self) -> Known {
        let lists = self.learnt.denied(&Lists::default(), &Allowed::default());
        Known {
            delta: self.learnt.delta.clone(),
            left_out: self.learnt.left_out.clone(),
            hosts: lists.workspace.compiled().to_vec(),
            confirmed: lists.confirmed,
            pictures: self.store.judged_pictures(&self.workspace).await.unwrap(),
            counts: self.store.shadow(&self.workspace).await.unwrap(),
        }
    }
}

/// The numbers of all cases.
fn numbers() -> std::ops::RangeInclusive<i64> {
    1..=i64::try_from(TEXTS.len()).unwrap()
}

fn steps() -> impl Strategy<Value = Vec<(i64, CaseWord, bool)>> {
    prop::collection::vec((numbers(), prop::sample::select(CaseWord::ALL.to_vec()), any::<bool>()), 0..24)
}

async fn is_exact(store: &Store, name: &str, steps: Vec<(i64, CaseWord, bool)>) {
    let mut town = Town::open(store, format!("{name} with")).await;
    let before = town.known().await;
    for (number, word, learns) in steps {
        town.say(number, word).await;
        if learns {
            town.learn().await;
        }
    }
    town.learn().await;
    // What was said and taken back, or said otherwise, might as well not have been said.
    let mut straight = Town::open(store, format!("{name} without")).await;
    for number in numbers() {
        let (state, _) = town.state(number).await;
        if let Some(word) = CaseWord::named(state.as_str()) {
            straight.say(number, word).await;
        }
    }
    straight.learn().await;
    assert!(town.known().await == straight.known().await, "what was taken back is still known");
    for number in numbers() {
        town.say(number, CaseWord::Undo).await;
    }
    town.learn().await;
    assert!(town.known().await == before, "all is taken back, and something is known");
    town.learnt = Learnt::default();
    town.learn().await;
    assert!(town.known().await == before, "another node knows something");
}

fn holds(store: &Store, runtime: &tokio::runtime::Runtime) {
    let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
    let mut name = 0;
    let names = std::cell::RefCell::new(&mut name);
    let each = |steps| {
        let mut name = names.borrow_mut();
        **name += 1;
        runtime.block_on(is_exact(store, &format!("town {name}"), steps));
        Ok(())
    };
    TestRunner::new(config).run(&steps(), each).unwrap();
}

#[test]
fn what_is_taken_back_was_never_known() {
    let (runtime, folder) = (tokio::runtime::Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    holds(&runtime.block_on(Store::open(folder.path())).unwrap(), &runtime);
}

#[test]
fn what_is_taken_back_was_never_known_on_postgres() {
    let (runtime, cluster) = (tokio::runtime::Runtime::new().unwrap(), Cluster::start(false));
    holds(&runtime.block_on(Store::connect(&cluster.database("exact"))).unwrap(), &runtime);
}

/// The red twin: of each kind of thing that could stay, one case's is noticed.
#[tokio::test]
async fn one_case_that_is_not_taken_back_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    for kept in numbers() {
        let mut town = Town::open(&store, format!("keeps {kept}")).await;
        let before = town.known().await;
        for number in numbers() {
            town.say(number, CaseWord::Content).await;
        }
        town.learn().await;
        for number in numbers().filter(|number| *number != kept) {
            town.say(number, CaseWord::Undo).await;
        }
        town.learn().await;
        let after = town.known().await;
        assert!(after.confirmed != before.confirmed, "{kept}");
        assert!(after.delta != before.delta || after.left_out != before.left_out, "{kept}");
        assert!(after.pictures != before.pictures && after.counts != before.counts, "{kept}");
    }
}

/// Words are learnt of the newest alone, for each is looked at with every other; hosts and rooms of all.
#[tokio::test]
async fn what_a_case_leads_to_stays_known_when_its_words_are_not_learnt_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let town = Town::open(&store, "town".to_owned()).await;
    for number in numbers() {
        town.say(number, CaseWord::Content).await;
    }
    let lessons = store.lessons("town", 2).await.unwrap();
    assert!(lessons.iter().all(|kept| !kept.case.text.contains("lucky-lantern")), "{lessons:?}");
    let judged = Judged::read(&store, "town", &Judged::default()).await.unwrap();
    let confirmed = judged.confirmed(&Allowed::default());
    assert_eq!(confirmed.host("lucky-lantern.example.net"), Some(1));
    assert_eq!(confirmed.person("lantern_desk"), Some(4));
}

/// What is known to be clean changes with the release: a lesson that was fine yesterday is looked at again tonight.
#[tokio::test]
async fn every_night_what_is_learnt_is_measured_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut town = Town::open(&store, "town".to_owned()).await;
    town.say(1, CaseWord::Content).await;
    town.learn().await;
    assert!(town.learnt.left_out.is_empty(), "{:?}", town.learnt.left_out);

    let clean = Arc::new(vec![Folded::new(TEXTS[0])]);
    let of = (&store, "town");
    let at = |now_ms| Learnt::read(of, now_ms, &town.learnt, Some(Arc::clone(&town.model)), Arc::clone(&clean));
    assert!(at(DAY_MS - 1).await.unwrap().is_none(), "the same day, and nothing was said");
    assert_eq!(at(DAY_MS).await.unwrap().unwrap().left_out, [1]);
}

/// Somebody who is called otherwise elsewhere would have all lessons looked at again with each of their messages.
#[tokio::test]
async fn what_the_team_is_called_is_known_and_no_lesson_is_looked_at_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut town = Town::open(&store, "town".to_owned()).await;
    let by = || By { workspace: "town".to_owned(), actor: "operator".to_owned(), method: "file".to_owned(), now_ms: 1 };
    store.add_person(by(), "ann", "Ann", &[Role::Moderator]).await.unwrap();
    store.new_link(by(), "ann", "code".to_owned(), 1_000).await.unwrap();
    let (platform, id) = ("telegram".to_owned(), "7".to_owned());
    let said = SaidCode { workspace: "town".to_owned(), platform, id, hash: "code".to_owned(), now_ms: 2 };
    store.link(said).await.unwrap();
    town.say(1, CaseWord::Content).await;
    town.learn().await;

    let (platform, id, name) = ("telegram".to_owned(), "7".to_owned(), "Moderator Ann".to_owned());
    store.show_names("town", vec![ShownName { platform, id, name, handle: String::new() }]).await.unwrap();
    // With these, a look would leave the lesson out.
    let clean = || Arc::new(vec![Folded::new(TEXTS[0])]);
    let read = |before| Learnt::read((&store, "town"), 0, before, Some(Arc::clone(&town.model)), clean());
    let learnt = read(&town.learnt).await.unwrap().expect("a name is new");
    assert!(learnt.staff(&[]).iter().any(|staff| staff.shown == ["Moderator Ann"]));
    assert!(learnt.delta == town.learnt.delta && learnt.left_out.is_empty());
    assert_eq!(learnt.judged.confirmed(&Allowed::default()).host("lucky-lantern.example.net"), Some(1));
    assert_eq!(read(&Learnt::default()).await.unwrap().expect("all is new").left_out, [1], "the twin: a look");
}
