//! Dockerfiles into classes, with a lexer instead of a grammar of regular expressions; what `RUN` runs is read as shell. Never fails
//! and never looks back: what is no instruction is plain, and the time grows with the code.

use super::output::{COMMENT, KEYWORD, NAME, NUMBER, OPERATOR, OPTION, Output, STRING, VARIABLE};
use super::shell;

/// `NONE` is what stands after `HEALTHCHECK`.
const INSTRUCTIONS: [&str; 19] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "NONE",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Whether a language, by the name at a fence, is read here.
pub(super) fn is(language: &str) -> bool {
    ["dockerfile", "docker", "containerfile"].iter().any(|name| language.eq_ignore_ascii_case(name))
}

/// Writes the code: its text, escaped, in spans with classes.
pub(super) fn write(code: &str, out: &mut Output) {
    let mut rest = code;
    while !rest.is_empty() {
        let length = instruction_length(rest);
        instruction(&rest[..length], out);
        rest = &rest[length..];
    }
}

/// The bytes of the instruction that `code` begins with: its line, those that continue it and its here-documents. A comment between
/// the lines of an instruction does not end it, nor does an empty one.
fn instruction_length(code: &str) -> usize {
    let mut length = 0;
    let mut lines = code.split_inclusive('\n');
    let mut documents = Vec::new();
    let takes_documents =
        code.trim_start().get(..4).is_some_and(|word| ["RUN ", "COPY", "ADD "].iter().any(|w| w.eq_ignore_ascii_case(word)));
    for line in lines.by_ref() {
        length += line.len();
        let text = line.trim();
        if length > line.len() && (text.is_empty() || text.starts_with('#')) {
            continue;
        }
        if takes_documents {
            documents.extend(ends_of_documents(text));
        }
        if text.starts_with('#') || !text.ends_with('\\') {
            break;
        }
    }
    for (end, tabs) in documents {
        for line in lines.by_ref() {
            length += line.len();
            let text = line.trim_end_matches(['\n', '\r']);
            if text == end || tabs && text.trim_start_matches('\t') == end {
                break;
            }
        }
    }
    length
}

/// The words that end the here-documents of a line, and whether tabs before them do not count.
fn ends_of_documents(line: &str) -> impl Iterator<Item = (&str, bool)> {
    line.match_indices("<<").filter_map(move |(at, _)| {
        if line[..at].ends_with('<') {
            return None;
        }
        let rest = &line[at + 2..];
        let (rest, tabs) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
        let word = rest[..rest.find(|c: char| c.is_whitespace() || ";&|<>()".contains(c)).unwrap_or(rest.len())].trim_matches(['"', '\'']);
        let known = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        known.then_some((word, tabs))
    })
}

/// One instruction, its line end included.
fn instruction(mut code: &str, out: &mut Output) {
    loop {
        let blank = code.len() - code.trim_start().len();
        out.push(None, &code[..blank]);
        code = &code[blank..];
        if code.starts_with('#') {
            return out.push(COMMENT, code);
        }
        let word = code.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(code.len());
        let (name, rest) = code.split_at(word);
        let upper = name.to_ascii_uppercase();
        let whole = rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r', '\\']);
        out.push(if whole && INSTRUCTIONS.contains(&upper.as_str()) { KEYWORD } else { None }, name);
        match upper.as_str() {
            "FROM" if whole => from(rest, out),
            "RUN" | "CMD" | "ENTRYPOINT" | "SHELL" if whole => command(rest, out),
            "ENV" | "ARG" | "LABEL" if whole => words(rest, true, out),
            // An instruction follows.
            "HEALTHCHECK" | "ONBUILD" if whole => {
                code = flags(rest, out);
                continue;
            }
            _ if whole && INSTRUCTIONS.contains(&upper.as_str()) => {
                let rest = flags(rest, out);
                let document = rest.contains("<<").then(|| rest.find('\n')).flatten();
                let (line, documents) = rest.split_at(document.unwrap_or(rest.len()));
                words(line, false, out);
                out.push(STRING, documents);
            }
            _ => out.push(None, rest),
        }
        return;
    }
}

/// ` --name=value` before what an instruction is about. What follows is given back.
fn flags<'c>(mut rest: &'c str, out: &mut Output) -> &'c str {
    loop {
        let next = rest.trim_start_matches([' ', '\t', '\\', '\n', '\r']);
        if !next.starts_with("--") {
            return rest;
        }
        blank(&rest[..rest.len() - next.len()], out);
        let end = next.find([' ', '\t', '\n']).unwrap_or(next.len());
        let name = next[..end].find('=').unwrap_or(end);
        out.push(OPTION, &next[..name]);
        expanded(&next[name..end], None, out);
        rest = &next[end..];
    }
}

/// What stands between words: blanks, and the marks that an instruction goes on.
fn blank(text: &str, out: &mut Output) {
    for piece in text.split_inclusive('\\') {
        let (body, mark) = piece.strip_suffix('\\').map_or((piece, ""), |body| (body, "\\"));
        out.push(None, body);
        out.push(OPERATOR, mark);
    }
}

/// ` image AS name`.
fn from(rest: &str, out: &mut Output) {
    let rest = flags(rest, out);
    for word in rest.split_inclusive([' ', '\t', '\n']) {
        let text = word.trim_end();
        if text.eq_ignore_ascii_case("as") {
            out.push(KEYWORD, text);
        } else {
            expanded(text, NAME, out);
        }
        out.push(None, &word[text.len()..]);
    }
}

/// A command as shell or as a list of strings.
fn command(rest: &str, out: &mut Output) {
    let rest = flags(rest, out);
    if rest.trim_start().starts_with('[') && rest.trim_end().ends_with(']') {
        return words(rest, false, out);
    }
    shell::write(rest, out);
}

/// Words with strings, variables and numbers; with `named`, `name=value` too. Comments stand on lines of their own.
fn words(mut rest: &str, named: bool, out: &mut Output) {
    let mut first = true;
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        let (bytes, class) = match next {
            '\n' => {
                out.push(None, "\n");
                let indent = after.len() - after.trim_start_matches([' ', '\t']).len();
                out.push(None, &after[..indent]);
                rest = &after[indent..];
                if rest.starts_with('#') {
                    let line = rest.find('\n').unwrap_or(rest.len());
                    out.push(COMMENT, &rest[..line]);
                    rest = &rest[line..];
                }
                continue;
            }
            '\\' if after.is_empty() || after.starts_with(['\n', '\r']) => (1, OPERATOR),
            '[' | ']' | ',' => (1, None),
            _ if next.is_whitespace() => (next.len_utf8(), None),
            '"' | '\'' => {
                let end = string_end(after, next);
                expanded(&rest[..end + 1], STRING, out);
                rest = &after[end..];
                continue;
            }
            '=' if named => (1, OPERATOR),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "\"',[]=".contains(c)).unwrap_or(rest.len()).max(next.len_utf8());
                let end = if rest[..end].ends_with('\\') && end > 1 { end - 1 } else { end };
                let word = &rest[..end];
                // `ENV name value` has no sign between the two.
                let class = if named && (first || rest[end..].starts_with('=')) {
                    VARIABLE
                } else if is_number(word) {
                    NUMBER
                } else {
                    None
                };
                first = false;
                expanded(word, class, out);
                rest = &rest[end..];
                continue;
            }
        };
        out.push(class, &rest[..bytes]);
        rest = &rest[bytes..];
    }
}

/// Where a string ends, after its closing quote, or its line does; in the text after the opening one.
fn string_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return at,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Text of a class with the variables in it in theirs.
fn expanded(text: &str, class: super::output::Class, out: &mut Output) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push(class, &rest[..at]);
        let name = &rest[at + 1..];
        let bytes = match name.strip_prefix('{') {
            Some(inner) => inner.find('}').map_or(0, |end| end + 2),
            None => name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len()),
        };
        out.push(if bytes == 0 { class } else { VARIABLE }, &rest[at..at + 1 + bytes]);
        rest = &name[bytes..];
    }
    out.push(class, rest);
}

/// A port, a range of ports, or a signal's number.
fn is_number(word: &str) -> bool {
    let digits = word.split_once('/').map_or(word, |(digits, _)| digits);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && digits.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::tests::spans_of;
    use super::*;

    fn mark_up(code: &str) -> String {
        Output::of(code, write)
    }

    fn spans(code: &str) -> String {
        spans_of(&mark_up(code))
    }

    #[test]
    fn images_stages_and_files() {
        assert_eq!(
            spans("# syntax=x\nFROM --platform=$P golang:1 AS build"),
            "c:# syntax=x k:FROM a:--platform v:$P t:golang:1 k:AS t:build"
        );
        assert_eq!(
            spans("copy --from=build /a /b\nEXPOSE 80/tcp $PORT\nUSER 1000"),
            "k:copy a:--from k:EXPOSE n:80/tcp v:$PORT k:USER n:1000"
        );
        assert_eq!(spans("VOLUME [\"/a\", '/b']\nWORKDIR ${A:-x}/y"), "k:VOLUME s:\"/a\" s:'/b' k:WORKDIR v:${A:-x}");
    }

    #[test]
    fn commands_are_shell_or_lists() {
        assert_eq!(spans("RUN apt-get update && \\\n    apt-get install -y x"), "k:RUN f:apt-get o:&& \\ f:apt-get a:-y");
        assert_eq!(spans("RUN a \\\n # why\n\n  && b\nCMD [\"sh\", \"-c\"]"), "k:RUN f:a o:\\ c:# why o:&& f:b k:CMD s:\"sh\" s:\"-c\"");
        assert_eq!(spans("RUN --mount=type=cache,target=/x \\\n  make"), "k:RUN a:--mount o:\\ f:make");
        assert_eq!(spans("RUN <<EOF\nls\nEOF\nUSER x"), "k:RUN o:<< t:EOF s:ls t:EOF k:USER");
        assert_eq!(spans("COPY <<-'E' /f\nFROM x\n\tE\nCMD a"), "k:COPY s:'E' s:FROM x s:E k:CMD f:a");
        assert_eq!(
            spans("HEALTHCHECK --interval=5s CMD curl -f x\nONBUILD RUN ls"),
            "k:HEALTHCHECK a:--interval k:CMD f:curl a:-f k:ONBUILD RUN f:ls"
        );
    }

    #[test]
    fn variables_have_names_and_values() {
        assert_eq!(
            spans("ENV A=1 B=\"x $A\" \\\n C='y'\nARG V\nENV D e f"),
            "k:ENV v:A o:= n:1 v:B o:= s:\"x v:$A s:\" o:\\ v:C o:= s:'y' k:ARG v:V k:ENV v:D"
        );
        assert_eq!(spans("...\nFROMAGE x\nRUN: no"), "");
    }
}
