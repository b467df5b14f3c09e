//! A slide's rendered HTML made fit to stand among the others: addresses right, elements closed, nothing loaded from elsewhere.
//!
//! Authors write HTML in their Markdown. A `<div>` that one slide leaves open, or an end tag too many, must not reach the slides
//! behind it; what a browser would fetch from elsewhere is taken out and told. All in one pass over the tags.

use std::ops::Range;

use super::assets::{Assets, Found, Problem, ProblemKind};
use super::escape::{escaped, unescaped};
use super::tags::{self, Markup, Tag};

/// What the pass has to know about an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It has no content.
    Void,
    /// Its content is no markup.
    Raw,
    /// It has no place on a slide: it would change the page around it.
    Unfit,
    Other,
}

impl Kind {
    /// Of the element with this name. Asked of every tag, so it compares no more than it must.
    fn of(name: &str) -> Kind {
        let mut small = [0; 10];
        let Some(small) = small.get_mut(..name.len()) else { return Kind::Other };
        small.copy_from_slice(name.as_bytes());
        small.make_ascii_lowercase();
        match &*small {
            b"base" | b"meta" | b"html" | b"head" | b"body" | b"plaintext" | b"frameset" => Kind::Unfit,
            b"area" | b"br" | b"col" | b"embed" | b"hr" | b"img" | b"input" | b"link" | b"param" | b"source" | b"track" | b"wbr" => {
                Kind::Void
            }
            b"script" | b"style" | b"textarea" | b"title" | b"xmp" | b"noscript" => Kind::Raw,
            _ => Kind::Other,
        }
    }
}

/// Elements inside one another; browsers flatten what is deeper than this.
const DEEPEST: usize = 512;
/// Tags of one slide that never end. Each is looked for to the end of the slide; after this many the rest is taken for text.
const MOST_UNENDED: usize = 64;

/// Gives `html` fit for the page, and appends what the author should know to `problems`.
pub fn rewrite(html: String, assets: &mut Assets, problems: &mut Vec<Problem>) -> String {
    edited(&html, assets, problems).unwrap_or(html)
}

/// The text anew, if it has to change.
fn edited(html: &str, assets: &mut Assets, problems: &mut Vec<Problem>) -> Option<String> {
    let mut edits = Edits { html, out: String::new(), done: 0 };
    let mut open: Vec<&str> = Vec::new();
    let mut unended = 0;
    let mut at = 0;
    while let Some(markup) = tags::next(html, at) {
        let tag = match markup {
            Markup::Tag(tag) => tag,
            Markup::Comment(range) => {
                at = range.end;
                continue;
            }
            Markup::Unended(start) => {
                unended += 1;
                if unended > MOST_UNENDED {
                    edits.replace(start..html.len(), &escaped(&html[start..]));
                    break;
                }
                edits.replace(start..start + 1, "&lt;");
                at = start + 1;
                continue;
            }
        };
        at = tag.range.end;
        let kind = Kind::of(tag.name);
        if kind == Kind::Unfit || (!tag.end && open.len() == DEEPEST && kind != Kind::Void) {
            edits.remove(tag.range);
        } else if tag.end {
            match open.iter().rposition(|name| tag.is(name)) {
                Some(depth) => open.truncate(depth),
                // Browsers make a line break and a paragraph of these two.
                None if tag.is("br") || tag.is("p") => {}
                None => edits.remove(tag.range),
            }
        } else {
            let range = tag.range.clone();
            if !tag.is_bare()
                && let Some(new) = rewrite_tag(html, &tag, open.iter().any(|name| name.eq_ignore_ascii_case("a")), assets, problems)
            {
                edits.replace(range, &new);
            }
            if kind == Kind::Raw {
                let end = raw_end(html, at, tag.name);
                if tag.is("style")
                    && let Some(css) = assets.rewrite_css(&html[at..end], problems)
                {
                    edits.replace(at..end, &css);
                }
                at = end;
            }
            if kind != Kind::Void {
                open.push(tag.name);
            }
        }
    }
    edits.finish(&open)
}

/// Replaced stretches of a text, in order.
struct Edits<'h> {
    html: &'h str,
    out: String,
    done: usize,
}

impl Edits<'_> {
    fn replace(&mut self, range: Range<usize>, text: &str) {
        if self.done == 0 {
            self.out.reserve(self.html.len() + text.len());
        }
        self.out.push_str(&self.html[self.done..range.start]);
        self.out.push_str(text);
        self.done = range.end;
    }

    /// What is left on both sides must not become markup by standing together.
    fn remove(&mut self, range: Range<usize>) {
        let joins = self.html[..range.start].ends_with(['<', '/', '!', '?', '-']);
        self.replace(range, if joins { "<!---->" } else { "" });
    }

    /// The text with the elements closed that are still open.
    fn finish(mut self, open: &[&str]) -> Option<String> {
        if self.done == 0 && open.is_empty() {
            return None;
        }
        self.out.push_str(&self.html[self.done..]);
        for name in open.iter().rev() {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        Some(self.out)
    }
}

/// Where the end tag of a raw element starts; the end of the text if there is none.
fn raw_end(html: &str, from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(found) = html[at..].find("</") {
        let start = at + found;
        if html.as_bytes().get(start + 2..start + 2 + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes())) {
            return start;
        }
        at = start + 2;
    }
    html.len()
}

/// The tag anew, if it has to change.
fn rewrite_tag(html: &str, tag: &Tag<'_>, in_link: bool, assets: &mut Assets, problems: &mut Vec<Problem>) -> Option<String> {
    let attributes = tag.attributes(html);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for attribute in &attributes {
        let loads = match Use::of(tag, attribute.name) {
            Some(loads) => loads,
            None => continue,
        };
        let value = unescaped(attribute.value);
        match loads {
            Use::Style => {
                if let Some(css) = assets.rewrite_css(&value, problems) {
                    edits.push((attribute.range.clone(), escaped(&css)));
                }
            }
            Use::Set => {
                if let Some(set) = assets.rewrite_set(&value, problems) {
                    edits.push((attribute.range.clone(), escaped(&set)));
                }
            }
            Use::Link | Use::Load => match assets.find(&value) {
                Found::Keep => {}
                Found::Local(address) if address == value => {}
                Found::Local(address) => edits.push((attribute.range.clone(), escaped(&address))),
                Found::Missing(path) => {
                    let kind = if loads == Use::Load { ProblemKind::Missing } else { ProblemKind::DeadLink };
                    problems.push(Problem { kind, url: value, path: Some(path) });
                }
                Found::Remote if loads == Use::Link => {}
                Found::Remote => {
                    problems.push(Problem { kind: ProblemKind::Remote, url: value.clone(), path: None });
                    if ["img", "iframe", "embed"].iter().any(|name| tag.is(name)) {
                        let alt = attributes.iter().find(|a| a.name.eq_ignore_ascii_case("alt")).map_or("", |a| a.value);
                        return Some(stand_in(&value, alt, in_link));
                    }
                    // Kept under a name that no browser loads from.
                    edits.push((attribute.name_range.clone(), format!("data-remote-{}", attribute.name)));
                }
            },
        }
    }
    if edits.is_empty() {
        return None;
    }
    let mut new = String::new();
    let mut done = tag.range.start;
    for (range, text) in edits {
        new.push_str(&html[done..range.start]);
        // A value without quotes might need them now.
        let bare = !text.starts_with("data-remote-") && !matches!(html.as_bytes().get(range.start.wrapping_sub(1)), Some(b'"' | b'\''));
        if bare {
            new.push('"');
        }
        new.push_str(&text);
        if bare {
            new.push('"');
        }
        done = range.end;
    }
    new.push_str(&html[done..tag.range.end]);
    Some(new)
}

/// What a browser does with an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Loads the address when the page is shown.
    Load,
    /// Goes there when the reader wants to.
    Link,
    /// A list of addresses to choose from.
    Set,
    Style,
}

impl Use {
    fn of(tag: &Tag<'_>, attribute: &str) -> Option<Use> {
        let is = |name: &str| attribute.eq_ignore_ascii_case(name);
        if is("style") {
            return Some(Use::Style);
        }
        if is("href") && ["a", "area"].iter().any(|name| tag.is(name)) {
            return Some(Use::Link);
        }
        if is("srcset") || is("imagesrcset") {
            return Some(Use::Set);
        }
        if is("src") || is("poster") || is("background") || (is("data") && tag.is("object")) {
            return Some(Use::Load);
        }
        let by_href = ["link", "image", "use", "feimage", "base"].iter().any(|name| tag.is(name));
        (by_href && (is("href") || is("xlink:href"))).then_some(Use::Load)
    }
}

/// What stands for a picture or page that is not loaded.
fn stand_in(url: &str, alt: &str, in_link: bool) -> String {
    let host = url.split("//").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    let alt = if alt.is_empty() { "Not included" } else { alt };
    let text = format!("{alt} <small>{}</small>", escaped(host));
    if in_link {
        format!("<span class=\"remote\">{text}</span>")
    } else {
        format!("<a class=\"remote\" href=\"{}\" rel=\"noreferrer\">{text}</a>", escaped(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rewritten HTML and the addresses that were complained of, in a folder with `img/a b.png` in it.
    fn rewritten(html: &str) -> (String, Vec<(ProblemKind, String)>) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("img")).expect("a folder in it");
        std::fs::write(folder.path().join("img/a b.png"), "x").expect("a file in it");
        let mut problems = Vec::new();
        let mut assets = Assets::new(folder.path(), folder.path());
        let html = rewrite(html.to_owned(), &mut assets, &mut problems);
        (html, problems.into_iter().map(|p| (p.kind, p.url)).collect())
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for html in [
            "<img src=\"https://x.example/a.png\" alt=\"A &amp; b\">",
            "<img alt=x SRC=//x.example/a.png>",
            "<img srcset=\"https://x.example/a.png 2x, http://x.example/b.png 3x\">",
            "<iframe src='https://x.example/'></iframe>",
            "<script src=\"https://x.example/a.js\"></script>",
            "<link rel=stylesheet href=https://x.example/a.css>",
            "<p style=\"background:url(https://x.example/a.png)\">x</p>",
            "<style>@import 'https://x.example/a.css'; p { background: url( \"//x.example/b.png\" ) }</style>",
            "<video poster=http://x.example/a.png><source src=http://x.example/a.mp4></video>",
            "<svg><image xlink:href=\"http://x.example/a.png\"/></svg>",
            "<object data=\"http://x.example/\"></object>",
            "<table background=\"http://x.example/\"></table>",
        ] {
            let (out, problems) = rewritten(html);
            assert!(!problems.is_empty(), "{html}");
            assert!(problems.iter().all(|(kind, _)| *kind == ProblemKind::Remote), "{html}");
            let (_, again) = rewritten(&out);
            assert_eq!(again, [], "{html} became {out}");
        }
    }

    #[test]
    fn a_remote_picture_becomes_a_link() {
        let (html, _) = rewritten("<p><img src=\"https://x.example/a.png\" alt=\"A &lt;b\"></p>");
        assert_eq!(
            html,
            "<p><a class=\"remote\" href=\"https://x.example/a.png\" rel=\"noreferrer\">A &lt;b <small>x.example</small></a></p>"
        );
        let (html, _) = rewritten("<a href=y.html><img src=\"https://x.example/a.png\"></a>");
        assert!(html.contains("<span class=\"remote\">"), "{html}");
    }

    #[test]
    fn links_and_data_stay() {
        for html in [
            "<a href=\"https://x.example/\">x</a>",
            "<a href=\"#3\">x</a>",
            "<a href=\"mailto:a@x.example\">x</a>",
            "<img src=\"data:image/png;base64,AAAA\">",
            "<p>1 &lt; 2</p>",
            "<img src=\"img/a%20b.png\">",
            "<ul><li>a<li>b</ul>",
        ] {
            assert_eq!(rewritten(html), (html.to_owned(), vec![]));
        }
    }

    #[test]
    fn what_is_not_there_is_told() {
        assert_eq!(rewritten("<img src=no.png>").1, [(ProblemKind::Missing, "no.png".to_owned())]);
        assert_eq!(rewritten("<a href=no.txt>x</a>").1, [(ProblemKind::DeadLink, "no.txt".to_owned())]);
        assert_eq!(rewritten("<img src=img>").1, [(ProblemKind::Missing, "img".to_owned())]);
    }

    #[test]
    fn a_slide_keeps_to_itself() {
        for (html, expected) in [
            ("<div><b>x", "<div><b>x</b></div>"),
            ("x</div></section></main>y", "xy"),
            ("<div><p>x</div></div>", "<div><p>x</div>"),
            ("x <!-- y", "x &lt;!-- y"),
            ("<script>if (a < b) '</div>'", "<script>if (a < b) '</div>'</script>"),
            ("a</br>b", "a</br>b"),
            ("<body class=x><base href=y>z</body>", "z"),
            ("<img src=\"", "&lt;img src=\""),
        ] {
            assert_eq!(rewritten(html).0, expected, "{html}");
        }
    }

    #[test]
    fn hostile_html_takes_no_longer() {
        for html in ["<b='".repeat(20_000), "<i>".repeat(30_000) + &"</b>".repeat(30_000), "<!--".repeat(20_000), "<".repeat(40_000)] {
            let (out, _) = rewritten(&html);
            assert!(out.matches("</i>").count() <= DEEPEST);
        }
    }

    proptest! {
        #[test]
        fn any_html_ends_balanced(html in "(<|</|<!--|-->|>|div|b|br|script|img|[ax ]|src=|\"|'|//x){0,40}") {
            let once = rewritten(&html).0;
            prop_assert_eq!(rewritten(&once).0, once);
        }
    }
}
