//! How each instruction's arguments are taken apart: words, a JSON array, names with values, or the line as it is.

use super::lines::Escape;
use super::{Argument, Node, read_instruction};

/// What Dockerfiles take for blanks between words.
const BLANKS: [char; 5] = ['\t', '\x0b', '\x0c', '\r', ' '];

/// An `ONBUILD` in an `ONBUILD` is refused later; its reading ends here.
const DEPTH_MAX: usize = 8;

/// The first word and the rest.
pub fn split_first(line: &str) -> (&str, &str) {
    line.split_once(BLANKS).unwrap_or((line, ""))
}

/// Fills in the arguments of `node`.
pub fn read(node: &mut Node, rest: &str, escape: Escape, depth: usize) -> Result<(), String> {
    let name = node.name.to_ascii_lowercase();
    let word = |text: &str| Argument::Word(text.to_owned());
    let words = |list: Vec<String>| list.into_iter().map(Argument::Word).collect();
    node.args = match name.as_str() {
        "add" | "copy" | "volume" => match json(rest)? {
            Some(list) => {
                node.json = true;
                words(list)
            }
            None => words(blank_separated(rest)),
        },
        "cmd" | "entrypoint" | "run" | "shell" => shell_or_json(node, rest)?,
        "env" | "label" => pairs(&name.to_uppercase(), rest, escape)?.into_iter().map(Argument::Word).collect(),
        "arg" => words(quoted_words(rest, escape)),
        "expose" | "from" => words(blank_separated(rest)),
        "healthcheck" => {
            let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if kind.is_empty() {
                Vec::new()
            } else {
                let mut args = vec![word(kind)];
                args.extend(shell_or_json(node, command.trim_start())?);
                args
            }
        }
        "maintainer" | "stopsignal" | "user" | "workdir" => {
            if rest.is_empty() {
                Vec::new()
            } else {
                vec![word(rest)]
            }
        }
        "onbuild" => {
            if rest.is_empty() {
                Vec::new()
            } else if depth >= DEPTH_MAX {
                return Err("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned());
            } else {
                vec![Argument::Instruction(Box::new(read_instruction(rest, escape, depth + 1)?))]
            }
        }
        // Unknown: told by whoever gives instructions a meaning.
        _ => vec![word("")],
    };
    Ok(())
}

fn shell_or_json(node: &mut Node, rest: &str) -> Result<Vec<Argument>, String> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    Ok(match json(rest)? {
        Some(list) => {
            node.json = true;
            list.into_iter().map(Argument::Word).collect()
        }
        None => vec![Argument::Word(rest.to_owned())],
    })
}

/// The strings of a JSON array; `None` for what is none, an error for an array of something else.
fn json(text: &str) -> Result<Option<Vec<String>>, String> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else { return Ok(None) };
    let strings: Option<Vec<String>> =
        values.into_iter().map(|v| if let serde_json::Value::String(s) = v { Some(s) } else { None }).collect();
    match strings {
        Some(strings) => Ok(Some(strings)),
        None => Err("when using JSON array syntax, arrays must be comprised of strings only".to_owned()),
    }
}

fn blank_separated(text: &str) -> Vec<String> {
    text.split(BLANKS).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// `name=value …` or the old `name value`, as name, value and what stands between them.
fn pairs(instruction: &str, rest: &str, escape: Escape) -> Result<Vec<String>, String> {
    let words = quoted_words(rest, escape);
    let Some(first) = words.first() else { return Ok(Vec::new()) };
    if !first.contains('=') {
        let (name, value) = rest.split_once(BLANKS).ok_or_else(|| format!("{instruction} must have two arguments"))?;
        return Ok(vec![name.to_owned(), value.trim_start_matches(BLANKS).to_owned(), String::new()]);
    }
    let mut pairs = Vec::new();
    for word in &words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("Syntax error - can't find = in {}. Must be of the form: name=value", crate::units::quote(word)))?;
        pairs.extend([name.to_owned(), value.to_owned(), "=".to_owned()]);
    }
    Ok(pairs)
}

/// Words by blanks outside of quotes; quotes and escapes stay.
fn quoted_words(text: &str, Escape(escape): Escape) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                if quoted || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                quoted = false;
                continue;
            }
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                quoted = true;
            }
            Some(open) if c == open => quote = None,
            _ => {}
        }
        if c == escape && quote != Some('\'') {
            // At the very end it stands for nothing.
            let Some(next) = chars.next() else { break };
            word.push(c);
            word.push(next);
            continue;
        }
        word.push(c);
    }
    if quoted || !word.is_empty() {
        words.push(word);
    }
    words
}
