//! Pictures, made here: known ones again at another size and quality, QR codes, bombs, and whatever bytes come.
#![expect(clippy::unwrap_used, reason = "a test: what fails must end it")]

use std::io::Cursor;
use std::time::{Duration, Instant};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage, imageops};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use townkeeper_shield::behaviour::key;
use townkeeper_shield::media::{ALIKE, Bank, ImageHash, Limits, Refused, look};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A scene of its own for each number: boxes of all sizes and shades, as on posters and screens.
fn scene(number: u32, width: u32, height: u32) -> DynamicImage {
    let mut image = RgbImage::from_pixel(width, height, Rgb([200, 190, 180]));
    for at in 0..40_u32 {
        let [left, top, wide, tall, red, green, blue, _] = key(&format!("{number} {at}")).to_le_bytes();
        let share = |byte: u8, of: u32| u32::from(byte) * of / 256;
        let (wide, tall) = (share(wide, width / 3) + 1, share(tall, height / 3) + 1);
        let (left, top) = (share(left, width), share(top, height));
        imageops::overlay(
            &mut image,
            &RgbImage::from_pixel(wide, tall, Rgb([red, green, blue])),
            left.into(),
            top.into(),
        );
    }
    DynamicImage::ImageRgb8(image)
}

fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn hash(image: &DynamicImage, format: ImageFormat) -> ImageHash {
    look(&file(image, format), &Limits::default()).unwrap().hash.unwrap()
}

fn qr(text: &str) -> GrayImage {
    let code = qrcode::QrCode::new(text).unwrap();
    let (width, dark) = (code.width(), code.to_colors());
    let side = u32::try_from(width + 8).unwrap() * 6;
    GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = ((x / 6) as usize, (y / 6) as usize);
        let inside = (4..width + 4).contains(&x) && (4..width + 4).contains(&y);
        Luma([if inside && dark[(y - 4) * width + x - 4] == qrcode::Color::Dark { 0 } else { 255 }])
    })
}

#[test]
fn a_known_picture_is_known_at_another_size_and_quality() {
    let mut bank = Bank::default();
    for number in 0..6 {
        assert!(bank.insert(hash(&scene(number, 240, 180), ImageFormat::Png), &format!("case-{number}")));
    }
    let mut worst = 0;
    for number in 0..6 {
        let image = scene(number, 240, 180);
        let mut marked = image.to_rgb8();
        imageops::overlay(&mut marked, &RgbImage::from_pixel(24, 12, Rgb([255, 255, 255])), 210, 160);
        let again = [
            hash(&image.thumbnail(120, 120), ImageFormat::Jpeg),
            hash(&image.resize_exact(600, 450, imageops::FilterType::Triangle), ImageFormat::WebP),
            hash(&image.brighten(20), ImageFormat::Jpeg),
            hash(&DynamicImage::ImageRgb8(marked), ImageFormat::Jpeg),
        ];
        for hash in again {
            let (name, distance) = bank.find(hash).unwrap_or_else(|| panic!("{number} is not known again"));
            assert_eq!(name, format!("case-{number}"));
            worst = worst.max(distance);
        }
    }
    let strangers =
        (1_000..1_012).filter(|number| bank.find(hash(&scene(*number, 240, 180), ImageFormat::Png)).is_some());
    assert_eq!(strangers.count(), 0);
    assert!(worst <= ALIKE, "{worst}");
    assert_eq!(bank.remove("case-5"), 1);
    assert!(bank.find(hash(&scene(5, 240, 180), ImageFormat::Png)).is_none(), "taken out, it is not known");
}

#[test]
fn a_picture_of_nothing_has_no_hash() {
    for shade in [0, 7, 128, 255] {
        let blank =
            DynamicImage::ImageLuma8(GrayImage::from_fn(300, 200, |x, y| Luma([shade ^ u8::from((x ^ y) & 1 == 1)])));
        assert_eq!(look(&file(&blank, ImageFormat::Png), &Limits::default()).unwrap().hash, None);
    }
    let clear = DynamicImage::ImageRgba8(RgbaImage::from_fn(64, 64, |x, _| Rgba([x.to_le_bytes()[0], 0, 0, 0])));
    assert_eq!(
        look(&file(&clear, ImageFormat::Png), &Limits::default()).unwrap().hash,
        None,
        "nobody sees its colours"
    );
}

#[test]
fn a_code_says_what_it_says() {
    let text = "https://claim.example.org/?ref=42";
    let code = qr(text);
    let mut poster = scene(5, 900, 700).to_luma8();
    imageops::overlay(&mut poster, &code, 300, 200);
    // Dark on nothing at all.
    let clear = RgbaImage::from_fn(code.width(), code.height(), |x, y| {
        if code.get_pixel(x, y).0[0] == 0 { Rgba([0, 0, 0, 255]) } else { Rgba([0, 0, 0, 0]) }
    });
    for image in [DynamicImage::ImageLuma8(code), DynamicImage::ImageLuma8(poster), DynamicImage::ImageRgba8(clear)] {
        let picture = look(&file(&image, ImageFormat::Png), &Limits::default()).unwrap();
        assert_eq!(picture.codes, [text]);
    }
    assert_eq!(look(&file(&scene(5, 900, 700), ImageFormat::Png), &Limits::default()).unwrap().codes, [""; 0]);
}

/// A PNG whose header says it is so large; its pixels are not there.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = file(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&sum);
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

/// The most memory that looking took.
fn taken(bytes: &[u8], limits: &Limits) -> (Result<(), Refused>, usize) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = look(bytes, limits).map(drop);
    (result, MEMORY.peak_usage().saturating_sub(before))
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    // A hundred megapixels, in a file of seventy bytes.
    let (result, bytes) = taken(&bomb(10_000, 10_000), &Limits::default());
    assert_eq!(result, Err(Refused::Pixels { width: 10_000, height: 10_000, most: 16_000_000 }));
    assert!(bytes < 1 << 20, "{bytes} bytes were taken for a refusal");
    assert_eq!(
        result.unwrap_err().to_string(),
        "the picture says it is 10000 × 10000 pixels; 16000000 in all are the most"
    );
    // The twin, on a smaller one: without the limit, memory is taken for what the header says.
    let small = bomb(5_000, 5_000);
    assert!(taken(&small, &Limits::default()).1 < 1 << 20);
    let (result, bytes) = taken(&small, &Limits { pixels: u64::MAX, ..Limits::default() });
    assert!(matches!(result, Err(Refused::Broken(_))) && bytes >= 25_000_000, "{bytes} {result:?}");
    let (result, _) = taken(&small, &Limits { pixels: u64::MAX, memory: 1 << 20, ..Limits::default() });
    assert!(result.is_err());
}

#[test]
fn what_is_no_picture_or_too_large_a_file_is_refused_by_name() {
    let png = file(&scene(1, 64, 64), ImageFormat::Png);
    let few = Limits { bytes: 100, ..Limits::default() };
    assert_eq!(look(&png, &few), Err(Refused::Bytes { bytes: png.len(), most: 100 }));
    for bytes in [b"GIF89a\x01\x00\x01\x00".as_slice(), b"<svg/>", b""] {
        assert_eq!(look(bytes, &Limits::default()), Err(Refused::Format));
    }
}

#[test]
fn of_a_million_frames_one_is_read() {
    let png = file(&scene(1, 64, 64), ImageFormat::Png);
    let mut control = b"acTL".to_vec();
    control.extend(1_000_000_u32.to_be_bytes());
    control.extend([0; 4]);
    let sum = crc(&control).to_be_bytes();
    let animated = [&png[..33], &8_u32.to_be_bytes(), &control, &sum, &png[33..]].concat();
    let (result, bytes) = taken(&animated, &Limits::default());
    assert_eq!(result, Ok(()));
    assert!(bytes < 4 << 20, "{bytes}");
}

/// Nothing but the corners of QR codes, as many as fit.
#[test]
fn corners_without_end_are_looked_at_in_bounded_time() {
    let corners = GrayImage::from_fn(1_000, 1_000, |x, y| {
        let (x, y) = ((x / 2 % 9).abs_diff(4), (y / 2 % 9).abs_diff(4));
        Luma([if matches!(x.max(y), 0 | 1 | 3) { 0 } else { 255 }])
    });
    let picture = look(&file(&DynamicImage::ImageLuma8(corners), ImageFormat::Png), &Limits::default()).unwrap();
    assert_eq!(picture.codes.len(), 0);
}

/// Runs until the time is up; at least once.
fn fuzz(strategy: &impl Strategy<Value = Vec<u8>>) {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting of the daemon")]
    let given = std::env::var("TOWNKEEPER_FUZZ_SECONDS").ok();
    let until = Instant::now() + Duration::from_secs(given.and_then(|given| given.parse().ok()).unwrap_or(2));
    // Small, so that many are tried.
    let limits = Limits { bytes: 1 << 16, pixels: 100_000, memory: 1 << 20 };
    let mut runner = TestRunner::default();
    loop {
        let bytes = strategy.new_tree(&mut runner).unwrap().current();
        if let Ok(picture) = look(&bytes, &limits) {
            assert!(u64::from(picture.width) * u64::from(picture.height) <= limits.pixels);
        }
        if Instant::now() >= until {
            return;
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let code = DynamicImage::ImageLuma8(qr("example.org"));
    let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP];
    let scenes = formats.iter().map(|format| file(&scene(3, 40, 30), *format));
    scenes.chain(formats.iter().map(|format| file(&code, *format))).collect()
}

#[test]
fn fuzz_pictures_cut_and_changed() {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    fuzz(&(prop::sample::select(seeds()), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, end, cut)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cut {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        },
    ));
}

#[test]
fn fuzz_bytes_that_begin_like_a_picture() {
    let begins = prop::sample::select(vec![
        b"\x89PNG\r\n\x1a\n".to_vec(),
        b"\xff\xd8\xff".to_vec(),
        b"RIFF\0\0\0\0WEBPVP8 ".to_vec(),
    ]);
    fuzz(&(begins, prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(begins, rest)| [begins, rest].concat()));
}

/// Pictures that decode, whatever they show: the search for codes is reached every time.
#[test]
fn fuzz_codes_with_flaws() {
    let flaws = prop::collection::vec((0..200_u32, 0..200_u32, 1..30_u32, any::<u8>()), 0..12);
    fuzz(&("[ -~]{1,60}", flaws).prop_map(|(text, flaws)| {
        let mut code = qr(&text);
        for (x, y, side, shade) in flaws {
            imageops::overlay(&mut code, &GrayImage::from_pixel(side, side, Luma([shade])), x.into(), y.into());
        }
        file(&DynamicImage::ImageLuma8(code), ImageFormat::Png)
    }));
}
