//! Reasoning written into the text as `<think>…</think>`, which open models do: taken out across chunk borders.
//!
//! Only where an answer opens with it. A `<think>` further on is something the model says.

use townkeeper_contract::stream::Channel;

const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// White space before a tag; beyond this the answer has begun.
const LEAD: usize = 64;

#[derive(Debug)]
enum Mode {
    /// Nothing but white space so far. After a block, that white space belonged to the block.
    Start {
        after_block: bool,
    },
    /// Inside a block that this tag closes.
    Inside {
        close: &'static str,
    },
    Text,
}

/// Splits text into reasoning and text.
#[derive(Debug)]
pub(super) struct Think {
    mode: Mode,
    /// What may be the beginning of a tag.
    held: String,
}

impl Default for Think {
    fn default() -> Self {
        Self { mode: Mode::Start { after_block: false }, held: String::new() }
    }
}

impl Think {
    /// Takes a piece of text, not empty, and says what is certain of it.
    pub(super) fn feed(&mut self, text: &str, mut say: impl FnMut(Channel, &str)) {
        if matches!(self.mode, Mode::Text) {
            return say(Channel::Text, text);
        }
        self.held.push_str(text);
        while self.step(&mut say) {}
    }

    /// The end: what was held turns out to be what it looks like.
    pub(super) fn finish(&mut self, mut say: impl FnMut(Channel, &str)) {
        let channel = if matches!(self.mode, Mode::Inside { .. }) { Channel::Reasoning } else { Channel::Text };
        let after_block = matches!(self.mode, Mode::Start { after_block: true });
        let held = std::mem::take(&mut self.held);
        let held = if after_block { held.trim_start() } else { &held };
        if !held.is_empty() {
            say(channel, held);
        }
    }

    /// Decides on what is held; true where that may have opened the next decision.
    fn step(&mut self, say: &mut impl FnMut(Channel, &str)) -> bool {
        match self.mode {
            Mode::Start { after_block } => self.start(after_block, say),
            Mode::Inside { close } => self.inside(close, say),
            Mode::Text => false,
        }
    }

    fn start(&mut self, after_block: bool, say: &mut impl FnMut(Channel, &str)) -> bool {
        let body = self.held.trim_start();
        if let Some((rest, close)) = TAGS.iter().find_map(|(open, close)| Some((body.strip_prefix(open)?, *close))) {
            (self.held, self.mode) = (rest.to_owned(), Mode::Inside { close });
            return true;
        }
        if self.held.len() <= LEAD && TAGS.iter().any(|(open, _)| open.starts_with(body)) {
            return false;
        }
        let text = if after_block { body } else { &self.held };
        if !text.is_empty() {
            say(Channel::Text, text);
        }
        (self.held, self.mode) = (String::new(), Mode::Text);
        false
    }

    fn inside(&mut self, close: &'static str, say: &mut impl FnMut(Channel, &str)) -> bool {
        let closed = self.held.split_once(close);
        let certain = self.held.len() - overlap(&self.held, close);
        let (said, rest) = closed.unwrap_or_else(|| self.held.split_at(certain));
        let closed = closed.is_some();
        if !said.is_empty() {
            say(Channel::Reasoning, said);
        }
        self.held = rest.to_owned();
        if closed {
            self.mode = Mode::Start { after_block: true };
        }
        closed
    }
}

/// The length of the longest beginning of `tag` (ASCII) that `text` ends with.
fn overlap(text: &str, tag: &str) -> usize {
    (1..tag.len()).rev().find(|n| tag.get(..*n).is_some_and(|head| text.ends_with(head))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut think, mut reasoning, mut text) = (Think::default(), String::new(), String::new());
        let mut say = |channel, piece: &str| {
            assert!(!piece.is_empty());
            if channel == Channel::Text { &mut text } else { &mut reasoning }.push_str(piece);
        };
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            think.feed(piece, &mut say);
        }
        think.finish(&mut say);
        (reasoning, text)
    }

    #[test]
    fn a_block_is_found_wherever_the_chunks_fall() {
        let cases = [
            ("<think>why?</think>\n\nSo: €", "why?", "So: €"),
            (" \n<thinking>a</think>b</thinking>c", "a</think>b", "c"),
            ("<think>a</think> <think>b</think>c", "ab", "c"),
            ("<think>never closed </thi", "never closed </thi", ""),
            ("<thin ice", "", "<thin ice"),
            ("  see <think>x</think>", "", "  see <think>x</think>"),
            ("\n\n", "", "\n\n"),
            ("<think></think>", "", ""),
        ];
        for (body, reasoning, text) in cases {
            for at in (0..=body.len()).filter(|at| body.is_char_boundary(*at)) {
                let (first, second) = body.split_at(at);
                assert_eq!(split(&[first, second]), (reasoning.to_owned(), text.to_owned()), "{body:?} split at {at}");
            }
            let singles: Vec<String> = body.chars().map(String::from).collect();
            let singles: Vec<&str> = singles.iter().map(String::as_str).collect();
            assert_eq!(split(&singles), (reasoning.to_owned(), text.to_owned()), "{body:?} by character");
        }
    }

    #[test]
    fn white_space_without_end_is_not_held_without_end() {
        let mut think = Think::default();
        let mut said = 0;
        for _ in 0..1000 {
            think.feed(" ", |_, piece| said += piece.len());
        }
        assert_eq!(said, 1000);
    }
}
