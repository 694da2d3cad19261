//! The web chat in a real browser (Debian's `chromium` and `chromium-driver`), against the built daemon.
//!
//! With `TOWNKEEPER_SCREENSHOTS=folder` in the environment the stories leave pictures there.

mod chromium;
mod looks;

use thirtyfour::Key;
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};

use crate::daemon::{Daemon, Home};
use crate::model::SMALL_TALK;
use chromium::Chromium;

const HARDWARE: &str = "How do I migrate from a hardware wallet?";
const UNKNOWN: &str = "Will LUM be listed on the moon next year?";
const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

/// The first so many words of the story, as a page shows them.
fn so_far(pieces: usize) -> String {
    words(STORY).iter().take(pieces).map(String::as_str).collect::<String>().trim_end().to_owned()
}

/// Asks with the keyboard, from the question box.
async fn ask(browser: &Chromium, question: &str) {
    browser.find("#question").await.focus().await.unwrap();
    browser.keys(question).await;
    browser.keys(Key::Enter).await;
}

#[tokio::test]
async fn a_stranger_reads_the_published_answer_by_keyboard_alone() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    // The first stop of the Tab key leads past everything else.
    browser.keys(Key::Tab).await;
    assert_eq!(browser.focus().await, "Skip to the question box");
    browser.keys(Key::Enter).await;
    browser.find("#question:focus").await;
    browser.find("#send:disabled").await;

    browser.keys("one").await;
    browser.chord(Key::Shift, Key::Enter).await;
    browser.keys("two").await;
    assert_eq!(browser.run("return document.getElementById('question').value").await, "one\ntwo");
    assert_eq!(browser.count(".exchange").await, 0, "Shift and Enter make a line");
    browser.chord(Key::Control, 'a').await;
    browser.keys(HARDWARE).await;
    browser.find("#send:enabled").await;
    browser.run(COUNT_DRAFTS).await;
    browser.keys(Key::Enter).await;

    browser.shows(".answer.canonical .badge", "Published answer").await;
    browser.shows(".exchange .question", &format!("You asked:\n{HARDWARE}")).await;
    let source = browser.find(".citation a").await;
    assert_eq!(source.attr("href").await.unwrap().as_deref(), Some("https://docs.lumen.example.org/hardware-wallets"));
    assert!(source.text().await.unwrap().ends_with("(docs.lumen.example.org)"), "the reader sees where a link leads");
    let citation = browser.find(".citation").await.text().await.unwrap();
    let (_, date) = citation.split_once(" · as of ").expect("a source has its date");
    let (date, revision) = date.split_once(" · rev ").expect("and its revision");
    assert!(date.ends_with(" 2026") && date.split(' ').count() == 3, "{date}");
    assert_eq!(revision, crate::publish::revision("hardware-wallet.md"));
    browser.settled().await;
    assert_eq!(browser.run("return window.drafts").await, 0, "published words never look like a model's");
    assert_eq!(browser.focus().await, "#question", "the next question can be typed at once");

    // A reload shows the conversation again.
    browser.page.refresh().await.unwrap();
    browser.find(".answer.canonical").await;
    browser.settled().await;
    assert_eq!((browser.count(".exchange").await, browser.count(".answer").await), (1, 1));
    browser.close().await;
}

/// Counts the live words of a model, however shortly they stand there.
const COUNT_DRAFTS: &str = "
    window.drafts = 0;
    const count = (nodes) => nodes.filter((node) => node.matches?.('.draft')).length;
    new MutationObserver((changes) => changes.forEach((change) => window.drafts += count([...change.addedNodes])))
        .observe(document.getElementById('log'), { childList: true, subtree: true });";

#[tokio::test]
async fn an_abstention_becomes_a_ticket_by_keyboard_alone() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    ask(&browser, UNKNOWN).await;
    browser.shows(".answer.abstention .badge", "No published answer for this yet").await;
    browser.settled().await;
    // The button is the last thing before the question box.
    browser.chord(Key::Shift, Key::Tab).await;
    browser.find(".offer[value^='ticket:']:focus").await;
    browser.keys(Key::Enter).await;
    let opened = browser.find(".answer.notice .words").await.text().await.unwrap();
    assert!(opened.starts_with("Ticket #1"), "{opened}");
    browser.settled().await;
    browser.find(".offer[value^='ticket:']:disabled").await;

    let tickets = daemon.operator(&home).tickets().await.unwrap().tickets;
    let questions: Vec<_> = tickets.iter().map(|ticket| (ticket.number, ticket.question.as_str())).collect();
    assert_eq!(questions, [(1, UNKNOWN)]);
    browser.close().await;
}

#[tokio::test]
async fn a_models_words_are_seen_to_grow_and_can_be_stopped() {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    browser.screen(390, 844, "light").await;
    browser.run(COUNT_DRAFTS).await;
    for (nth, by_button) in [(1, true), (2, false)] {
        ask(&browser, SMALL_TALK).await;
        let article = format!(".exchange:nth-of-type({nth})");
        for pieces in 1..=3 {
            model.release();
            // The rest is still held at the model, so this cannot have waited for it.
            browser.shows(&format!("{article} .answer.draft .words"), &so_far(pieces)).await;
        }
        browser.shows(&format!("{article} .answer.draft .badge"), "Written by AI, not a published answer").await;
        browser.picture("streaming").await;
        assert!(!browser.find("#send").await.is_displayed().await.unwrap(), "one question at a time");
        assert_eq!(browser.focus().await, "#question");
        if by_button {
            browser.keys(Key::Tab).await;
            assert_eq!(browser.focus().await, "#stop");
            browser.keys(Key::Enter).await;
        } else {
            browser.keys(Key::Escape).await;
        }
        browser.shows(&format!("{article} .answer.aside"), "You stopped this answer, so it is unfinished.").await;
        browser.settled().await;
        model.dropped(nth).await;
        browser.shows(&format!("{article} .answer.unfinished .words"), &so_far(3)).await;
        assert!(!browser.find("#stop").await.is_displayed().await.unwrap());
        assert_eq!(browser.focus().await, "#question");
        browser.picture("stopped").await;
    }
    assert_eq!(browser.run("return window.drafts").await, 2, "each answer grew in one place");
    ask(&browser, SMALL_TALK).await;
    model.release_many(words(STORY).len());
    browser.shows(".answer.model:not(.draft) .words", STORY).await;
    browser.settled().await;
    browser.close().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_its_words_and_says_so() {
    let model = ModelServer::start(Script::always(Reply::Cut { after: words("The lantern burns in ") })).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    browser.screen(390, 844, "dark").await;
    ask(&browser, SMALL_TALK).await;
    browser.shows(".answer.unfinished .words", "The lantern burns in").await;
    let apology = browser.find(".answer.notice .words").await.text().await.unwrap();
    assert!(apology.contains("could not finish"), "{apology}");
    browser.find(".answer.notice .offer[value^='ticket:']:enabled").await;
    browser.settled().await;
    browser.picture("broken-off").await;
    browser.close().await;
}

#[tokio::test]
async fn an_answer_outlives_the_death_of_the_daemon() {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let url = daemon.url.clone();
    let browser = Chromium::open(&url).await;
    ask(&browser, SMALL_TALK).await;
    model.release_many(3);
    browser.shows(".answer.draft .words", &so_far(3)).await;

    daemon.kill().await;
    let home = home.listening_on(&url);
    let _daemon = Daemon::start(&home).await;
    model.arrived(2).await;
    model.release_many(words(STORY).len());
    browser.shows(".answer.model:not(.draft) .words", STORY).await;
    browser.settled().await;
    assert_eq!(browser.texts(".answer .words").await, [STORY], "one whole answer, once");
    assert_eq!(browser.count(".exchange").await, 1);
    // A question that nobody has answered yet survives a reload, too.
    ask(&browser, SMALL_TALK).await;
    model.arrived(3).await;
    browser.page.refresh().await.unwrap();
    model.release_many(words(STORY).len());
    browser.shows(".exchange:nth-of-type(2) .answer.model:not(.draft) .words", STORY).await;
    browser.settled().await;
    assert_eq!((browser.count(".exchange").await, model.requests().len()), (2, 3));
    // The browser has noted the broken connections; nothing else.
    let noted = browser.complaints().await;
    assert!(noted.iter().all(|line| line.contains("net::ERR_")), "{noted:?}");
    browser.close().await;
}

/// Loses the answer to the first question, as a bad line would: the server has it, the page gets an error.
const LOSES_AN_ANSWER: &str = "
    const real = window.fetch;
    window.lost = 0;
    window.fetch = async (path, options) => {
        const response = await real(path, options);
        if (path !== '/v1/chat' || window.lost) return response;
        window.lost += 1;
        await response.body.cancel();
        throw new TypeError('lost');
    };";

#[tokio::test]
async fn a_first_question_whose_answer_is_lost_is_answered_once() {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    browser.run(LOSES_AN_ANSWER).await;
    ask(&browser, SMALL_TALK).await;
    model.release_many(2 * words(STORY).len());
    browser.shows(".answer.model:not(.draft) .words", STORY).await;
    browser.settled().await;
    assert_eq!(browser.run("return window.lost").await, 1, "nothing was lost, so nothing was proved");
    assert_eq!((browser.count(".exchange").await, model.requests().len()), (1, 1));
    browser.close().await;
}

#[tokio::test]
async fn the_page_works_without_scripts() {
    let home = Home::new().with("[web]\nsuggestions = [\"When is the deadline?\"]\n");
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open_without_scripts(&daemon.url).await;
    browser.find(".suggestion").await.click().await.unwrap();
    browser.shows(".exchange .question", "You asked:\nWhen is the deadline?").await;
    browser.shows(".answer.canonical .badge", "Published answer").await;

    browser.find("#question").await.focus().await.unwrap();
    browser.keys(UNKNOWN).await;
    browser.keys(Key::Tab).await;
    assert_eq!(browser.focus().await, "#send");
    browser.keys(Key::Enter).await;
    browser.shows(".exchange:last-child .answer.abstention .badge", "No published answer for this yet").await;
    assert_eq!(browser.count(".exchange").await, 2, "it is one conversation");

    let top = browser.run("return document.querySelector('.exchange:last-child').getBoundingClientRect().top").await;
    assert!((0.0..400.0).contains(&top.as_f64().unwrap()), "the newest exchange is in view: {top}");
    // The Tab key goes on from there, over whatever else is offered, to the ticket.
    let offers = browser.texts(".exchange:last-child .offer").await;
    for offer in &offers {
        browser.keys(Key::Tab).await;
        assert_eq!(browser.focus().await, *offer);
    }
    assert_eq!(offers.last().map(String::as_str), Some("Open a ticket"), "{offers:?}");
    browser.keys(Key::Enter).await;
    let opened = browser.find(".exchange:last-child .answer.notice .words").await.text().await.unwrap();
    assert!(opened.starts_with("Ticket #1"), "{opened}");
    browser.shows(".exchange:last-child .question", "You asked:\nOpen a ticket").await;
    browser.picture("without-scripts").await;
    let tickets = daemon.operator(&home).tickets().await.unwrap().tickets;
    assert_eq!(tickets.iter().map(|ticket| ticket.question.as_str()).collect::<Vec<_>>(), [UNKNOWN]);
    browser.close().await;
}

/// What somebody could make of a page that took words for markup.
const MARKUP: &str = "<img src=x onerror=\"window.broken=true\"><script>window.broken=true</script>\
    <iframe srcdoc=x></iframe><form action=x></form>";

/// Which elements there are in the conversation that no reply of ours has, and whether any of them ran.
const INTRUDERS: &str = "
    const log = document.getElementById('log');
    const ours = 'article, h2, h3, div, p, ol, li, blockquote, pre, code, strong, em, s, span, '
        + 'form.offers, button.offer, button.retry, input[type=hidden]';
    const link = (e) => e.matches('a') && e.protocol === 'https:';
    const intruders = [...log.querySelectorAll('*')].filter((e) => !e.matches(ours) && !link(e));
    return intruders.map((e) => e.outerHTML).concat(window.broken ? ['it ran'] : []);";

#[tokio::test]
async fn hostile_words_stay_words() {
    let links = "[press here](javascript:window.broken=true) and [home](data:text/html,x)";
    let script = Script::always(Reply::text(MARKUP))
        .when("lullaby", [Reply::text(links)])
        .when("limerick", [Reply::text("Send your coins to https://prize.example.net/claim and win.")])
        .when("riddle", [Reply::text("\u{202e}gnp.exe\u{200b}\u{2066} **bold** \u{200f}`x`")]);
    let model = ModelServer::start(script).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    let hostile = [
        format!("{SMALL_TALK} {MARKUP}"),
        format!("please sing me a lullaby {links}"),
        "please tell me a riddle \u{202e}\u{2066}\u{200b}\u{feff} \u{5d0}\u{5d1} a\u{301}\u{301}\u{301}".to_owned(),
        MARKUP.to_owned(),
        "please tell me a limerick".to_owned(),
    ];
    for (nth, question) in (1..).zip(&hostile) {
        ask(&browser, question).await;
        browser.find(&format!(".exchange:nth-of-type({nth}) .answer:not(.draft)")).await;
        browser.settled().await;
        assert_eq!(browser.run(INTRUDERS).await, serde_json::json!([]), "{question}");
    }
    let answers = browser.texts(".answer").await;
    assert!(answers.iter().all(|shown| !shown.contains("prize.example.net")), "{answers:?}");
    let questions = browser.texts(".exchange .question").await;
    assert!(questions.iter().any(|shown| shown.contains(MARKUP)), "{questions:?}");
    assert_eq!(browser.run("return document.documentElement.scrollWidth <= innerWidth").await, true);
    // What the server renders of the same conversation, and what a reload shows again.
    let rendered = browser.run_async(SERVER_RENDERED).await;
    assert!(rendered.as_u64().unwrap() > 5, "{rendered}");
    assert_eq!(browser.run(INTRUDERS).await, serde_json::json!([]), "as the server renders it");
    browser.page.refresh().await.unwrap();
    browser.find(".exchange:nth-of-type(5) .answer").await;
    assert_eq!(browser.run(INTRUDERS).await, serde_json::json!([]), "after a reload");
    browser.close().await;
}

/// Puts what the server renders of this conversation in the place of what the script has built.
const SERVER_RENDERED: &str = "
    const conversation = JSON.parse(sessionStorage.getItem('townkeeper.chat')).conversation;
    const body = new URLSearchParams({ text: '<img src=x onerror=\"window.broken=true\">', conversation });
    const html = await (await fetch('/', { method: 'POST', body })).text();
    const page = new DOMParser().parseFromString(html, 'text/html');
    document.getElementById('log').replaceChildren(...page.getElementById('log').children);
    return document.querySelectorAll('.exchange').length;";

#[tokio::test]
async fn a_page_that_took_words_for_markup_would_be_noticed() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    let markup = serde_json::to_string(MARKUP).unwrap();
    browser.run(&format!("document.getElementById('log').innerHTML = {markup}")).await;
    let intruders = browser.run(INTRUDERS).await;
    assert_eq!(intruders.as_array().unwrap().len(), 4, "{intruders}");
    // Even then the policy lets nothing run, and says so.
    browser.run("document.getElementById('log').firstChild.dispatchEvent(new Event('error'))").await;
    let complaints = browser.complaints().await;
    assert!(complaints.iter().any(|line| line.contains("Content Security Policy")), "{complaints:?}");
    assert_eq!(browser.run("return window.broken ?? null").await, serde_json::Value::Null);
    browser.close().await;
}
