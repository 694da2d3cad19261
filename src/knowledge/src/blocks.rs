//! The blocks of an entry in other languages. Each opens with a line `--- lang: de`, goes on with its own title, review
//! and variants, and after a line `---` with its own answer. The facts are shared.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::check;
use crate::entry::Translation;
use crate::parse::{Body, Common, Fault, fault, plain, yaml};

/// What opens a block; no thematic break of Markdown holds letters.
const OPENS: &str = "--- lang:";

/// The front matter of a block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockFront {
    pub(crate) title: Spanned<String>,
    pub(crate) reviewed_by: Spanned<String>,
    pub(crate) reviewed_at: Spanned<String>,
    pub(crate) review_by: Spanned<String>,
    pub(crate) variants: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(crate) not_variants: Vec<Spanned<String>>,
}

/// A block, before it is read.
pub(crate) struct Raw<'t> {
    lang: &'t str,
    /// The line that opens it.
    line: usize,
    yaml: &'t str,
    body: Body<'t>,
}

impl<'t> Raw<'t> {
    /// Its language, and its answer as it is written.
    pub(crate) fn source(&self) -> (&'t str, &'t str) {
        (self.lang, self.body.text)
    }
}

/// The entry's own answer, and its blocks in other languages.
pub(crate) fn split(body: Body<'_>) -> Result<(Body<'_>, Vec<Raw<'_>>), Fault> {
    let mut own = body;
    let mut blocks = Vec::new();
    // From the last to the first: each ends where the one behind it began.
    while let Some((at, line)) = last_opening(own) {
        let before = own.text.get(..at).unwrap_or_default();
        blocks.push(block(own.text.get(at..).unwrap_or_default(), line)?);
        own = Body { text: before, ..own };
    }
    blocks.reverse();
    Ok((own, blocks))
}

/// Where the last line begins that opens a block, in bytes, and its number in the file.
fn last_opening(body: Body<'_>) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut last = None;
    for (n, line) in body.text.split_inclusive('\n').enumerate() {
        if line.starts_with(OPENS) {
            last = Some((at, body.line + n));
        }
        at += line.len();
    }
    last
}

fn block(text: &str, line: usize) -> Result<Raw<'_>, Fault> {
    let opening = text.split_inclusive('\n').next().unwrap_or_default();
    let lang = opening.strip_prefix(OPENS).unwrap_or_default().trim();
    if !check::is_tag(lang) {
        let reason = format!("`{}` is no language tag", check::excerpt(lang));
        return Err(fault(line, reason, "open the block with a line such as `--- lang: de` or `--- lang: pt-BR`"));
    }
    let start = opening.len();
    let mut end = start;
    for (n, each) in text.split_inclusive('\n').skip(1).enumerate() {
        if each.trim_end() == "---" {
            let body = text.get(end + each.len()..).unwrap_or_default();
            let yaml = text.get(start..end).unwrap_or_default();
            return Ok(Raw { lang, line, yaml, body: Body { text: body, line: line + n + 2 } });
        }
        end += each.len();
    }
    Err(fault(line, format!("the front matter of the block `{lang}` has no end"), "close it with a line `---`"))
}

/// Reads the blocks of an entry whose own language is `own`.
pub(crate) fn read(blocks: &[Raw<'_>], own: &str, common: &mut Common<'_>) -> Result<Vec<Translation>, Fault> {
    let mut read: Vec<Translation> = Vec::new();
    for block in blocks {
        if block.lang == own || read.iter().any(|other| other.lang == block.lang) {
            let reason = format!("the entry has two blocks in `{}`", block.lang);
            return Err(fault(block.line, reason, "merge them: an entry says a thing once in each language"));
        }
        read.push(translation(block, common)?);
    }
    Ok(read)
}

fn translation(block: &Raw<'_>, common: &mut Common<'_>) -> Result<Translation, Fault> {
    // Lines are counted as if it stood on the file's second line; blank ones above put them right.
    let above = "\n".repeat(block.line.saturating_sub(1));
    let front: BlockFront = yaml(&format!("{above}{}", block.yaml)).map_err(|found| Fault {
        // What is missing stands nowhere: the block's opening is to blame.
        line: found.line.max(block.line),
        ..found
    })?;
    let (reviewed_at, review_by) = check::block(&front)?;
    Ok(Translation {
        body: common.answer(block.body, block.lang)?,
        lang: block.lang.to_owned(),
        title: front.title.value.trim().to_owned(),
        reviewed_by: front.reviewed_by.value.trim().to_owned(),
        reviewed_at,
        review_by,
        variants: plain(front.variants.value),
        not_variants: plain(front.not_variants),
    })
}
