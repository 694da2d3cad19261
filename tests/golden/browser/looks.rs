//! How the page looks and reads: on phones and desks, in light and dark, to the eye and to a screen reader.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::{Chromium, HARDWARE, UNKNOWN, ask};
use crate::daemon::{Daemon, Home};

/// Text whose contrast with what lies behind it is below the 4.5 of WCAG AA, as `[text, ratio]`.
const FAINT: &str = r"
    const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
    const light = (colour) => {
        const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        const [r, g, b] = numbers(colour).map((c) => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
        for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if ((numbers(colour)[3] ?? 1) === 1) return colour;
        }
    };
    const says = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility();
    return [...document.querySelectorAll('body *')].filter((e) => says(e) && !e.disabled).map((e) => {
        const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
        return [e.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    }).filter(([, ratio]) => ratio < 4.5);";

/// What reaches out of the page to the right, and what is too small for a thumb.
const MISFITS: &str = "
    const seen = (css) => [...document.querySelectorAll(css)].filter((e) => e.checkVisibility());
    const wide = seen('body *').filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5);
    const small = seen('button, textarea').filter((e) => e.getBoundingClientRect().height < 44);
    const scrolls = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
    return [...wide, ...small].map((e) => e.outerHTML).concat(scrolls);";

async fn sound(browser: &Chromium, what: &str) {
    assert_eq!(browser.run(MISFITS).await, json!([]), "{what}: too wide or too small");
    assert_eq!(browser.run(FAINT).await, json!([]), "{what}: too faint");
}

#[tokio::test]
async fn the_page_fits_every_screen_in_light_and_dark() {
    let web = include_str!("../../../config/hello.toml").split_once("[web]").expect("the hello page has words").1;
    let home = Home::new().with(&format!("[web]{web}"));
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    let screens = [("phone", 390, 844), ("narrow", 320, 640), ("desk", 1280, 800)];
    for stage in ["welcome", "answer", "abstention", "ticket"] {
        match stage {
            "answer" => ask(&browser, HARDWARE).await,
            "abstention" => {
                ask(&browser, UNKNOWN).await;
                browser.find(".answer.abstention").await;
            }
            "ticket" => {
                browser.find(".offer[value^='ticket:']").await.click().await.unwrap();
                browser.find(".answer.notice").await;
            }
            _ => {}
        }
        browser.settled().await;
        for (screen, width, height) in screens {
            for scheme in ["light", "dark"] {
                browser.screen(width, height, scheme).await;
                browser.run("document.querySelector('.exchange:last-child')?.scrollIntoView()").await;
                sound(&browser, &format!("{stage} on a {screen}, {scheme}")).await;
                browser.picture(&format!("{stage}-{screen}-{scheme}")).await;
            }
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn the_pages_of_the_base_fit_every_screen_and_remember_what_was_ticked() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let at = |path: &str| format!("{}{path}", daemon.url.trim_end_matches('/'));
    let browser = Chromium::open(&at("/checklist")).await;
    for path in ["/faq", "/faq/how-to-migrate", "/checklist", "/safety"] {
        browser.page.goto(at(path)).await.unwrap();
        for (screen, width, height) in [("phone", 390, 844), ("narrow", 320, 640), ("desk", 1280, 800)] {
            for scheme in ["light", "dark"] {
                browser.screen(width, height, scheme).await;
                sound(&browser, &format!("{path} on a {screen}, {scheme}")).await;
                browser.picture(&format!("{}-{screen}-{scheme}", path.trim_start_matches('/').replace('/', "-"))).await;
            }
        }
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
    }
    let done = "#how-to-migrate .done";
    browser.page.goto(at("/checklist")).await.unwrap();
    browser.shows(done, "0 of 5 done").await;
    browser.find("#how-to-migrate [data-step='2']").await.click().await.unwrap();
    browser.shows(done, "1 of 5 done").await;
    browser.page.refresh().await.unwrap();
    browser.shows(done, "1 of 5 done").await;
    browser.find("#how-to-migrate [data-step='2']:checked").await;
    browser.close().await;
}

/// An address has no place where a line would break by itself.
#[tokio::test]
async fn our_contracts_fit_every_screen() {
    let home = crate::standing::with_ours(Home::new());
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&format!("{}/safety", daemon.url.trim_end_matches('/'))).await;
    browser.shows(".contracts code", crate::standing::CONTRACT).await;
    for (screen, width, height) in [("phone", 390, 844), ("narrow", 320, 640)] {
        for scheme in ["light", "dark"] {
            browser.screen(width, height, scheme).await;
            sound(&browser, &format!("contracts on a {screen}, {scheme}")).await;
            let bar = "return document.querySelector('.top').getBoundingClientRect().height < 140";
            assert_eq!(browser.run(bar).await, true, "the name stands in one piece: {screen}");
            browser.picture(&format!("contracts-{screen}-{scheme}")).await;
        }
    }
    browser.close().await;
}

/// The accessibility tree as (role, name), without what is ignored.
async fn read_aloud(browser: &Chromium) -> Vec<(String, String)> {
    let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
}

#[tokio::test]
async fn a_screen_reader_and_a_keyboard_reach_everything() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let browser = Chromium::open(&daemon.url).await;
    ask(&browser, HARDWARE).await;
    browser.find(".answer.canonical").await;
    browser.settled().await;
    ask(&browser, UNKNOWN).await;
    browser.find(".answer.abstention").await;
    browser.settled().await;

    let aloud = read_aloud(&browser).await;
    for role in ["button", "link", "textbox", "log", "form", "heading"] {
        let names: Vec<_> = aloud.iter().filter(|(r, _)| r == role).map(|(_, name)| name.as_str()).collect();
        assert!(!names.is_empty(), "there is no {role}: {aloud:?}");
        assert!(names.iter().all(|name| !name.is_empty()) || role == "form", "a {role} has no name: {names:?}");
    }
    for (role, name) in [
        ("textbox", "Your question"),
        ("button", "Send"),
        ("button", "Open a ticket"),
        ("log", "Conversation"),
        ("heading", "You asked: How do I migrate from a hardware wallet?"),
        ("heading", "Lumen Keeper"),
    ] {
        assert!(aloud.contains(&(role.to_owned(), name.to_owned())), "{role} {name:?} in {aloud:?}");
    }

    // Round the page with the Tab key: whatever has the focus shows it.
    browser.keys("a").await;
    let mut reached = Vec::new();
    browser.run("document.activeElement.blur(); scrollTo(0, 0)").await;
    for _ in 0..20 {
        browser.keys(Key::Tab).await;
        let at = browser.run(FOCUS).await;
        let at: (String, bool) = serde_json::from_value(at).unwrap();
        assert!(at.1, "{} has the focus and does not show it", at.0);
        if reached.first() == Some(&at.0) {
            break;
        }
        reached.push(at.0);
    }
    for control in ["#question", "#send", "#restart", "Open a ticket"] {
        assert!(reached.iter().any(|name| name == control), "Tab does not reach {control}: {reached:?}");
    }
    browser.close().await;
}

/// Names what has the focus, and whether it is marked: itself, or the box around it, inside the window.
const FOCUS: &str = "
    const e = document.activeElement;
    if (e === document.body) return ['BODY', true];
    const outlined = (s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
    const marked = [e, e.closest('.box')].some((e) => e && outlined(getComputedStyle(e)));
    const { top, bottom } = e.getBoundingClientRect();
    return [e.id ? `#${e.id}` : e.textContent.trim(), marked && top >= 0 && bottom <= innerHeight];";
