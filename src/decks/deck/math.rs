//! Formulas in TeX's notation into MathML, which browsers show by themselves: `$…$` in a line, `$$…$$` by itself, and blocks of
//! code in the language `math`.
//!
//! Markdown would take the underscores and backslashes of a formula for its own, so formulas are taken out before (`take`) and put
//! back as MathML afterwards (`put`). What is in code stays as it is. A formula that cannot be read is shown as its source.

use super::escape::push_escaped;
use super::tags::{self, Markup};
use super::tex;
use crate::slides::Content;

/// Longer formulas are not read: no slide has room for them.
const LONGEST: usize = 4096;
/// Braces inside one another.
const DEEPEST: usize = 64;
/// Parts that the macros of one formula may make.
const MOST_EVENTS: usize = 20_000;

/// Stand around the number of a formula while Markdown is rendered: code points that no text has.
const OPEN: char = '\u{fdd3}';
const CLOSE: char = '\u{fdd4}';

/// A formula that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As the author wrote it.
    pub formula: String,
    pub why: String,
}

/// The formulas of a slide, in order.
#[derive(Debug, Default)]
pub struct Formulas(Vec<Formula>);

#[derive(Debug, PartialEq, Eq)]
struct Formula {
    /// With its marks.
    whole: String,
    tex: String,
    block: bool,
}

/// Whether there may be formulas; a slide without is left alone.
pub fn is_in(content: &[Content]) -> bool {
    content.iter().any(|piece| match piece {
        Content::Markdown(text) => text.contains('$') || text.contains("math"),
        Content::Class { content, .. } => is_in(content),
    })
}

/// The content with marks in place of its formulas.
pub fn take(content: &[Content]) -> (Vec<Content>, Formulas) {
    let mut formulas = Formulas::default();
    let content = taken(content, &mut formulas);
    (content, formulas)
}

fn taken(content: &[Content], formulas: &mut Formulas) -> Vec<Content> {
    let piece = |piece: &Content| match piece {
        Content::Markdown(text) => Content::Markdown(formulas.take_from(text)),
        Content::Class { classes, block, content } => {
            Content::Class { classes: classes.clone(), block: *block, content: taken(content, formulas) }
        }
    };
    content.iter().map(piece).collect()
}

impl Formulas {
    fn take_from(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        let mut at = 0;
        // Up to here there is no end for a formula in a line, nor for one by itself.
        let mut no_end = [0, 0];
        while let Some(found) = text[at..].find(['$', '`', '~', '\\', '\n']) {
            let start = at + found;
            let before = text[..start].trim_end_matches(' ');
            let first = before.is_empty() || before.ends_with('\n');
            let rest = &text[start..];
            let (length, formula) = match rest.as_bytes()[0] {
                b'\\' => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), None),
                b'\n' => (1, None),
                b'`' | b'~' if first => fence(rest).unwrap_or_else(|| span(rest)),
                b'`' => span(rest),
                b'~' => (1, None),
                _ => dollars(text, start, &mut no_end),
            };
            if let Some((tex, block)) = formula {
                out.push_str(&text[done..start]);
                out.push(OPEN);
                out.push_str(&self.0.len().to_string());
                out.push(CLOSE);
                let whole = &rest[..length];
                done = start + length;
                // A block ends its line.
                if whole.ends_with('\n') {
                    done -= 1;
                }
                self.0.push(Formula { whole: whole.trim_end_matches('\n').to_owned(), tex, block });
            }
            at = start + length;
        }
        out.push_str(&text[done..]);
        out
    }

    /// Puts MathML in place of the marks in `html`, and appends what could not be read to `faults`.
    pub fn put(&self, html: String, faults: &mut Vec<Fault>) -> String {
        if self.0.is_empty() {
            return html;
        }
        let mut out = String::with_capacity(html.len() * 2);
        let mut at = 0;
        // Elements around that show text as it is written.
        let mut code = 0_usize;
        while at < html.len() {
            let (text_end, markup_end) = match tags::next(&html, at) {
                Some(Markup::Tag(tag)) => {
                    let text_end = tag.range.start;
                    self.fill(&html[at..text_end], code > 0, &mut out, faults);
                    if ["code", "pre", "script", "style", "textarea", "title"].iter().any(|name| tag.is(name)) {
                        code = if tag.end { code.saturating_sub(1) } else { code + 1 };
                    }
                    (text_end, tag.range.end)
                }
                Some(Markup::Comment(range)) => {
                    self.fill(&html[at..range.start], code > 0, &mut out, faults);
                    (range.start, range.end)
                }
                Some(Markup::Unended(_)) | None => {
                    self.fill(&html[at..], code > 0, &mut out, faults);
                    (html.len(), html.len())
                }
            };
            // An attribute shows no formula.
            self.fill(&html[text_end..markup_end], true, &mut out, faults);
            at = markup_end;
        }
        out
    }

    /// Appends `text` with its marks replaced: by MathML, or where that is not shown by what the author wrote.
    fn fill(&self, text: &str, plain: bool, out: &mut String, faults: &mut Vec<Fault>) {
        let mut rest = text;
        while let Some(start) = rest.find(OPEN) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let inside = &rest[OPEN.len_utf8()..];
            let end = inside.find(CLOSE);
            let formula = end.and_then(|end| inside[..end].parse::<usize>().ok()).and_then(|n| self.0.get(n));
            let (Some(formula), Some(end)) = (formula, end) else {
                // Some other use of the character.
                out.push_str(&rest[..OPEN.len_utf8()]);
                rest = inside;
                continue;
            };
            rest = &inside[end + CLOSE.len_utf8()..];
            if plain {
                push_escaped(out, &formula.whole);
                continue;
            }
            match mathml(&formula.tex, formula.block) {
                // On a small screen one that stands by itself is scrolled.
                Ok(html) if formula.block => out.extend(["<span class=\"formula\">", &html, "</span>"]),
                Ok(html) => out.push_str(&html),
                Err(why) => {
                    out.push_str("<code class=\"bad-formula\">");
                    push_escaped(out, &formula.whole);
                    out.push_str("</code>");
                    faults.push(Fault { formula: formula.whole.clone(), why });
                }
            }
        }
        out.push_str(rest);
    }
}

/// A stretch of text: its length, and the formula that it is, if it is one, with whether it stands by itself.
type Stretch = (usize, Option<(String, bool)>);

/// The fenced block that `rest` starts with, to its end.
fn fence(rest: &str) -> Option<Stretch> {
    let mark = rest.chars().next()?;
    let length = rest.chars().take_while(|c| *c == mark).count();
    let line = rest.lines().next()?;
    let info = line[length..].trim();
    if length < 3 || mark == '`' && info.contains('`') {
        return None;
    }
    let mut end = line.len() + usize::from(rest.len() > line.len());
    let inner = end;
    for line in rest[inner..].split_inclusive('\n') {
        let bare = line.trim();
        if bare.len() >= length && bare.chars().all(|c| c == mark) {
            let tex = rest[inner..end].trim().to_owned();
            let formula = (info == "math" && !tex.is_empty()).then_some((tex, true));
            return Some((end + line.len(), formula));
        }
        end += line.len();
    }
    // One that is not closed ends with the slide.
    Some((rest.len(), None))
}

/// Code in a line, to its end. As decks for reveal.js protect them, `$$…$$` inside it is a formula.
fn span(rest: &str) -> Stretch {
    // A tilde is none.
    let ticks = rest.bytes().take_while(|b| *b == b'`').count().max(1);
    let mut at = ticks;
    while let Some(open) = rest[at..].find('`') {
        // A code span does not go over an empty line; without an end its ticks are text.
        if rest[at..at + open].contains("\n\n") {
            break;
        }
        let run = rest[at + open..].bytes().take_while(|b| *b == b'`').count();
        if run == ticks {
            let inner = rest[ticks..at + open].trim();
            let tex = inner.strip_prefix("$$").and_then(|inner| inner.strip_suffix("$$")).map(str::trim);
            let formula = tex.filter(|tex| !tex.is_empty() && !tex.contains('$')).map(|tex| (tex.to_owned(), true));
            return (at + open + run, formula);
        }
        at += open + run;
    }
    (ticks, None)
}

/// The formula that starts with the dollars at `start`. `no_end` remembers how far ends were looked for in vain, so that many
/// dollars take no longer than few.
fn dollars(text: &str, start: usize, no_end: &mut [usize; 2]) -> Stretch {
    let rest = &text[start..];
    let block = rest.starts_with("$$");
    let marks = if block { 2 } else { 1 };
    let none = (marks, None);
    let before = text[..start].chars().next_back();
    let opens = |inner: &str| block || inner.starts_with(|c: char| !c.is_whitespace());
    let inner = &rest[marks..];
    if start < no_end[marks - 1] || !opens(inner) || before.is_some_and(char::is_alphanumeric) && !block {
        return none;
    }
    let mut at = 0;
    let mut previous = ' ';
    while let Some(next) = inner[at..].chars().next() {
        match next {
            '\\' => {
                at += 1 + inner[at + 1..].chars().next().map_or(0, char::len_utf8);
                previous = '\\';
                continue;
            }
            '\n' if inner[at + 1..].trim_start_matches([' ', '\t']).starts_with('\n') => break,
            '$' if block && inner[at..].starts_with("$$") => {
                let tex = inner[..at].trim();
                return (marks + at + 2, (!tex.is_empty()).then(|| (tex.to_owned(), true)));
            }
            // `$5 and $6` are two prices.
            '$' if !block && !previous.is_whitespace() && !inner[at + 1..].starts_with(|c: char| c.is_alphanumeric() || c == '$') => {
                return (marks + at + 1, (at > 0).then(|| (inner[..at].to_owned(), false)));
            }
            _ => {}
        }
        previous = next;
        at += next.len_utf8();
    }
    no_end[marks - 1] = start + marks + at;
    none
}

/// The MathML of a formula, or why there is none.
fn mathml(tex: &str, block: bool) -> Result<String, String> {
    use pulldown_latex::config::{DisplayMode, RenderConfig};
    use pulldown_latex::event::{Content, Event};
    use pulldown_latex::{Parser, Storage, push_mathml};
    if tex.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let mut depth = 0_usize;
    for byte in tex.bytes() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("its braces stand inside one another more than {DEEPEST} times"));
        }
    }
    let tex = tex::plain(tex, block);
    let storage = Storage::new();
    let mut events = Vec::new();
    for event in Parser::new(&tex, &storage) {
        // The rest of the message shows the place by lines of its own.
        let mut event = event.map_err(|e| reason(&e.to_string()))?;
        if let Event::Content(Content::Ordinary { content, .. }) = &mut event {
            *content = letter(*content);
        }
        if matches!(event, Event::Content(Content::Function(name)) if name.contains(['<', '>', '&'])) {
            return Err("the name of a function has one of < > & in it".to_owned());
        }
        events.push(event);
        if events.len() > MOST_EVENTS {
            return Err("its macros make too much of it".to_owned());
        }
    }
    let display_mode = if block { DisplayMode::Block } else { DisplayMode::Inline };
    let mut html = String::with_capacity(tex.len() * 8);
    let events = events.into_iter().map(Ok::<_, std::fmt::Error>);
    push_mathml(&mut html, events, RenderConfig { display_mode, ..RenderConfig::default() }).map_err(|e| e.to_string())?;
    // Browsers slant whatever letter stands alone; TeX has this one upright.
    Ok(marked_off(&html).replace("<mi>∇</mi>", "<mi mathvariant=\"normal\">∇</mi>"))
}

/// The letter that is meant: the library says the sign for a millionth and the one for a diameter, of which no italics and bold
/// letters are known and which look otherwise.
fn letter(content: char) -> char {
    match content {
        '\u{b5}' => 'μ',
        '\u{2300}' => '∅',
        other => other,
    }
}

/// The library writes signs such as `<` and `&` as they are; here they are told from tags and entities, which it knows few of.
fn marked_off(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + 16);
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        let (sign, after) = rest[at..].split_at(1);
        let known = match sign {
            "<" => after.starts_with(|c: char| c.is_ascii_lowercase() || c == '/'),
            _ => ["nbsp;", "amp;", "lt;", "gt;"].iter().any(|entity| after.starts_with(entity)),
        };
        match sign {
            _ if known => out.push_str(sign),
            "<" => out.push_str("&lt;"),
            _ => out.push_str("&amp;"),
        }
        rest = after;
    }
    out + rest
}

fn reason(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_start_matches("parsing error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The formulas of a text, and the text with `#` for each.
    fn found(text: &str) -> (String, Vec<(String, bool)>) {
        let (content, formulas) = take(&[Content::Markdown(text.to_owned())]);
        let Content::Markdown(mut left) = content[0].clone() else { unreachable!("it was Markdown") };
        for n in 0..formulas.0.len() {
            left = left.replace(&format!("{OPEN}{n}{CLOSE}"), "#");
        }
        (left, formulas.0.into_iter().map(|f| (f.tex, f.block)).collect())
    }

    #[test]
    fn formulas_are_told_from_dollars() {
        let inline = |tex: &str| vec![(tex.to_owned(), false)];
        let block = |tex: &str| vec![(tex.to_owned(), true)];
        for (text, left, formulas) in [
            ("so $x_1*2$, then", "so #, then", inline("x_1*2")),
            ("$$\na_b\n$$\nnext", "#\nnext", block("a_b")),
            ("a\n\n```math\nx^2\n```\nb", "a\n\n#\nb", block("x^2")),
            ("- a\n  ```math\n  x\n  ```\n", "- a\n  #\n", block("x")),
            ("reveal: `$$ J_0 $$` is", "reveal: # is", block("J_0")),
            ("$\\text{costs \\$5}$", "#", inline("\\text{costs \\$5}")),
        ] {
            assert_eq!(found(text), (left.to_owned(), formulas), "{text}");
        }
        for text in [
            "it costs $5 or $6",
            "`$x$` and ``$y`$``",
            "```bash\n$ docker run $x$\n```\n",
            "~~~\n$x$\n~~~",
            "\\$x$ and $ x$ and x$y$",
            "$a\n\nb$",
            "$$ $$",
            "```\n$x$",
            "echo $HOME:$PATH",
        ] {
            assert_eq!(found(text), (text.to_owned(), vec![]), "{text}");
        }
    }

    fn put(text: &str, html: impl Fn(&str) -> String) -> (String, Vec<Fault>) {
        let (content, formulas) = take(&[Content::Markdown(text.to_owned())]);
        let Content::Markdown(left) = &content[0] else { unreachable!("it was Markdown") };
        let mut faults = Vec::new();
        (formulas.put(html(left), &mut faults), faults)
    }

    #[test]
    fn a_formula_becomes_mathml() {
        let (html, faults) = put("$x<1$", |left| format!("<p>{left}</p>"));
        assert!(html.starts_with("<p><math") && html.contains("<mi>x</mi>") && html.ends_with("</math></p>"), "{html}");
        assert!(html.contains("<mo>&lt;</mo>") && faults.is_empty(), "{html}");
        assert!(put("$a\\&b$", str::to_owned).0.contains("&amp;"));
        assert!(!put("$\\operatorname{a<b>c}$", str::to_owned).0.contains("<b>"));
        assert!(put("$$x$$", str::to_owned).0.contains("display=\"block\""));
    }

    #[test]
    fn letters_are_those_of_tex() {
        let html = put(r"$\mu\boldsymbol{\mu}\nabla\varnothing\Gamma\mathstrut$", str::to_owned).0;
        assert_eq!(
            html,
            "<math display=\"inline\"><mi>μ</mi><mrow><mi>𝝁</mi></mrow><mi mathvariant=\"normal\">∇</mi><mi>∅</mi>\
             <mi mathvariant=\"normal\">Γ</mi></math>"
        );
    }

    #[test]
    fn where_no_formula_can_be_it_is_what_was_written() {
        let (html, _) = put("$x<1$", |left| format!("<img alt=\"{left}\"><code>{left}</code>"));
        assert_eq!(html, "<img alt=\"$x&lt;1$\"><code>$x&lt;1$</code>");
    }

    #[test]
    fn what_cannot_be_read_is_shown_and_told() {
        let (html, faults) = put("$\\frac{1$", str::to_owned);
        assert_eq!(html, "<code class=\"bad-formula\">$\\frac{1$</code>");
        assert_eq!(faults[0].formula, "$\\frac{1$");
        assert!(!faults[0].why.contains('\n') && !faults[0].why.is_empty(), "{faults:?}");
        assert!(!put(&format!("${}x$", "{".repeat(100)), str::to_owned).1.is_empty());
    }

    #[test]
    fn many_dollars_take_no_longer() {
        for text in ["$x ".repeat(50_000), "$$x ".repeat(50_000), "`".repeat(100_000), "`a ``b ".repeat(20_000), "\n```".repeat(40_000)] {
            found(&text);
        }
    }

    proptest! {
        #[test]
        fn any_formula_is_survived(tex in "([a-z{}^_&#%~'\"<>é ]|\\\\[a-z]{1,3}|\\\\frac|\\\\left\\(|\\\\right\\)|\\\\sqrt\\[|\\\\begin\\{(matrix|align|array)\\}|\\\\end\\{(matrix|align)\\}|\\\\def|\\\\newcommand|\\\\text\\{|\\\\\\\\|\\\\color\\{|\\\\){0,30}") {
            if let Ok(html) = mathml(&tex, true) {
                let mut open = 0_i32;
                let mut at = 0;
                while let Some(markup) = tags::next(&html, at) {
                    let Markup::Tag(tag) = markup else { return Err(TestCaseError::fail(html)) };
                    prop_assert!(tag.name.starts_with('m') || tag.is("span"), "{}", html);
                    open += if tag.end { -1 } else { i32::from(!html[..tag.range.end].ends_with("/>")) };
                    at = tag.range.end;
                }
                prop_assert_eq!(open, 0, "{}", html);
            }
        }
    }
}
