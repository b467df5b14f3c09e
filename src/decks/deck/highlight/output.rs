//! The HTML of highlighted code, piece by piece. No span of it crosses a line.

use crate::deck::escape::push_escaped;

/// A short class of the stylesheet, or `None` for plain text.
pub(super) type Class = Option<&'static str>;

pub(super) const COMMENT: Class = Some("c");
pub(super) const STRING: Class = Some("s");
pub(super) const ESCAPE: Class = Some("e");
pub(super) const NUMBER: Class = Some("n");
pub(super) const KEYWORD: Class = Some("k");
pub(super) const OPERATOR: Class = Some("o");
pub(super) const FUNCTION: Class = Some("f");
pub(super) const OPTION: Class = Some("a");
pub(super) const VARIABLE: Class = Some("v");
/// What gives a thing its name: the key of a value, the word that ends a here-document.
pub(super) const NAME: Class = Some("t");

/// The HTML so far, and the class of the span that is open: neighbours of one class share a span.
pub(super) struct Output {
    html: String,
    open: Class,
}

impl Output {
    /// For so many bytes of code.
    pub(super) fn for_code(bytes: usize) -> Self {
        Output { html: String::with_capacity(bytes * 2), open: None }
    }

    /// The HTML of code that `write` writes.
    pub(super) fn of(code: &str, write: impl FnOnce(&str, &mut Self)) -> String {
        let mut out = Self::for_code(code.len());
        write(code, &mut out);
        out.finish()
    }

    pub(super) fn push(&mut self, class: Class, text: &str) {
        if text.is_empty() {
            return;
        }
        // Blank text looks the same in every class, so it need not end a span; but no span crosses a line, so that lines can be
        // taken apart.
        let class = if text.trim_matches([' ', '\t']).is_empty() { self.open } else { class };
        for piece in text.split_inclusive('\n') {
            let (body, end) = piece.strip_suffix('\n').map_or((piece, false), |body| (body, true));
            if !body.is_empty() {
                self.switch(class);
                push_escaped(&mut self.html, body);
            }
            if end {
                self.switch(None);
                self.html.push('\n');
            }
        }
    }

    fn switch(&mut self, class: Class) {
        if self.open == class {
            return;
        }
        if self.open.is_some() {
            self.html.push_str("</span>");
        }
        if let Some(name) = class {
            self.html.push_str("<span class=h-");
            self.html.push_str(name);
            self.html.push('>');
        }
        self.open = class;
    }

    pub(super) fn finish(mut self) -> String {
        self.switch(None);
        self.html
    }
}
