//! Where a value stands in its manifest. serde_yaml tells no positions, so the text is searched, in the order of reading.

use crate::diag::SourceFile;

/// Finds values in a manifest one after the other.
pub struct Places<'a> {
    text: &'a str,
    /// Values are mostly asked for in their order: the search goes on from here.
    cursor: usize,
}

impl<'a> Places<'a> {
    pub fn new(file: &'a SourceFile) -> Self {
        Places { text: file.text(), cursor: 0 }
    }

    /// The byte where `value` stands next outside comments, or anywhere, or the start of the file.
    pub fn find(&mut self, value: &str) -> usize {
        let value = value.lines().next().unwrap_or_default();
        let found = self.from(self.cursor, value).or_else(|| self.from(0, value));
        if let Some(at) = found {
            self.cursor = at;
        }
        found.unwrap_or(0)
    }

    /// Steps over `value`, so that the next search begins behind it.
    pub fn pass(&mut self, value: &str) -> usize {
        let at = self.find(value);
        self.cursor = at + value.lines().next().unwrap_or_default().len().min(self.text.len() - at);
        at
    }

    fn from(&self, start: usize, value: &str) -> Option<usize> {
        if value.is_empty() {
            return None;
        }
        let mut at = start;
        while let Some(found) = self.text[at..].find(value).map(|n| at + n) {
            let line = self.text[..found].rfind('\n').map_or(0, |n| n + 1);
            let end = found + value.len();
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'));
            let alone = !word(self.text[..found].chars().next_back()) && !word(self.text[end..].chars().next());
            if alone && !self.text[line..found].trim_start().starts_with('#') {
                return Some(found);
            }
            at = end;
        }
        None
    }
}
