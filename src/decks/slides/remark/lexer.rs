//! Cuts a deck into tokens: text, code, content classes, link definitions, macros and separators.
//!
//! The order of the rules and their edges are remark's own: what matches leftmost wins, and at one place code goes before inline
//! code, content classes, fences, definitions, macros and separators. The start of the remaining text counts as the start of a
//! line, as it does there. Every rule is decided in constant or logarithmic time from indexes made in one pass, so that no input
//! makes the whole quadratic.

use std::ops::Range;

use memchr::memchr;

use super::Engine;
use super::index::{Brackets, Fences, Finder};

/// The bytes that a token may begin with, except at the start of the remaining text.
const OPENS: [bool; 256] = {
    let mut opens = [false; 256];
    let mut bytes: &[u8] = b"\n`.\\!";
    while let [byte, rest @ ..] = bytes {
        opens[*byte as usize] = true;
        bytes = rest;
    }
    opens
};

/// How deep content classes nest; deeper ones are text.
const MAX_DEPTH: usize = 100;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// An indented block.
    Code,
    Fences,
    /// The start of `.a.b[`.
    ContentStart {
        classes: Vec<String>,
        block: bool,
    },
    ContentEnd {
        block: bool,
    },
    /// `[id]: href "title"`.
    Definition {
        id: String,
        href: String,
        title: Option<String>,
    },
    /// `![:name args](object)`.
    Macro {
        name: String,
        args: Vec<String>,
        object: Option<String>,
    },
    /// `---`, `--`, or `<!-- break -->`.
    Separator,
    /// `???`.
    NotesSeparator,
}

/// A token and the bytes it stands for. A separator's bytes are its mark alone; `outer` has the line ends that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
    pub outer: Range<usize>,
}

/// Cuts `text` into tokens that are in order and do not overlap.
pub fn lex(text: &str, engine: Engine) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        engine,
        brackets: Brackets::new(text),
        fences: Fences::new(text),
        backtick: Finder::new(text, |b| b == b'`'),
        newline: Finder::new(text, |b| b == b'\n'),
        blank: Finder::new(text, |b| b.is_ascii_whitespace() || b == 0x0b),
        ink: Finder::new(text, |b| b != b' '),
        close: Finder::new(text, |b| b == b']'),
        paren: Finder::new(text, |b| b == b')'),
        tail: (0, 0),
        classless: 0,
        // 0.15 takes out the first carriage return, and that one alone. Files are read with their line ends made equal.
        dropped: text.find('\r').filter(|_| engine == Engine::Upstream),
        tokens: Vec::new(),
    };
    lexer.run();
    if lexer.tokens.is_empty() {
        lexer.tokens.push(Token { kind: Kind::Text, span: 0..0, outer: 0..0 });
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    engine: Engine,
    brackets: Brackets,
    fences: Fences,
    backtick: Finder<'t>,
    newline: Finder<'t>,
    blank: Finder<'t>,
    /// What is no space.
    ink: Finder<'t>,
    close: Finder<'t>,
    paren: Finder<'t>,
    /// No content class starts before this byte: a run of names without a bracket was seen up to here.
    classless: usize,
    /// The end of the last line that was asked for, and of its text without final spaces.
    tail: (usize, usize),
    /// A byte that is part of no token.
    dropped: Option<usize>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    /// Lexes the whole text, content classes included, without recursion.
    fn run(&mut self) {
        // Ends of the content classes that are open, innermost last.
        let mut open: Vec<(usize, bool)> = Vec::new();
        let mut start = 0;
        let mut at = 0;
        loop {
            let end = open.last().map_or(self.text.len(), |(end, _)| *end);
            if at >= end {
                self.push(Kind::Text, start..end);
                let Some((end, block)) = open.pop() else { break };
                self.tokens.push(Token { kind: Kind::ContentEnd { block }, span: end..end + 1, outer: end..end + 1 });
                (start, at) = (end + 1, end + 1);
                continue;
            }
            let Some((token, next, inner)) = self.rule(at, at == start, end, open.is_empty(), open.len() < MAX_DEPTH) else {
                at += 1;
                // Only here may the next one begin.
                at += self.bytes[at..end].iter().position(|b| OPENS[usize::from(*b)]).unwrap_or(end - at);
                continue;
            };
            self.push(Kind::Text, start..at);
            if let Some(inner) = inner {
                open.push(inner);
            }
            self.tokens.push(token);
            (start, at) = (next, next);
        }
    }

    fn push(&mut self, kind: Kind, span: Range<usize>) {
        if let Some(at) = self.dropped.filter(|at| span.contains(at)) {
            self.dropped = None;
            self.push(kind.clone(), span.start..at);
            return self.push(kind, at + 1..span.end);
        }
        if !span.is_empty() {
            self.tokens.push(Token { kind, outer: span.clone(), span });
        }
    }

    /// The token that starts at `at`, where the text goes on, and, for a content class, the end of its body.
    #[expect(clippy::type_complexity, reason = "one call site")]
    fn rule(
        &mut self,
        at: usize,
        first: bool,
        end: usize,
        separators: bool,
        classes: bool,
    ) -> Option<(Token, usize, Option<(usize, bool)>)> {
        let byte = self.bytes[at];
        let simple = |kind, span: Range<usize>, outer: Range<usize>| {
            let next = outer.end;
            Some((Token { kind, span, outer }, next, None))
        };
        if let Some(to) = self.code(at, first, end) {
            return simple(Kind::Code, at..to, at..to);
        }
        if byte == b'`'
            && let Some(to) = self.inline_code(at, end)
        {
            return simple(Kind::Text, at..to, at..to);
        }
        if (byte == b'.' || byte == b'\\')
            && classes
            && let Some((names, bracket)) = self.class(at, end)
        {
            let body = bracket + 1;
            let Some(close) = self.brackets.close(bracket).filter(|c| *c < end) else {
                return simple(Kind::Text, at..body, at..body);
            };
            if byte == b'\\' {
                return simple(Kind::Text, at + 1..close + 1, at..close + 1);
            }
            let block = self.newline.next(body).is_some_and(|n| n < close);
            let classes = self.text[names].split('.').map(str::to_owned).collect();
            let kind = Kind::ContentStart { classes, block };
            return Some((Token { kind, span: at..body, outer: at..body }, body, Some((close, block))));
        }
        if byte == b'\n' || first {
            // Where the line starts: at the line feed's end, or here where the remaining text starts.
            let starts = [first.then_some(at), (byte == b'\n').then_some(at + 1)];
            for line in starts.into_iter().flatten() {
                if let Some(to) = self.fence(line, end) {
                    return simple(Kind::Fences, at..to, at..to);
                }
            }
            for line in starts.into_iter().flatten() {
                if let Some((kind, to)) = self.definition(line, end) {
                    return simple(kind, at..to, at..to);
                }
            }
            if byte == b'!'
                && let Some((kind, to)) = self.macro_call(at, end)
            {
                return simple(kind, at..to, at..to);
            }
            if separators {
                for line in starts.into_iter().flatten() {
                    if let Some((to, next)) = self.separator(line, end) {
                        return simple(Kind::Separator, line..to, at..next);
                    }
                }
                for line in starts.into_iter().flatten() {
                    if let Some(next) = self.line_of("???", line, end) {
                        return simple(Kind::NotesSeparator, line..line + 3, at..next);
                    }
                }
            }
            return None;
        }
        if byte == b'!'
            && let Some((kind, to)) = self.macro_call(at, end)
        {
            return simple(kind, at..to, at..to);
        }
        None
    }

    /// `(?:^|\n)( {4}[^\n]+\n*)+`, in 0.15 with a blank line before.
    fn code(&self, at: usize, first: bool, end: usize) -> Option<usize> {
        let blank = match self.engine {
            Engine::ContainerTraining => 1,
            Engine::Upstream => 2,
        };
        let newlines = self.bytes[at..end].iter().take(blank).take_while(|b| **b == b'\n').count();
        let starts = [first.then_some(at), (newlines == blank).then_some(at + blank)];
        for mut line in starts.into_iter().flatten() {
            let from = line;
            while self.bytes[line..end].starts_with(b"    ") {
                let stop = memchr(b'\n', &self.bytes[line + 4..end]).map_or(end, |n| line + 4 + n);
                if stop == line + 4 {
                    break;
                }
                line = stop + self.bytes[stop..end].iter().take_while(|b| **b == b'\n').count();
            }
            if line > from {
                return Some(line);
            }
        }
        None
    }

    fn inline_code(&mut self, at: usize, end: usize) -> Option<usize> {
        let close = match self.engine {
            Engine::ContainerTraining => self.backtick.next(at + 1).filter(|c| *c > at + 1)?,
            Engine::Upstream => {
                let second = at + 1 + self.text[at + 1..end].chars().next().filter(|c| *c != '`')?.len_utf8();
                let close = self.backtick.next(second)?;
                if self.newline.next(second).is_some_and(|n| n < close) {
                    return None;
                }
                close
            }
        };
        (close < end).then_some(close + 1)
    }

    /// The class names and the place of the bracket of `\.a.b[`.
    fn class(&mut self, at: usize, end: usize) -> Option<(Range<usize>, usize)> {
        let dot = at + usize::from(self.bytes[at] == b'\\');
        if dot < self.classless {
            return None;
        }
        let is_start = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b'-';
        let mut to = dot;
        while to + 1 < end && self.bytes[to] == b'.' && is_start(self.bytes[to + 1]) {
            to += 2;
            to += self.bytes[to..end].iter().take_while(|b| is_start(**b) || b.is_ascii_digit()).count();
        }
        if to == dot {
            return None;
        }
        if to < end && self.bytes[to] == b'[' {
            return Some((dot + 1..to, to));
        }
        self.classless = to;
        None
    }

    /// ``` *(`{3,}|~{3,}) *\S* *\n…\s*\1 *(\n+|$)``` from the start of a line.
    fn fence(&mut self, line: usize, end: usize) -> Option<usize> {
        let mark = self.ink.next(line).filter(|m| *m < end)?;
        let byte = self.bytes[mark];
        if byte != b'`' && byte != b'~' {
            return None;
        }
        let run = self.bytes[mark..end].iter().take_while(|b| **b == byte).count();
        if run < 3 {
            return None;
        }
        let stop = self.newline.next(mark).filter(|n| *n < end)?;
        // A shorter mark makes the rest of the run a part of the info string, which then may have no blank before it.
        let word = self.ink.next(mark + run)?;
        let longest = self.is_word(word, stop).then_some(run);
        let shorter = self.is_word(mark + run, stop).then_some(run - 1);
        let lengths = longest.into_iter().chain(shorter.into_iter().flat_map(|n| (3..=n).rev()));
        let body = stop + 1;
        for length in lengths {
            if let Some(close) = self.fences.close(&self.bytes[..end], byte, length, body + 1) {
                let to = close + spaces(&self.bytes[close..end]);
                return Some(to + self.bytes[to..end].iter().take_while(|b| **b == b'\n').count());
            }
        }
        None
    }

    /// Whether the line from `from` to its end `stop` is one word or none, and spaces.
    fn is_word(&mut self, from: usize, stop: usize) -> bool {
        let blank = self.blank.next(from).unwrap_or(stop);
        blank >= stop || self.ink.next(blank).is_none_or(|ink| ink >= stop)
    }

    /// ` *\[id\]: *<?href>? +"title" *(\n+|$)` from the start of a line.
    fn definition(&mut self, line: usize, end: usize) -> Option<(Kind, usize)> {
        let bracket = self.ink.next(line).filter(|b| *b < end && self.bytes[*b] == b'[')?;
        let close = self.close.next(bracket + 1).filter(|c| *c > bracket + 1 && *c + 1 < end)?;
        if self.bytes[close + 1] != b':' {
            return None;
        }
        let stop = self.newline.next(close + 2).unwrap_or(end).min(end);
        let url = self.ink.next(close + 2).filter(|u| *u < stop)?;
        let take = |from: usize| from + self.text[from..stop].find(|c: char| c == '>' || is_space(c)).unwrap_or(stop - from);
        let mut href = url..take(url);
        if self.bytes[url] == b'<' && take(url + 1) > url + 1 {
            href = url + 1..take(url + 1);
        }
        if href.is_empty() {
            return None;
        }
        let after = href.end + usize::from(self.bytes[..stop].get(href.end) == Some(&b'>'));
        let quote = self.ink.next(after).unwrap_or(stop).min(stop);
        let mut title = None;
        if quote < stop {
            let tail = self.tail(stop);
            let quotes = |at: usize, marks: [u8; 2]| marks.contains(&self.bytes[at]);
            if quote == after || quote + 3 > tail || !quotes(quote, [b'"', b'(']) || !quotes(tail - 1, [b'"', b')']) {
                return None;
            }
            title = Some(self.text[quote + 1..tail - 1].to_owned());
        }
        let id = self.text[bracket + 1..close].to_lowercase();
        let href = self.text[href].to_owned();
        let to = stop + self.bytes[stop..end].iter().take_while(|b| **b == b'\n').count();
        Some((Kind::Definition { id, href, title }, to))
    }

    /// The end of the text of the line that ends at `stop`, spaces at its end left out.
    fn tail(&mut self, stop: usize) -> usize {
        if self.tail.0 != stop {
            self.tail = (stop, stop - self.bytes[..stop].iter().rev().take_while(|b| **b == b' ').count());
        }
        self.tail.1
    }

    /// `!\[:name args\](object)`.
    fn macro_call(&mut self, at: usize, end: usize) -> Option<(Kind, usize)> {
        if !self.bytes[at..end].starts_with(b"![:") {
            return None;
        }
        let close = self.close.next(at + 3).filter(|c| *c > at + 3 && *c < end)?;
        let call = &self.text[at + 3..close];
        let (name, args) = call.split_at(call.find(' ').unwrap_or(call.len()));
        if name.is_empty() {
            return None;
        }
        let (name, args) = (name.to_owned(), args.split(',').map(|a| a.trim().to_owned()).collect());
        let object = (self.bytes[..end].get(close + 1) == Some(&b'('))
            .then(|| self.paren.next(close + 2).filter(|p| *p < end))
            .flatten()
            .map(|p| (self.text[close + 2..p].to_owned(), p + 1));
        let (object, to) = object.map_or((None, close + 1), |(object, to)| (Some(object), to));
        Some((Kind::Macro { name, args, object }, to))
    }

    /// The end of a separator's mark, and of the line end that goes with it.
    fn separator(&self, line: usize, end: usize) -> Option<(usize, usize)> {
        if let Some(next) = self.line_of("---", line, end) {
            return Some((line + 3, next));
        }
        let text = &self.text[line..end];
        match self.engine {
            Engine::ContainerTraining => self.line_of("--", line, end).map(|next| (line + 2, next)),
            Engine::Upstream => {
                if let Some(rest) = text.strip_prefix("<!--")
                    && let Some(rest) = rest.trim_start_matches(is_space).strip_prefix("break")
                    && let Some(rest) = rest.trim_start_matches(is_space).strip_prefix("-->")
                    && (rest.is_empty() || rest.starts_with('\n'))
                {
                    let to = end - rest.len();
                    return Some((to, (to + 1).min(end)));
                }
                let mark = text.strip_prefix("--")?;
                // The line feed after it stays with the text that follows.
                (mark.is_empty() || mark.starts_with('\n')).then_some((line + 2, line + 2))
            }
        }
    }

    /// Whether the line that starts at `line` is `mark` and nothing else; gives the start of the next.
    fn line_of(&self, mark: &str, line: usize, end: usize) -> Option<usize> {
        let rest = self.bytes[line..end].strip_prefix(mark.as_bytes())?;
        match rest.first() {
            None => Some(end),
            Some(b'\n') => Some(line + mark.len() + 1),
            Some(_) => None,
        }
    }
}

fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| **b == b' ').count()
}

/// What JavaScript's `\s` takes for white space.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() && c != '\u{85}' || c == '\u{feff}'
}
