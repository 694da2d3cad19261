//! The layers: each looks at one thing and says what it found, with its evidence.
//!
//! * [`deny`] (L0): hosts and addresses that are known to be bad
//! * [`facts`] (L1): what pretends to be ours; measured by [`brand`]
//! * [`identity`] (L2): names that pretend to be ours
//! * [`intent`] (L3): what the text wants of its reader
//! * [`context`]: what only this message's place tells: an edit, a quick reply

pub mod brand;
pub mod context;
pub mod deny;
pub mod facts;
pub mod identity;
pub mod intent;

use std::ops::Range;

use townkeeper_text::{Allowed, defang};

use crate::verdict::Evidence;

/// A stretch of a text as evidence: defanged, and short enough for a card.
pub(crate) fn evidence(text: &str, range: Range<usize>) -> Evidence {
    let start = floor(text, range.start);
    let end = floor(text, range.end.max(start)).min(floor(text, start + LONGEST));
    let part = text.get(start..end).unwrap_or_default();
    Evidence { text: defang(part.trim(), &Allowed::default()), range }
}

/// What is shown of a long stretch, in bytes.
const LONGEST: usize = 160;

/// The character boundary at or before a byte.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
