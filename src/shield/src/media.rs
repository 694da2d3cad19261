//! Layer L7: pictures. What one looks like in 64 bits, so that a known one is recognised at another size or quality, and
//! what its QR codes say. A picture is refused by its header, before anything is allocated for it.
//!
//! Decoding a large picture takes a tenth of a second and more: not for the path of messages.

use std::fmt;
use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, imageops};

use crate::{Evidence, Signal};

/// Pictures alike differ in at most so many bits of 64.
pub const ALIKE: u32 = 8;

/// How many pictures a bank takes.
pub const BANK: usize = 65_536;

/// QR codes are looked for in at most so many pixels across.
const CODE_SIDE: u32 = 1_000;

/// What is compared, across; and how many of its slowest waves in each direction.
const SIDE: u16 = 32;
const WAVES: usize = 8;

/// Waves as weak as this, taken together, show nothing: one colour, or nearly.
const FLAT: f32 = 1_536.0;

/// What a picture may cost. Of an animation the first frame is read, however many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the file.
    pub bytes: usize,
    pub pixels: u64,
    /// Of the decoded picture, and about of what its decoder needs, in bytes.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 20, pixels: 16_000_000, memory: 96 << 20 }
    }
}

/// Why a picture was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    Bytes {
        bytes: usize,
        most: usize,
    },
    Pixels {
        width: u32,
        height: u32,
        most: u64,
    },
    Memory {
        bytes: u64,
        most: u64,
    },
    /// Neither PNG nor JPEG nor WebP.
    Format,
    /// What the decoder said.
    Broken(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { bytes, most } => write!(f, "the picture has {bytes} bytes; {most} are the most"),
            Self::Pixels { width, height, most } => {
                write!(f, "the picture says it is {width} × {height} pixels; {most} in all are the most")
            }
            Self::Memory { bytes, most } => {
                write!(f, "the picture would take {bytes} bytes of memory; {most} are the most")
            }
            Self::Format => write!(f, "neither PNG nor JPEG nor WebP"),
            Self::Broken(why) => write!(f, "the picture is broken: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

/// What a picture looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageHash(u64);

impl ImageHash {
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    /// In how many of 64 bits they differ.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// A picture that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// `None` where it shows nothing: every empty picture looks like every other.
    pub hash: Option<ImageHash>,
    /// What its QR codes say: text to be judged as if it had been written.
    pub codes: Vec<String>,
}

/// Looks at a picture.
pub fn look(bytes: &[u8], limits: &Limits) -> Result<Picture, Refused> {
    let decoder = open(bytes, limits)?;
    let (width, height) = decoder.dimensions();
    let image = DynamicImage::from_decoder(decoder).map_err(|error| broken(&error))?;
    let grey = grey(&image);
    drop(image);
    Ok(Picture { width, height, hash: hash(&grey), codes: codes(&grey) })
}

/// Reads the header only.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<impl ImageDecoder + 'a, Refused> {
    if bytes.len() > limits.bytes {
        return Err(Refused::Bytes { bytes: bytes.len(), most: limits.bytes });
    }
    let format = image::guess_format(bytes).map_err(|_| Refused::Format)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return Err(Refused::Format);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(limits.memory);
    reader.limits(allowed);
    let decoder = reader.into_decoder().map_err(|error| broken(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(Refused::Pixels { width, height, most: limits.pixels });
    }
    if decoder.total_bytes() > limits.memory {
        return Err(Refused::Memory { bytes: decoder.total_bytes(), most: limits.memory });
    }
    Ok(decoder)
}

fn broken(error: &ImageError) -> Refused {
    Refused::Broken(error.to_string())
}

/// Small enough, in grey, on white.
fn grey(image: &DynamicImage) -> GrayImage {
    let large = image.width().max(image.height()) > CODE_SIDE;
    let small = large.then(|| image.thumbnail(CODE_SIDE, CODE_SIDE));
    let shades = small.as_ref().unwrap_or(image).to_luma_alpha8();
    let (width, height) = shades.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        let [shade, opaque] = shades.get_pixel(x, y).0.map(u16::from);
        let on_white = (shade * opaque + 255 * (255 - opaque)) / 255;
        image::Luma([u8::try_from(on_white).unwrap_or(u8::MAX)])
    })
}

/// A bit for each of the 64 slowest waves across and down: whether it is stronger than most (a pHash).
fn hash(grey: &GrayImage) -> Option<ImageHash> {
    let small = imageops::thumbnail(grey, SIDE.into(), SIDE.into());
    let rows = small.as_raw().chunks_exact(SIDE.into());
    let across: Vec<[f32; WAVES]> = rows.map(|row| waves(row.iter().map(|shade| f32::from(*shade)))).collect();
    let column = |wave: usize| across.iter().map(move |row| row.get(wave).copied().unwrap_or_default());
    let strengths: Vec<f32> = (0..WAVES).flat_map(|wave| waves(column(wave))).collect();
    let mut sorted = strengths.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied()?;
    let contrast: f32 = strengths.iter().map(|strength| strength.abs()).sum();
    let bits = strengths.iter().fold(0, |bits, strength| bits << 1 | u64::from(*strength > median));
    (contrast > FLAT).then_some(ImageHash(bits))
}

/// The slowest waves of a line (of its DCT-II), without the one that is its mean.
fn waves(line: impl Iterator<Item = f32>) -> [f32; WAVES] {
    let mut waves = [0.0; WAVES];
    for (at, shade) in (0_u16..).zip(line) {
        for (wave, strength) in (1_u16..).zip(&mut waves) {
            let turn = f32::from((2 * at + 1) * wave) / f32::from(2 * SIDE);
            *strength += shade * (turn * std::f32::consts::PI).cos();
        }
    }
    waves
}

/// At most eight codes, of at most 32 corners: the decoder's own bounds.
fn codes(grey: &GrayImage) -> Vec<String> {
    let mut decoder = quircs::Quirc::default();
    let found = decoder.identify(grey.width() as usize, grey.height() as usize, grey);
    let read = found.filter_map(|code| code.ok()?.decode().ok());
    read.map(|data| String::from_utf8_lossy(&data.payload).into_owned()).collect()
}

/// Pictures that moderators, or lists, said are bad.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    known: Vec<(ImageHash, String)>,
}

impl Bank {
    /// Takes a picture under a name, by which it may be taken out again. `false`: the bank is full.
    pub fn insert(&mut self, hash: ImageHash, name: &str) -> bool {
        let room = self.known.len() < BANK;
        if room {
            self.known.push((hash, name.to_owned()));
        }
        room
    }

    /// Takes out all pictures of a name; says how many.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.known.len();
        self.known.retain(|(_, known)| known != name);
        before - self.known.len()
    }

    /// The name of the picture that is most alike, and in how many bits it differs; the first of several.
    pub fn find(&self, hash: ImageHash) -> Option<(&str, u32)> {
        let near = self.known.iter().map(|(known, name)| (name.as_str(), known.distance(hash)));
        near.filter(|(_, distance)| *distance <= ALIKE).min_by_key(|(_, distance)| *distance)
    }

    /// The reason, where a picture is known.
    pub fn signal(&self, picture: &Picture) -> Option<Signal> {
        let (name, distance) = self.find(picture.hash?)?;
        let why = format!("The picture is, but for {distance} of 64 marks, one that was found to be a scam ({name}).");
        let source = format!("case {name}").into();
        Some(Signal { id: "known_picture", weight: 4.0, source, evidence: Evidence::default(), why })
    }
}
