//! HTML's character references (`&lt;`, `&trade;`, `&#8217;`) into characters.

use std::borrow::Cow;

use pulldown_cmark::{Event, Parser};

/// The reference that `text` starts with: its length and what it stands for. Only those that end with a semicolon.
pub fn decode(text: &str) -> Option<(usize, Cow<'static, str>)> {
    let end = text.bytes().take(40).position(|b| b == b';')?;
    let name = text.get(..=end)?;
    let inner = name.strip_prefix('&')?.strip_suffix(';')?;
    let plain = match inner {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "nbsp" => "\u{a0}",
        _ => {
            if inner.is_empty() || !inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#') {
                return None;
            }
            // The Markdown parser has HTML's table of names.
            let mut text = String::new();
            for event in Parser::new(name) {
                if let Event::Text(part) = event {
                    text.push_str(&part);
                }
            }
            return (text != name).then_some((end + 1, text.into()));
        }
    };
    Some((end + 1, plain.into()))
}

/// All references in `text` as characters.
pub fn decode_all(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match decode(rest) {
            Some((length, plain)) => {
                out.push_str(&plain);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_characters() {
        assert_eq!(decode_all("a &lt;b&gt; &trade; &#8217;&#x41; & &nope; &amp;lt;"), "a <b> ™ ’A & &nope; &lt;");
    }
}
