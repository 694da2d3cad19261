//! Pictures, from the fake through the daemon to the fake: a code is read and judged, a known picture is known again, a bomb
//! is refused by its header, and nothing of them is kept but what a case needs.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, imageops};
use serde_json::json;
use townkeeper_client::Client;
use townkeeper_contract::access::{NewMember, Role};
use townkeeper_contract::case::{CaseAction, ShieldMode};
use townkeeper_fakes::telegram::{BOT_USERNAME, TelegramServer};

use crate::cases::{card, cases, deleted, is_deleted, judged, press, stage};
use crate::daemon::{Daemon, PATIENCE, http};
use crate::people::with_role;

const GROUP: i64 = -1_001_234;
const MODERATOR: i64 = 50;
const SCAMMER: i64 = 66;
const OTHER: i64 = 67;

/// Carries our name and is not ours.
const LURE: &str = "https://claim-lumen.example.net/x";

/// A scene of boxes, another one for each seed.
pub(crate) fn poster(seed: u32) -> DynamicImage {
    let mut image = RgbImage::from_pixel(400, 300, Rgb([200, 190, 180]));
    let mut state = seed;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    for _ in 0..40 {
        let (wide, tall, left, top) = (next(130) + 1, next(100) + 1, next(400), next(300));
        let [red, green, blue] = [next(256), next(256), next(256)].map(|shade| u8::try_from(shade).unwrap());
        let shape = RgbImage::from_pixel(wide, tall, Rgb([red, green, blue]));
        imageops::overlay(&mut image, &shape, left.into(), top.into());
    }
    DynamicImage::ImageRgb8(image)
}

/// A QR code of these words, six dots a module.
fn code(words: &str) -> DynamicImage {
    let code = qrcode::QrCode::new(words).unwrap();
    let (width, dots) = (code.width(), code.to_colors());
    let side = u32::try_from(width + 8).unwrap() * 6;
    DynamicImage::ImageLuma8(GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = (x as usize / 6, y as usize / 6);
        let inside = (4..width + 4).contains(&x) && (4..width + 4).contains(&y);
        Luma([if inside && dots[(y - 4) * width + x - 4] == qrcode::Color::Dark { 0 } else { 255 }])
    }))
}

pub(crate) fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A photograph as Telegram hands it on.
fn lure() -> Vec<u8> {
    file(&code(LURE), ImageFormat::Jpeg)
}

/// A PNG whose header says 10,000 by 10,000 dots; the dots are not there.
fn bomb() -> Vec<u8> {
    let mut bytes = file(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
    for side in [16, 20] {
        bytes[side..side + 4].copy_from_slice(&10_000_u32.to_be_bytes());
    }
    let mut sum = flate2::Crc::new();
    sum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    bytes
}

/// How many pictures came to this.
async fn counted(daemon: &Daemon, outcome: &str) -> u64 {
    let page = http().get(format!("{}/metrics", daemon.url)).send().await.unwrap().text().await.unwrap();
    let line = page.lines().find_map(|line| {
        line.strip_prefix(&format!("townkeeper_pictures_total{{outcome=\"{outcome}\"}} ")).map(str::to_owned)
    });
    line.map_or(0, |count| count.parse().unwrap())
}

/// Waits until so many pictures came to this.
pub(crate) async fn came_to(daemon: &Daemon, outcome: &str, pictures: u64) {
    let asked = async { while counted(daemon, outcome).await < pictures {} };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("no {pictures} pictures are {outcome}"));
}

/// Every byte that the daemon keeps.
fn kept(home: &crate::daemon::Home) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(home.data()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        bytes.extend(std::fs::read(entry.path()).unwrap());
    }
    bytes
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[tokio::test]
async fn a_code_that_leads_to_a_look_alike_is_shown_and_goes_when_a_moderator_says_so() {
    let (telegram, home, daemon) = stage("flag").await;
    telegram.push_photo(GROUP, SCAMMER, &lure(), &format!("@{BOT_USERNAME} when does the migration end?"));
    let message = telegram.last_message();
    let shown = card(&telegram, "Case 1").await;
    assert!(shown.text.contains("QR code") && shown.text.contains("66"), "{}", shown.text);
    assert!(!shown.text.contains("claim-lumen.example.net"), "{}", shown.text);
    assert!(deleted(&telegram).is_empty(), "nothing is done by itself");
    press(&telegram, MODERATOR, &shown, "Scam: content");
    is_deleted(&telegram, 1).await;
    assert_eq!(deleted(&telegram), [json!(message)]);
    // It was asked about something, and answered: the question is kept, and the picture with it is not.
    assert!(telegram.sent().iter().any(|sent| sent.text.contains("1 February 2027")), "{:?}", telegram.sent());
    daemon.kill().await;
    let kept = kept(&home);
    assert!(holds(&kept, "when does the migration end?") && !holds(&kept, "a-file-of-nobodys"));
}

#[tokio::test]
async fn a_guarded_place_takes_a_code_down_and_leaves_whoever_warns_of_it() {
    let (telegram, home, daemon) = stage("guard").await;
    let client = daemon.operator(&home);
    let harmless = file(&code("https://lumen.example.org/migrate"), ImageFormat::Png);
    telegram.push_document(GROUP, SCAMMER, &harmless, "image/png", "");
    came_to(&daemon, "clean", 1).await;
    telegram.push_photo(GROUP, OTHER, &lure(), "SCAM WARNING: this code is not ours, never scan it");
    telegram.push_document(GROUP, SCAMMER, &file(&code(LURE), ImageFormat::WebP), "image/webp", "");
    let message = telegram.last_message();
    is_deleted(&telegram, 1).await;
    judged(&telegram).await;
    assert_eq!(deleted(&telegram), [json!(message)]);
    let held = client.cases().await.unwrap().cases.into_iter().filter(|case| case.action >= CaseAction::Hold);
    let held: Vec<_> = held.map(|case| (case.person.0, case.action, case.mode)).collect();
    assert_eq!(held, [(SCAMMER.to_string(), CaseAction::Hold, ShieldMode::Guard)]);
}

#[tokio::test]
async fn in_shadow_a_code_is_written_down_and_nothing_happens() {
    let (telegram, home, daemon) = stage("shadow").await;
    let client = daemon.operator(&home);
    telegram.push_photo(GROUP, SCAMMER, &lure(), "");
    let found = cases(&client, |cases| cases.len() == 1).await.remove(0);
    assert_eq!(found.mode, ShieldMode::Shadow);
    assert!(found.action >= CaseAction::Flag && found.why.contains("QR code"), "{found:?}");
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty() && telegram.calls("restrictChatMember").is_empty());
    assert!(telegram.sent().iter().all(|message| !message.text.contains("Case 1")), "no card");
}

#[tokio::test]
async fn a_bomb_is_refused_by_its_header_and_the_daemon_goes_on() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    telegram.push_document(GROUP, SCAMMER, &bomb(), "image/png", "");
    // Too large by what is declared, no picture that is read, and no picture at all: the first two are not even asked for.
    telegram.push_document(GROUP, SCAMMER, &vec![0; (5 << 20) + 1], "image/png", "");
    telegram.push_document(GROUP, SCAMMER, b"GIF89a", "image/gif", "");
    telegram.push_document(GROUP, SCAMMER, b"<html>", "image/png", "");
    telegram.push_photo(GROUP, SCAMMER, &lure(), "");
    card(&telegram, "Case 1").await;
    for (outcome, pictures) in [("pixels", 1), ("bytes", 1), ("format", 2), ("found", 1)] {
        came_to(&daemon, outcome, pictures).await;
        assert_eq!(counted(&daemon, outcome).await, pictures, "{outcome}");
    }
    assert_eq!(telegram.call_count("getFile"), 3);
    assert_eq!(client.cases().await.unwrap().cases.len(), 1);
}

#[tokio::test]
async fn a_picture_by_the_team_is_not_fetched() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    let person = client.add_person(&NewMember { name: "Ada".to_owned(), roles: vec![Role::Moderator] }).await.unwrap();
    // The red twin: before anybody knows who it is.
    telegram.push_photo(GROUP, MODERATOR, &file(&poster(1), ImageFormat::Jpeg), "");
    came_to(&daemon, "clean", 1).await;
    let link = client.link_code(&person.id).await.unwrap().code;
    telegram.push_message(MODERATOR, MODERATOR, &format!("/link {link}"));
    let linked = telegram.wait_message(|message| message.text.contains("Linked"));
    tokio::time::timeout(PATIENCE, linked).await.expect("not linked");
    // Who is of the team it knows from its start on.
    daemon.kill().await;
    let _daemon = Daemon::start(&home).await;
    telegram.push_photo(GROUP, MODERATOR, &lure(), "");
    telegram.push_photo(GROUP, SCAMMER, &lure(), "");
    let shown = card(&telegram, "Case 1").await;
    assert!(shown.text.contains("66"), "{}", shown.text);
    assert_eq!(telegram.call_count("getFile"), 2, "the first, and the stranger's");
}

/// A picture that says nothing to a machine: somebody of the team has to.
#[tokio::test]
async fn a_picture_that_the_team_reports_is_known_again() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    let (person, _) = with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let link = client.link_code(&person.id).await.unwrap().code;
    telegram.push_message(MODERATOR, MODERATOR, &format!("/link {link}"));
    let linked = telegram.wait_message(|message| message.text.contains("Linked"));
    tokio::time::timeout(PATIENCE, linked).await.expect("not linked");
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    telegram.push_photo(GROUP, SCAMMER, &file(&poster(3), ImageFormat::Png), "");
    came_to(&daemon, "clean", 1).await;
    let said = |id: i64, from: i64| {
        let from = json!({ "id": from, "is_bot": false, "first_name": "Person" });
        json!({ "message_id": id, "date": 1_790_000_000, "from": from,
            "chat": { "id": GROUP, "type": "supergroup", "title": "Lumen" } })
    };
    let mut report = said(10_000, MODERATOR);
    report["text"] = json!("/report");
    report["entities"] = json!([{ "type": "bot_command", "offset": 0, "length": 7 }]);
    report["reply_to_message"] = said(telegram.last_message(), SCAMMER);
    telegram.push_update(json!({ "message": report }));
    let shown = card(&telegram, "Case 1").await;
    press(&telegram, MODERATOR, &shown, "Scam: content");
    is_deleted(&telegram, 1).await;
    telegram.push_photo(GROUP, 67, &file(&poster(3).thumbnail(200, 200), ImageFormat::Jpeg), "");
    card(&telegram, "a picture like the one of case 1").await;
    // Another picture is another picture.
    telegram.push_photo(GROUP, 68, &file(&poster(4), ImageFormat::Jpeg), "");
    came_to(&daemon, "clean", 2).await;
    assert_eq!(client.cases().await.unwrap().cases.len(), 2);
}

#[tokio::test]
async fn where_it_is_switched_off_no_picture_is_fetched() {
    let telegram = TelegramServer::start("123456:abcDEF").await;
    let home = crate::cases::home().replacing("[shield]\n", "[shield]\npictures = false\n");
    let home = home.with_telegram(telegram.base_url(), "123456:abcDEF");
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    telegram.push_photo(GROUP, SCAMMER, &lure(), "");
    telegram.push_photo(GROUP, SCAMMER, &lure(), &format!("claim your LUM now: {LURE}"));
    let found = cases(&client, |cases| !cases.is_empty()).await;
    judged(&telegram).await;
    assert_eq!((found.len(), telegram.call_count("getFile")), (1, 0), "by its words alone: {found:?}");
}

#[tokio::test]
async fn in_a_frozen_town_no_picture_is_asked_for_until_the_thaw() {
    let (telegram, home, daemon) = stage("flag").await;
    let mut voices: Vec<Client> = Vec::new();
    for name in ["Ada", "Bob"] {
        voices.push(with_role(&daemon, &home, name, Role::Owner).await.1);
    }
    voices[0].freeze("a drill").await.unwrap();
    let update = telegram.push_photo(GROUP, SCAMMER, &lure(), "");
    tokio::time::timeout(PATIENCE, telegram.wait_confirmed(update)).await.expect("it is not taken");
    assert_eq!(telegram.call_count("getFile"), 0);
    for voice in &voices {
        voice.thaw().await.unwrap();
    }
    tokio::time::timeout(PATIENCE, telegram.wait_calls("getFile", 1)).await.expect("it is forgotten");
    card(&telegram, "Case 1").await;
}
