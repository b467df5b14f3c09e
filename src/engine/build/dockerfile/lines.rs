//! Lines of a Dockerfile put together to instructions: comments, directives, continuations and the bodies of here-documents.

use super::{Heredoc, LINE_MAX, ParseError};

/// The escape character in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape(pub char);

/// One instruction's text.
pub struct Line {
    pub text: String,
    /// The first and last line, counted from 1.
    pub numbers: (usize, usize),
    /// An empty line stands among those that continue it.
    pub empty_continuation: bool,
}

/// A text on its way to instructions.
pub struct Lines<'a> {
    rest: &'a str,
    number: usize,
    escape: Escape,
    /// Names of the directives seen; `None` once they can be no more.
    directives: Option<Vec<String>>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Lines { rest, number: 0, escape: Escape('\\'), directives: Some(Vec::new()) }
    }

    /// How many lines have been read.
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn escape(&self) -> Escape {
        self.escape
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { message: message.into(), lines: (self.number, self.number) }
    }

    /// The next line with its end.
    fn next_line(&mut self) -> Result<Option<&'a str>, ParseError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.number += 1;
        if line.len() > LINE_MAX {
            return Err(self.error(format!("dockerfile line greater than max allowed size of {LINE_MAX}")));
        }
        Ok(Some(line))
    }

    /// The next instruction's line, put together.
    pub fn next_instruction(&mut self) -> Result<Option<Line>, ParseError> {
        while let Some(line) = self.next_line()? {
            let line = without_end(line).trim_start();
            if let Some(comment) = line.strip_prefix('#') {
                self.directive(comment)?;
                continue;
            }
            self.directives = None;
            let first = self.number;
            let (head, mut continued) = self.continuation(line);
            if !continued && head.is_empty() {
                continue;
            }
            let mut text = head.to_owned();
            let mut empty_continuation = false;
            while continued {
                let Some(next) = self.next_line()? else { break };
                let next = without_end(next);
                let trimmed = next.trim_start();
                if trimmed.starts_with('#') {
                    continue;
                }
                if trimmed.is_empty() {
                    empty_continuation = true;
                    continue;
                }
                let (part, more) = self.continuation(next);
                text.push_str(part);
                continued = more;
            }
            if text.trim().is_empty() {
                // A lone continuation with nothing behind it.
                continue;
            }
            return Ok(Some(Line { text, numbers: (first, self.number), empty_continuation }));
        }
        Ok(None)
    }

    /// A line without the character that continues it, and whether it is continued.
    fn continuation<'l>(&self, line: &'l str) -> (&'l str, bool) {
        let body = line.trim_end_matches([' ', '\t']);
        match body.strip_suffix(self.escape.0) {
            // Twice, it stands for itself.
            Some(head) if !head.ends_with(self.escape.0) => (head, true),
            _ => (line, false),
        }
    }

    /// `# escape=` and `# syntax=`: only before everything else, and each once.
    fn directive(&mut self, comment: &str) -> Result<(), ParseError> {
        let Some(mut seen) = self.directives.take() else { return Ok(()) };
        let Some((name, value)) = comment.split_once('=') else { return Ok(()) };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if value.is_empty() || !["syntax", "escape", "check"].contains(&name.as_str()) {
            return Ok(());
        }
        if seen.contains(&name) {
            return Err(self.error(format!("only one {name} parser directive can be used")));
        }
        if name == "escape" {
            self.escape = match value {
                "`" => Escape('`'),
                "\\" => Escape('\\'),
                other => return Err(self.error(format!("invalid escape token '{other}' does not match ` or \\"))),
            };
        }
        seen.push(name);
        self.directives = Some(seen);
        Ok(())
    }

    /// The lines up to the one that ends the here-document.
    pub fn heredoc(&mut self, heredoc: &Heredoc) -> Result<String, ParseError> {
        let mut content = String::new();
        while let Some(line) = self.next_line()? {
            let mut end = without_end(line);
            if heredoc.chomp {
                end = end.trim_start_matches('\t');
            }
            if end == heredoc.name {
                return Ok(content);
            }
            content.push_str(line);
        }
        Err(self.error("unterminated heredoc"))
    }
}

fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}
