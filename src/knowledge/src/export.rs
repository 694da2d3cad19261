//! The base as rows of JSON, one entry a line, for others to build on. The importer reads them back.

use serde_json::{Map, Value, json};

use crate::entry::Entry;
use crate::facts::{FactTable, written_out};
use crate::parse::sources;
use crate::written::Written;

/// Every entry that is not a draft, in the order of the files. Answers are Markdown with the facts in their places.
pub fn jsonl(written: &Written) -> String {
    let mut rows = String::new();
    for (file, entry) in written.entries.iter().filter(|(_, entry)| entry.status != crate::entry::Status::Draft) {
        let text = written.texts.get(file).map_or("", String::as_str);
        rows.push_str(&row(entry, text, &written.facts).to_string());
        rows.push('\n');
    }
    rows
}

fn row(entry: &Entry, text: &str, facts: &FactTable) -> Value {
    let (own, others) = sources(text).unwrap_or_default();
    let answer = |markdown: &str, lang: &str| written_out(markdown.trim(), facts, lang);
    let block = |(lang, markdown): &(&str, &str)| {
        let block = entry.translations.iter().find(|block| block.lang == *lang)?;
        Some(json!({
            "lang": lang,
            "title": block.title,
            "answer": answer(markdown, lang),
            "variants": block.variants,
            "not_variants": block.not_variants,
            "reviewed_by": block.reviewed_by,
            "reviewed_at": block.reviewed_at.to_string(),
            "review_by": block.review_by.to_string(),
        }))
    };
    let shown: Map<String, Value> = entry.facts.iter().map(|id| (id.clone(), json!(facts.get(id)))).collect();
    json!({
        "id": entry.id.as_str(),
        "title": entry.title,
        "class": entry.class,
        "status": entry.status,
        "owner": entry.owner,
        "reviewed_by": entry.reviewed_by,
        "reviewed_at": entry.reviewed_at.to_string(),
        "review_by": entry.review_by.to_string(),
        "url": entry.canonical_url,
        "lang": entry.lang,
        "variants": entry.variants,
        "not_variants": entry.not_variants,
        "answer": answer(own, &entry.lang),
        "facts": shown,
        "translations": others.iter().filter_map(block).collect::<Vec<_>>(),
        "revision": entry.revision,
    })
}
