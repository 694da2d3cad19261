//! One entry, many faces: the pages of the base, the same as JSON, and the checklist in the chat.

use serde_json::Value;
use townkeeper_contract::api::PublishedList;
use townkeeper_contract::id::EntryId;

use crate::daemon::{Daemon, Home, http, press, question, say};

/// An entry file; `more` are lines of its front matter.
fn entry(id: &str, title: &str, more: &str, body: &str) -> String {
    format!(
        "---\nid: {id}\ntitle: {title}\nclass: routine\nowner: team\nreviewed_by: team\nreviewed_at: 2026-11-12\n\
         canonical_url: https://docs.example.org/{id}\n{more}\nvariants:\n  - about {id}\n  - tell me about {id}\n  - \
         what is {id}\n---\n\n{body}\n"
    )
}

/// A daemon whose base these files are.
async fn with_base(files: &[String]) -> (Home, Daemon) {
    let home = Home::new();
    let folder = home.folder().join("knowledge");
    std::fs::create_dir(&folder).unwrap();
    for (n, text) in files.iter().enumerate() {
        std::fs::write(folder.join(format!("{n}.md")), text).unwrap();
    }
    let home = home.with(&format!("[knowledge]\nfolder = \"{}\"\n", folder.display()));
    let daemon = Daemon::start(&home).await;
    (home, daemon)
}

async fn page(daemon: &Daemon, path: &str) -> (u16, String) {
    let answer = http().get(format!("{}{path}", daemon.url.trim_end_matches('/'))).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

const PUBLISHED: &str = "status: published\nreview_by: 2029-12-31";

#[tokio::test]
async fn every_answer_has_a_page_of_its_own_that_says_from_when_it_is() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let (status, faq) = page(&daemon, "/faq").await;
    assert_eq!(status, 200);
    assert!(faq.contains("href=\"/faq/hardware-wallet\""), "{faq}");
    let (status, html) = page(&daemon, "/faq/hardware-wallet").await;
    assert_eq!(status, 200);
    let told = say(&daemon.client(), &question("how do I migrate from a hardware wallet?")).await;
    let citation = told.reply().citation.as_ref().unwrap();
    assert!(html.contains(&citation.revision), "{html}");
    assert!(html.contains(&format!("<link rel=\"canonical\" href=\"{}\">", citation.url)), "{html}");
    assert!(html.contains(" Nov 2026 by "), "{html}");
    for path in ["/faq/no-such-entry", "/faq/..%2f..%2fetc"] {
        assert_eq!(page(&daemon, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn machines_read_the_words_that_people_read() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let url = format!("{}/v1/knowledge", daemon.url.trim_end_matches('/'));
    let answer = http().get(url).send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let list: PublishedList = answer.json().await.unwrap();
    assert!(list.entries.len() > 30 && list.entries.is_sorted_by_key(|entry| entry.id.0.clone()));
    let told = say(&daemon.client(), &question("how do I migrate from a hardware wallet?")).await;
    let same = list.entries.iter().find(|entry| entry.id == EntryId::from("hardware-wallet")).unwrap();
    assert_eq!((&same.body, same.in_force, same.page.as_str()), (&told.reply().body, true, "/faq/hardware-wallet"));
    assert_eq!(page(&daemon, &same.page).await.0, 200);
}

/// Words of an entry can neither end the element in which machines read them, nor become markup.
#[tokio::test]
async fn an_entry_cannot_write_markup_into_its_page() {
    let title = "\"Is </script><script>alert(1)</script> ours?\"";
    let body = "No. </script><img src=x onerror=alert(2)> is `<b>` nothing of ours.";
    let (_home, daemon) = with_base(&[entry("marked", title, PUBLISHED, body)]).await;
    let (_, html) = page(&daemon, "/faq/marked").await;
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{html}");
    let (_, machine) = html.split_once("<script type=\"application/ld+json\">").unwrap();
    let machine: Value = serde_json::from_str(machine.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(machine["mainEntity"][0]["name"], "Is </script><script>alert(1)</script> ours?");
}

#[tokio::test]
async fn what_does_not_hold_today_says_so_and_is_on_no_list() {
    let old = entry("old", "What was true?", "status: superseded\nreview_by: 2029-12-31", "It was so.");
    let ended = entry("ended", "What ended?", &format!("{PUBLISHED}\nvalid_until: 2020-01-01"), "It has ended.");
    let draft = entry("draft", "What is planned?", "status: draft\nreview_by: 2029-12-31", "Secret plans.");
    let (_home, daemon) = with_base(&[old, ended, draft, entry("now", "What is?", PUBLISHED, "It is so.")]).await;
    assert!(page(&daemon, "/faq/old").await.1.contains("This answer no longer holds."));
    assert!(page(&daemon, "/faq/ended").await.1.contains("This answer is being reviewed."));
    let (_, now) = page(&daemon, "/faq/now").await;
    assert!(!now.contains("class=\"warning\""), "{now}");
    assert_eq!(page(&daemon, "/faq/draft").await.0, 404);
    let (_, faq) = page(&daemon, "/faq").await;
    assert!(faq.contains("/faq/now") && !faq.contains("/faq/old") && !faq.contains("/faq/draft"), "{faq}");
    for path in ["/v1/knowledge", "/faq", "/safety", "/checklist"] {
        assert!(!page(&daemon, path).await.1.contains("Secret plans"), "{path}");
    }
}

/// A base that can prove it says how often it is right, and one that cannot does not.
#[tokio::test]
async fn the_questions_say_what_the_base_promises_where_it_can() {
    let many = (0..24).map(|n| {
        let topic = format!("topic{n}x subject{n}y matter{n}z");
        let variants: Vec<String> = (0..6).map(|v| format!("\n  - {topic} word{v}")).collect();
        let text = entry(&format!("e{n}"), &format!("\"{topic}\""), PUBLISHED, "It is so.");
        text.replace("variants:", &format!("variants:{}", variants.concat()))
    });
    let (home, daemon) = with_base(&many.collect::<Vec<_>>()).await;
    let (_, faq) = page(&daemon, "/faq").await;
    assert!(faq.contains("at 95 % precision we answer "), "{faq}");
    let (_, shown) = page(&daemon, "/report").await;
    assert!(shown.contains("<dt>All</dt><dd>at 95 % precision we answer "), "{shown}");
    let report = home.run(&["knowledge", "report"]).await;
    assert!(String::from_utf8_lossy(&report.stdout).contains("at 95 % precision we answer "));
    let (_home, small) = with_base(&[entry("now", "What is?", PUBLISHED, "It is so.")]).await;
    assert!(!page(&small, "/faq").await.1.contains("precision"));
}

#[tokio::test]
async fn the_safety_page_names_our_hosts_and_no_other() {
    let safe = |id: &str, body: &str| entry(id, "\"Is it ours?\"", PUBLISHED, body).replace("routine", "safety");
    let ours = safe("ours", "Only [the portal](https://portal.example.org/swap), not `fake.example.com`.");
    let (_home, daemon) = with_base(&[ours]).await;
    let (_, html) = page(&daemon, "/safety").await;
    for host in ["docs.example.org", "portal.example.org"] {
        assert!(html.contains(&format!("href=\"https://{host}/\"")), "{host} in {html}");
    }
    assert!(!html.contains("fake.example.com"), "{html}");
}

/// Those of the facts table that an answer shows, with their chain, byte for byte.
#[tokio::test]
async fn the_safety_page_shows_our_contracts() {
    let home = crate::standing::with_ours(Home::new());
    let daemon = Daemon::start(&home).await;
    let (_, html) = page(&daemon, "/safety").await;
    let line = format!("lumen token (EVM)<code>{}</code>", crate::standing::CONTRACT);
    assert!(html.contains("Our contracts") && html.contains(&line), "{html}");
    // Withdrawn, it is ours no more; and a base without contracts has no such list.
    let (_, eve) = crate::people::with_role(&daemon, &home, "Eve", townkeeper_contract::access::Role::Editor).await;
    eve.withdraw_item("contract.md").await.unwrap();
    let (_, html) = page(&daemon, "/safety").await;
    assert!(!html.contains("Our contracts") && !html.contains(crate::standing::CONTRACT), "{html}");
}

#[tokio::test]
async fn the_checklist_is_the_same_in_the_chat() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let told = say(&client, &question("/checklist")).await;
    let reply = told.reply();
    assert_eq!(reply.citation.as_ref().unwrap().entry.as_str(), "how-to-migrate");
    let other = reply.offers.first().expect("the others are offered").clone();
    let next = say(&client, &press(&other.action, &told.conversation)).await;
    assert_eq!(next.reply().citation.as_ref().unwrap().entry.as_str(), "wallet-compromised");
    let (_, html) = page(&daemon, "/checklist").await;
    assert!(html.find("id=\"how-to-migrate\"").unwrap() < html.find("id=\"wallet-compromised\"").unwrap());

    let (_home, bare) = with_base(&[entry("now", "What is?", PUBLISHED, "It is so.")]).await;
    let none = say(&bare.client(), &question("/checklist")).await;
    assert!(none.text().contains("no checklist"), "{}", none.text());
    assert!(page(&bare, "/checklist").await.1.contains("no checklist"));
}

#[tokio::test]
async fn a_checklist_without_steps_is_refused_with_its_line() {
    let home = Home::new();
    let folder = home.folder().join("knowledge");
    std::fs::create_dir(&folder).unwrap();
    let text = entry("list", "What to do?", &format!("{PUBLISHED}\nchecklist: 1"), "Nothing at all.");
    std::fs::write(folder.join("list.md"), text).unwrap();
    let home = home.with(&format!("[knowledge]\nfolder = \"{}\"\n", folder.display()));
    let refused = home.run(&["config", "check"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("list.md:11: it is named a checklist"), "{said}");
}

/// Twelve people are told something that is not quite it, and one is told nothing: that is on the page, and no word of theirs.
#[tokio::test]
async fn the_report_counts_what_was_asked_and_says_what_has_fallen() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let vain = say(&client, &question("what colour is the bicycle of my grandmother")).await;
    assert!(vain.reply().citation.is_none(), "{}", vain.text());
    for _ in 0..12 {
        let heard = say(&client, &question("how do I migrate from a hardware wallet?")).await;
        let turn = &heard.envelopes[0].turn;
        say(&client, &press(&format!("not_quite:{turn}").as_str().into(), &heard.conversation)).await;
    }
    let (status, html) = page(&daemon, "/report").await;
    assert_eq!(status, 200);
    for said in [
        "<dt>Links, dates and your money</dt><dd>nothing is proven",
        "(so far)</span></th><td>12</td><td>1</td>",
        "12 questions, week by week",
        ": 0 helped, 12 not quite, 0 tickets afterwards.",
        "this answer is right at most 25 % of the time; the aim is 99 %.",
        "1 has fallen below its aim",
    ] {
        assert!(html.contains(said), "{said}: {html}");
    }
    for word in ["grandmother", "<script", "style="] {
        assert!(!html.contains(word), "{word}: {html}");
    }
}
