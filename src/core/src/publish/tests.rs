//! The automaton of changes, over every interleaving of a few acts, and over long random ones: nothing is published without
//! two people. The red twins leave one guard out each, and are caught.

use proptest::prelude::*;
use townkeeper_knowledge::Evidence;

use super::*;

const COOLING: i64 = 30;

/// What happens to a change.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Put anew, with this text.
    Put(&'static str),
    /// A person approves what they see now, in one of their sessions.
    Approve(&'static str, u8),
    /// A person says again what they said of an earlier edition.
    Replay(&'static str),
    /// A person loses the role, or is removed.
    Remove(&'static str),
    /// The same person gets it again.
    Grant(&'static str),
    /// What it replaces becomes this.
    Base(&'static str),
    /// The clock jumps.
    Clock(i64),
}

const ACTS: &[Act] = &[
    Act::Put("x"),
    Act::Put("y"),
    Act::Approve("ada", 0),
    Act::Approve("ada", 1),
    Act::Approve("bob", 0),
    Act::Replay("bob"),
    Act::Remove("bob"),
    Act::Grant("bob"),
    Act::Base("other"),
    Act::Base("old"),
    Act::Clock(COOLING),
    Act::Clock(-COOLING),
];

/// A voice as it was heard.
#[derive(Clone)]
struct Heard {
    person: &'static str,
    session: u8,
    /// What it was for: the edition, its words, and those it replaces.
    of: (i64, String, String),
    seal: String,
    at_ms: i64,
    /// The person lost the role since.
    lost: bool,
}

#[derive(Clone)]
struct World {
    change: Change,
    approvers: Vec<Voter>,
    now_ms: i64,
    /// Beside the automaton, for the one who watches it.
    heard: Vec<Heard>,
}

impl World {
    fn new() -> Self {
        let edit = Edit { item: "facts.toml".to_owned(), before: Some("old".to_owned()), after: Some("x".to_owned()) };
        let voter = |name: &str| Voter { actor: name.to_owned(), granted_ms: 0 };
        let change = Change { edition: 1, proposed_ms: 100, edits: vec![edit], approvals: Vec::new(), ended: None };
        Self { change, approvers: vec![voter("ada"), voter("bob")], now_ms: 100, heard: Vec::new() }
    }

    fn is_about(&self) -> (i64, String, String) {
        let edit = &self.change.edits[0];
        (self.change.edition, edit.after.clone().unwrap(), edit.before.clone().unwrap())
    }

    fn hear(&mut self, person: &'static str, session: u8, seal: &str) {
        if self.change.approve(person, seal, self.now_ms, &self.approvers).is_ok() {
            let (of, at_ms) = (self.is_about(), self.now_ms);
            self.heard.push(Heard { person, session, of, seal: seal.to_owned(), at_ms, lost: false });
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Put(text) => {
                let edit = Edit { after: Some(text.to_owned()), ..self.change.edits[0].clone() };
                self.change.edit(vec![edit], self.now_ms).unwrap();
            }
            Act::Approve(person, session) => self.hear(person, session, &self.change.seal()),
            Act::Replay(person) => {
                let said = self.heard.iter().find(|heard| heard.person == person).map(|heard| heard.seal.clone());
                if let Some(seal) = said {
                    self.hear(person, 0, &seal);
                }
            }
            Act::Remove(person) => {
                self.approvers.retain(|voter| voter.actor != person);
                self.heard.iter_mut().filter(|heard| heard.person == person).for_each(|heard| heard.lost = true);
            }
            Act::Grant(person) if self.approvers.iter().all(|voter| voter.actor != person) => {
                // Later than anything that was put: clocks that jump must not matter for this.
                let granted_ms = self.now_ms.max(self.change.proposed_ms) + 1;
                self.approvers.push(Voter { actor: person.to_owned(), granted_ms });
            }
            Act::Grant(_) => {}
            Act::Base(text) => self.change.edits[0].before = Some(text.to_owned()),
            Act::Clock(by) => self.now_ms += by,
        }
    }

    /// Whether two people stand behind just this today, and had the time that others need to object.
    fn may(&self) -> bool {
        let about = self.is_about();
        let voice = |person: &str| {
            let mut of = self.heard.iter().filter(|heard| heard.person == person && heard.of == about && !heard.lost);
            of.next().map(|heard| heard.at_ms)
        };
        let both = voice("ada").zip(voice("bob"));
        both.is_some_and(|(a, b)| self.now_ms >= a.max(b) + COOLING)
    }

    fn publishes(&self) -> bool {
        self.change.clone().publish(&self.approvers, COOLING, self.now_ms).is_ok()
    }

    /// As many voices as these, all long enough ago?
    fn enough<T: PartialEq>(&self, of: impl Fn(&Heard) -> Option<T>) -> bool {
        let mut voices = Vec::new();
        for (voice, at_ms) in self.heard.iter().filter_map(|heard| Some((of(heard)?, heard.at_ms))) {
            if !voices.contains(&voice) && self.now_ms >= at_ms + COOLING {
                voices.push(voice);
            }
        }
        voices.len() >= VOICES
    }
}

/// Whether a world publishes, by some rule.
type Rule<'a> = &'a dyn Fn(&World) -> bool;

/// Every world within so many acts: how many of them `publishes` does, and how many of these it should not.
fn walk(world: &World, acts: usize, publishes: &impl Fn(&World) -> bool) -> (u32, u32) {
    let mut found = if publishes(world) { (1, u32::from(!world.may())) } else { (0, 0) };
    if acts > 0 {
        for act in ACTS {
            let mut next = world.clone();
            next.act(*act);
            let more = walk(&next, acts - 1, publishes);
            found = (found.0 + more.0, found.1 + more.1);
        }
    }
    found
}

#[test]
fn nothing_is_published_without_two_people_whatever_comes_between() {
    let (published, wrong) = walk(&World::new(), 5, &World::publishes);
    assert_eq!(wrong, 0);
    assert!(published > 100, "it is published where it should be: {published}");
}

/// The red twins: without one of its guards the automaton publishes what it must not.
#[test]
fn red_twin_each_guard_that_is_left_out_is_missed() {
    let now = |world: &World, heard: &Heard| heard.of == world.is_about();
    let by_session = |world: &World| {
        world.enough(|heard| (now(world, heard) && !heard.lost).then_some((heard.person, heard.session)))
    };
    let unbound = |world: &World| world.enough(|heard| (!heard.lost).then_some(heard.person));
    let for_ever = |world: &World| world.enough(|heard| now(world, heard).then_some(heard.person));
    let at_once = |world: &World| world.change.clone().publish(&world.approvers, 0, world.now_ms).is_ok();
    let twins: [(&str, Rule<'_>); 4] =
        [("sessions", &by_session), ("edits", &unbound), ("the removed", &for_ever), ("time", &at_once)];
    for (guard, twin) in twins {
        assert!(walk(&World::new(), 4, &twin).1 > 0, "{guard}: nobody misses it");
    }
}

proptest! {
    #[test]
    fn long_lives_of_a_change_are_no_different(acts in proptest::collection::vec(0..ACTS.len(), 0..60)) {
        let mut world = World::new();
        for act in acts {
            world.act(ACTS[act]);
            prop_assert!(!world.publishes() || world.may());
        }
    }
}

#[test]
fn what_has_ended_stays_so() {
    for how in [Ended::Published, Ended::Refused, Ended::Withdrawn] {
        let mut world = World::new();
        world.change.end(how).unwrap();
        assert_eq!(world.change.approve("ada", &world.change.seal(), 100, &world.approvers), Err(Refusal::Ended));
        assert_eq!(world.change.edit(Vec::new(), 100), Err(Refusal::Ended));
        assert_eq!(world.change.end(Ended::Withdrawn), Err(Refusal::Ended));
        assert!(!world.publishes());
    }
}

fn entry(class: &str, status: &str, body: &str) -> String {
    format!(
        "---\nid: hours\ntitle: When are you open?\nclass: {class}\nowner: team\nreviewed_by: team\n\
         reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: {status}\ncanonical_url: https://example.org/hours\n\
         variants:\n  - opening hours\n  - when do you open\n  - are you open today\n---\n{body}\n"
    )
}

#[test]
fn what_money_follows_needs_two_people_and_wording_needs_one() {
    let routine = |body: &str| Some(entry("routine", "published", body));
    let is =
        |before: Option<String>, after: Option<String>| is_grave(&Edit { item: "hours.md".to_owned(), before, after });
    let words = routine("From nine to five.");
    assert!(!is(words.clone(), routine("Nine to five, every day.")), "wording");
    assert!(!is(words.clone(), None), "silence sends nobody anywhere");
    assert!(!is(words.clone(), Some(entry("routine", "draft", "Evil: https://example.net"))), "nobody sees a draft");
    for (body, why) in [
        ("See https://example.org/now.", "a link"),
        ("[See](https://example.org/now) it.", "a link behind words"),
        ("Until 1 February 2027.", "a date"),
        ("For 6:1 in return.", "a ratio"),
        ("Write to @hours.", "a name"),
        ("Until {fact:end}.", "a fact"),
    ] {
        assert!(is(words.clone(), routine(body)), "{why}");
        assert!(is(routine(body), words.clone()), "{why} that goes");
    }
    let safety = Some(entry("safety", "published", "From nine to five."));
    assert!(is(safety.clone(), words.clone()) && is(words.clone(), safety.clone()) && is(None, words.clone()));
    assert!(!is(safety, None) && is(words, Some("nothing".to_owned())));
    let facts = Edit { item: "facts.toml".to_owned(), before: Some("a".to_owned()), after: None };
    assert!(is_grave(&facts), "facts are somebody's money, also where they go");
}

fn terms(back: &[&str]) -> Terms {
    let back = back.iter().map(|item| (*item).to_owned()).collect();
    Terms { evidence: Evidence::Own, today: chrono::NaiveDate::from_ymd_opt(2026, 12, 1).unwrap(), back }
}

#[test]
fn an_entry_that_takes_anothers_question_is_named_with_it() {
    let text = |id: &str, title: &str, variants: &[&str]| {
        let variants: Vec<String> = variants.iter().map(|variant| format!("  - {variant}\n")).collect();
        let variants = variants.concat();
        let text = entry("routine", "published", "Words.").replace("id: hours", &format!("id: {id}"));
        let (head, _) = text.split_once("variants:\n").unwrap();
        format!("{}variants:\n{variants}---\nWords.\n", head.replace("When are you open?", title))
    };
    let owls = text("owls", "What do owls eat?", &["owl food", "what is eaten by an owl", "do owls eat mice at night"]);
    let ships =
        text("ships", "When does the ship leave?", &["ship timetable", "the next ship out", "ferry departures"]);
    let current = [("owls.md".to_owned(), owls), ("ships.md".to_owned(), ships)];
    let put = |variants: &[&str]| {
        let after = Some(text("birds", "Which birds are there?", variants));
        check(&current, &[Edit { item: "birds.md".to_owned(), before: None, after }], &terms(&[]))
    };
    let good = put(&["list of all birds", "birds seen here", "name the birds"]).unwrap();
    assert_eq!(good.base.len(), 3);
    let faults = put(&["list of all birds", "what is eaten by an owl", "name the birds"]).unwrap_err().join("\n");
    assert!(
        faults.contains("`birds`") && faults.contains("what is eaten by an owl") && faults.contains("`owls`"),
        "{faults}"
    );
    assert!(!faults.contains("ships"), "only what is stolen: {faults}");
    // Bad words are named by file and line.
    let bad = Edit { item: "owls.md".to_owned(), before: None, after: Some("---\nid: [owl\n---\n".to_owned()) };
    assert!(check(&current, &[bad], &terms(&[])).unwrap_err()[0].starts_with("owls.md:"));
}

#[test]
fn the_lint_refuses_what_a_change_brings_in_and_nothing_else() {
    let link = |class: &str, host: &str| entry(class, "published", &format!("See https://{host}.example.org/now."));
    let old = link("safety", "old");
    let current = [("hours.md".to_owned(), old.clone())];
    let to = |after: Option<String>| Edit { item: "hours.md".to_owned(), before: Some(old.clone()), after };
    let put = |text: String| check(&current, &[to(Some(text))], &terms(&[]));
    let faults = put(link("safety", "new")).unwrap_err();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    for part in ["hours.md:16: error L3: ", "https://new.example.org/now", "facts.toml"] {
        assert!(fault.contains(part), "{part}: {fault}");
    }
    // In an entry that no money follows it is said, and so is what was there before.
    let said = |text: String| put(text).unwrap().warnings.join("\n");
    assert!(said(link("routine", "new")).starts_with("hours.md:16: warning L3: "));
    assert!(said(old.replace("team", "us")).starts_with("hours.md:16: error L3: "), "it was there before");
    // The way back, and out of sight, are open.
    let back = check(&current, &[to(Some(link("safety", "new")))], &terms(&["hours.md"])).unwrap();
    assert!(back.warnings[0].starts_with("hours.md:16: error L3: "), "{:?}", back.warnings);
    let other = Edit {
        item: "owls.md".to_owned(),
        before: None,
        after: Some(entry("routine", "published", "Words.").replace("id: hours", "id: owls").replace("open", "owl")),
    };
    let two = |more: Edit, back: &[&str]| check(&current, &[more, other.clone()], &terms(back));
    assert!(two(to(None), &[]).is_ok() && two(to(Some(link("safety", "new"))), &["hours.md"]).is_ok());
    assert!(two(to(Some(link("safety", "new").replace("status: published", "status: draft"))), &[]).is_ok());
    assert!(two(to(Some(link("safety", "new"))), &["owls.md"]).is_err(), "another's way back excuses nothing");
}

#[test]
fn a_diff_names_both_sides() {
    let edit = |before: Option<&str>, after: Option<&str>| Edit {
        item: "a.md".to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    let shown =
        diff(&[edit(Some("one\ntwo\n"), Some("one\n2\n")), edit(None, Some("new\n")), edit(Some("old\n"), None)]);
    for line in ["--- a/a.md", "+++ b/a.md", " one", "-two", "+2", "--- /dev/null", "+new", "+++ /dev/null", "-old"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
}
