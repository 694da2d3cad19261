//! The gate: no link, address, date or amount leaves in a model's words unless the entry it cites holds it.
//!
//! First, crude form: a finding that the cited entry does not hold stops the answer; the verbatim entry, or the
//! abstention, follows. While a model speaks, text is held back only from the first character that could begin such a
//! finding, and only until it cannot grow any more.

mod words;

use std::collections::BTreeSet;

use townkeeper_contract::id::EntryId;
use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::{Finding, FindingKind, Origin, extract};
use townkeeper_knowledge::{Base, Entry};

/// What an entry holds, in canonical forms.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    findings: BTreeSet<(FindingKind, String)>,
    /// Numbers in words.
    numbers: BTreeSet<String>,
}

/// Why an answer was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Something that money follows, and that the cited entry does not hold.
    Fact(FindingKind),
    /// A number in words that it does not hold.
    Number,
    /// Anything about seeds, keys and passwords, whatever the entry holds.
    Key,
    /// Letters that pretend to be others.
    Disguise,
    /// A stretch without an end that might be any of these.
    Endless,
}

impl Facts {
    /// The facts in an entry's published words and its link.
    pub fn of(entry: &Entry) -> Self {
        let (mut facts, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for text in [entry.body.to_plain(), entry.title.clone(), entry.canonical_url.clone()] {
            for finding in extract(&text) {
                less_precise(&finding, &mut facts);
                facts.insert((finding.kind, finding.value));
            }
            numbers.extend(
                words::strict(&text).into_iter().filter(|(kind, _)| *kind == words::Kind::Number).map(|(_, n)| n),
            );
        }
        Self { findings: facts, numbers }
    }

    /// Why `text` must not leave: the first finding in it that is not among these facts.
    pub fn first_foreign(&self, text: &str) -> Option<Stopped> {
        self.first_foreign_after("", text)
    }

    /// The same, for text that goes on where `before` ended: what a finding is depends on what stands before it.
    fn first_foreign_after(&self, before: &str, text: &str) -> Option<Stopped> {
        let (line, whole_line) = last_line(before);
        let joined = format!("{line}{text}");
        let foreign = |finding: &Finding| {
            finding.range.end > line.len()
                && !self.findings.contains(&(finding.kind, finding.value.clone()))
                && !(is_ordinal(&joined, finding) && (whole_line || finding.range.start >= line.len()))
        };
        let fact = extract(&joined).into_iter().find(foreign).map(|finding| Stopped::Fact(finding.kind));
        fact.or_else(|| self.first_word(words::strict(line).len(), &joined))
    }

    /// The first word that must not leave, beyond the first so many of them.
    fn first_word(&self, known: usize, text: &str) -> Option<Stopped> {
        words::strict(text).into_iter().skip(known).find_map(|(kind, word)| match kind {
            words::Kind::Number => (!self.numbers.contains(&word)).then_some(Stopped::Number),
            words::Kind::Key => Some(Stopped::Key),
            words::Kind::Disguise => Some(Stopped::Disguise),
        })
    }
}

/// How far back the beginning of a finding is looked for, in bytes.
const CONTEXT: usize = 160;

/// The end of the last line of `text`, and whether it reaches back to the line's beginning.
fn last_line(text: &str) -> (&str, bool) {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let mut from = line.len().saturating_sub(CONTEXT);
    while !line.is_char_boundary(from) {
        from += 1;
    }
    (line.get(from..).unwrap_or_default(), from == 0)
}

/// A date may be said without its year, a link by its host.
fn less_precise(finding: &Finding, facts: &mut BTreeSet<(FindingKind, String)>) {
    match finding.kind {
        FindingKind::Date => {
            if let Some((year, rest)) = finding.value.split_once('-').filter(|(year, _)| year.len() == 4) {
                facts.insert((FindingKind::Date, year.to_owned()));
                if let Some((month, day)) = rest.split_once('-') {
                    facts.insert((FindingKind::Date, format!("--{month}-{day}")));
                    facts.insert((FindingKind::Date, format!("{year}-{month}")));
                }
            }
        }
        FindingKind::Url => {
            let host = finding.value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
            facts.extend(host.map(|host| (FindingKind::Host, host.to_owned())));
        }
        _ => {}
    }
}

/// Whether a finding is the number of a list's item: one or two digits at the beginning of a line, then `.` or `)` and
/// white space.
fn is_ordinal(text: &str, finding: &Finding) -> bool {
    let (before, rest) = (text.get(..finding.range.start), text.get(finding.range.clone()));
    let first = before.is_some_and(|before| before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty()));
    let digits = rest.is_some_and(|number| number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit()));
    let mut after = text.get(finding.range.end..).unwrap_or_default().chars();
    let marked = matches!(after.next(), Some('.' | ')')) && after.next().is_none_or(char::is_whitespace);
    finding.kind == FindingKind::Amount && first && digits && marked
}

/// What came of pushing text through the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// May be shown now; may be empty.
    Text(String),
    /// A finding that the cited entry does not hold. Nothing more passes.
    Blocked(Stopped),
}

/// Judges a model's answer while it is spoken. One value per answer.
#[derive(Debug)]
pub struct Gate {
    sources: Vec<(EntryId, Facts)>,
    cited: Option<usize>,
    /// Whether the answer's beginning, where a citation may stand, has passed.
    begun: bool,
    held: String,
    scan: Scan,
    passed: String,
    blocked: bool,
}

/// How many plain words must follow before a suspicious stretch is known to be whole ("4 … February … 2027").
const TAIL: usize = 3;

/// The longest stretch that is held back, in bytes. Ordinary facts end sooner.
const HELD: usize = 2 * 1024;

/// The longest `[entry-id]` at an answer's beginning.
const MARK: usize = 80;

/// Longer words are never plain: base58 addresses are letters only, now and then.
const LONG: usize = 24;

impl Gate {
    /// A gate for an answer that may cite these entries.
    pub fn new(base: &Base, sources: &[EntryId]) -> Self {
        let mut gate = Self {
            sources: Vec::new(),
            cited: None,
            begun: false,
            held: String::new(),
            scan: Scan::default(),
            passed: String::new(),
            blocked: false,
        };
        gate.allow(base, sources.iter());
        gate
    }

    /// Entries that a tool showed the model may be cited as well.
    pub fn allow<'a>(&mut self, base: &Base, sources: impl Iterator<Item = &'a EntryId>) {
        let entries = sources.filter_map(|id| base.get(id));
        self.sources.extend(entries.map(|entry| (entry.id.clone(), Facts::of(entry))));
    }

    /// The model speaks again, after a tool: unless it has cited an entry, it may do so now.
    pub fn again(&mut self) {
        self.begun = self.cited.is_some();
    }

    /// Another model begins anew: what the one before said and nobody heard is forgotten.
    pub fn restart(&mut self) {
        self.held.clear();
        self.scan = Scan::default();
        if self.passed.is_empty() {
            (self.cited, self.begun) = (None, false);
        }
    }

    /// The entry the model says it used.
    pub fn cited(&self) -> Option<&EntryId> {
        self.cited.and_then(|at| self.sources.get(at)).map(|(id, _)| id)
    }

    /// Everything that passed so far.
    pub fn passed(&self) -> &str {
        &self.passed
    }

    /// How much the model has said, held back or not, in bytes.
    pub fn len(&self) -> usize {
        self.passed.len() + self.held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Takes the next piece of the answer and returns what may be shown.
    pub fn push(&mut self, delta: &str) -> Passed {
        self.held.push_str(delta);
        self.release(false)
    }

    /// The model has finished: judges what is still held.
    pub fn finish(&mut self) -> Passed {
        match self.release(true) {
            // Last, the answer as a whole: what no single stretch showed.
            Passed::Text(text) => match self.facts().first_foreign(&self.passed) {
                Some(why) => self.block(why),
                None => Passed::Text(text),
            },
            blocked @ Passed::Blocked(_) => blocked,
        }
    }

    fn facts(&self) -> Facts {
        self.cited.and_then(|at| self.sources.get(at)).map(|(_, facts)| facts.clone()).unwrap_or_default()
    }

    fn block(&mut self, why: Stopped) -> Passed {
        self.blocked = true;
        self.held.clear();
        Passed::Blocked(why)
    }

    fn release(&mut self, end: bool) -> Passed {
        if self.blocked || !self.begun && !self.read_mark(end) {
            return Passed::Text(String::new());
        }
        let (whole, suspicious) = self.scan.whole(&self.held, end);
        let rest = self.held.split_off(whole);
        let text = std::mem::replace(&mut self.held, rest);
        if suspicious && let Some(why) = self.facts().first_foreign_after(&self.passed, &text) {
            return self.block(why);
        }
        if self.held.len() > HELD {
            return self.block(Stopped::Endless);
        }
        self.passed.push_str(&text);
        Passed::Text(text)
    }

    /// Reads `[entry-id]` at the beginning. `false`: more text is needed to tell.
    fn read_mark(&mut self, end: bool) -> bool {
        let text = self.held.trim_start();
        if text.is_empty() && !end {
            return false;
        }
        if self.cited.is_some() {
            self.held = text.to_owned();
        } else if let Some(after) = text.strip_prefix('[') {
            match after.split_once(']') {
                Some((id, rest)) => {
                    self.cited = self.sources.iter().position(|(source, _)| source.as_str() == id);
                    if self.cited.is_some() {
                        self.held = rest.trim_start().to_owned();
                        if self.held.is_empty() && !end {
                            return false;
                        }
                    }
                }
                None if !end && after.len() < MARK => return false,
                None => {}
            }
        }
        self.begun = true;
        true
    }
}

/// How far what is held was looked at: each word once, however many pieces it came in.
#[derive(Debug, Default)]
struct Scan {
    /// The end of the last word looked at.
    at: usize,
    /// The plain words since the last suspicious one, while a suspicious stretch is open.
    open: Option<usize>,
    /// Whether anything needs judging.
    suspicious: bool,
}

impl Scan {
    /// How much of `held` can be judged now: up to the first stretch that may still grow into a finding. Also whether
    /// it has anything in it that needs judging. The caller takes that much away from its beginning.
    fn whole(&mut self, held: &str, end: bool) -> (usize, bool) {
        let (mut whole, mut judge) = (0, false);
        for (token, complete) in tokens(held.get(self.at..).unwrap_or_default()) {
            if !complete && !end {
                break;
            }
            self.at += token.len();
            if is_plain(token) {
                self.open = self.open.map(|words| words + usize::from(!token.trim().is_empty()));
            } else {
                self.open = Some(0);
                self.suspicious = true;
            }
            if token.contains('\n') || self.open.is_some_and(|words| words >= TAIL) {
                self.open = None;
            }
            if self.open.is_none() {
                whole = self.at;
                judge |= std::mem::take(&mut self.suspicious);
            }
        }
        if end {
            let suspicious = judge || self.suspicious;
            *self = Self::default();
            return (held.len(), suspicious);
        }
        self.at -= whole;
        (whole, judge)
    }
}

/// Words with the white space behind them; `false` for a last word that may go on. A character of a script without
/// spaces is a word of its own.
fn tokens(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut chars = rest.char_indices().peekable();
        let mut space = false;
        while let Some((_, c)) = chars.next() {
            space |= c.is_whitespace();
            let next = chars.peek().copied();
            let over = next.is_some_and(|(_, n)| space && !n.is_whitespace());
            if over || is_spaceless(c) {
                let cut = next.map_or(rest.len(), |(at, _)| at);
                let (token, tail) = rest.split_at(cut);
                rest = tail;
                return Some((token, true));
            }
        }
        let token = std::mem::take(&mut rest);
        (!token.is_empty()).then_some((token, space))
    })
}

/// Han and kana: scripts that write words without spaces between them.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{3001}' | '\u{3002}')
}

/// A word that no finding can begin with: letters, with ordinary punctuation around or inside it.
fn is_plain(token: &str) -> bool {
    let word = token.trim();
    let core = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'', '”', '’', '*', '_']);
    let core = core.trim_start_matches(['(', '"', '\'', '“', '‘', '*', '_', '-', '–', '—', '•']);
    // A dot that stands alone may be a link's; letters that stand alone may be a word's.
    let lone =
        core.is_empty() && word.contains('.') || core.len() == 1 && !matches!(core, "a" | "A" | "I" | "i" | "o" | "O");
    core.chars().count() <= LONG
        && core.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '–' | '—' | '\u{300}'..='\u{36f}'))
        && !lone
        && !begins_date_or_link(core)
        && !words::may_begin(core)
}

/// Words that dates are made of, and what a spelled-out link is made of, beyond [`words`].
const WORDS: &str = "apr april aug august com dec december dot eth feb february first gg io jan january jul july jun june net nov \
    november oct october org percent second sep sept september xyz";

fn begins_date_or_link(word: &str) -> bool {
    // "May" and "March" are words as well; as names of months they are written with a capital.
    matches!(word, "May" | "March") || WORDS.split_whitespace().any(|known| known.eq_ignore_ascii_case(word))
}

/// Judges a finished reply by the origin of each run, whatever path it came by. `false`: it must not leave.
pub fn may_leave(reply: &Reply, base: &Base) -> bool {
    if reply.kind != ReplyKind::Model {
        return reply.body.runs().all(|run| run.origin != Origin::Model);
    }
    let cited = reply.citation.as_ref().and_then(|citation| base.get(&citation.entry));
    let facts = cited.map(Facts::of).unwrap_or_default();
    let links = reply.body.runs().filter_map(|run| run.link.as_deref());
    links.chain([reply.body.to_plain().as_str()]).all(|text| facts.first_foreign(text).is_none())
}

#[cfg(test)]
mod tests;
