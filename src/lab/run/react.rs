//! What to type while a step runs: the answers that the slide shows, the author's input, ^C where the slide has it.

use std::time::Duration;

use crate::lab::matching::is_elision;
use crate::lab::plan::Step;
use crate::lab::session::{Reaction, Snapshot};

/// Follows one step.
pub(super) struct Reactor<'a> {
    step: &'a Step,
    /// The author's input that was not typed yet.
    input: std::collections::VecDeque<&'a str>,
    /// Expected lines whose answer was typed.
    answered: Vec<usize>,
    typed_at: Duration,
    interrupted: bool,
}

/// A program that waits for an answer is quiet for so long.
const WAITS: Duration = Duration::from_millis(120);
/// Between two pieces of input.
const PAUSE: Duration = Duration::from_millis(150);

impl<'a> Reactor<'a> {
    pub fn new(step: &'a Step) -> Self {
        let input = step.options.input.iter().map(String::as_str).collect();
        Reactor { step, input, answered: Vec::new(), typed_at: Duration::ZERO, interrupted: false }
    }

    /// Whether ^C was pressed.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    pub fn react(&mut self, snapshot: &Snapshot) -> Reaction {
        if self.wants_interrupt(snapshot) {
            self.interrupted = true;
            return Reaction::Interrupt;
        }
        if snapshot.quiet < WAITS || snapshot.elapsed < self.typed_at + PAUSE {
            return Reaction::Wait;
        }
        let last = snapshot.last_line();
        if let Some(answer) = self.answer(&last) {
            self.typed_at = snapshot.elapsed;
            let shown = format!("{answer}\r\n");
            return Reaction::Type { keys: format!("{answer}\r").into_bytes(), shown };
        }
        if let Some(input) = self.input.pop_front() {
            self.typed_at = snapshot.elapsed;
            let keys = keys(input);
            self.interrupted |= keys.contains(&3);
            let shown: String = keys.iter().filter(|k| **k >= 32).map(|k| *k as char).collect();
            let shown = if keys.ends_with(b"\r") { shown + "\r\n" } else { shown };
            return Reaction::Type { keys, shown };
        }
        Reaction::Wait
    }

    /// Once what stands above `^C` on the slide has been printed.
    fn wants_interrupt(&self, snapshot: &Snapshot) -> bool {
        if self.interrupted {
            return false;
        }
        let mark = self.step.expected.iter().position(|l| l.text.starts_with("^C"));
        let above = match mark {
            Some(mark) => &self.step.expected[..mark],
            None if self.step.options.interrupt => &self.step.expected[..],
            None => return false,
        };
        let lines = above.iter().filter(|l| !l.text.trim().is_empty() && !is_elision(&l.text)).count();
        let open = lines == 0 || above.iter().any(|l| is_elision(&l.text));
        if open && snapshot.quiet < Duration::from_millis(500) && snapshot.elapsed < Duration::from_secs(3) {
            return false;
        }
        let text = snapshot.text();
        let whole = text.rfind('\n').map_or(0, |i| i + 1);
        text[..whole].lines().filter(|l| !l.trim().is_empty()).count() >= lines
    }

    /// The rest of the expected line that the unfinished `last` line is the start of.
    fn answer(&mut self, last: &str) -> Option<String> {
        // Only a line that looks like a question: a program that pauses within a line reads nothing.
        if !last.trim_end().ends_with([':', '?', '>', ']', ')', '#', '$']) {
            return None;
        }
        let asked = normal(last.trim_end());
        for (i, line) in self.step.expected.iter().enumerate() {
            if self.answered.contains(&i) {
                continue;
            }
            for (at, c) in line.text.char_indices() {
                let end = at + c.len_utf8();
                let answer = line.text[end..].trim();
                if !answer.is_empty() && normal(&line.text[..end]) == asked {
                    self.answered.push(i);
                    return Some(answer.to_owned());
                }
            }
        }
        None
    }
}

/// A line with its ids and numbers made equal.
fn normal(line: &str) -> String {
    let mut normal = String::new();
    for word in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id =
            bare.len() >= 6 && bare.bytes().all(|b| b.is_ascii_hexdigit()) || !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
        normal.push_str(if is_id { "0" } else { bare });
        normal.push_str(&word[bare.len()..]);
    }
    normal
}

/// `^C`, `^P^Q`, `\n` and plain text as keys; text without keys at its end gets Enter.
fn keys(input: &str) -> Vec<u8> {
    let mut keys = Vec::new();
    let mut chars = input.chars().peekable();
    let mut control = false;
    while let Some(c) = chars.next() {
        control = false;
        match (c, chars.peek().copied()) {
            ('^', Some(key @ ('@'..='_' | 'a'..='z'))) => {
                keys.push(key.to_ascii_uppercase() as u8 & 0x1f);
                chars.next();
                control = true;
            }
            ('\\', Some('n' | 'r')) => {
                keys.push(b'\r');
                chars.next();
                control = true;
            }
            ('\\', Some('t')) => {
                keys.push(b'\t');
                chars.next();
            }
            ('\\', Some('\\' | '^')) => keys.extend(chars.next().map(|c| c as u8)),
            (c, _) => keys.extend(c.to_string().bytes()),
        }
    }
    if !control {
        keys.push(b'\r');
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::plan::ExpectedLine;

    #[test]
    fn keys_by_name() {
        assert_eq!(keys("yes"), b"yes\r");
        assert_eq!(keys("^C"), [3]);
        assert_eq!(keys("^P^Q"), [16, 17]);
        assert_eq!(keys(r"y\n"), b"y\r");
        assert_eq!(keys(r"2\^3"), b"2^3\r");
    }

    #[test]
    fn answers_are_what_the_slide_shows_after_the_question() {
        let line = |text: &str| ExpectedLine { text: text.into(), ..Default::default() };
        let step = Step {
            expected: vec![line("Going to remove web"), line("Are you sure? [yN] y"), line("irb(main):001:0> 1 + 1")],
            ..Default::default()
        };
        let mut reactor = Reactor::new(&step);
        assert_eq!(reactor.answer("Going to"), None);
        assert_eq!(reactor.answer("Are you sure? [yN] ").as_deref(), Some("y"));
        assert_eq!(reactor.answer("Are you sure? [yN] "), None);
        assert_eq!(reactor.answer("irb(main):007:0> ").as_deref(), Some("1 + 1"));
    }
}
