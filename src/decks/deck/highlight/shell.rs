//! Shell code into classes, with a lexer instead of a grammar of regular expressions. Never fails and never looks back: what no
//! shell would take is plain, and the time grows with the code.
//!
//! Nine of ten blocks in a course of containers are shell. The grammar for it that editors use is several hundred expressions: to
//! compile them takes 100 ms and 20 MB, and to ask them takes as long again for 249 blocks; this takes 1 ms.

use super::output::{COMMENT, Class, ESCAPE, FUNCTION, KEYWORD, NAME, NUMBER, OPERATOR, OPTION, Output, STRING, VARIABLE};

/// Substitutions within substitutions beyond this are plain.
const DEEPEST: usize = 32;

/// Whether a language, by the name at a fence, is read here.
pub(super) fn is(language: &str) -> bool {
    ["bash", "sh", "shell", "zsh", "ksh", "ash", "dash"].iter().any(|name| language.eq_ignore_ascii_case(name))
}

/// Writes shell code: its text, escaped, in spans with classes.
pub(super) fn write(code: &str, out: &mut Output) {
    let mut lexer = Lexer { code, at: 0, out, documents: Vec::new(), depth: 0 };
    while lexer.at < code.len() {
        lexer.commands(None);
        // Only a bracket that nobody opened ends them before the code does.
        lexer.take(1, OPERATOR);
    }
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Command,
    Argument,
    /// `for` and `case` have a word of their own before `in`.
    BeforeIn,
    In,
    /// After `function`.
    Name,
    /// After `export` and its like: a variable, or one and its value.
    Declared,
}

/// A here-document that begins with the next line.
struct Document<'c> {
    end: &'c str,
    /// `<<-`: tabs before the end do not count.
    tabs: bool,
    expands: bool,
}

struct Lexer<'c, 'o> {
    code: &'c str,
    at: usize,
    out: &'o mut Output,
    documents: Vec<Document<'c>>,
    depth: usize,
}

impl<'c> Lexer<'c, '_> {
    fn rest(&self) -> &'c str {
        &self.code[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.code.as_bytes().get(self.at).copied()
    }

    /// The next `bytes`, or what there is, in a class. A character is never cut.
    fn take(&mut self, bytes: usize, class: Class) {
        let mut end = (self.at + bytes).min(self.code.len());
        while !self.code.is_char_boundary(end) {
            end += 1;
        }
        self.out.push(class, &self.code[self.at..end]);
        self.at = end;
    }

    fn take_while(&mut self, class: Class, is: impl Fn(u8) -> bool) {
        let bytes = self.rest().bytes().take_while(|&byte| is(byte)).count();
        self.take(bytes, class);
    }

    /// Commands until `end`, which is left to be taken, or the end of the code.
    fn commands(&mut self, end: Option<u8>) {
        let mut word = Word::Command;
        while let Some(byte) = self.peek() {
            match byte {
                _ if Some(byte) == end => return,
                b' ' | b'\t' | b'\r' => self.take(1, None),
                b'\n' => {
                    self.take(1, None);
                    self.read_documents();
                    word = Word::Command;
                }
                // The line goes on, and so does the command.
                b'\\' if self.rest().starts_with("\\\n") => {
                    self.take(1, OPERATOR);
                    self.take(1, None);
                }
                b'#' => self.take_while(COMMENT, |byte| byte != b'\n'),
                b';' | b'&' | b'|' if self.rest().starts_with("&>") => self.redirect(),
                b';' | b'&' | b'|' | b'(' => {
                    self.take(1, OPERATOR);
                    word = Word::Command;
                }
                b')' if end.is_none() && self.depth == 0 => {
                    // The end of a subshell, or of a pattern of `case`.
                    self.take(1, OPERATOR);
                    word = Word::Command;
                }
                b')' => return,
                b'<' | b'>' => self.redirect(),
                b'0'..=b'9'
                    if matches!(self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).as_bytes().first(), Some(b'<' | b'>')) =>
                {
                    self.take_while(OPERATOR, |byte| byte.is_ascii_digit());
                    self.redirect();
                }
                _ => word = self.word(word, end),
            }
        }
    }

    /// A word, and what the next one is.
    fn word(&mut self, is: Word, end: Option<u8>) -> Word {
        let literal = literal(self.rest());
        let whole = self.rest()[literal.len()..].bytes().next().is_none_or(|byte| b" \t\r\n;&|<>()".contains(&byte) || Some(byte) == end);
        match is {
            Word::Command | Word::Declared => {
                if let Some(name) = assigned(literal) {
                    self.take(name, VARIABLE);
                    self.take_while(OPERATOR, |byte| byte == b'+');
                    self.take(1, OPERATOR);
                    if self.peek() == Some(b'(') {
                        self.list();
                    } else {
                        self.pieces(None, end);
                    }
                    return is;
                }
                if is == Word::Declared {
                    self.pieces(if literal.starts_with('-') { OPTION } else { VARIABLE }, end);
                    return is;
                }
                if whole && let Some(next) = after_keyword(literal) {
                    self.take(literal.len(), KEYWORD);
                    return next;
                }
                if whole && !literal.is_empty() && self.rest()[literal.len()..].starts_with("()") {
                    self.take(literal.len(), FUNCTION);
                    self.take(2, None);
                    return Word::Command;
                }
                self.pieces(FUNCTION, end);
                Word::Argument
            }
            Word::In if whole && literal == "in" => {
                self.take(2, KEYWORD);
                Word::Argument
            }
            Word::Argument if whole && ["]]", "]", "}"].contains(&literal) => {
                self.take(literal.len(), KEYWORD);
                Word::Argument
            }
            Word::Argument | Word::In => {
                if literal.len() > 1 && literal.starts_with('-') {
                    let name = literal.find('=').unwrap_or(literal.len());
                    self.take(name, OPTION);
                }
                self.pieces(None, end);
                Word::Argument
            }
            Word::BeforeIn => {
                self.pieces(VARIABLE, end);
                Word::In
            }
            Word::Name => {
                self.pieces(FUNCTION, end);
                Word::Command
            }
        }
    }

    /// The pieces of one word, its literal ones in `class`.
    fn pieces(&mut self, class: Class, end: Option<u8>) {
        while let Some(byte) = self.peek() {
            match byte {
                _ if Some(byte) == end => return,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => return,
                b'\'' => self.quoted(1),
                b'"' => self.double(),
                b'`' => self.substitution(1, b'`'),
                b'$' => self.dollar(class),
                b'\\' if self.rest().starts_with("\\\n") => return,
                b'\\' => self.take(2, ESCAPE),
                _ => self.take(literal(self.rest()).len().max(1), class),
            }
        }
    }

    /// From a quote, `bytes` ahead at most, to the next.
    fn quoted(&mut self, bytes: usize) {
        let end = self.rest()[bytes..].find('\'').map_or(self.rest().len(), |at| bytes + at + 1);
        self.take(end, STRING);
    }

    /// `"…"`, in which variables and commands stand.
    fn double(&mut self) {
        self.take(1, STRING);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => return self.take(1, STRING),
                _ => self.expanding(byte, STRING),
            }
        }
    }

    /// One piece of a text that is expanded, of that class.
    fn expanding(&mut self, byte: u8, class: Class) {
        match byte {
            b'$' => self.dollar(class),
            b'`' => self.substitution(1, b'`'),
            b'\\' if self.rest().as_bytes().get(1).is_some_and(|next| b"$`\"\\\n".contains(next)) => self.take(2, ESCAPE),
            b'\\' => self.take(1, class),
            _ => {
                let bytes = self.rest().find(['$', '`', '"', '\\']).unwrap_or(self.rest().len());
                self.take(bytes.max(1), class);
            }
        }
    }

    /// What begins with a `$`.
    fn dollar(&mut self, class: Class) {
        let next = self.rest().as_bytes().get(1).copied();
        match next {
            Some(b'(') if self.rest().starts_with("$((") => self.arithmetic(),
            Some(b'(') => self.substitution(2, b')'),
            Some(b'{') => self.parameter(),
            Some(b'\'') if class != STRING => self.ansi_quoted(),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.take(1, VARIABLE);
                self.take_while(VARIABLE, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
            }
            Some(byte) if byte.is_ascii_digit() || b"?!#$@*-".contains(&byte) => self.take(2, VARIABLE),
            _ => self.take(1, class),
        }
    }

    /// `$'…'`, in which a backslash escapes.
    fn ansi_quoted(&mut self) {
        let mut bytes = 2;
        let rest = self.rest().as_bytes();
        while let Some(&byte) = rest.get(bytes) {
            bytes += if byte == b'\\' { 2 } else { 1 };
            if byte == b'\'' {
                break;
            }
        }
        self.take(bytes, STRING);
    }

    /// `$(…)` and `` `…` ``: commands, between an opening of so many bytes and `close`.
    fn substitution(&mut self, open: usize, close: u8) {
        self.take(open, OPERATOR);
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        loop {
            self.commands(Some(close));
            match self.peek() {
                // A bracket closes before a backtick that was not closed.
                Some(byte) if byte != close => self.take(1, None),
                _ => break,
            }
        }
        self.depth -= 1;
        self.take(1, OPERATOR);
    }

    /// `$((…))`.
    fn arithmetic(&mut self) {
        self.take(3, OPERATOR);
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => return,
                b')' if self.rest().starts_with("))") => return self.take(2, OPERATOR),
                b'$' => self.dollar(None),
                b'0'..=b'9' => self.take_while(NUMBER, |byte| byte.is_ascii_alphanumeric()),
                byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                    self.take_while(VARIABLE, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                }
                _ => self.take(1, None),
            }
        }
    }

    /// `${…}`, up to the brace that closes it.
    fn parameter(&mut self) {
        let mut open = 0usize;
        let mut bytes = 0;
        for (n, byte) in self.rest().bytes().enumerate() {
            bytes = n + 1;
            match byte {
                b'{' => open += 1,
                b'}' => open -= 1,
                b'\n' => break,
                _ => {}
            }
            if open == 0 && byte == b'}' {
                break;
            }
        }
        self.take(bytes, VARIABLE);
    }

    /// `(…)` after `name=`: the words of an array.
    fn list(&mut self) {
        self.take(1, OPERATOR);
        while let Some(byte) = self.peek() {
            match byte {
                b')' => return self.take(1, OPERATOR),
                b'#' => self.take_while(COMMENT, |byte| byte != b'\n'),
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' => self.take(1, None),
                b'\\' => self.take(2, ESCAPE),
                _ => self.pieces(None, None),
            }
        }
    }

    /// `<`, `>>`, `2>&1`, `<<EOF`, `<(…)`. The file's name is an argument like any other.
    fn redirect(&mut self) {
        let rest = self.rest();
        if rest.starts_with("<(") || rest.starts_with(">(") {
            return self.substitution(2, b')');
        }
        if rest.starts_with("<<") && !rest.starts_with("<<<") {
            return self.document();
        }
        self.take_while(OPERATOR, |byte| b"<>&|".contains(&byte));
        self.take_while(OPERATOR, |byte| byte.is_ascii_digit() || byte == b'-');
        self.take_while(None, |byte| byte == b' ' || byte == b'\t');
        if self.peek().is_some_and(|byte| !b"\r\n;&|<>()#`".contains(&byte)) {
            self.pieces(None, Some(b'`'));
        }
    }

    /// `<<EOF`; its text begins on the next line.
    fn document(&mut self) {
        self.take(2, OPERATOR);
        let tabs = self.peek() == Some(b'-');
        self.take_while(OPERATOR, |byte| byte == b'-');
        self.take_while(None, |byte| byte == b' ' || byte == b'\t');
        let bytes = self.rest().find(|c: char| c.is_whitespace() || ";&|<>()`".contains(c)).unwrap_or(self.rest().len());
        let word = &self.rest()[..bytes];
        let end = word.trim_matches(['"', '\'']).trim_start_matches('\\');
        if !end.is_empty() {
            self.documents.push(Document { end, tabs, expands: end.len() == word.len() });
        }
        self.take(bytes, NAME);
    }

    /// The texts of the here-documents that begin here, at the start of a line. Code that ends before they do is theirs.
    fn read_documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            while self.at < self.code.len() {
                let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
                let trimmed = line.trim_end_matches(['\n', '\r']);
                // A block that is indented on its slide has the end indented as well.
                if trimmed == document.end || document.tabs && trimmed.trim_start() == document.end {
                    self.take(trimmed.len(), NAME);
                    self.take(line.len() - trimmed.len(), None);
                    break;
                }
                if !document.expands {
                    self.take(line.len(), STRING);
                    continue;
                }
                let end = self.at + line.len();
                while let Some(byte) = self.peek()
                    && self.at < end
                {
                    match byte {
                        b'$' if self.rest().as_bytes().get(1) != Some(&b'(') => self.dollar(STRING),
                        b'$' => self.take(1, STRING),
                        _ => {
                            let bytes = self.code[self.at..end].find('$').unwrap_or(end - self.at);
                            self.take(bytes, STRING);
                        }
                    }
                }
            }
        }
    }
}

/// The text up to what ends a word or begins another piece of it.
fn literal(text: &str) -> &str {
    &text[..text.find([' ', '\t', '\r', '\n', ';', '&', '|', '<', '>', '(', ')', '\'', '"', '`', '$', '\\']).unwrap_or(text.len())]
}

/// The bytes of the name in `name=` and `name+=`.
fn assigned(literal: &str) -> Option<usize> {
    let name = literal[..literal.find('=')?].trim_end_matches('+');
    let known = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    (known && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(name.len())
}

/// What comes after a word that is a keyword where a command could stand.
fn after_keyword(word: &str) -> Option<Word> {
    Some(match word {
        "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "time" | "!" | "{" | "fi" | "done" | "esac" | "}" => Word::Command,
        "for" | "case" | "select" => Word::BeforeIn,
        "function" => Word::Name,
        "export" | "local" | "declare" | "readonly" | "typeset" => Word::Declared,
        "[" | "[[" | "return" | "break" | "continue" | "exit" => Word::Argument,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{spans_of, stripped};
    use super::*;

    fn mark_up(code: &str) -> String {
        Output::of(code, write)
    }

    fn spans(code: &str) -> String {
        spans_of(&mark_up(code))
    }

    #[test]
    fn commands_options_and_words() {
        assert_eq!(spans("docker run -it --name=web nginx # now"), "f:docker a:-it --name c:# now");
        assert_eq!(spans("A=1 B+=x make | tee log && rm -f a"), "v:A o:= v:B o:+= f:make o:| f:tee o:&& f:rm a:-f");
        assert_eq!(spans("export PATH=/a:$PATH X"), "k:export v:PATH o:= v:$PATH X");
        assert_eq!(spans("docker \\\n  run \\\n  busybox"), "f:docker o:\\ o:\\");
        assert_eq!(spans("echo a#b '#c'"), "f:echo s:'#c'");
        assert_eq!(spans("while true; do sleep 1; done"), "k:while f:true o:; k:do f:sleep o:; k:done");
        assert_eq!(spans("for x in 1 2\ndo echo $x; done"), "k:for v:x k:in k:do f:echo v:$x o:; k:done");
        assert_eq!(spans("greet() { echo hi; }"), "f:greet k:{ f:echo o:; k:}");
        assert_eq!(spans("files=(a \"b\")"), "v:files o:=( s:\"b\" o:)");
    }

    #[test]
    fn strings_and_what_is_put_into_them() {
        assert_eq!(spans("echo \"<$USER> and $(date -u)\" '$x'"), "f:echo s:\"< v:$USER s:> and o:$( f:date a:-u o:) s:\" '$x'");
        assert_eq!(spans("X=`date` ${Y:-\"a}\"}"), "v:X o:=` f:date o:` v:${Y:-\"a} s:\"}");
        assert_eq!(spans("echo $((1 + n)) \\$5"), "f:echo o:$(( n:1 v:n o:)) e:\\$");
        assert_eq!(spans("echo $'a\\'b' c"), "f:echo s:$'a\\'b'");
    }

    #[test]
    fn redirections_and_documents() {
        assert_eq!(spans("make >log 2>&1 </dev/null"), "f:make o:> o:2>&1 <");
        assert_eq!(spans("cat <<EOF >f\nto $USER\nEOF\nls"), "f:cat o:<< t:EOF o:> s:to v:$USER t:EOF f:ls");
        assert_eq!(spans("cat <<-'E'\n\tto $USER\n\tE\nls"), "f:cat o:<<- t:'E' s:to $USER t:E f:ls");
        assert_eq!(spans("diff <(ls a) <(ls b)"), "f:diff o:<( f:ls o:) <( f:ls o:)");
    }

    #[test]
    fn what_never_ends_ends_with_the_code() {
        for code in ["'", "\"", "`", "$(", "${", "$((", "a=(", "<<", "<<E", "<<E\n", "\\", "a\\\n", ")", "`)`", "(((", "\"$(`\"", "$'\\"] {
            assert_eq!(stripped(&mark_up(code)), crate::deck::escape::escaped(code), "{code}");
        }
        let deep = "$(".repeat(100_000);
        assert_eq!(stripped(&mark_up(&deep)), deep);
    }
}
