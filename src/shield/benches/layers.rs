//! What each layer costs. `cargo bench -p townkeeper-shield --features media`; a layer's name after `--` runs it alone.
//! A new layer is a function here and its name in the list at the end.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use townkeeper_shield::behaviour::{Crowd, Entry, Fingerprint, Ring, Seen, key};
use townkeeper_shield::{Folded, Tier};

const LINE: &str = "does anybody know how to move the old tokens to the new contract";
const POST: &str = "Migration is live! Holders must validate their wallet at https://claim-42.example.org/app within 24 \
    hours or the 1,000 tokens are lost. Message @support to be helped by the team, quickly and for free 🚀🚀";

/// Numbers that look like chance and are the same each time.
fn numbers() -> impl Iterator<Item = u64> {
    (0_u64..).map(|at| key(&at.to_string()))
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

criterion_group!(layers, fingerprint, ring, crowd, media);
criterion_main!(layers);
