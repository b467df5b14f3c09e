//! remark's own Markdown: the old `marked` that its engines are built with, by the same rules in the same order.
//!
//! Decks are written against this program and not against CommonMark: what ends a list, what a line of HTML does, how far emphasis
//! goes. Content classes become tags in the source and their bodies are converted first, as in the engines; so what stands in a
//! class is converted twice. Gives HTML as text; what it means to a browser is found out by `raw`. Never fails, in linear time.

mod block;
mod inline;
mod line;
mod table;

use crate::slides::remark::Engine;
use crate::slides::{Content, Links};

/// Deepest nesting of lists, quotes and emphasis; what is deeper is text.
const MAX_DEPTH: usize = 40;

/// Classes within classes are converted once a level, and each level may add to the HTML of the one before: at most so many times
/// the source. A slide that wants more is shown as text.
const GROWTH: usize = 16;
/// Bytes that any slide may take besides, however short it is: two dozen levels of next to nothing.
const SMALL: usize = 16 << 10;

/// What the rules need to know.
#[derive(Clone, Copy)]
struct Context<'a> {
    engine: Engine,
    links: &'a Links,
}

/// The HTML of `content`.
pub fn html(content: &[Content], links: &Links, engine: Engine) -> String {
    let context = Context { engine, links };
    convert(content, context, false, &mut (GROWTH * size(content) + SMALL)).unwrap_or_else(|| {
        let mut out = String::new();
        plain(content, &mut out);
        out
    })
}

/// The text of `content` without its classes.
fn plain(content: &[Content], out: &mut String) {
    for piece in content {
        match piece {
            Content::Markdown(text) => crate::deck::escape::push_escaped(out, text),
            Content::Class { content, .. } => plain(content, out),
        }
    }
}

fn size(content: &[Content]) -> usize {
    let piece = |piece: &Content| match piece {
        Content::Markdown(text) => text.len(),
        Content::Class { content, .. } => size(content),
    };
    content.iter().map(piece).sum()
}

/// Converts the bodies of classes first, then the whole; `bare`: a lone paragraph loses its tags. `None` where it costs too much.
fn convert(content: &[Content], context: Context<'_>, bare: bool, budget: &mut usize) -> Option<String> {
    let mut source = String::with_capacity(size(content) + 64);
    for piece in content {
        match piece {
            Content::Markdown(text) => source.push_str(text),
            Content::Class { classes, block, content } => {
                let tag = if *block { "div" } else { "span" };
                source.extend(["<", tag, " class=\""]);
                for (i, class) in classes.iter().enumerate() {
                    source.extend([if i > 0 { " " } else { "" }, class]);
                }
                source.push_str("\">");
                source.push_str(&convert(content, context, !block, budget)?);
                source.extend(["</", tag, ">"]);
            }
        }
    }
    let source = clean(source.trim_start_matches(crate::slides::remark::lexer::is_space));
    *budget = budget.checked_sub(source.len())?;
    let mut out = String::with_capacity(source.len() + source.len() / 4);
    block::write(&source, true, 0, context, &mut out);
    Some(if bare { unwrapped(&out).unwrap_or(out) } else { out })
}

/// Line ends made equal, tabs made blanks.
fn clean(source: &str) -> std::borrow::Cow<'_, str> {
    let plain = memchr::memchr2(b'\r', b'\t', source.as_bytes()).is_none();
    if plain && (source.is_ascii() || !source.contains(['\u{a0}', '\u{2424}'])) {
        return source.into();
    }
    let text = source.replace("\r\n", "\n");
    text.replace(['\r', '\u{2424}'], "\n").replace('\t', "    ").replace('\u{a0}', " ").into()
}

/// Elements before which an open paragraph ends.
pub const BLOCKS: [&str; 36] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "ul",
    "dd",
    "dt",
];

/// The inside of the one paragraph that `html` is, as a browser writes it: quotes in text as they are.
fn unwrapped(html: &str) -> Option<String> {
    let inner = html.trim().strip_prefix("<p>")?.strip_suffix("</p>")?;
    let name = |tag: &str| tag[..tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len())].to_ascii_lowercase();
    if inner.contains("</p>") || inner.split('<').skip(1).any(|tag| BLOCKS.contains(&name(tag).as_str())) {
        return None;
    }
    let mut out = String::with_capacity(inner.len());
    for part in inner.split_inclusive('>') {
        let (text, tag) = part.split_at(part.find('<').unwrap_or(part.len()));
        if text.contains("&quot;") || text.contains("&#39;") {
            out.push_str(&text.replace("&quot;", "\"").replace("&#39;", "'"));
        } else {
            out.push_str(text);
        }
        out.push_str(tag);
    }
    Some(out)
}

/// Appends `text` with HTML's marks escaped; references that an author wrote stay, unless `all`.
fn escape(text: &str, all: bool, out: &mut String) {
    let mut done = 0;
    for (i, byte) in text.bytes().enumerate() {
        let plain = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            b'&' if all || !is_reference(&text.as_bytes()[i + 1..]) => "&amp;",
            _ => continue,
        };
        out.push_str(&text[done..i]);
        out.push_str(plain);
        done = i + 1;
    }
    out.push_str(&text[done..]);
}

/// `#?\w+;`
fn is_reference(rest: &[u8]) -> bool {
    let rest = rest.strip_prefix(b"#").unwrap_or(rest);
    let length = rest.iter().take(64).take_while(|b| is_word(**b)).count();
    length > 0 && rest.get(length) == Some(&b';')
}

/// JavaScript's `\w`.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ct(text: &str) -> String {
        html(&[Content::Markdown(text.into())], &Links::default(), Engine::ContainerTraining)
    }

    #[test]
    fn a_list_ends_where_it_ends_there() {
        assert_eq!(ct("- a\n- b\n\n\n- c"), "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ul>\n<li>c</li>\n</ul>\n");
        assert_eq!(ct("- a\n\n  b\n- c"), "<ul>\n<li><p>a</p>\n<p>b</p>\n</li>\n<li>c</li>\n</ul>\n");
        assert_eq!(ct("- a\n  - b\n* c"), "<ul>\n<li>a<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>\n<ul>\n<li>c</li>\n</ul>\n");
        assert_eq!(ct("1. a\n10. b\n- c\n\nd"), "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n<ul>\n<li>c</li>\n</ul>\n<p>d</p>\n");
        assert_eq!(ct("- a\n\n* b"), "<ul>\n<li>a</li>\n</ul>\n<ul>\n<li>b</li>\n</ul>\n");
    }

    #[test]
    fn html_is_left_alone_to_its_end() {
        assert_eq!(ct("<div>\n\n**b**\n\n</div>\n\n**c**"), "<div>\n\n**b**\n\n</div>\n\n<p><strong>c</strong></p>\n");
        assert_eq!(ct("a <b>*c*</b>"), "<p>a <b><em>c</em></b></p>\n");
    }

    #[test]
    fn emphasis_and_links() {
        assert_eq!(
            ct("*a* **b** _c_ a_b_c `d` ~~e~~"),
            "<p><em>a</em> <strong>b</strong> <em>c</em> a_b_c <code>d</code> <del>e</del></p>\n"
        );
        assert_eq!(ct("- a\n~~~ x y\nb\n~~~\n- ~~~~~c"), "<ul>\n<li>a\n<del>~ x y\nb\n~</del></li>\n<li><del>~</del>c</li>\n</ul>\n");
        assert_eq!(
            ct("[a](b \"c\") ![d](e) http://x.y/z."),
            "<p><a href=\"b\" title=\"c\">a</a> <img src=\"e\" alt=\"d\"> <a href=\"http://x.y/z\">http://x.y/z</a>.</p>\n"
        );
    }

    #[test]
    fn a_table_may_begin_with_a_bar_and_have_none_below() {
        let table = "<table>\n<thead>\n<tr>\n<th></th>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n";
        assert!(ct("|a | b\n--- | ---\n1 | 2\n").starts_with(table), "{}", ct("|a | b\n--- | ---\n1 | 2\n"));
    }

    #[test]
    fn emphasis_and_paragraphs_end_as_in_each_engine() {
        let upstream = |text: &str| html(&[Content::Markdown(text.into())], &Links::default(), Engine::Upstream);
        assert_eq!(ct("_a _b_ c__ d"), "<p><em>a _b</em> c__ d</p>\n");
        assert_eq!(upstream("_a __ b_c d_"), "<p>_a __ b<em>c d</em></p>\n");
        assert_eq!(upstream("a\n#b"), "<p>a</p>\n<p>#b</p>\n");
    }

    #[test]
    fn hostile_text_takes_no_longer() {
        for unit in [
            "[",
            "[a](",
            "*a ",
            "_a ",
            "`a ``",
            "<a ",
            "<div>",
            "- a\n",
            "- a\n* b\n",
            "> a",
            "~~a",
            "**a",
            "[[]",
            "<!--",
            "|a\n|-\n",
            "\"'<a \"",
        ] {
            let text = unit.repeat(40_000);
            assert!(ct(&text).len() >= text.len() / 8, "{unit}");
        }
    }
}
