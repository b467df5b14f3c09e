//! Reads a Dockerfile into a tree of instructions with their lines: all of BuildKit's syntax, whatever an instruction means.
//!
//! Takes any text in linear time and never panics. Knows nothing of images or contexts, and expands no variables.

mod args;
mod dump;
mod flags;
mod heredoc;
mod lines;

pub use heredoc::Heredoc;
use lines::{Escape, Line, Lines};

/// Longer lines are refused, as BuildKit does: such a file is no Dockerfile.
pub const LINE_MAX: usize = 65_535;

/// A Dockerfile's instructions in order.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    pub instructions: Vec<Node>,
    /// The character that escapes and continues lines: `\` or a backtick.
    pub escape: char,
    /// What the author should know, in Docker's words, one line a warning.
    pub warnings: Vec<String>,
}

/// One instruction as it is written.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The instruction's name, in the author's case.
    pub name: String,
    /// The line without what continues it.
    pub original: String,
    /// The `--flag=value` words before the arguments, unquoted.
    pub flags: Vec<String>,
    pub args: Vec<Argument>,
    /// Whether the arguments were a JSON array.
    pub json: bool,
    pub heredocs: Vec<Heredoc>,
    /// The first and last line, counted from 1.
    pub lines: (usize, usize),
}

/// What follows an instruction.
#[derive(Clone, Debug)]
pub enum Argument {
    Word(String),
    /// The instruction in an `ONBUILD`.
    Instruction(Box<Node>),
}

/// Why a text is no Dockerfile.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    pub message: String,
    /// The first and last line that it is about, counted from 1; 0 for the file as a whole.
    pub lines: (usize, usize),
}

impl Node {
    /// The words after the name; those of the inner instruction for `ONBUILD`.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for argument in &self.args {
            match argument {
                Argument::Word(word) => words.push(word.clone()),
                Argument::Instruction(inner) => {
                    words.push(inner.name.clone());
                    words.extend(inner.words());
                }
            }
        }
        words
    }

    /// Whether `<<EOF` after this instruction begins a here-document.
    fn takes_heredocs(&self) -> bool {
        let node = match (self.name.eq_ignore_ascii_case("onbuild"), self.args.first()) {
            (true, Some(Argument::Instruction(inner))) => inner,
            _ => self,
        };
        !node.json && ["add", "copy", "run"].iter().any(|name| node.name.eq_ignore_ascii_case(name))
    }
}

impl Dockerfile {
    /// Reads the text of a Dockerfile.
    pub fn parse(text: &str) -> Result<Dockerfile, ParseError> {
        let mut lines = Lines::new(text);
        let mut instructions = Vec::new();
        let mut warnings = Vec::new();
        while let Some(Line { text, numbers, empty_continuation }) = lines.next_instruction()? {
            let place = |message: String| ParseError { message, lines: numbers };
            if empty_continuation {
                warnings.push(format!("[WARNING]: Empty continuation line found in:\n    {text}"));
            }
            let mut node = read_instruction(&text, lines.escape(), 0).map_err(place)?;
            node.lines = numbers;
            if text.contains("<<") && node.takes_heredocs() {
                for mut heredoc in heredoc::in_line(&text) {
                    heredoc.content = lines.heredoc(&heredoc).map_err(|e| ParseError { lines: (numbers.0, e.lines.1), ..e })?;
                    node.heredocs.push(heredoc);
                }
                node.lines.1 = lines.number().max(numbers.1);
            }
            instructions.push(node);
        }
        if !warnings.is_empty() {
            warnings.push("[WARNING]: Empty continuation lines will become errors in a future release.".to_owned());
        }
        if instructions.is_empty() {
            return Err(ParseError { message: "file with no instructions".to_owned(), lines: (lines.number(), lines.number()) });
        }
        Ok(Dockerfile { instructions, escape: lines.escape().0, warnings })
    }

    /// The tree as S-expressions, one an instruction: the form in which parsers of Dockerfiles are compared.
    pub fn dump(&self) -> String {
        self.instructions.iter().map(|node| format!("({})\n", dump::node(node))).collect()
    }
}

/// Reads one instruction out of its line.
fn read_instruction(line: &str, escape: Escape, depth: usize) -> Result<Node, String> {
    let line_trimmed = line.trim();
    let (name, rest) = args::split_first(line_trimmed);
    let (flags, rest) = flags::take(rest);
    let rest = rest.trim();
    let mut node = Node { name: name.to_owned(), original: line.to_owned(), flags, ..Node::default() };
    args::read(&mut node, rest, escape, depth)?;
    Ok(node)
}
