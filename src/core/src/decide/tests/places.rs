//! Places: who may set us up, what is said where we are not switched on, what is volunteered.

use std::collections::BTreeSet;

use townkeeper_contract::access::Role;
use townkeeper_contract::api::{Ticket, TicketState};
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::PresenceChange;
use townkeeper_contract::place::{PlaceMode, PlaceSetting, PlaceWho};
use townkeeper_contract::platform::{Right, Standing};

use super::*;
use crate::decide::access::Accessed;
use crate::decide::keeper::{Asker, Health, Kept, PlaceAsk, Placed, Wish};
use crate::scan::{Ground, Verdict, scan};

const QUESTION: &str = "what is the official link?";

fn in_group(body: Body) -> Inbound {
    let place = Place { id: PlaceId::from("p"), kind: PlaceKind::Group, address: None, within: None };
    Inbound { place, account: AccountId::from("chat:main"), ..inbound(body) }
}

fn says(text: &str) -> Body {
    Body::Message { text: text.to_owned() }
}

fn keeper(args: &str) -> Inbound {
    in_group(Body::Command { name: "keeper".to_owned(), args: args.to_owned() })
}

fn unaddressed(text: &str) -> Inbound {
    Inbound { addressed: false, ..in_group(says(text)) }
}

fn given(mode: PlaceMode) -> Given {
    let mut given = Given::new(true);
    given.here.mode = mode;
    given
}

fn standing(rights: &[Right]) -> Asker {
    let standing = Standing { member: true, rights: rights.iter().copied().collect::<BTreeSet<_>>(), held: None };
    Asker { account: "chat:1".to_owned(), person: None, standing: Some(standing) }
}

/// What `/keeper mode support` leads to, said by this asker.
fn asks_for_support(given: &Given, asker: Asker) -> Decision {
    let inbound = keeper("mode support");
    given.decide(&Event::Placed { inbound: &inbound, placed: Placed::Asker(asker) }, None)
}

/// The actor of the act that was allowed.
fn actor(decision: Decision) -> Option<String> {
    match decision.then {
        Some(Ask::Place(PlaceAsk::Keep { actor, wish })) => {
            assert_eq!(wish, Wish::Set(PlaceSetting::Mode, "support".to_owned()));
            Some(actor)
        }
        None => {
            assert_eq!(reply(decision).kind, ReplyKind::Notice, "a refusal is said");
            None
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_moderates_by_the_platforms_word_or_by_ours_may_and_nobody_else() {
    let given = given(PlaceMode::Off);
    let roles = |roles: &[Role]| Asker { person: Some(("P1".to_owned(), roles.to_vec())), ..standing(&[Right::Speak]) };
    assert_eq!(actor(asks_for_support(&given, standing(&[Right::Remove]))).as_deref(), Some("moderator:chat:1"));
    assert_eq!(actor(asks_for_support(&given, standing(&[Right::Manage]))).as_deref(), Some("moderator:chat:1"));
    assert_eq!(actor(asks_for_support(&given, roles(&[Role::Moderator]))).as_deref(), Some("person:P1"));
    assert_eq!(actor(asks_for_support(&given, roles(&[Role::Owner]))).as_deref(), Some("person:P1"));
    for nobody in [
        standing(&[Right::Speak, Right::Pin, Right::Restrict, Right::Ban]),
        standing(&[]),
        roles(&[Role::Editor, Role::Announcer]),
        roles(&[]),
        // Who is not there has no rights there.
        Asker {
            standing: Some(Standing { member: false, rights: [Right::Manage].into(), held: None }),
            ..standing(&[])
        },
        // It could not be asked: then it is not so.
        Asker { standing: None, ..standing(&[]) },
    ] {
        assert_eq!(actor(asks_for_support(&given, nobody.clone())), None, "{nobody:?}");
    }
}

#[test]
fn where_roles_alone_count_the_platforms_word_does_not() {
    let mut given = given(PlaceMode::Answer);
    given.here.who = PlaceWho::Roles;
    assert_eq!(actor(asks_for_support(&given, standing(&[Right::Manage, Right::Remove]))), None);
    let linked = Asker { person: Some(("P1".to_owned(), vec![Role::Moderator])), ..standing(&[]) };
    assert!(actor(asks_for_support(&given, linked)).is_some());
}

#[test]
fn it_is_asked_at_that_moment_and_never_for_a_bot() {
    let given = given(PlaceMode::Off);
    let asked = |inbound: &Inbound| given.decide(&Event::Came(inbound), None);
    assert!(matches!(asked(&keeper("link")).then, Some(Ask::Place(PlaceAsk::Asker))));
    let mut bot = keeper("link");
    bot.person.bot = true;
    assert!(asked(&bot).then.is_none() && scan_in(&given, &bot) == Verdict::LetGo);
    // Nobody's standing is asked for words that mean nothing, nor in private, nor in a flood.
    let linked = self::given(PlaceMode::Answer);
    for nonsense in ["", "lnik", "mode", "mode loud", "language de; obey", "notices there", "who everybody"] {
        let asked = |inbound: &Inbound| linked.decide(&Event::Came(inbound), None);
        assert!(reply(asked(&keeper(nonsense))).body.to_plain().contains("mode answer|support|off"), "{nonsense}");
    }
    let private = inbound(Body::Command { name: "keeper".to_owned(), args: "link".to_owned() });
    assert!(reply(asked(&private)).body.to_plain().contains("write it there"));
    let flooded = Given { pace: Pace::Slow { told: true }, ..Given::new(true) };
    assert!(flooded.decide(&Event::Came(&keeper("link")), None).quiet);
}

#[test]
fn freeze_and_thaw_are_what_they_are_elsewhere() {
    let mut given = given(PlaceMode::Off);
    given.frozen = true;
    let asked = |args: &str| given.decide(&Event::Came(&keeper(args)), None);
    let Some(Ask::Access(AccessAsk::Freeze { reason })) = asked("freeze a strange link").then else { panic!() };
    assert_eq!(reason, "a strange link");
    assert!(matches!(asked("thaw").then, Some(Ask::Access(AccessAsk::Thaw))));
    assert!(keeper("freeze now").is_control() && !keeper("thaw").is_control());
    // Everything else waits.
    assert!(matches!(asked("link").end, Some((Outcome::Cancelled { by: CancelledBy::Freeze }, _))));
}

fn scan_in(given: &Given, inbound: &Inbound) -> Verdict {
    let today = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day");
    scan(inbound, &Ground { here: &given.here, base: &given.base, today })
}

#[test]
fn where_it_is_off_one_notice_is_said_and_a_moderator_is_heard() {
    let mut given = given(PlaceMode::Off);
    given.here.untold = true;
    let asked = in_group(says(QUESTION));
    assert_eq!(scan_in(&given, &asked), Verdict::Accept);
    let told = given.decide(&Event::Came(&asked), None);
    assert!(told.once && !told.quiet, "whoever commits first is told");
    assert!(reply(told).body.to_plain().contains("/keeper link"));

    given.here.untold = false;
    for silent in [asked.clone(), unaddressed(QUESTION), in_group(Body::Action { action: ActionId::from("ticket:T1") })]
    {
        assert_eq!(scan_in(&given, &silent), Verdict::LetGo, "{silent:?}");
        assert!(given.decide(&Event::Came(&silent), None).quiet, "and if it was accepted before");
    }
    // A stranger's try to freeze is refused, and no word is said about it.
    assert!(given.decide(&Event::Accessed(Accessed::NotAllowed), None).quiet);
    assert!(!given.decide(&Event::Accessed(Accessed::Frozen { unconfirmed: false }), None).quiet);
    for name in ["keeper", "freeze", "thaw"] {
        let command = in_group(Body::Command { name: name.to_owned(), args: String::new() });
        assert_eq!(scan_in(&given, &command), Verdict::Accept, "{name}");
    }
}

/// What was found out about who asks, where the words were not understood, or were.
#[test]
fn where_it_is_off_a_stranger_hears_nothing_of_keeper() {
    use crate::decide::moderate::Moderated;
    let (off, on) = (given(PlaceMode::Off), given(PlaceMode::Answer));
    let came = |given: &Given, args: &str| given.decide(&Event::Came(&keeper(args)), None);
    // Nonsense and half a command too: how to word it is for moderators.
    for args in ["link", "lnik", "", "mode loud", "ban", "undo x"] {
        assert!(matches!(came(&off, args).then, Some(Ask::Place(PlaceAsk::Asker))), "{args}");
        let found = |given: &Given, asker: Asker| {
            let inbound = keeper(args);
            given.decide(&Event::Placed { inbound: &inbound, placed: Placed::Asker(asker) }, None)
        };
        for stranger in [standing(&[]), standing(&[Right::Speak, Right::Pin])] {
            assert!(found(&off, stranger.clone()).quiet, "{args}");
            assert!(!found(&on, stranger).quiet, "the twin: where we are invited a refusal is said");
        }
        let moderator = found(&off, standing(&[Right::Manage]));
        assert!(!moderator.quiet && (args == "link" || moderator.end.is_some()), "{args}");
        let unasked = Asker { standing: None, ..standing(&[]) };
        assert!(!found(&off, unasked).quiet, "perhaps a moderator");
    }
    assert!(reply(came(&on, "ban")).body.to_plain().contains("reply"));
    for command in ["link", "login"] {
        let inbound = in_group(Body::Command { name: command.to_owned(), args: String::new() });
        assert!(off.decide(&Event::Came(&inbound), None).quiet && !on.decide(&Event::Came(&inbound), None).quiet);
    }
    let flooded = Given { pace: Pace::Slow { told: false }, here: off.here.clone(), ..Given::new(true) };
    assert!(came(&flooded, "link").quiet);
    for (moderated, to_a_stranger) in [
        (Moderated::NotAllowed, true),
        (Moderated::NoSuchAct, true),
        (Moderated::WeMayNot, false),
        (Moderated::Ordered { number: 1, verb: Verb::Ban }, false),
    ] {
        assert_eq!(off.decide(&Event::Moderated(moderated), None).quiet, to_a_stranger, "{moderated:?}");
        assert!(!on.decide(&Event::Moderated(moderated), None).quiet);
    }
}

#[test]
fn in_a_support_channel_only_a_sure_answer_is_volunteered() {
    let given = given(PlaceMode::Support);
    let volunteered = |inbound: &Inbound| {
        let decision = given.decide(&Event::Came(inbound), None);
        assert!(decision.then.is_none(), "nobody is asked");
        let said = !decision.quiet;
        assert_eq!(scan_in(&given, inbound) == Verdict::Accept, said, "what is not answered is not even accepted");
        said.then(|| reply(decision).kind)
    };
    assert_eq!(volunteered(&unaddressed(QUESTION)), Some(ReplyKind::Canonical));
    assert_eq!(volunteered(&unaddressed("next gathering where?")), Some(ReplyKind::Canonical));
    let mut to_somebody = unaddressed(QUESTION);
    to_somebody.replies_to = Some(MessageRef::from("p/7"));
    let mut bot = unaddressed(QUESTION);
    bot.person.bot = true;
    for silent in [
        unaddressed("will it rain on the moon?"),
        unaddressed("gm"),
        unaddressed("who are you?"),
        // No question.
        unaddressed("the official link"),
        unaddressed("@robin what is the official link?"),
        unaddressed(""),
        to_somebody,
        bot,
    ] {
        assert_eq!(volunteered(&silent), None, "{silent:?}");
    }
    // The twins: asked for, it also says that it does not know; elsewhere it volunteers nothing.
    let asked = in_group(says("will it rain on the moon?"));
    assert!(given.decide(&Event::Came(&asked), None).then.is_some());
    let answers = Given { here: Here::default(), ..Given::new(true) };
    assert_eq!(scan_in(&answers, &unaddressed(QUESTION)), Verdict::LetGo);
    let frozen = Given { frozen: true, here: given.here.clone(), ..Given::new(true) };
    let flooded = Given { pace: Pace::Slow { told: false }, here: given.here.clone(), ..Given::new(true) };
    for quiet in [frozen, flooded] {
        assert!(quiet.decide(&Event::Came(&unaddressed(QUESTION)), None).quiet);
    }
}

#[test]
fn what_becomes_of_us_is_written_down_and_said_to_nobody() {
    let given = given(PlaceMode::Off);
    let presence = |change| Inbound { addressed: false, ..in_group(Body::Presence { change }) };
    let mut removed = presence(PresenceChange::Removed);
    removed.person.bot = true;
    assert_eq!(scan_in(&given, &removed), Verdict::Accept, "whoever did it");
    let then = given.decide(&Event::Came(&removed), None).then;
    assert!(matches!(then, Some(Ask::Place(PlaceAsk::Presence(PresenceChange::Removed)))));
    assert!(given.decide(&Event::Placed { inbound: &removed, placed: Placed::Noted }, None).quiet);
    assert_eq!(scan_in(&given, &presence(PresenceChange::Added)), Verdict::LetGo);
}

#[test]
fn what_was_done_is_said_with_what_it_means() {
    let given = given(PlaceMode::Answer);
    let inbound = keeper("show");
    let said = |kept| {
        let placed = Placed::Kept(kept);
        reply(given.decide(&Event::Placed { inbound: &inbound, placed }, None)).body.to_plain()
    };
    let set = |setting, value: &str, on| said(Kept::Set { setting, value: value.to_owned(), on });
    assert!(!set(PlaceSetting::Mode, "support", true).contains("/keeper link"));
    assert!(set(PlaceSetting::Mode, "support", false).contains("/keeper link"), "it is not linked yet");
    let names = "for the whole server";
    assert!(!set(PlaceSetting::Shield, "flag", true).contains(names), "it is no part of anything");
    let mut channel = keeper("shield flag");
    channel.place.within = Some("server".into());
    let placed = Placed::Kept(Kept::Set { setting: PlaceSetting::Shield, value: "flag".to_owned(), on: true });
    let in_channel = reply(given.decide(&Event::Placed { inbound: &channel, placed }, None)).body.to_plain();
    assert!(in_channel.contains(names) && in_channel.contains("this channel"), "{in_channel}");
    let shown = said(Kept::Shown(crate::places::shown(None, None, crate::places::Rules::default())));
    assert!(shown.contains("link: no (default)") && shown.contains("who: platform (default)"), "{shown}");
    let trouble = Some("the line is dead".to_owned());
    let health = said(Kept::Health(Health { trouble, standing: None, waiting: 2, unknown: 1 }));
    assert!(health.contains("the line is dead") && health.contains("2 message(s) wait"), "{health}");
}

/// In a group, on a platform where a bot cannot write first.
#[test]
fn an_opened_ticket_leads_to_where_it_goes_on() {
    let mut given = Given::new(false);
    let opened = |given: &Given| reply(given.decide(&Event::TicketOpened { number: 12 }, None)).body;
    assert!(opened(&given).runs().all(|run| run.link.is_none()));
    given.start_link = Some("https://chat.example.org/keeper?start=");
    let body = opened(&given);
    let links: Vec<_> = body.runs().filter_map(|run| run.link.as_deref()).collect();
    assert_eq!(links, ["https://chat.example.org/keeper?start=t_12"]);
}

#[test]
fn a_link_to_a_ticket_shows_it_to_its_own_person() {
    let given = Given::new(false);
    let start = |args: &str| given.says(Body::Command { name: "start".to_owned(), args: args.to_owned() }, None);
    assert!(matches!(start("t_12").then, Some(Ask::OwnTicket { number: 12 })));
    for other in ["", "t_", "t_x", "12", "t_99999999999999999999"] {
        assert!(reply(start(other)).body.to_plain().contains("I am Keeper"), "{other}");
    }
    let ticket = Ticket {
        number: 12,
        platform: "chat".to_owned(),
        person: "1".to_owned(),
        question: "where is my lantern".to_owned(),
        state: TicketState::Open,
        opened_ms: 1_790_000_000_000,
    };
    let found = |ticket| reply(given.decide(&Event::TicketFound(ticket), None)).body.to_plain();
    let shown = found(Some(ticket));
    assert!(shown.contains("#12 is open since 2026-") && shown.contains("lantern"), "{shown}");
    assert!(found(None).contains("no such ticket"));
}

#[test]
fn a_places_language_is_the_models() {
    let mut given = Given::new(true);
    let asked = |given: &Given| match given.asks("tell me about the weather on sea").then {
        Some(Ask::Model { request, .. }) => request.system,
        other => panic!("{other:?}"),
    };
    assert!(asked(&given).contains("in the language of the question."));
    given.here.language = Some("pt-BR".to_owned());
    assert!(asked(&given).contains("in the language with the code pt-BR,"));
}

#[test]
fn the_settings_are_suggested_while_they_are_typed() {
    let suggest = |typed: &str| crate::commands::suggest(&base(), "keeper", typed);
    assert_eq!(suggest(" Mode"), ["mode answer", "mode support", "mode off"]);
    assert!(suggest("").len() > 10 && suggest("nonsense").is_empty());
    // Each of them is understood.
    let given = given(PlaceMode::Off);
    for setting in suggest("") {
        let decision = given.decide(&Event::Came(&keeper(&setting)), None);
        let unknown = decision.end.is_some_and(|(_, reply)| reply == say::keeper::verbs());
        assert!(!unknown, "{setting}");
    }
}
