//! What Slidev, knitr and Pandoc write behind the mark of a fence, in remark's way: a language, and the numbers of lines to mark.
//!
//! remark takes one word there. With more of them it sees no fence at all, and the slide ends at the next `---` in the code.

/// The opening line of a fence: where its info string starts, its mark, and the info string.
pub struct Open<'t> {
    pub indent: usize,
    pub mark: &'t str,
    pub info: &'t str,
}

/// Reads a line that may open a fence.
pub fn open(line: &str) -> Option<Open<'_>> {
    let text = line.trim_start_matches([' ', '\t']);
    let byte = text.bytes().next().filter(|b| matches!(b, b'`' | b'~'))?;
    let run = text.bytes().take_while(|b| *b == byte).count();
    let info = &text[run..];
    (run >= 3 && !(byte == b'`' && info.contains('`'))).then_some(Open {
        indent: line.len() - text.len(),
        mark: &text[..run],
        info: info.trim(),
    })
}

/// Whether the line closes a fence with this mark.
pub fn closes(line: &str, mark: &str) -> bool {
    let text = line.trim();
    text.len() >= mark.len() && text.bytes().all(|b| mark.as_bytes()[0] == b)
}

/// Whether the braces are those of a knitr or Quarto chunk, which no other program writes: `{r name, echo=FALSE}`.
pub fn is_chunk(info: &str) -> bool {
    chunk(info).is_some_and(|(language, options)| language == "r" || options.contains('='))
}

/// The language and the options of a chunk.
pub fn chunk(info: &str) -> Option<(&str, &str)> {
    let inner = info.strip_prefix('{')?.strip_suffix('}')?.trim_matches(['{', '}']).trim();
    let end = inner.find([' ', ',']).unwrap_or(inner.len());
    let language = &inner[..end];
    let is_name = !language.is_empty() && language.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+'));
    is_name.then(|| (language, inner[end..].trim_matches([' ', ','])))
}

/// Whether Slidev's braces stand behind a language: `ts {1|2}`, `ts {all}`, `ts {monaco}`.
pub fn is_slidev(info: &str) -> bool {
    let Some((language, rest)) = info.split_once(' ') else { return false };
    let braces = rest.trim_start().strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(inner, _)| inner.trim());
    !language.contains(['{', '}']) && braces.is_some_and(|inner| stages(inner).is_some() || inner.starts_with("monaco"))
}

/// The lines that Slidev's stages mark, all of them together: `1|3-5|all` gives `1,3-5`.
fn stages(inner: &str) -> Option<String> {
    let mut lines = Vec::new();
    for stage in inner.split(['|', ',']).map(str::trim) {
        match stage {
            "all" | "*" | "none" | "hide" | "0" => {}
            _ if stage.bytes().next().is_some_and(|b| b.is_ascii_digit()) && stage.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                lines.push(stage);
            }
            _ => return None,
        }
    }
    Some(lines.join(","))
}

/// The info string as remark takes it.
pub fn plain(info: &str) -> String {
    if let Some((language, _)) = chunk(info) {
        return language.to_owned();
    }
    if let Some(attributes) = info.strip_prefix('{') {
        // Pandoc's attributes: the first class is the language, and `{=html}` is what it is raw in.
        let inner = attributes.split('}').next().unwrap_or_default();
        let class = inner.split_whitespace().find_map(|word| word.strip_prefix('.').or_else(|| word.strip_prefix('=')));
        return class.unwrap_or_default().to_owned();
    }
    let end = info.find([' ', '\t', '{', '[']).unwrap_or(info.len());
    let language = &info[..end];
    let inner = info[end..].split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(inner, _)| inner);
    match inner.and_then(stages).filter(|lines| !lines.is_empty()) {
        Some(lines) => format!("{language}{{{lines}}}"),
        None => language.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_left() {
        for (info, expected) in [
            ("ts {1|2}", "ts{1,2}"),
            ("ts {1,3-5}", "ts{1,3-5}"),
            ("ts{2|4-|all}", "ts{2,4-}"),
            ("ts {all}", "ts"),
            ("ts {monaco}", "ts"),
            ("ts [a.ts] {2}", "ts{2}"),
            ("ts {all|3}{lines:true}", "ts{3}"),
            ("js title=\"x y\"", "js"),
            ("{r}", "r"),
            ("{r name, echo=FALSE}", "r"),
            ("{r, out.width='50%'}", "r"),
            ("{python}", "python"),
            ("{.python .numberLines}", "python"),
            ("{#id .sh}", "sh"),
            ("", ""),
        ] {
            assert_eq!(plain(info), expected, "{info}");
        }
        assert!(is_chunk("{r}") && is_chunk("{python x, echo=F}") && !is_chunk("{1,2}") && !is_chunk("{.r}"));
        assert!(is_slidev("ts {1|2}") && is_slidev("ts {all}") && !is_slidev("ts") && !is_slidev("go {x}") && !is_slidev("{r a}"));
    }
}
