//! Puts facts in the place of their references (`{link.portal}`, `{date.deadline.time}`) in an answer.

use std::collections::BTreeSet;

use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run};

use super::{Fact, FactTable};

/// A reference to something that the table does not hold.
pub(crate) struct Dangling {
    /// As it stands in the text, braces and all.
    pub(crate) reference: String,
    pub(crate) remedy: String,
}

/// A stretch between braces that means to be a reference: `{word.word}`, blanks and capitals or not. Anything else in
/// braces is text.
struct Found<'t> {
    before: &'t str,
    /// With its braces.
    whole: &'t str,
    after: &'t str,
}

fn next(text: &str) -> Option<Found<'_>> {
    let mut from = 0;
    while let Some(open) = text.get(from..)?.find('{').map(|at| from + at) {
        let inner = text.get(open + 1..)?;
        let end = inner.find(['{', '}', '\n']).filter(|&end| inner.get(end..).is_some_and(|s| s.starts_with('}')));
        if let Some(end) = end.filter(|&end| inner.get(..end).is_some_and(is_reference)) {
            let close = open + 1 + end + 1;
            return Some(Found { before: text.get(..open)?, whole: text.get(open..close)?, after: text.get(close..)? });
        }
        from = open + 1;
    }
    None
}

fn is_reference(inner: &str) -> bool {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_alphanumeric())
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let mut parts = inner.trim().split('.');
    let kind = parts.next().is_some_and(|kind| !kind.is_empty() && kind.chars().all(char::is_alphabetic));
    let rest: Vec<&str> = parts.collect();
    kind && (1..=2).contains(&rest.len()) && rest.into_iter().all(word)
}

/// The first reference in a text where none may stand.
pub(crate) fn stray(text: &str) -> Option<&str> {
    next(text).map(|found| found.whole)
}

/// The fact that `id` (`link.portal`, `ratio.swap.to`, without braces) names, its own id, and how it is shown.
pub(crate) fn resolve<'f>(facts: &'f FactTable, id: &str, lang: &str) -> Result<(String, &'f Fact, String), String> {
    let mut parts = id.splitn(3, '.');
    let own = [parts.next(), parts.next()].map(Option::unwrap_or_default).join(".");
    let fact = facts.get(&own).ok_or_else(|| nearest(facts, &own))?;
    let shown = fact.value.shown(parts.next(), lang).ok_or_else(|| match fact.value.parts() {
        [] => format!("it has no parts; write `{{{own}}}`"),
        parts => format!("its parts are `{}`", parts.join("`, `")),
    })?;
    Ok((own, fact, shown))
}

/// Markdown with its references replaced by what they name, for readers who do not have the table.
pub(crate) fn written_out(markdown: &str, facts: &FactTable, lang: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(markdown.len()), markdown);
    while let Some(found) = next(rest) {
        let shown = resolve(facts, found.whole.trim_matches(['{', '}']).trim(), lang);
        out.push_str(found.before);
        out.push_str(shown.as_ref().map_or(found.whole, |(_, _, shown)| shown.as_str()));
        rest = found.after;
    }
    out.push_str(rest);
    out
}

fn nearest(facts: &FactTable, id: &str) -> String {
    let id: String = id.chars().take(80).collect();
    let near = facts.iter().map(|(known, _)| (strsim::damerau_levenshtein(&id, known), known)).min();
    match near {
        Some((_, known)) => format!("the nearest id is `{known}`; use it, or add [{id}] to facts.toml"),
        None => format!("the base has no facts yet; add [{id}] to facts.toml"),
    }
}

/// The text with every reference replaced by what it names; each fact is a run of its own, whose origin is the fact.
/// The ids of the facts that are shown go to `used`.
pub(crate) fn fill(
    text: RichText,
    facts: &FactTable,
    lang: &str,
    used: &mut BTreeSet<String>,
) -> Result<RichText, Dangling> {
    let mut filler = Filler { facts, lang, used };
    let blocks = text.blocks.into_iter().map(|block| filler.block(block)).collect::<Result<_, _>>()?;
    Ok(RichText { blocks })
}

struct Filler<'f, 'u> {
    facts: &'f FactTable,
    lang: &'u str,
    used: &'u mut BTreeSet<String>,
}

impl<'f> Filler<'f, '_> {
    fn block(&mut self, block: Block) -> Result<Block, Dangling> {
        let code = matches!(block.kind, BlockKind::Code { .. });
        let mut runs = Vec::with_capacity(block.runs.len());
        for run in block.runs {
            if code {
                // A code block is one run, and stays one.
                let pieces = self.pieces(run.clone())?;
                runs.push(Run { text: pieces.into_iter().map(|piece| piece.text).collect(), ..run });
            } else {
                runs.extend(self.pieces(run)?);
            }
        }
        Ok(Block { kind: block.kind, runs })
    }

    /// The run, taken apart around its facts.
    fn pieces(&mut self, mut run: Run) -> Result<Vec<Run>, Dangling> {
        if let Some(target) = run.link.take() {
            run.link = Some(self.target(target)?);
        }
        let text = std::mem::take(&mut run.text);
        let plain = |text: &str| Run { text: text.to_owned(), ..run.clone() };
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some(found) = next(rest) {
            let (id, fact, shown) = self.named(found.whole)?;
            pieces.push(plain(found.before));
            let link = run.link.clone().or_else(|| fact.link().map(str::to_owned));
            pieces.push(Run { text: shown, origin: Origin::Canonical(id), link, ..run.clone() });
            rest = found.after;
        }
        pieces.push(plain(rest));
        pieces.retain(|piece| !piece.text.is_empty());
        Ok(pieces)
    }

    /// Where a link leads: `[the portal]({link.portal})`.
    fn target(&mut self, target: String) -> Result<String, Dangling> {
        match next(&target) {
            Some(found) if found.before.is_empty() && found.after.is_empty() => {
                let (_, fact, _) = self.named(found.whole)?;
                fact.link().map(str::to_owned).ok_or_else(|| Dangling {
                    reference: found.whole.to_owned(),
                    remedy: "a link leads to a fact of kind `link`".to_owned(),
                })
            }
            Some(found) => Err(Dangling {
                reference: found.whole.to_owned(),
                remedy: "a link's target is a fact as a whole; add the whole address to facts.toml".to_owned(),
            }),
            None => Ok(target),
        }
    }

    fn named(&mut self, whole: &str) -> Result<(String, &'f Fact, String), Dangling> {
        let id = whole.trim_matches(['{', '}']).trim();
        let found = resolve(self.facts, id, self.lang);
        let (id, fact, shown) = found.map_err(|remedy| Dangling { reference: whole.to_owned(), remedy })?;
        self.used.insert(id.clone());
        Ok((id, fact, shown))
    }
}

impl Fact {
    /// Where a click on it leads.
    pub fn link(&self) -> Option<&str> {
        match &self.value {
            super::Value::Link { url } => Some(url),
            _ => None,
        }
    }
}
