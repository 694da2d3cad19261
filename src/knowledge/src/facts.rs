//! The facts table (`facts.toml`): every link, address, date, ratio, amount and handle that answers show, once, by id.
//!
//! An answer writes `{link.portal}`; the value is put there by code, byte for byte, in every language the same. Whoever
//! changes a value here changes it in every answer, and the revision of each of them with it.

pub mod address;
mod reference;
pub(crate) mod table;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

pub use address::Chain;
pub(crate) use reference::{Dangling, fill, resolve, stray, written_out};
pub use table::is_table;

/// What the facts' file is called.
pub const FILE: &str = "facts.toml";

/// The facts of one base, by id (`link.portal`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FactTable {
    facts: BTreeMap<String, Fact>,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    #[serde(flatten)]
    pub value: Value,
    /// Where it stands in the file, counted from 1.
    #[serde(skip)]
    pub line: usize,
}

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// Absolute, https.
    Link { url: String },
    /// As its chain writes it, its checksum included.
    Address { chain: Chain, value: String },
    /// A day, and the time of it with its zone (`23:59 UTC`) where one counts.
    Date { day: NaiveDate, time: Option<String> },
    /// A number and a unit on each side: `1 LMN`, `6 LUM`.
    Ratio { from: String, to: String },
    /// A number with its unit: `7 days`, `2.5 %`.
    Amount { value: String },
    /// `@name`.
    Handle { value: String },
}

impl Value {
    /// The first half of its id.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Link { .. } => "link",
            Self::Address { .. } => "address",
            Self::Date { .. } => "date",
            Self::Ratio { .. } => "ratio",
            Self::Amount { .. } => "amount",
            Self::Handle { .. } => "handle",
        }
    }

    /// As it is shown in a language; `part` is what may stand behind the id: `{ratio.swap.to}`. `None`: no such part.
    pub fn shown(&self, part: Option<&str>, lang: &str) -> Option<String> {
        match (self, part) {
            (Self::Link { url }, None) => Some(url.clone()),
            (Self::Address { value, .. } | Self::Amount { value } | Self::Handle { value }, None) => {
                Some(value.clone())
            }
            // Months have names in every language; the numbers of a date, in this order, mean one day in all of them.
            (Self::Date { day, .. }, None) => Some(if lang == "en" || lang.starts_with("en-") {
                day.format("%-d %B %Y").to_string()
            } else {
                day.to_string()
            }),
            (Self::Date { time, .. }, Some("time")) => time.clone(),
            (Self::Ratio { from, to }, None) => Some(format!("{from} : {to}")),
            (Self::Ratio { from, .. }, Some("from")) => Some(from.clone()),
            (Self::Ratio { to, .. }, Some("to")) => Some(to.clone()),
            (Self::Ratio { from, to }, Some("numbers")) => Some(format!("{} : {}", number(from), number(to))),
            _ => None,
        }
    }

    /// The names of its parts.
    pub fn parts(&self) -> &'static [&'static str] {
        match self {
            Self::Date { time: Some(_), .. } => &["time"],
            Self::Ratio { .. } => &["from", "to", "numbers"],
            _ => &[],
        }
    }
}

fn number(side: &str) -> &str {
    side.split_whitespace().next().unwrap_or(side)
}

impl FactTable {
    pub fn get(&self, id: &str) -> Option<&Fact> {
        self.facts.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.facts.iter().map(|(id, fact)| (id.as_str(), fact))
    }

    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// What these facts say, as bytes that change when any of them does.
    pub(crate) fn fingerprint<'i>(&self, ids: impl Iterator<Item = &'i String>) -> Vec<u8> {
        let said: Vec<(&String, Option<&Fact>)> = ids.map(|id| (id, self.facts.get(id))).collect();
        serde_json::to_vec(&said).unwrap_or_default()
    }
}
