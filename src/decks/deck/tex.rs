//! Formulas in the words that the library for MathML knows: what authors write for MathJax and KaTeX besides, said otherwise.
//!
//! Knows nothing of MathML. What needs no change is borrowed.

use std::borrow::Cow;

/// Commands without arguments, and what to say for them.
const WORDS: &[(&str, &str)] = &[
    ("argmax", "\\operatorname*{arg\\,max}"),
    ("argmin", "\\operatorname*{arg\\,min}"),
    ("bm", "\\boldsymbol"),
    // Invisible in MathML, and the library's own breaks the markup.
    ("mathstrut", ""),
    // Equations have no numbers here.
    ("nonumber", ""),
    ("notag", ""),
    ("N", "\\mathbb{N}"),
    ("R", "\\mathbb{R}"),
    ("Z", "\\mathbb{Z}"),
];

/// `tex` with other words where the library has none. A formula that stands by itself (`block`) has the limits of an operator
/// below it, as TeX sets them.
pub fn plain(tex: &str, block: bool) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(start) = tex[at..].find('\\').map(|n| at + n) {
        let rest = &tex[start + 1..];
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let name = &rest[..length];
        let after = start + 1 + length;
        // `\\` and `\,` are no words, and the second sign begins none.
        at = if length == 0 { after + rest.chars().next().map_or(0, char::len_utf8) } else { after };
        if let Some((_, words)) = WORDS.iter().find(|(word, _)| *word == name).filter(|_| !defines(&tex[..start])) {
            out.push_str(&tex[done..start]);
            out.push_str(&plain(words, block));
            done = after;
        } else if name == "operatorname" {
            let star = tex[after..].starts_with('*');
            let open = after + usize::from(star);
            let Some(inner) = braced(&tex[open..]) else { continue };
            out.push_str(&tex[done..start]);
            out.extend(["\\operatorname{", &spaced(inner), "}", if star && block { "\\limits" } else { "" }]);
            done = open + inner.len() + 2;
            at = done;
        } else if name == "tag" || name == "label" {
            let open = after + usize::from(name == "tag" && tex[after..].starts_with('*'));
            let Some(inner) = braced(&tex[open..]) else { continue };
            out.push_str(&tex[done..start]);
            // A tag is what the text refers to.
            if name == "tag" {
                out.extend(["\\qquad\\text{(", inner, ")}"]);
            }
            done = open + inner.len() + 2;
            at = done;
        }
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(tex);
    }
    out.push_str(&tex[done..]);
    Cow::Owned(out)
}

/// What comes next is given a meaning by the author.
fn defines(before: &str) -> bool {
    let before = before.trim_end_matches(['{', ' ', '*']);
    ["\\def", "\\let", "\\newcommand", "\\renewcommand"].iter().any(|word| before.ends_with(word))
}

/// What is in the braces that `text` starts with.
fn braced(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return if i == 0 { None } else { Some(&text[1..i]) };
        }
    }
    None
}

/// The library takes the name of an operator as it stands, so that spaces in it have to be spaces.
fn spaced(name: &str) -> String {
    name.replace("\\,", "\u{2009}").replace("\\;", "\u{2005}").replace("\\ ", "\u{a0}").replace('~', "\u{a0}").replace("\\!", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_known_are_said_otherwise() {
        for (tex, block, result) in [
            ("\\argmin_x f", true, "\\operatorname{arg\u{2009}min}\\limits_x f"),
            ("\\operatorname*{lim\\,sup}_n", false, "\\operatorname{lim\u{2009}sup}_n"),
            ("\\bm{x}\\in\\R^n", true, "\\boldsymbol{x}\\in\\mathbb{R}^n"),
            ("x \\tag{1}\\label{eq:a}", true, "x \\qquad\\text{(1)}"),
            ("a\\mathstrut", true, "a"),
        ] {
            assert_eq!(plain(tex, block), result, "{tex}");
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        for tex in ["\\Rightarrow \\Re \\\\R x", "\\def\\R{R}", "\\newcommand{\\bm}[1]{#1}", "\\operatorname x", "\\tag{", "\\", "é\\é"] {
            assert!(matches!(plain(tex, true), Cow::Borrowed(same) if same == tex), "{tex}");
        }
    }
}
