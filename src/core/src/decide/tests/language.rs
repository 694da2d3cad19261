//! In which language what is said is said.

use townkeeper_contract::inbound::Body;
use townkeeper_contract::stream::ReplyKind;
use townkeeper_knowledge::{Base, parse};

use super::{Given, base, inbound, reply};
use crate::decide::asked;
use crate::decide::language::answer;

/// English and German, beside what else there is.
const HOURS: &str = "---\nid: hours\ntitle: When is the harbour open?\nclass: routine\nowner: o\nreviewed_by: r\n\
    reviewed_at: 2026-11-01\nreview_by: 2027-01-01\nstatus: published\ncanonical_url: https://lumen.example.org/hours\n\
    variants:\n  - opening hours of the harbour\n  - harbour open\n  - harbour opening times\n---\nFrom nine to five.\n\n\
    --- lang: de\ntitle: Wann hat der Hafen geöffnet?\nreviewed_by: r\nreviewed_at: 2026-11-20\nreview_by: 2027-01-01\n\
    variants:\n  - hafen offen\n  - öffnungszeiten des hafens\n  - wie lange ist der hafen offen\n---\nVon neun bis fünf.\n";

fn with_hours() -> Given {
    let entry = parse("hours.md", HOURS).expect("it can be read");
    let mut entries: Vec<_> = base().entries().map(|entry| (entry.id.to_string(), entry.clone())).collect();
    entries.push(("hours.md".to_owned(), entry));
    Given { base: Base::build(entries).expect("a base"), ..Given::new(false) }
}

#[test]
fn an_answer_is_in_the_language_of_the_question_where_that_is_certain() {
    let mut given = with_hours();
    let words = |given: &Given, text: &str| reply(given.asks(text)).body.to_plain();
    let (german, english) = ("Von neun bis fünf.", "From nine to five.");
    // Word for word one of the German ones, however short.
    assert_eq!(words(&given, "hafen offen"), german);
    assert_eq!(words(&given, "Wann hat der Hafen geöffnet?"), german);
    assert_eq!(words(&given, "harbour open"), english);
    // The asker's language goes before the place's; one that cannot be told leaves it to the place.
    given.here.language = Some("de".to_owned());
    assert_eq!(words(&given, "When is the harbour open?"), english);
    assert_eq!(words(&given, "harbour opening"), german);
    given.here.language = Some("en".to_owned());
    assert_eq!(words(&given, "Wann hat der Hafen geöffnet?"), german);
    given.here.language = None;
    assert_eq!(words(&given, "harbour opening"), english);
}

#[test]
fn who_asks_in_a_language_that_the_entry_lacks_reads_so_above_the_original() {
    let entry = parse("hours.md", HOURS).expect("it can be read");
    let given = with_hours();
    let said = |given: &Given, question: &str| answer(&given.snapshot(None), &entry, question);
    let question = "Quanto tempo eu tenho para migrar os meus tokens antes que o portal feche?";
    assert_eq!(
        said(&given, question).body.to_plain(),
        "Ainda não há uma resposta revista em português; este é o original:\n\nFrom nine to five."
    );
    // Where the place has a language that the entry speaks, that one is said.
    let mut german = with_hours();
    german.here.language = Some("de".to_owned());
    assert_eq!(said(&german, question).body.to_plain(), "Von neun bis fünf.");
}

#[test]
fn the_language_of_a_question_changes_its_words_and_never_which_entry_answers() {
    let given = with_hours();
    for question in
        ["Wann hat der Hafen geöffnet?", "When is the harbour open?", "harbour opening times", "hafen offen"]
    {
        for place in [None, Some("de"), Some("pt")] {
            let mut given = with_hours();
            given.here.language = place.map(str::to_owned);
            let cited = reply(given.asks(question)).citation.expect("an answer").entry;
            assert_eq!(Some(&cited), given.base.look_up(question).answer.map(|entry| &entry.id), "{question}");
        }
    }
    // And what is not answered is offered by its title in that language, which answers in it.
    let question = "Ist der Hafen eigentlich auch für Segelboote und Besucher zugänglich?";
    let unsure = reply(given.asks(question));
    assert_eq!(unsure.kind, ReplyKind::Abstention);
    assert!(unsure.body.to_plain().starts_with("Genau dazu habe ich keine geprüfte Antwort"), "{unsure:?}");
    let offer = unsure.offers.iter().find(|offer| offer.label == "Wann hat der Hafen geöffnet?").expect("its title");
    assert_eq!(unsure.offers.last().expect("a ticket").label, "Ticket öffnen");
    let pressed = Body::Action { action: offer.action.clone() };
    assert_eq!(asked(&inbound(pressed.clone()), &given.base), "Wann hat der Hafen geöffnet?");
    assert_eq!(reply(given.says(pressed, None)).body.to_plain(), "Von neun bis fünf.");
}
