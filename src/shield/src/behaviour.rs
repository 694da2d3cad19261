//! Layer L4: what people do, whatever they say: the same in many places, others' words again, links too soon.
//!
//! * [`fingerprint`]: what a text is recognised by when it comes again a little changed
//! * [`ring`]: the last day of a workspace, for sweeping the copies of a confirmed scam
//! * [`crowd`]: what each message says beside those before it
//! * [`joins`]: waves of people who join
//! * [`trust`]: how far a person is trusted, by time and by what they wrote

pub mod crowd;
pub mod fingerprint;
pub mod joins;
mod recent;
pub mod ring;
mod ring_names;
pub mod trust;

pub use crowd::{Crowd, Seen};
pub use fingerprint::{Fingerprint, letters};
pub use joins::{Joins, Tide, Wave};
pub use ring::{Entry, Found, Ring};
pub use trust::{Ladder, Row, Trust};

/// A stable 64-bit key of an id: of a person, a place, a message. The same in every build, so it may be stored; of ids
/// that a platform gives, not of texts that people choose.
pub fn key(id: &str) -> u64 {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    fingerprint::mix(hash)
}
