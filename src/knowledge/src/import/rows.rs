//! JSONL and CSV: a question a row.

use csv::{ReaderBuilder, StringRecord};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::{Draft, Import, fault, utf8};
use crate::entry::{Class, EntryError};
use crate::parse::MAX_FILE;

/// A row under the names that people give its columns.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: Option<String>,
    #[serde(alias = "question", alias = "q")]
    title: String,
    #[serde(alias = "body", alias = "text", alias = "a")]
    answer: String,
    #[serde(alias = "questions", alias = "alternatives", deserialize_with = "list")]
    variants: Vec<String>,
    #[serde(deserialize_with = "list")]
    not_variants: Vec<String>,
    #[serde(alias = "canonical_url", alias = "link")]
    url: Option<String>,
    #[serde(alias = "language")]
    lang: Option<String>,
    class: Option<Class>,
}

/// A list, or one text with `|` or line breaks between its items, as a cell of a table holds it.
fn list<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Many(Vec<String>),
        One(String),
        None(IgnoredAny),
    }
    Ok(match List::deserialize(value)? {
        List::Many(items) => items,
        List::One(text) => items(&text),
        List::None(_) => Vec::new(),
    })
}

fn items(text: &str) -> Vec<String> {
    text.split(['|', '\n']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

impl Row {
    fn draft(self, file: &str, line: usize) -> Result<Draft, EntryError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let filled = |list: Vec<String>| list.into_iter().filter(|item| !item.trim().is_empty()).collect();
        Ok(Draft {
            id: given(self.id),
            class: self.class.unwrap_or(Class::Routine),
            variants: filled(self.variants),
            not_variants: filled(self.not_variants),
            url: given(self.url),
            lang: given(self.lang),
            ..Draft::new(file, line, &self.title, &self.answer)?
        })
    }
}

/// Reads rows of JSON, one a line: `title` (or `question`), `answer`, and if they are there `id`, `variants`,
/// `not_variants`, `url`, `lang`, `class`. `file` is only a name for messages.
pub fn jsonl(file: &str, bytes: &[u8]) -> Import {
    let mut import = Import::default();
    for (n, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            import.take(row(file, n + 1, line));
        }
    }
    import
}

fn row(file: &str, n: usize, line: &[u8]) -> Result<Draft, EntryError> {
    if line.len() > MAX_FILE {
        let reason = format!("the row has {} bytes, at most {MAX_FILE} are read", line.len());
        return Err(fault(file, n, reason, "split it: one entry answers one question"));
    }
    let text = utf8(file, line).map_err(|error| EntryError { line: n, ..error })?;
    let row: Row = serde_json::from_str(text.trim()).map_err(|error| {
        let reason = format!("no row of JSON ({})", error.to_string().split(" at line").next().unwrap_or_default());
        fault(
            file,
            n,
            reason,
            "write one object a line, as in {\"title\": \"…\", \"answer\": \"…\", \"variants\": [\"…\"]}",
        )
    })?;
    row.draft(file, n)
}

/// Reads a table whose first row names its columns, as [`jsonl`] does; several variants stand in one cell with `|`
/// between them. `file` is only a name for messages.
pub fn csv(file: &str, bytes: &[u8]) -> Import {
    let mut import = Import::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headers = reader.headers().map(|headers| headers.iter().map(|name| name.trim().to_lowercase()).collect());
    let headers: StringRecord = match headers {
        Ok(headers) => headers,
        Err(error) => {
            import.faults.push(csv_fault(file, 1, &error));
            return import;
        }
    };
    let mut record = StringRecord::new();
    loop {
        let line = usize::try_from(reader.position().line()).unwrap_or(0);
        match reader.read_record(&mut record) {
            Ok(false) => return import,
            Ok(true) => import.take(cells(file, line, &record, &headers)),
            Err(error) => {
                import.faults.push(csv_fault(file, line, &error));
                if !matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
                    return import;
                }
            }
        }
    }
}

fn cells(file: &str, line: usize, record: &StringRecord, headers: &StringRecord) -> Result<Draft, EntryError> {
    if record.as_slice().len() > MAX_FILE {
        let reason = format!("the row has {} bytes, at most {MAX_FILE} are read", record.as_slice().len());
        return Err(fault(file, line, reason, "split it: one entry answers one question"));
    }
    let row: Row = record.deserialize(Some(headers)).map_err(|error| csv_fault(file, line, &error))?;
    row.draft(file, line)
}

fn csv_fault(file: &str, line: usize, error: &csv::Error) -> EntryError {
    let reason = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8 text".to_owned(),
        csv::ErrorKind::Deserialize { err, .. } => format!("the row cannot be read ({})", err.kind()),
        _ => format!("no table ({error})"),
    };
    let remedy = "save it as UTF-8 with the columns `title` and `answer`, and quotes around what holds a comma";
    fault(file, line, reason, remedy)
}
