//! The lines of a deck, and which of them are code.

use super::fence;
use std::collections::BTreeSet;
use std::ops::Range;

/// One line: its bytes without and with the line feed.
#[derive(Clone, Copy)]
pub struct Line {
    pub start: usize,
    pub end: usize,
    pub next: usize,
    /// A part of a fenced block, the fences too.
    pub code: bool,
}

/// A fenced block: its first and last line, and the info string.
pub struct Fence {
    pub lines: Range<usize>,
    pub info: Range<usize>,
}

impl Fence {
    pub fn info<'t>(&self, text: &'t str) -> &'t str {
        &text[self.info.clone()]
    }
}

/// All lines, the blocks that are fenced, and lines that only wrap blocks (Slidev's `magic-move`).
#[derive(Default)]
pub struct Lines {
    lines: Vec<Line>,
    pub fences: Vec<Fence>,
    pub wrappers: BTreeSet<usize>,
}

impl Lines {
    pub fn of(text: &str) -> Lines {
        let mut all = Lines::default();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.trim_end_matches('\n').len();
            all.lines.push(Line { start, end, next: start + line.len(), code: false });
            start += line.len();
        }
        // A mark that nothing closes, by its byte: no longer one is closed after it.
        let mut unclosed = [usize::MAX; 2];
        let mut at = 0;
        while at < all.lines.len() {
            let line = all.lines[at];
            let body = &text[line.start..line.end];
            let Some(open) = fence::open(body).filter(|_| !all.wrappers.contains(&at)) else {
                at += 1;
                continue;
            };
            let known = &mut unclosed[usize::from(open.mark.starts_with('~'))];
            let close = (open.mark.len() < *known)
                .then(|| (at + 1..all.lines.len()).find(|i| fence::closes(&text[all.lines[*i].start..all.lines[*i].end], open.mark)))
                .flatten();
            let Some(close) = close else {
                *known = open.mark.len().min(*known);
                at += 1;
                continue;
            };
            if open.info.contains("magic-move") && all.wrappers.last().is_none_or(|last| *last < at) {
                all.wrappers.extend([at, close]);
                at += 1;
                continue;
            }
            let info = line.start + open.indent + open.mark.len()..line.end;
            all.lines[at..=close].iter_mut().for_each(|line| line.code = true);
            let inner = &text[info.clone()];
            let from = info.start + inner.len() - inner.trim_start().len();
            all.fences.push(Fence { lines: at..close + 1, info: from..from + open.info.len() });
            at = close + 1;
        }
        all
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }
}

impl std::ops::Index<usize> for Lines {
    type Output = Line;

    fn index(&self, index: usize) -> &Line {
        &self.lines[index]
    }
}
