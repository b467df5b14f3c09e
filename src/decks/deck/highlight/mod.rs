//! Code into spans with short classes: highlighting on the server, so that a page needs no script for it.
//!
//! Knows languages and classes, never colours: those stand in the stylesheet, once for light and once for dark.
//!
//! What nearly all blocks of a course about containers are in (shell, Dockerfiles, YAML) is read by lexers, in microseconds. All else
//! is read by grammars of regular expressions, whose compiled forms take tens of milliseconds and megabytes a language, however
//! short the block: so such blocks are put off until all are known, and read language by language.

mod dockerfile;
mod output;
mod shell;
mod yaml;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, OnceLock, PoisonError};

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use output::Output;

/// Blocks above this are shown plain: no one reads them on a slide, and a grammar may take its time over them.
const LONGEST: usize = 64 * 1024;
/// Lines above this stop the highlighting of their block for the same reason (minified JSON, base64).
const LONGEST_LINE: usize = 4096;

/// Highlights code and remembers what it did, by language and code, for as long as it lives (`serve` rebuilds often).
#[derive(Default)]
pub struct Highlighter {
    cache: Mutex<HashMap<u64, Option<String>>>,
    hasher: RandomState,
    /// The grammars with what is compiled of them, for whoever builds again: a block that is being edited needs the same once more.
    kept: Option<OnceLock<SyntaxSet>>,
}

/// Whether a lexer reads a language, and the lexer.
type Lexer = (fn(&str) -> bool, fn(&str, &mut Output));
const LEXERS: [Lexer; 3] = [(shell::is, shell::write), (dockerfile::is, dockerfile::write), (yaml::is, yaml::write)];

/// A block that needs a grammar.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    language: String,
    code: String,
}

/// What a scope says about its text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Nothing: ask the scope around it.
    Inherit,
    /// Plain text, whatever is around it (code embedded in a string).
    Plain,
    Is(&'static str),
}

impl Highlighter {
    /// One that keeps the grammars that it compiled, some megabytes each.
    pub fn remembering() -> Self {
        Highlighter { kept: Some(OnceLock::new()), ..Self::default() }
    }

    /// Gives the HTML of `code`, or `None` if `language` is not known or the code is better left plain. What needs a grammar that it
    /// was not read with before is `None` as well, and goes to `later`, for [`Self::learn`].
    ///
    /// `language` is the first word of a fence's info string, in any case. Taken out, the spans leave the escaped code as it was.
    pub fn highlight(&self, language: &str, code: &str, later: &mut Vec<Block>) -> Option<String> {
        if language.is_empty() || code.len() > LONGEST || is_plain(language) {
            return None;
        }
        let lexer = LEXERS.iter().find(|(is, _)| is(language));
        let write = match lexer {
            Some((_, write)) => write,
            None => {
                let known = lock(&self.cache).get(&self.key(language, code)).cloned();
                return known.unwrap_or_else(|| {
                    later.push(Block { language: language.to_ascii_lowercase(), code: code.to_owned() });
                    None
                });
            }
        };
        Some(Output::of(code, write))
    }

    /// Reads the blocks that were put off, so that [`Self::highlight`] knows them. One language after the other: the expressions of
    /// each are let go before those of the next are compiled, unless they are kept.
    pub fn learn(&self, mut blocks: Vec<Block>) {
        blocks.sort_unstable();
        blocks.dedup();
        for blocks in blocks.chunk_by(|a, b| a.language == b.language) {
            let own;
            let syntaxes = match &self.kept {
                Some(kept) => kept.get_or_init(two_face::syntax::extra_newlines),
                None => {
                    own = two_face::syntax::extra_newlines();
                    &own
                }
            };
            let syntax = blocks.first().and_then(|block| find_syntax(syntaxes, &block.language));
            for block in blocks {
                let html = syntax.and_then(|syntax| mark_up(syntax, syntaxes, &block.code));
                lock(&self.cache).insert(self.key(&block.language, &block.code), html);
            }
        }
    }

    fn key(&self, language: &str, code: &str) -> u64 {
        self.hasher.hash_one((language.to_ascii_lowercase(), code))
    }
}

fn mark_up(syntax: &SyntaxReference, syntaxes: &SyntaxSet, code: &str) -> Option<String> {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut out = Output::for_code(code.len());
    let mut with_newline;
    for line in code.split_inclusive('\n') {
        if line.len() > LONGEST_LINE {
            return None;
        }
        // The grammars want a line end on every line, the last one too.
        let whole = if line.ends_with('\n') {
            line
        } else {
            with_newline = format!("{line}\n");
            &with_newline
        };
        let operations = state.parse_line(whole, syntaxes).ok()?;
        let mut done = 0;
        for (at, operation) in &operations {
            let at = (*at).min(line.len());
            out.push(class_of(&stack), line.get(done..at)?);
            done = at;
            stack.apply(operation).ok()?;
        }
        out.push(class_of(&stack), line.get(done..)?);
    }
    Some(out.finish())
}

/// Languages in which there is nothing to highlight.
fn is_plain(language: &str) -> bool {
    ["text", "txt", "plain", "plaintext", "none", "output", "open", "wait", "keys", "tmux", "key", "hide", "copy"]
        .iter()
        .any(|plain| language.eq_ignore_ascii_case(plain))
}

fn find_syntax<'s>(syntaxes: &'s SyntaxSet, language: &str) -> Option<&'s SyntaxReference> {
    let token = match language {
        "golang" => "go",
        "jsonc" | "json5" => "json",
        "hcl" => "tf",
        other => other,
    };
    syntaxes.find_syntax_by_token(token)
}

thread_local! {
    /// What is known of scopes: there are few, and to spell one out takes a lock that all threads share.
    static KNOWN: RefCell<HashMap<Scope, Class>> = RefCell::default();
}

/// The class of the innermost scope that says something.
fn class_of(stack: &ScopeStack) -> Option<&'static str> {
    KNOWN.with_borrow_mut(|known| {
        for scope in stack.as_slice().iter().rev() {
            match *known.entry(*scope).or_insert_with(|| class_of_scope(&scope.build_string())) {
                Class::Inherit => {}
                Class::Plain => return None,
                Class::Is(name) => return Some(name),
            }
        }
        None
    })
}

/// Prefixes of scopes in the order in which they are asked, the special before the general.
const CLASSES: &[(&str, Class)] = &[
    ("comment", Class::Is("c")),
    ("constant.character.escape", Class::Is("e")),
    ("string", Class::Is("s")),
    ("constant", Class::Is("n")),
    ("keyword.operator", Class::Is("o")),
    ("keyword", Class::Is("k")),
    ("storage", Class::Is("k")),
    ("entity.name.function", Class::Is("f")),
    ("variable.function", Class::Is("f")),
    ("support.function", Class::Is("f")),
    ("entity.other.attribute-name", Class::Is("a")),
    ("entity.name.tag", Class::Is("t")),
    ("entity.name", Class::Is("t")),
    ("support", Class::Is("t")),
    ("variable.language", Class::Is("k")),
    ("variable.parameter.option", Class::Is("a")),
    ("variable", Class::Is("v")),
    ("markup.inserted", Class::Is("i")),
    ("markup.deleted", Class::Is("d")),
    ("markup.heading", Class::Is("k")),
    ("meta.diff", Class::Is("c")),
    ("source", Class::Plain),
    ("meta.interpolation", Class::Plain),
];

fn class_of_scope(scope: &str) -> Class {
    let is = |prefix: &str| scope.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    CLASSES.iter().find(|(prefix, _)| is(prefix)).map_or(Class::Inherit, |&(_, class)| class)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A cache is whole whatever happened to the thread that filled it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text of HTML, still escaped.
    pub fn stripped(html: &str) -> String {
        let mut text = String::new();
        let mut rest = html;
        while let Some(open) = rest.find('<') {
            text.push_str(&rest[..open]);
            rest = &rest[open + rest[open..].find('>').expect("a tag ends") + 1..];
        }
        text + rest
    }

    /// Every span as `class:text`, one after the other; blanks at their ends left out.
    pub fn spans_of(html: &str) -> String {
        let spans = html.split("<span class=h-").skip(1).map(|span| {
            let (class, text) = span[..span.find("</span>").expect("an end")].split_once('>').expect("a class");
            format!("{class}:{}", crate::deck::escape::unescaped(text.trim()))
        });
        spans.collect::<Vec<_>>().join(" ")
    }

    fn highlighted(highlighter: &Highlighter, language: &str, code: &str) -> Option<String> {
        let mut later = Vec::new();
        let html = highlighter.highlight(language, code, &mut later);
        if later.is_empty() {
            return html;
        }
        highlighter.learn(later);
        let mut later = Vec::new();
        let html = highlighter.highlight(language, code, &mut later);
        assert!(later.is_empty(), "what was learnt is known: {language}");
        html
    }

    #[test]
    fn taken_out_the_spans_leave_the_escaped_code() {
        for highlighter in [Highlighter::default(), Highlighter::remembering()] {
            for (language, code) in [
                ("bash", "for i in 1 2; do echo \"<$i> & $(date)\"; done # all"),
                ("Dockerfile", "FROM ubuntu\nRUN apt-get update && \\\n    apt-get install -y figlet\nCMD [\"sh\"]\n"),
                ("yaml", "a: 1\nb:\n  - \"<x>\"\n\n"),
                ("json", "{\"a\": [1, true, null]}"),
                ("Python", "def f(x):\n    '''doc\n    more'''\n    return x < 1\n"),
                ("css", "a > b { color: red }"),
            ] {
                let html = highlighted(&highlighter, language, code).unwrap_or_else(|| panic!("{language} is known"));
                assert!(html.contains("<span class=h-"), "{language}: {html}");
                assert_eq!(stripped(&html), super::super::escape::escaped(code), "{language}");
                for line in html.lines() {
                    let (opened, closed) = (line.matches("<span").count(), line.matches("</span>").count());
                    assert_eq!(opened, closed, "{language}: a span crosses a line: {line}");
                }
            }
        }
    }

    #[test]
    fn classes_tell_the_kinds_apart() {
        let html = highlighted(&Highlighter::default(), "python", "# base\nimport os\n").expect("known");
        assert!(html.starts_with("<span class=h-c># base</span>\n<span class=h-k>import </span>"), "{html}");
    }

    #[test]
    fn unknown_and_plain_languages_stay_plain() {
        let highlighter = Highlighter::default();
        assert_eq!(highlighted(&highlighter, "", "x"), None);
        assert_eq!(highlighted(&highlighter, "text", "x"), None);
        assert_eq!(highlighted(&highlighter, "no-such-language", "x"), None);
        assert_eq!(highlighted(&highlighter, "css", &"1".repeat(LONGEST_LINE + 1)), None);
    }

    proptest! {
        #[test]
        fn whatever_a_lexer_reads_the_text_stays_and_no_span_crosses_a_line(
            shell in "[a-c $(){}'\"`\\\\<>&|;#=\n\té-]{0,60}",
            dockerfile in "(FROM |RUN |COPY <<E |ENV |CMD |ONBUILD |[a1 =:{}\\[\\],'\"\\\\<>&|$#\n\r\té-]|\\\\\n|\nE\n){0,20}",
            yaml in "[a1 :{}\\[\\],'\"\\\\<>&|*!%#=\n\r\té-]{0,60}",
        ) {
            for (write, code) in [(shell::write as fn(&str, &mut Output), shell), (dockerfile::write, dockerfile), (yaml::write, yaml)] {
                let html = Output::of(&code, write);
                prop_assert_eq!(stripped(&html), crate::deck::escape::escaped(&code));
                for line in html.lines() {
                    prop_assert_eq!(line.matches("<span").count(), line.matches("</span>").count());
                }
            }
        }
    }
}
