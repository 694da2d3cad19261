//! What each layer costs. `cargo bench -p townkeeper-shield --features media`; a layer's name after `--` runs it alone.
//! A new layer is a function here and its name in the list at the end.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use townkeeper_shield::behaviour::{Crowd, Entry, Fingerprint, Ring, Seen, key};
use townkeeper_shield::facts::Staff;
use townkeeper_shield::found::Found;
use townkeeper_shield::signals::{brand, identity};
use townkeeper_shield::{Author, Facts, Folded, List, Lists, Message, Model, Shield, Tier, Weights};

const LINE: &str = "does anybody know how to move the old tokens to the new contract";
const RUSSIAN_LINE: &str = "подскажите, как перевести старые токены на новый контракт";
const RUSSIAN_POST: &str = "Миграция началась! Держатели должны подтвердить кошелёк на https://claim-42.example.org/app за \
    24 часа, иначе 1000 токенов пропадут. Пишите в личку @support, поможем быстро и бесплатно 🚀🚀 ";
const TRICKED: &str = "Мigrаtiоn is livе! Hоldеrs must v а l i d а t е thеir w@llеt аt claim-42[.]example[.]org n0w";
const POST: &str = "Migration is live! Holders must validate their wallet at https://claim-42.example.org/app within 24 \
    hours or the 1,000 tokens are lost. Message @support to be helped by the team, quickly and for free 🚀🚀";

/// Numbers that look like chance and are the same each time.
fn numbers() -> impl Iterator<Item = u64> {
    (0_u64..).map(|at| key(&at.to_string()))
}

/// Short and long, in two languages, and one that hides from machines.
fn texts() -> [(&'static str, String); 5] {
    [
        ("line", LINE.to_owned()),
        ("long post", POST.repeat(8)),
        ("Russian line", RUSSIAN_LINE.to_owned()),
        ("long Russian post", RUSSIAN_POST.repeat(8)),
        ("tricked", TRICKED.to_owned()),
    ]
}

/// A layer that reads a text, folded already.
fn each<T>(c: &mut Criterion, layer: &str, read: impl Fn(&str, &Folded) -> T) {
    for (name, text) in texts() {
        let folded = Folded::new(&text);
        c.bench_function(&format!("{layer}/{name}"), |b| b.iter(|| read(black_box(&text), &folded)));
    }
}

fn facts() -> Facts {
    let staff = |name: &str| Staff { ids: vec![name.to_owned()], names: vec![name.to_owned()], shown: Vec::new() };
    Facts {
        hosts: vec!["lumen.example.org".to_owned()],
        brands: vec!["lumen".to_owned(), "LUM".to_owned()],
        staff: ["Ada Quill", "Bo Reed", "Cy Marsh", "Lumen Helper"].map(staff).to_vec(),
        ..Facts::default()
    }
}

fn lists() -> Lists {
    let hosts: Vec<String> = numbers().take(440_000).map(|n| format!("claim-{n:x}.example-{}.com", n % 977)).collect();
    Lists { global: vec![List::new(hosts.iter().map(String::as_str), "generated")], ..Lists::default() }
}

/// Reading: the fold, what is found, the text model.
fn reading(c: &mut Criterion) {
    for (name, text) in texts() {
        c.bench_function(&format!("fold/{name}"), |b| b.iter(|| Folded::new(black_box(&text))));
    }
    each(c, "found", Found::new);
    if let Ok(model) = Model::shipped() {
        each(c, "text model", |_, folded| model.logit(folded));
    }
}

/// What is known: lists, our brands, our names.
fn knowing(c: &mut Criterion) {
    let lists = lists();
    let shield = Shield::new(&facts(), Lists::default(), Weights::default());
    let (known, weights) = (shield.known(), Weights::default());
    for host in ["docs.example.org", "a.claim-beef.example-7.com"] {
        c.bench_function(&format!("deny/{host}"), |b| b.iter(|| lists.standing(black_box(host))));
    }
    for host in ["docs.example.org", "lumem-claim.example.com", "xn--lumn-nye.com"] {
        c.bench_function(&format!("brand/{host}"), |b| b.iter(|| brand::judge(black_box(host), known)));
    }
    for name in ["Kim Park", "Аdа Quill | Suppоrt"] {
        c.bench_function(&format!("identity/{name}"), |b| {
            b.iter(|| identity::judge(black_box(name), "kim_p", Some("7"), known, &weights));
        });
    }
}

/// Judging a folded text, by nobody in particular: facts, intent and stance; then all of it, with fold and model.
fn judging(c: &mut Criterion) {
    let (shield, model) = (Shield::new(&facts(), lists(), Weights::default()), Model::shipped().ok());
    each(c, "facts, intent and stance", |text, folded| {
        let message = Message { text, ..Message::default() };
        shield.judge_folded(&message, folded, None, &[])
    });
    each(c, "whole judgement", |text, _| {
        let folded = Folded::new(text);
        let logit = model.as_ref().map(|model| model.logit(&folded));
        let author = Author { id: Some("7"), name: "Kim Park", handle: "kim_p", ..Author::default() };
        shield.judge_folded(&Message { text, author, ..Message::default() }, &folded, logit, &[])
    });
}

fn fingerprint(c: &mut Criterion) {
    for (name, text) in [("line", LINE), ("post", POST)] {
        let folded = Folded::new(text);
        c.bench_with_input(BenchmarkId::new("fingerprint", name), &folded, |b, folded| {
            b.iter(|| Fingerprint::of(folded));
        });
    }
}

fn ring(c: &mut Criterion) {
    let mut ring = Ring::default();
    let mut ids = numbers();
    let mut at_ms = 0;
    let mut insert = |ring: &mut Ring| {
        let print = Fingerprint::from_bits(ids.next().unwrap_or_default());
        at_ms += 1;
        let message = (1_177_293_874_123_456_789 + at_ms).to_string();
        ring.insert(&Entry {
            print,
            at_ms,
            account: 1,
            place: "1177293874123",
            message: &message,
            person: print.bits(),
        })
    };
    for _ in 0..1_000_000 {
        insert(&mut ring);
    }
    c.bench_function("ring/insert into a million", |b| b.iter(|| insert(&mut ring)));
    c.bench_function("ring/near in a million", |b| b.iter(|| ring.near(black_box(Fingerprint::from_bits(42)), 0)));
}

fn crowd(c: &mut Criterion) {
    for (name, tier, has_link) in [("line of a member", Tier::Member, false), ("lure of a new member", Tier::New, true)]
    {
        let mut crowd = Crowd::default();
        let mut ids = numbers();
        let mut at_ms = 0;
        c.bench_function(&format!("crowd/{name}"), |b| {
            b.iter(|| {
                at_ms += 50;
                let id = ids.next().unwrap_or_default();
                let (person, text) = (id % 30_000, Some(Fingerprint::from_bits(id)));
                crowd.observe(&Seen {
                    at_ms,
                    person,
                    place: id % 20,
                    message: id,
                    tier,
                    text,
                    has_link,
                    ..Seen::default()
                })
            });
        });
    }
}

#[cfg(feature = "media")]
fn media(c: &mut Criterion) {
    use std::io::Cursor;
    use townkeeper_shield::media::{Limits, look};

    for side in [300, 1_500] {
        let image = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([x / 3, y / 5, x * y / 700].map(|shade| shade.to_le_bytes()[0]))
        });
        let mut file = Cursor::new(Vec::new());
        if image.write_to(&mut file, image::ImageFormat::Jpeg).is_ok() {
            let file = file.into_inner();
            c.bench_function(&format!("media/jpeg {side}"), |b| b.iter(|| look(black_box(&file), &Limits::default())));
        }
    }
}

#[cfg(not(feature = "media"))]
fn media(_: &mut Criterion) {}

criterion_group!(layers, reading, knowing, judging, fingerprint, ring, crowd, media);
criterion_main!(layers);
