//! A remark deck as its author wrote it: every slide between two separators, shown or not.

use std::ops::Range;

use crate::diag::SourceText;
use crate::slides::remark::Engine;
use crate::slides::remark::indent::{Outdented, outdent};
use crate::slides::remark::lexer::{Kind, Token, lex};

/// The tokens and slides of a deck. Offsets are bytes of `text`; `original` carries them back to the `SourceText`.
pub struct Deck<'a> {
    outdented: Outdented<'a>,
    pub tokens: Vec<Token>,
    pub slides: Vec<Slide>,
}

/// What stands between two separators.
pub struct Slide {
    pub range: Range<usize>,
    /// It starts with `--`.
    pub continued: bool,
    /// The separator before it; empty before the first slide.
    pub separator: Range<usize>,
}

impl<'a> Deck<'a> {
    pub fn read(source: &'a SourceText) -> Self {
        let outdented = outdent(source.text());
        let tokens = lex(&outdented.text, Engine::ContainerTraining);
        let mut slides = vec![Slide { range: 0..0, continued: false, separator: 0..0 }];
        for token in tokens.iter().filter(|token| token.kind == Kind::Separator) {
            if let Some(last) = slides.last_mut() {
                last.range.end = token.outer.start.max(last.range.start);
            }
            let start = token.outer.end;
            slides.push(Slide { range: start..start, continued: token.span.len() == 2, separator: token.span.clone() });
        }
        if let Some(last) = slides.last_mut() {
            last.range.end = outdented.text.len();
        }
        Deck { outdented, tokens, slides }
    }

    pub fn text(&self) -> &str {
        &self.outdented.text
    }

    pub fn original(&self, offset: usize) -> usize {
        self.outdented.original(offset)
    }
}

/// The lines of `text` within `range`, without their ends: where each starts, and its text.
pub fn lines(text: &str, range: Range<usize>) -> impl Iterator<Item = (usize, &str)> {
    let mut start = range.start;
    text[range].split('\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        (at, line)
    })
}
