//! What the memory holds, how long, and of whom.

use townkeeper_contract::id::EventKey;
use townkeeper_contract::inbound::{Carried, Person, Place, PlaceKind, ReplyTo};

use super::*;

const NOW: i64 = 1_700_000_000_000;

fn said(event: &str, person: &str, text: &str) -> Inbound {
    Inbound {
        event: EventKey::from(event),
        account: AccountId::from("telegram:main"),
        place: Place { id: "square".into(), kind: PlaceKind::Group, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from(person), name: String::new(), handle: None, bot: false },
        at_ms: NOW,
        addressed: false,
        message: Some(event.into()),
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(String::new()),
        body: Body::Message { text: text.to_owned() },
    }
}

const TEXT: &str = "the harbour lanterns are for everybody who comes tonight";

fn meet(memory: &mut Memory, inbound: &Inbound) -> Met {
    let Body::Message { text } = &inbound.body else {
        return memory.meet(inbound, &Folded::new(""), Who::default(), String::new, NOW).0;
    };
    let (met, _) = memory.meet(inbound, &Folded::new(text), Who::default(), || "lantern.example.net".to_owned(), NOW);
    memory.keep(inbound, NOW);
    met
}

#[test]
fn what_is_not_kept_is_no_copy_and_what_is_kept_is_one_once() {
    let mut memory = Memory::default();
    let inbound = said("1", "66", TEXT);
    memory.meet(&inbound, &Folded::new(TEXT), Who::default(), || "lantern.example.net".to_owned(), NOW);
    assert_eq!((memory.unwritten().len(), memory.ring.len()), (0, 0), "somebody warned of it");
    memory.keep(&inbound, NOW);
    memory.keep(&inbound, NOW);
    assert_eq!((memory.unwritten().len(), memory.ring.len()), (1, 1));
}

#[test]
fn what_one_person_does_on_two_platforms_is_one_burst() {
    let burst = |memory: &mut Memory, who: Who| {
        let posts = [("telegram:main", "square"), ("telegram:main", "yard"), ("discord:main", "hall")];
        let mut last = Vec::new();
        for (event, (account, place)) in posts.iter().enumerate() {
            let (account, id) = (AccountId::from(*account), PlaceId::from(*place));
            // Whose number is the same on both is nobody the same for that.
            let mut inbound = Inbound { account, ..said(&format!("{place}{event}"), "66", TEXT) };
            inbound.place.id = id;
            last = memory.meet(&inbound, &Folded::new(TEXT), who, String::new, NOW).0.signals;
        }
        last.iter().any(|signal| signal.id == "burst")
    };
    let linked = Who { one: Some(7), staff: false };
    let mut memory = Memory::default();
    assert!(burst(&mut memory, linked));
    assert!(!burst(&mut Memory::default(), Who::default()), "the twin: nobody has proven that they are one");
    // Whoever is erased on one platform is forgotten as one.
    memory.forget(person_mark("discord:main", "66"));
    let again = Inbound { account: AccountId::from("telegram:main"), ..said("again", "66", TEXT) };
    let met = memory.meet(&again, &Folded::new(TEXT), linked, String::new, NOW).0;
    assert!(met.signals.iter().all(|signal| signal.id != "burst"));
}

#[test]
fn of_a_message_that_is_edited_it_is_known_where_it_led_before() {
    let mut memory = Memory::default();
    let mut said_with = |event: &str, hosts: &str| {
        let text = TEXT.to_owned();
        let body = if event == "1" { Body::Message { text } } else { Body::Edited { text } };
        let inbound = Inbound { body, message: Some("1".into()), ..said(event, "66", TEXT) };
        memory.meet(&inbound, &Folded::new(TEXT), Who::default(), || hosts.to_owned(), NOW).0.before
    };
    assert_eq!(said_with("1", ""), None, "nothing was before");
    assert_eq!(said_with("2", "a.example.net").as_deref(), Some(""));
    assert_eq!(said_with("3", &"b.example.net ".repeat(100)).as_deref(), Some("a.example.net"));
    assert_eq!(said_with("4", "c.example.net"), None, "more than is remembered says nothing");
    assert_eq!(said_with("5", "").as_deref(), Some("c.example.net"));
}

#[test]
fn an_event_that_comes_again_is_met_as_it_was_and_counts_once() {
    let mut memory = Memory::default();
    let first = meet(&mut memory, &said("1", "66", TEXT));
    assert!(!first.signals.is_empty(), "a link in the first message of somebody new");
    let written = memory.unwritten();
    assert_eq!(meet(&mut memory, &said("1", "66", TEXT)), first);
    // The commit failed, the prints are put back, and once.
    memory.put_back(written);
    assert_eq!((memory.unwritten().len(), memory.ring.len()), (1, 1));
    assert_eq!(memory.changed().iter().map(|member| member.said).collect::<Vec<_>>(), [1]);
    // The twin: another event with the same words is no first message any more, and counts.
    assert_ne!(meet(&mut memory, &said("2", "66", TEXT)), first);
    assert_eq!(memory.changed()[0].said, 2);
}

#[test]
fn only_so_many_events_are_remembered_and_of_whoever_is_erased_none() {
    let mut memory = Memory::default();
    for event in 0..EVENTS + 100 {
        meet(&mut memory, &said(&event.to_string(), "66", "gm"));
    }
    assert_eq!((memory.events.by_key.len(), memory.events.order.len()), (EVENTS, EVENTS));
    meet(&mut memory, &said("a", "67", TEXT));
    meet(&mut memory, &said("b", "68", TEXT));
    memory.forget(person_mark("telegram:main", "67"));
    let left: Vec<String> = memory.unwritten().into_iter().map(|print| print.person).collect();
    assert_eq!(left, ["68"]);
    assert!(memory.changed().iter().all(|member| member.person != "67"));
    assert_eq!(
        memory.events.by_key.values().filter(|event| event.person == person_key("telegram:main", "67")).count(),
        0
    );
}

#[test]
fn what_cannot_be_written_for_long_takes_no_more_room() {
    let mut memory = Memory::default();
    let print = |n: usize| Print {
        account: "a".to_owned(),
        place: "p".to_owned(),
        message: n.to_string(),
        person: "66".to_owned(),
        print: 1,
        at_ms: NOW,
    };
    memory.put_back((0..UNWRITTEN + 10).map(print).collect());
    let left = memory.unwritten();
    assert_eq!((left.len(), left[0].message.as_str()), (UNWRITTEN, "10"), "the newest stay");
}

#[test]
fn what_another_node_saw_is_found_and_who_it_heard_is_known() {
    let mut here = Memory::default();
    let mut there = Memory::default();
    meet(&mut there, &said("1", "66", TEXT));
    for print in there.unwritten() {
        here.take_up(&print);
    }
    let (member, day) = (there.changed().remove(0), 24 * 60 * 60 * 1000);
    here.import(&[Member { first_ms: NOW - 40 * day, said: 200, ..member }]);
    assert_eq!(here.tier(&"telegram:main".into(), &"66".into(), NOW), Tier::Trusted);
    assert_eq!(here.ring.near(Fingerprint::of(&Folded::new(TEXT)).unwrap(), 0).len(), 1);
    assert!(here.unwritten().is_empty(), "what others wrote is not written again");
}

#[test]
fn members_that_could_not_be_written_are_not_lost() {
    let mut memory = Memory::default();
    meet(&mut memory, &said("1", "66", TEXT));
    meet(&mut memory, &said("2", "67", TEXT));
    let drained = memory.changed();
    meet(&mut memory, &said("3", "67", "the second thing that they said tonight"));
    memory.put_back_members(drained);
    let kept: Vec<(String, i64)> = memory.changed().into_iter().map(|m| (m.person, m.said)).collect();
    assert_eq!(kept, [("66".to_owned(), 1), ("67".to_owned(), 1)]);
}

/// So many join a place, one a second.
fn join(memory: &mut Memory, place: &str, joined: i64, from_ms: i64) {
    for n in 0..joined {
        let mut inbound = said(&format!("{place}{from_ms}{n}"), &format!("{n}"), "");
        inbound.place.id = place.into();
        memory.join(&inbound, Who::default(), ShieldMode::Flag, from_ms + n * 1_000);
    }
}

/// What is to be written down, and that it was: of each wave how many came, whether it is new, whether it is over.
fn waves(memory: &mut Memory, now_ms: i64) -> Vec<(u32, bool, bool)> {
    let due = memory.waves(now_ms);
    for (place, _) in &due {
        memory.noted(*place, now_ms);
    }
    due.into_iter().map(|(_, wave)| (wave.joined, wave.noted_ms.is_none(), wave.over)).collect()
}

#[test]
fn a_wave_that_ends_as_somebody_joins_is_over_and_the_next_one_is_new() {
    let mut memory = Memory::default();
    join(&mut memory, "square", 12, NOW);
    assert_eq!(waves(&mut memory, NOW + MINUTE_MS), [(12, true, false)]);
    join(&mut memory, "square", 1, NOW + 20 * MINUTE_MS);
    assert_eq!(waves(&mut memory, NOW + 20 * MINUTE_MS), [(12, false, true)]);
    assert_eq!(waves(&mut memory, NOW + 30 * MINUTE_MS), [], "nothing goes on");
    join(&mut memory, "square", 40, NOW + 90 * MINUTE_MS);
    assert_eq!(waves(&mut memory, NOW + 91 * MINUTE_MS), [(40, true, false)]);
}

#[test]
fn a_wave_of_a_place_that_is_remembered_no_more_is_over() {
    let mut memory = Memory::default();
    join(&mut memory, "square", 12, NOW);
    assert_eq!(waves(&mut memory, NOW + MINUTE_MS), [(12, true, false)]);
    for place in 0..2_000 {
        join(&mut memory, &format!("yard {place}"), 1, NOW + MINUTE_MS);
    }
    assert_eq!(waves(&mut memory, NOW + MINUTE_MS), [(0, false, true)]);
    assert_eq!(waves(&mut memory, NOW + 2 * MINUTE_MS), []);
}

#[test]
fn who_of_the_team_is_called_otherwise_elsewhere_is_noted_once_in_ten_minutes() {
    let mut memory = Memory::default();
    let mut shown = |name: &str, at_ms: i64| {
        let (platform, id) = ("discord".to_owned(), "7".to_owned());
        let shown = ShownName { platform, id, name: name.to_owned(), handle: String::new() };
        memory.show(&"discord:main".into(), shown, NOW + at_ms);
        memory.shown().into_iter().map(|shown| shown.name).collect::<Vec<_>>()
    };
    assert_eq!(shown("Moderator Ann", 0), ["Moderator Ann"]);
    assert_eq!(shown("Harbour Ann", SHOWN_MS - 1), [""; 0]);
    assert_eq!(shown("Harbour Ann", SHOWN_MS), ["Harbour Ann"], "a new name is noted, if late");
}

#[test]
fn where_the_messages_of_the_erased_led_is_remembered_no_more() {
    let mut memory = Memory::default();
    meet(&mut memory, &said("1", "66", TEXT));
    meet(&mut memory, &said("2", "67", TEXT));
    memory.forget(person_mark("telegram:main", "66"));
    let mut edited = |event: &str, person: &str| {
        let body = Body::Edited { text: TEXT.to_owned() };
        let inbound = Inbound { body, message: Some(event.into()), ..said(&format!("{event} again"), person, TEXT) };
        memory.meet(&inbound, &Folded::new(TEXT), Who::default(), String::new, NOW).0.before
    };
    assert_eq!(edited("1", "66"), None);
    assert_eq!(edited("2", "67").as_deref(), Some("lantern.example.net"), "the twin: nobody erased them");
}
