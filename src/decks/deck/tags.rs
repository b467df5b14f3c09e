//! Finds the tags of rendered HTML and their attributes, with positions. Changes nothing and checks nothing: whatever the bytes,
//! it gives what a browser would take for a tag.

use std::ops::Range;

/// A start or end tag.
#[derive(Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// As it is written, without the slash of an end tag.
    pub name: &'a str,
    pub end: bool,
    /// From `<` to behind `>`.
    pub range: Range<usize>,
    /// Behind the name, for `attributes`.
    inside: Range<usize>,
}

/// An attribute of a tag; a value without quotes or none at all is the empty range behind the name.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub name: &'a str,
    /// Of the name in the document.
    pub name_range: Range<usize>,
    /// As it is written, entities and all.
    pub value: &'a str,
    /// Of the value, without its quotes, in the document.
    pub range: Range<usize>,
}

/// What begins at a `<`.
#[derive(Debug, PartialEq, Eq)]
pub enum Markup<'a> {
    Tag(Tag<'a>),
    /// A comment, a doctype or a processing instruction, to its end.
    Comment(Range<usize>),
    /// Something that never ends: a browser would take all that follows for a part of it.
    Unended(usize),
}

/// The next markup at or behind `from`.
pub fn next(html: &str, mut from: usize) -> Option<Markup<'_>> {
    let bytes = html.as_bytes();
    loop {
        let at = from + memchr::memchr(b'<', bytes.get(from..)?)?;
        let end = bytes.get(at + 1) == Some(&b'/');
        let name_at = at + 1 + usize::from(end);
        match bytes.get(name_at) {
            Some(b) if b.is_ascii_alphabetic() => {
                let name_end = name_at + bytes[name_at..].iter().take_while(|b| !b.is_ascii_whitespace() && !b"/>".contains(b)).count();
                let Some(close) = tag_end(bytes, name_end) else { return Some(Markup::Unended(at)) };
                return Some(Markup::Tag(Tag { name: &html[name_at..name_end], end, range: at..close + 1, inside: name_end..close }));
            }
            Some(b'!') if html[at..].starts_with("<!--") => {
                let length = comment(&html[at..]).map(|(_, length)| length);
                return Some(length.map_or(Markup::Unended(at), |length| Markup::Comment(at..at + length)));
            }
            Some(b'!' | b'?') => return Some(ended(html, at)),
            // `</` with no name is a comment, if something follows it.
            Some(_) if end => return Some(ended(html, at)),
            // Whatever comes behind the text would become a part of it.
            None => return Some(Markup::Unended(at)),
            Some(_) => from = at + 1,
        }
    }
}

/// The next tag at or behind `from`, over comments and what never ends.
pub fn next_tag(html: &str, mut from: usize) -> Option<Tag<'_>> {
    loop {
        match next(html, from)? {
            Markup::Tag(tag) => return Some(tag),
            Markup::Comment(range) => from = range.end,
            Markup::Unended(start) => from = start + 1,
        }
    }
}

/// The text of the comment that `html` starts with, and the length of it all; `None` where it never ends.
pub fn comment(html: &str) -> Option<(&str, usize)> {
    let bytes = html.as_bytes();
    // `<!-->` and `<!--->` are whole: the end may share the dashes of the start. And `--!>` ends one, too.
    let from = 2;
    memchr::memchr_iter(b'-', &bytes[from..])
        .find_map(|n| match &bytes[from + n..] {
            [b'-', b'-', b'>', ..] => Some((from + n, 3)),
            [b'-', b'-', b'!', b'>', ..] if n > 1 => Some((from + n, 4)),
            _ => None,
        })
        .map(|(at, mark)| (html.get(4..at).unwrap_or_default(), at + mark))
}

fn ended(html: &str, at: usize) -> Markup<'_> {
    html[at..].find('>').map_or(Markup::Unended(at), |found| Markup::Comment(at..at + found + 1))
}

/// Where the `>` of a tag is; quotes protect it.
fn tag_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, &byte) in bytes.iter().enumerate().skip(from) {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            // A quote opens only a value.
            (None, b'"' | b'\'') if before_value(bytes, from, at) => quote = Some(byte),
            (None, b'>') => return Some(at),
            _ => {}
        }
    }
    None
}

fn before_value(bytes: &[u8], from: usize, at: usize) -> bool {
    bytes[from..at].iter().rev().find(|b| !b.is_ascii_whitespace()) == Some(&b'=')
}

impl<'a> Tag<'a> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Without any attribute, as most are that Markdown makes.
    pub fn is_bare(&self) -> bool {
        self.inside.is_empty()
    }

    /// The attributes in order; `html` is the document the tag was found in.
    pub fn attributes(&self, html: &'a str) -> Vec<Attribute<'a>> {
        let bytes = html.as_bytes();
        let (mut at, end) = (self.inside.start, self.inside.end);
        let mut found = Vec::new();
        let skip = |at: usize, stop: &dyn Fn(u8) -> bool| at + bytes[at..end].iter().take_while(|b| !stop(**b)).count();
        loop {
            at = skip(at, &|b| !b.is_ascii_whitespace() && b != b'/');
            if at >= end {
                return found;
            }
            // An equals sign at the start belongs to the name, as browsers have it.
            let name_end = skip(at + 1, &|b| b.is_ascii_whitespace() || b == b'/' || b == b'=').max(at + 1);
            let name_range = at..ceil(html, name_end, end);
            let equals = skip(name_range.end, &|b| !b.is_ascii_whitespace());
            let (range, next) = if equals < end && bytes[equals] == b'=' {
                let value = skip(equals + 1, &|b| !b.is_ascii_whitespace());
                match bytes.get(value).filter(|_| value < end) {
                    Some(&quote @ (b'"' | b'\'')) => {
                        let close = skip(value + 1, &|b| b == quote);
                        (value + 1..close, (close + 1).min(end))
                    }
                    Some(_) => {
                        let close = skip(value, &|b| b.is_ascii_whitespace());
                        (value..close, close)
                    }
                    None => (end..end, end),
                }
            } else {
                (name_range.end..name_range.end, name_range.end)
            };
            found.push(Attribute { name: &html[name_range.clone()], name_range, value: &html[range.clone()], range });
            at = next;
        }
    }
}

fn ceil(html: &str, mut at: usize, end: usize) -> usize {
    while at < end && !html.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tag(html: &str) -> Tag<'_> {
        let mut at = 0;
        loop {
            match next(html, at).expect("markup") {
                Markup::Tag(tag) => return tag,
                Markup::Comment(range) => at = range.end,
                Markup::Unended(at) => panic!("unended at {at}"),
            }
        }
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn attributes_in_every_notation() {
        let html = "a < b <!-- <img src=x> --> <IMG src=\"a>b.png\" alt='' width=10 hidden data-x = \"é\"/>";
        let tag = tag(html);
        assert_eq!(tag.name, "IMG");
        let attributes: Vec<_> = tag.attributes(html).iter().map(|a| pair(a.name, a.value)).collect();
        assert_eq!(attributes, [pair("src", "a>b.png"), pair("alt", ""), pair("width", "10"), pair("hidden", ""), pair("data-x", "é")]);
    }

    #[test]
    fn what_never_ends_is_told() {
        assert_eq!(next("<img src=\"x", 0), Some(Markup::Unended(0)));
        assert_eq!(next("a <!-- <img>", 0), Some(Markup::Unended(2)));
        assert_eq!(next("<?php", 0), Some(Markup::Unended(0)));
        assert_eq!(next("1 < 2 << 3", 0), None);
        assert_eq!(next("x </", 0), Some(Markup::Unended(2)));
    }

    #[test]
    fn comments_end_as_in_a_browser() {
        for (html, text, length) in [
            ("<!-- a -->b-->", " a ", 10),
            ("<!-->b-->", "", 5),
            ("<!--->b-->", "", 6),
            ("<!---->b-->", "", 7),
            ("<!--a--!>b-->", "a", 9),
            ("<!--!>b-->", "!>b", 10),
            ("<!--é-- >-->", "é-- >", 13),
        ] {
            assert_eq!(comment(html), Some((text, length)), "{html}");
        }
        assert_eq!(comment("<!-- a -- >"), None);
    }

    #[test]
    fn end_tags() {
        let tag = tag("x</pre >");
        assert!(tag.end && tag.is("PRE"));
        assert_eq!(tag.range, 1..8);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(html in "[<>a-c/='\"! é-]{0,60}") {
            let mut at = 0;
            while let Some(markup) = next(&html, at) {
                let end = match markup {
                    Markup::Tag(tag) => {
                        for attribute in tag.attributes(&html) {
                            prop_assert_eq!(attribute.value, &html[attribute.range.clone()]);
                        }
                        tag.range.end
                    }
                    Markup::Comment(range) => range.end,
                    Markup::Unended(at) => at + 1,
                };
                prop_assert!(end > at);
                at = end;
            }
        }
    }
}
