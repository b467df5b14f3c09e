//! How replies are shown: for people, for programs, for tables.

use super::{super::commands::quoted, connection::Said};

/// How it is to look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    People,
    Raw,
    Csv,
}

/// The reply as it is written, its end of line included.
pub fn shown(said: &Said, look: Look) -> Vec<u8> {
    match look {
        Look::People => people(said, "").into_bytes(),
        Look::Raw => {
            let mut out = vec![];
            raw(said, &mut out);
            out.push(b'\n');
            out
        }
        Look::Csv => (csv(said) + "\n").into_bytes(),
    }
}

fn people(said: &Said, prefix: &str) -> String {
    match said {
        Said::Status(text) => format!("{text}\n"),
        Said::Error(text) => format!("(error) {text}\n"),
        Said::Int(value) => format!("(integer) {value}\n"),
        Said::Double(text) => format!("(double) {text}\n"),
        Said::Bool(value) => format!("({value})\n"),
        Said::Bulk(bytes) => quoted(bytes) + "\n",
        Said::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            if text.ends_with('\n') { text.into_owned() } else { format!("{text}\n") }
        }
        Said::Nil => "(nil)\n".to_owned(),
        Said::Array(all) => list(all, prefix, ')', "array"),
        Said::Push(all) => list(all, prefix, ')', "push"),
        Said::Set(all) => list(all, prefix, '~', "set"),
        Said::Map(all) => map(all, prefix),
    }
}

fn list(all: &[Said], prefix: &str, mark: char, what: &str) -> String {
    if all.is_empty() {
        return format!("(empty {what})\n");
    }
    let width = all.len().to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    let mut out = String::new();
    for (at, one) in all.iter().enumerate() {
        out += &format!("{}{:width$}{mark} {}", if at == 0 { "" } else { prefix }, at + 1, people(one, &inner));
    }
    out
}

fn map(all: &[Said], prefix: &str) -> String {
    if all.is_empty() {
        return "(empty hash)\n".to_owned();
    }
    let width = (all.len() / 2).to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    let mut out = String::new();
    for (at, pair) in all.chunks_exact(2).enumerate() {
        let name = people(&pair[0], &inner);
        let value = people(&pair[1], &inner);
        out += &format!("{}{:width$}# {} => {value}", if at == 0 { "" } else { prefix }, at + 1, name.trim_end_matches('\n'));
    }
    out
}

fn raw(said: &Said, out: &mut Vec<u8>) {
    match said {
        Said::Nil => {}
        Said::Error(text) => out.extend(format!("{text}\n").bytes()),
        Said::Status(text) | Said::Double(text) => out.extend(text.bytes()),
        Said::Int(value) => out.extend(value.to_string().bytes()),
        Said::Bool(value) => out.extend(format!("({value})").bytes()),
        Said::Bulk(bytes) | Said::Text(bytes) => out.extend(bytes),
        Said::Array(all) | Said::Push(all) | Said::Set(all) => {
            for (at, one) in all.iter().enumerate() {
                if at > 0 {
                    out.push(b'\n');
                }
                raw(one, out);
            }
        }
        Said::Map(all) => {
            for (at, pair) in all.chunks_exact(2).enumerate() {
                if at > 0 {
                    out.push(b'\n');
                }
                raw(&pair[0], out);
                out.push(b' ');
                raw(&pair[1], out);
            }
        }
    }
}

fn csv(said: &Said) -> String {
    match said {
        Said::Error(text) => format!("ERROR,{}", quoted(text.as_bytes())),
        Said::Status(text) => quoted(text.as_bytes()),
        Said::Int(value) => value.to_string(),
        Said::Double(text) => text.clone(),
        Said::Bool(value) => value.to_string(),
        Said::Bulk(bytes) | Said::Text(bytes) => quoted(bytes),
        Said::Nil => "NULL".to_owned(),
        Said::Array(all) | Said::Push(all) | Said::Set(all) | Said::Map(all) => all.iter().map(csv).collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_for_people_and_programs() {
        let bulk = |text: &str| Said::Bulk(text.as_bytes().to_vec());
        let said = Said::Array(vec![bulk("a\n"), Said::Array(vec![Said::Int(1), Said::Nil]), Said::Map(vec![bulk("k"), bulk("v")])]);
        assert_eq!(people(&said, ""), "1) \"a\\n\"\n2) 1) (integer) 1\n   2) (nil)\n3) 1# \"k\" => \"v\"\n");
        assert_eq!(shown(&Said::Array(vec![bulk("a"), Said::Nil, Said::Int(3)]), Look::Raw), b"a\n\n3\n");
        assert_eq!(shown(&Said::Array(vec![bulk("a"), Said::Nil]), Look::Csv), b"\"a\",NULL\n");
    }
}
