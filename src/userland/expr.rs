//! `expr`: evaluates the arithmetic, comparisons and matches that scripts still write with it.

use std::process::ExitCode;

use super::{
    applets::Args,
    posix_regex::{Syntax, translate},
};

/// `expr EXPRESSION`: prints its value; 0 unless the value is empty or zero, 2 when it cannot be read.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let mut parser = Parser { words: &words, at: 0 };
    match parser.or().and_then(|value| if parser.at == words.len() { Ok(value) } else { Err("syntax error".into()) }) {
        Ok(value) => {
            println!("{value}");
            ExitCode::from(u8::from(is_null(&value)))
        }
        Err(message) => {
            eprintln!("expr: {message}");
            ExitCode::from(2)
        }
    }
}

fn is_null(value: &str) -> bool {
    value.is_empty() || value.parse::<i64>() == Ok(0)
}

struct Parser<'a> {
    words: &'a [String],
    at: usize,
}

type Value = Result<String, String>;

impl Parser<'_> {
    fn next_of(&mut self, operators: &[&str]) -> Option<String> {
        let word = self.words.get(self.at).filter(|w| operators.contains(&w.as_str()))?;
        self.at += 1;
        Some(word.clone())
    }

    fn or(&mut self) -> Value {
        let mut left = self.and()?;
        while self.next_of(&["|"]).is_some() {
            let right = self.and()?;
            left = match (is_null(&left), is_null(&right)) {
                (false, _) => left,
                (true, false) => right,
                _ => "0".into(),
            };
        }
        Ok(left)
    }

    fn and(&mut self) -> Value {
        let mut left = self.comparison()?;
        while self.next_of(&["&"]).is_some() {
            let right = self.comparison()?;
            left = if is_null(&left) || is_null(&right) { "0".into() } else { left };
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Value {
        let mut left = self.sum()?;
        while let Some(operator) = self.next_of(&["<", "<=", "=", "==", "!=", ">=", ">"]) {
            let right = self.sum()?;
            let order = match (left.parse::<i64>(), right.parse::<i64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                _ => left.cmp(&right),
            };
            let holds = match operator.as_str() {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">=" => order.is_ge(),
                ">" => order.is_gt(),
                "!=" => order.is_ne(),
                _ => order.is_eq(),
            };
            left = u8::from(holds).to_string();
        }
        Ok(left)
    }

    fn sum(&mut self) -> Value {
        let mut left = self.product()?;
        while let Some(operator) = self.next_of(&["+", "-"]) {
            let right = self.product()?;
            left = arithmetic(&left, &operator, &right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Value {
        let mut left = self.matching()?;
        while let Some(operator) = self.next_of(&["*", "/", "%"]) {
            let right = self.matching()?;
            left = arithmetic(&left, &operator, &right)?;
        }
        Ok(left)
    }

    fn matching(&mut self) -> Value {
        let mut left = self.primary()?;
        while self.next_of(&[":"]).is_some() {
            left = matched(&left, &self.primary()?)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Value {
        let word = self.words.get(self.at).cloned().ok_or("syntax error: missing argument")?;
        self.at += 1;
        match word.as_str() {
            "(" => {
                let value = self.or()?;
                self.next_of(&[")"]).ok_or("syntax error: expecting ')'")?;
                Ok(value)
            }
            "length" if self.at < self.words.len() => Ok(self.primary()?.chars().count().to_string()),
            "match" if self.at < self.words.len() => matched(&self.primary()?, &self.primary()?),
            "substr" if self.at < self.words.len() => {
                let (text, from, length) = (self.primary()?, self.primary()?, self.primary()?);
                let from: usize = from.parse().unwrap_or(0);
                let length = if from == 0 { 0 } else { length.parse().unwrap_or(0) };
                Ok(text.chars().skip(from.saturating_sub(1)).take(length).collect())
            }
            _ => Ok(word),
        }
    }
}

fn arithmetic(left: &str, operator: &str, right: &str) -> Value {
    let number = |text: &str| text.parse::<i64>().map_err(|_| "non-integer argument".to_owned());
    let (a, b) = (number(left)?, number(right)?);
    let value = match operator {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        _ if b == 0 => return Err("division by zero".into()),
        "/" => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    value.map(|v| v.to_string()).ok_or_else(|| "integer result too large".into())
}

/// `TEXT : PATTERN`, anchored at the start: the first group, else the length of what matched.
fn matched(text: &str, pattern: &str) -> Value {
    let regex = fancy_regex::Regex::new(&format!("^(?:{})", translate(pattern, Syntax::Basic))).map_err(|e| e.to_string())?;
    let groups = regex.captures(text).map_err(|e| e.to_string())?;
    Ok(match groups {
        Some(found) if found.len() > 1 => found.get(1).map(|m| m.as_str().to_owned()).unwrap_or_default(),
        Some(found) => found.get(0).map_or(0, |m| m.as_str().chars().count()).to_string(),
        None if regex.captures_len() > 1 => String::new(),
        None => "0".into(),
    })
}
