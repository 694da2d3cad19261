//! Reads `facts.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::address::{self, Chain};
use super::{FILE, Fact, FactTable, Value};
use crate::check;
use crate::entry::EntryError;

/// The longest file, in bytes.
const MAX_FILE: usize = 256 * 1024;
/// The longest value, in bytes.
const MAX_VALUE: usize = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    link: BTreeMap<String, RawLink>,
    #[serde(default)]
    address: BTreeMap<String, RawAddress>,
    #[serde(default)]
    date: BTreeMap<String, RawDate>,
    #[serde(default)]
    ratio: BTreeMap<String, RawRatio>,
    #[serde(default)]
    amount: BTreeMap<String, RawValue>,
    #[serde(default)]
    handle: BTreeMap<String, RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    url: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAddress {
    chain: Chain,
    value: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDate {
    day: Spanned<Datetime>,
    time: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRatio {
    from: Spanned<String>,
    to: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    value: Spanned<String>,
}

/// What is said of every address that can be none.
pub(crate) const NO_ADDRESS: &str = "` is no address: ";

/// Why a value was refused, and what to do.
type Wrong = (String, String);

fn wrong(reason: impl Into<String>, remedy: impl Into<String>) -> Wrong {
    (reason.into(), remedy.into())
}

impl FactTable {
    /// Reads a facts table. `file` is only a name for messages.
    ///
    /// # Errors
    /// Every value that is wrong; or where it is no TOML of this form.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<EntryError>> {
        let error = |line, (reason, remedy)| EntryError { file: file.to_owned(), line, reason, remedy };
        if text.len() > MAX_FILE {
            let size = format!("the file has {} bytes, at most {MAX_FILE} are read", text.len());
            return Err(vec![error(1, wrong(size, "keep to what answers show"))]);
        }
        let raw: Raw = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| line_at(text, &span));
            let reason = e.message().lines().next().unwrap_or_default().to_owned();
            let remedy = "see the example in docs/knowledge.md: a table such as [link.portal], then its keys";
            vec![error(line, wrong(reason, remedy))]
        })?;
        let mut reader = Reader { text, facts: BTreeMap::new(), wrongs: Vec::new() };
        reader.read(raw);
        if reader.wrongs.is_empty() {
            return Ok(Self { facts: reader.facts });
        }
        Err(reader.wrongs.into_iter().map(|(line, wrong)| error(line, wrong)).collect())
    }
}

struct Reader<'t> {
    text: &'t str,
    facts: BTreeMap<String, Fact>,
    wrongs: Vec<(usize, Wrong)>,
}

impl Reader<'_> {
    fn read(&mut self, raw: Raw) {
        for (name, RawLink { url }) in raw.link {
            let value = || {
                if check::link(url.get_ref()) {
                    return Ok(Value::Link { url: url.get_ref().clone() });
                }
                let reason = format!("`{}` is no https link", check::excerpt(url.get_ref()));
                Err(wrong(reason, "give the whole address of the page, as in https://lumen.example.org/migrate"))
            };
            self.add("link", &name, &url.span(), value);
        }
        for (name, RawAddress { chain, value }) in raw.address {
            let read = || match address::fault(chain, value.get_ref()) {
                None => Ok(Value::Address { chain, value: value.get_ref().clone() }),
                Some(fault) => Err(wrong(
                    format!("`{}{NO_ADDRESS}{fault}", check::excerpt(value.get_ref())),
                    "copy it again from where it was published, and compare every character",
                )),
            };
            self.add("address", &name, &value.span(), read);
        }
        for (name, RawDate { day, time }) in raw.date {
            let span = day.span();
            self.add("date", &name, &span, || Ok(Value::Date { day: whole_day(day.get_ref())?, time: text(time)? }));
        }
        for (name, RawRatio { from, to }) in raw.ratio {
            let span = from.span();
            self.add("ratio", &name, &span, || Ok(Value::Ratio { from: side(from)?, to: side(to)? }));
        }
        for (name, RawValue { value }) in raw.amount {
            let span = value.span();
            self.add("amount", &name, &span, || Ok(Value::Amount { value: side(value)? }));
        }
        for (name, RawValue { value }) in raw.handle {
            let span = value.span();
            self.add("handle", &name, &span, || Ok(Value::Handle { value: handle(value)? }));
        }
    }

    fn add(&mut self, kind: &str, name: &str, span: &Range<usize>, value: impl FnOnce() -> Result<Value, Wrong>) {
        let line = line_at(self.text, span);
        if !check::kebab(name) {
            let reason = format!("the name `{}` is not in lower-case kebab form", check::excerpt(name));
            self.wrongs.push((line, wrong(reason, "use a-z, 0-9 and single hyphens, as in [link.help-desk]")));
            return;
        }
        match value() {
            Ok(value) => {
                self.facts.insert(format!("{kind}.{name}"), Fact { value, line });
            }
            Err(wrong) => self.wrongs.push((line, wrong)),
        }
    }
}

fn whole_day(day: &Datetime) -> Result<NaiveDate, Wrong> {
    let refused = || wrong(format!("`{day}` is no day"), "write year-month-day without quotes, as in 2027-02-04");
    let date = day.date.filter(|_| day.time.is_none()).ok_or_else(refused)?;
    NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day)).ok_or_else(refused)
}

fn text(time: Option<Spanned<String>>) -> Result<Option<String>, Wrong> {
    time.map(line).transpose()
}

/// One short line of visible text.
fn line(value: Spanned<String>) -> Result<String, Wrong> {
    let value = value.into_inner();
    let plain = !value.trim().is_empty() && value.trim() == value && !value.chars().any(char::is_control);
    if plain && value.len() <= MAX_VALUE {
        return Ok(value);
    }
    Err(wrong(
        format!("`{}` is not one short line", check::excerpt(&value)),
        "write the value as people are to read it",
    ))
}

/// A number, and perhaps a unit.
fn side(value: Spanned<String>) -> Result<String, Wrong> {
    let value = line(value)?;
    if value.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '$' | '€' | '£')) {
        return Ok(value);
    }
    Err(wrong(
        format!("`{}` begins with no number", check::excerpt(&value)),
        "write a number and its unit, as in `6 LUM`",
    ))
}

fn handle(value: Spanned<String>) -> Result<String, Wrong> {
    let value = line(value)?;
    let name = value.strip_prefix('@').unwrap_or_default();
    if !name.is_empty() && !name.contains(char::is_whitespace) {
        return Ok(value);
    }
    Err(wrong(format!("`{}` is no handle", check::excerpt(&value)), "write it as people do, as in `@lumen_support`"))
}

fn line_at(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
}

/// Whether a file, by its name, is the facts table.
pub fn is_table(file: &str) -> bool {
    file.rsplit(['/', '\\']).next() == Some(FILE)
}
