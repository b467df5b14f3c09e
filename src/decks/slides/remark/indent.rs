//! The indent that all lines of a deck share is no part of it; positions are carried back over it.

use std::borrow::Cow;

/// The text without the common indent, and the way back to the text as it was.
pub struct Outdented<'t> {
    pub text: Cow<'t, str>,
    /// Where each line starts: in the new text, in the old. Empty where nothing was cut.
    lines: Vec<(usize, usize)>,
}

/// Strips the least indent (blanks and tabs) of all lines that are not blank.
pub fn outdent(source: &str) -> Outdented<'_> {
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut least = usize::MAX;
    for line in source.split('\n').filter(|l| indent(l) < l.len()) {
        least = least.min(indent(line));
        if least == 0 {
            break;
        }
    }
    if least == usize::MAX {
        least = 0;
    }
    if least == 0 {
        return Outdented { text: Cow::Borrowed(source), lines: Vec::new() };
    }
    let mut text = String::with_capacity(source.len());
    let mut lines = Vec::new();
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let cut = indent(line.trim_end_matches('\n')).min(least);
        lines.push((text.len(), start + cut));
        text.push_str(&line[cut..]);
        start += line.len();
    }
    Outdented { text: Cow::Owned(text), lines }
}

impl Outdented<'_> {
    /// Byte `offset` of the new text as a byte of the old.
    pub fn original(&self, offset: usize) -> usize {
        let Some(line) = self.lines.partition_point(|(new, _)| *new <= offset).checked_sub(1) else { return offset };
        let (new, old) = self.lines[line];
        old + offset - new
    }
}
