//! Strings and numbers as vendors write them: `null`, `""`, numbers and lists stand where a string belongs, and one odd
//! field must not cost a frame.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A count, or a number that names a choice, a call or a block (a key, never a position). Absent where it is not a whole
/// number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index(pub(crate) Option<u64>);

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Words::deserialize(deserializer)?;
        Ok(Self(words.number.or_else(|| words.text.parse().ok())))
    }
}

/// Text from a string or a list of parts; empty from anything else.
#[derive(Default)]
pub(crate) struct Words<'a> {
    pub(crate) text: Cow<'a, str>,
    /// Of a list's parts, those that are reasoning.
    pub(crate) thinking: Cow<'a, str>,
    number: Option<u64>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, or a list of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Words { text: Cow::Borrowed(text), ..Words::default() })
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Words { text: Cow::Owned(text.to_owned()), ..Words::default() })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Words { number: Some(number), ..Words::default() })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut words = Words::default();
        while let Some(part) = parts.next_element::<Words<'de>>()? {
            words.text += part.text;
            words.thinking += part.thinking;
        }
        Ok(words)
    }

    /// One part of a list: `{"type": "text", "text": ..}` or `{"type": "thinking", "thinking": [..]}`.
    fn visit_map<A: MapAccess<'de>>(self, mut part: A) -> Result<Self::Value, A::Error> {
        let mut words = Words::default();
        while let Some(key) = part.next_key::<Cow<'de, str>>()? {
            match &*key {
                "text" => words.text = part.next_value::<Words<'de>>()?.text,
                "thinking" => words.thinking = part.next_value::<Words<'de>>()?.text,
                _ => {
                    part.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(words)
    }
}
