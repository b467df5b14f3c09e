//! `xargs`: builds commands out of its input and runs them.

use std::{
    io::{self, Read},
    process::{Command, ExitCode},
};

use super::applets::Args;

/// `xargs [-0rt] [-n N] [-I TOKEN] [-L N] [COMMAND [ARGUMENT]…]`.
pub fn main(args: Args) -> ExitCode {
    let mut args = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).peekable();
    let (mut zero, mut skip_empty, mut trace, mut most, mut token) = (false, false, false, usize::MAX, None::<String>);
    while let Some(option) = args.next_if(|a| a.starts_with('-') && a.len() > 1) {
        let mut value = |short: &str| option.strip_prefix(short).filter(|v| !v.is_empty()).map(str::to_owned).or_else(|| args.next());
        match &option[..2] {
            "-0" => zero = true,
            "-r" => skip_empty = true,
            "-t" => trace = true,
            "-n" | "-L" | "-P" => {
                let Some(number) = value(&option[..2]).and_then(|v| v.parse().ok()) else {
                    eprintln!("xargs: {option}: a number is needed");
                    return ExitCode::FAILURE;
                };
                if !option.starts_with("-P") {
                    most = number;
                }
            }
            "-I" => {
                token = value("-I");
                most = 1;
            }
            _ => {
                eprintln!("xargs: unknown option {option}");
                return ExitCode::FAILURE;
            }
        }
    }
    let command: Vec<String> = args.collect();
    let command = if command.is_empty() { vec!["echo".to_owned()] } else { command };
    let mut input = vec![];
    if let Err(error) = io::stdin().lock().read_to_end(&mut input) {
        eprintln!("xargs: {error}");
        return ExitCode::FAILURE;
    }
    let text = String::from_utf8_lossy(&input);
    let items = if zero {
        text.split_terminator('\0').map(str::to_owned).collect()
    } else if token.is_some() {
        text.lines().map(|l| l.trim_start().to_owned()).filter(|l| !l.is_empty()).collect()
    } else {
        words(&text)
    };
    if items.is_empty() && (skip_empty || token.is_some()) {
        return ExitCode::SUCCESS;
    }
    let batches: Vec<&[String]> = if items.is_empty() { vec![&[]] } else { items.chunks(most.clamp(1, 4096)).collect() };
    let mut status = 0;
    for batch in batches {
        let line: Vec<String> = match &token {
            Some(token) => command.iter().map(|word| word.replace(token.as_str(), &batch[0])).collect(),
            None => command.iter().cloned().chain(batch.iter().cloned()).collect(),
        };
        if trace {
            eprintln!("{}", line.join(" "));
        }
        match Command::new(&line[0]).args(&line[1..]).status() {
            Ok(done) if done.success() => {}
            Ok(done) if done.code() == Some(255) => return ExitCode::from(124),
            Ok(done) if done.code().is_none() => return ExitCode::from(125),
            Ok(_) => status = 123,
            Err(error) => {
                eprintln!("xargs: {}: {}", line[0], error.to_string().split(" (os").next().unwrap_or_default());
                return ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 });
            }
        }
    }
    ExitCode::from(status)
}

/// Splits at blanks; quotes and backslashes keep them.
fn words(text: &str) -> Vec<String> {
    let mut out = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, _) if c.is_whitespace() => out.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_split_at_blanks_outside_quotes() {
        assert_eq!(super::words("a  'b c'\nd\\ e \"\""), ["a", "b c", "d e", ""]);
    }
}
