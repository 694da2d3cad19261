//! What the values of a front matter must look like, and words for what YAML itself refuses.

use chrono::NaiveDate;
use serde_saphyr::{Error as YamlError, Spanned};
use townkeeper_contract::text;

use crate::blocks::BlockFront;
use crate::facts;
use crate::parse::{Fault, Front, MAX_ID, MAX_TITLE, MIN_VARIANTS, fault};

/// The line of the file on which a value of the front matter stands: YAML begins on the file's second line.
pub(crate) fn line_of<T>(value: &Spanned<T>) -> usize {
    usize::try_from(value.referenced.line()).unwrap_or(0) + 1
}

/// The front matter's dates, checked.
pub(crate) struct Dates {
    pub(crate) reviewed_at: NaiveDate,
    pub(crate) review_by: NaiveDate,
    pub(crate) valid_from: Option<NaiveDate>,
    pub(crate) valid_until: Option<NaiveDate>,
}

pub(crate) fn front(front: &Front) -> Result<Dates, Fault> {
    id(&front.id)?;
    title(&front.title)?;
    filled("owner", &front.owner)?;
    filled("reviewed_by", &front.reviewed_by)?;
    let dates = dates(front)?;
    if let Some(tag) = &front.lang {
        lang(tag)?;
    }
    if let Some(before) = &front.supersedes {
        id(before)?;
    }
    variants(&front.variants, &front.not_variants)?;
    Ok(dates)
}

/// The front matter of a block in another language: when it was reviewed, and until when that holds.
pub(crate) fn block(front: &BlockFront) -> Result<(NaiveDate, NaiveDate), Fault> {
    title(&front.title)?;
    filled("reviewed_by", &front.reviewed_by)?;
    let dates = review(&front.reviewed_at, &front.review_by)?;
    variants(&front.variants, &front.not_variants)?;
    Ok(dates)
}

fn id(id: &Spanned<String>) -> Result<(), Fault> {
    if id.value.len() > MAX_ID || !kebab(&id.value) {
        return Err(fault(
            line_of(id),
            format!("the id `{}` is not in lower-case kebab form", excerpt(&id.value)),
            format!("use a-z, 0-9 and single hyphens, at most {MAX_ID} characters, as in `official-link`"),
        ));
    }
    Ok(())
}

/// Words of a-z and 0-9 with single hyphens between.
pub(crate) fn kebab(name: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('-').all(word)
}

fn title(title: &Spanned<String>) -> Result<(), Fault> {
    filled("title", title)?;
    if title.value.chars().count() > MAX_TITLE || title.value.contains('\n') {
        let reason = format!("the title is longer than one line of {MAX_TITLE} characters");
        return Err(fault(line_of(title), reason, "shorten it to the question it answers"));
    }
    if let Some(reference) = facts::stray(&title.value) {
        let reason = format!("the title holds `{reference}`, which is shown only in the answer");
        return Err(fault(line_of(title), reason, "word the title without it"));
    }
    Ok(())
}

fn filled(key: &str, value: &Spanned<String>) -> Result<(), Fault> {
    if value.value.trim().is_empty() {
        return Err(fault(line_of(value), format!("`{key}` is empty"), format!("write a value behind `{key}:`")));
    }
    Ok(())
}

fn dates(front: &Front) -> Result<Dates, Fault> {
    let (reviewed_at, review_by) = review(&front.reviewed_at, &front.review_by)?;
    let valid_from = front.valid_from.as_ref().map(|d| date("valid_from", d)).transpose()?;
    let valid_until = front.valid_until.as_ref().map(|d| date("valid_until", d)).transpose()?;
    if let (Some(from), Some(until), Some(place)) = (valid_from, valid_until, &front.valid_until)
        && until < from
    {
        let reason = format!("`valid_until` {until} lies before `valid_from` {from}");
        return Err(fault(line_of(place), reason, "swap the two dates or drop one"));
    }
    Ok(Dates { reviewed_at, review_by, valid_from, valid_until })
}

fn review(at: &Spanned<String>, by: &Spanned<String>) -> Result<(NaiveDate, NaiveDate), Fault> {
    let reviewed_at = date("reviewed_at", at)?;
    let review_by = date("review_by", by)?;
    if review_by < reviewed_at {
        return Err(fault(
            line_of(by),
            format!("`review_by` {review_by} lies before `reviewed_at` {reviewed_at}"),
            "set `review_by` to the day on which the entry must be looked at again",
        ));
    }
    Ok((reviewed_at, review_by))
}

fn date(key: &str, value: &Spanned<String>) -> Result<NaiveDate, Fault> {
    let text = value.value.trim();
    let whole = text.len() == "2026-11-02".len();
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| whole).ok_or_else(|| {
        let reason = format!("`{key}` holds `{}`, which is no date", excerpt(text));
        fault(line_of(value), reason, "write year-month-day, as in 2026-11-02")
    })
}

/// Whether this is a whole https link to a named host.
pub(crate) fn link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    !host.is_empty() && host.chars().all(plain) && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

pub(crate) fn canonical_url(url: &Spanned<String>) -> Result<(), Fault> {
    if link(&url.value) {
        return Ok(());
    }
    Err(fault(
        line_of(url),
        format!("`canonical_url` holds `{}`, which is no https link", excerpt(&url.value)),
        "give the whole address of the page, as in https://lumen.example.org/migrate, or the id of a fact, as in \
         link.portal",
    ))
}

/// Whether this has the form of a language tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    let language = (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase());
    let rest = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    language && parts.all(rest)
}

fn lang(lang: &Spanned<String>) -> Result<(), Fault> {
    if !is_tag(&lang.value) {
        let reason = format!("`lang` holds `{}`, which is no language tag", excerpt(&lang.value));
        return Err(fault(line_of(lang), reason, "write a tag such as `en`, `pt-BR` or `zh-Hans`"));
    }
    Ok(())
}

fn variants(variants: &Spanned<Vec<Spanned<String>>>, not: &[Spanned<String>]) -> Result<(), Fault> {
    let blank = variants.value.iter().chain(not).find(|v| v.value.trim().is_empty());
    if let Some(blank) = blank {
        return Err(fault(line_of(blank), "a question in the list is empty", "fill it or remove the line"));
    }
    let mut different: Vec<String> = variants.value.iter().map(|v| text::normalise(&v.value)).collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < MIN_VARIANTS {
        return Err(fault(
            line_of(variants),
            format!("{} different variants, at least {MIN_VARIANTS} are needed", different.len()),
            "add ways in which people really ask it; ten make a good entry",
        ));
    }
    Ok(())
}

/// A value short enough to stand in a message.
pub(crate) fn excerpt(value: &str) -> String {
    let mut short: String = value.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

/// What YAML, or its way into [`Front`], refused.
pub(crate) fn yaml_fault(error: &YamlError) -> Fault {
    let line = error.location().and_then(|l| usize::try_from(l.line()).ok()).unwrap_or(0) + 1;
    match error.without_snippet() {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            fault(line, format!("unknown key `{}`", excerpt(field)), nearest(field, expected))
        }
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            fault(line, format!("`{}` is not known here", excerpt(variant)), nearest(variant, expected))
        }
        // A missing key stands nowhere: the front matter as a whole is to blame.
        YamlError::SerdeMissingField { field, .. } => {
            fault(1, format!("the key `{field}` is missing"), format!("add a line `{field}: …`"))
        }
        YamlError::DuplicateMappingKey { key, .. } => {
            let key = excerpt(key.as_deref().unwrap_or_default());
            fault(line, format!("the key `{key}` stands twice"), "keep one of the two lines")
        }
        YamlError::Budget { .. } => {
            fault(line, "the front matter is too large, too deep or uses aliases", "write plain keys and one flat list")
        }
        YamlError::SerdeInvalidType { .. } | YamlError::Unexpected { .. } => fault(
            line,
            "the value is not of the form this key wants",
            "put a text with `:`, `#`, `[` or `{` in quotes, and write lists as lines that begin with `- `",
        ),
        other => fault(line, format!("not valid YAML ({})", first_line(other)), "check indentation, quotes and colons"),
    }
}

/// The reason alone: the library's own first line, without the excerpt it draws below.
fn first_line(error: &YamlError) -> String {
    excerpt(error.to_string().lines().next().unwrap_or_default())
}

fn nearest(name: &str, expected: &[&'static str]) -> String {
    let short: String = name.chars().take(40).collect();
    let best = expected.iter().map(|known| (strsim::damerau_levenshtein(&short, known), known)).min();
    match best {
        Some((edits, known)) if edits <= 3 && edits < known.len() => format!("did you mean `{known}`?"),
        _ => format!("use one of `{}`", expected.join("`, `")),
    }
}
