//! An answer is in the language of its question, where that is certain and the base has it; else it says that it is not.

use townkeeper_contract::stream::ReplyKind;

use crate::daemon::{Daemon, Home, press, question, say};

const ENDS: &str = "---\nid: portal-end\ntitle: How much time is there to migrate tokens before the portal closes?\n\
    class: safety\nowner: team\nreviewed_by: team\nreviewed_at: 2026-11-12\nreview_by: 2029-12-31\nstatus: published\n\
    canonical_url: link.portal\nvariants:\n  - how long can i migrate my tokens\n  - when does the portal close\n  \
    - tempo para migrar tokens no portal\n  - quanto tempo tenho antes que o portal feche\n---\n\n\
    Until {date.end}, at {link.portal}.\n\n--- lang: de\ntitle: Wie lange kann ich meine Token umtauschen?\n\
    reviewed_by: team\nreviewed_at: 2026-11-20\nreview_by: 2029-12-31\nvariants:\n  - bis wann kann ich token umtauschen\n  \
    - wann wird das portal geschlossen\n  - wie lange kann ich noch umtauschen bevor das portal schließt\n---\n\n\
    Bis zum {date.end}, auf {link.portal}.\n";
const OTHER: &str = "---\nid: fees\ntitle: What does it cost?\nclass: routine\nowner: team\nreviewed_by: team\n\
    reviewed_at: 2026-11-12\nreview_by: 2029-12-31\nstatus: published\ncanonical_url: https://docs.example.org/fees\n\
    variants:\n  - fee\n  - is it free\n  - what do you charge\n---\n\nNothing.\n";
const FACTS: &str = "[link.portal]\nurl = \"https://lumen.example.org/migrate\"\n[date.end]\nday = 2027-02-01\n";

const ENGLISH: &str = "How much time is there to migrate tokens before the portal closes?";
const GERMAN: &str = "Wie lange kann ich meine Token noch umtauschen, bevor das Portal geschlossen wird?";
const PORTUGUESE: &str = "Quanto tempo eu tenho para migrar os meus tokens antes que o portal feche?";

#[tokio::test]
async fn a_question_is_answered_in_its_language_by_the_same_entry() {
    let home = Home::new();
    let folder = home.folder().join("knowledge");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in [("portal-end.md", ENDS), ("fees.md", OTHER), ("facts.toml", FACTS)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let home = home.with(&format!("[knowledge]\nmeasured = true\nfolder = \"{}\"\n", folder.display()));
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let original = "Until 1 February 2027, at https://lumen.example.org/migrate.";
    for (asked, title, words) in [
        (ENGLISH, "How much time is there to migrate tokens before the portal closes?", original.to_owned()),
        // A fact is the same in every language.
        (
            GERMAN,
            "Wie lange kann ich meine Token umtauschen?",
            "Bis zum 2027-02-01, auf https://lumen.example.org/migrate.".to_owned(),
        ),
        (
            PORTUGUESE,
            "How much time is there to migrate tokens before the portal closes?",
            format!("Ainda não há uma resposta revista em português; este é o original:\n\n{original}"),
        ),
    ] {
        let heard = say(&client, &question(asked)).await;
        let reply = heard.reply();
        assert_eq!(reply.kind, ReplyKind::Canonical, "{asked}: {reply:?}");
        let citation = reply.citation.clone().unwrap();
        assert_eq!((citation.entry.as_str(), citation.title.as_str()), ("portal-end", title));
        assert_eq!(reply.body.to_plain(), words);
    }

    let heard = say(&client, &question("Wie lange ist das Portal am Wochenende eigentlich für mich geöffnet?")).await;
    let reply = heard.reply().clone();
    assert_eq!(reply.kind, ReplyKind::Abstention, "{reply:?}");
    assert!(reply.body.to_plain().contains("keine geprüfte Antwort"), "{reply:?}");
    let meant = reply.offers.iter().find(|offer| offer.label == "Wie lange kann ich meine Token umtauschen?").unwrap();
    assert_eq!(reply.offers.last().unwrap().label, "Ticket öffnen");
    let heard = say(&client, &press(&meant.action, &heard.conversation)).await;
    assert!(heard.text().starts_with("Bis zum 2027-02-01"), "{}", heard.text());
}
