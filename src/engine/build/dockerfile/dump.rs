//! The tree of a Dockerfile as S-expressions, and strings quoted as Go quotes them.

use std::fmt::Write as _;

use super::{Argument, Node};

/// One instruction without its outer brackets.
pub fn node(node: &Node) -> String {
    let mut out = node.name.to_lowercase();
    if !node.flags.is_empty() {
        let flags: Vec<String> = node.flags.iter().map(|flag| go_quote(flag)).collect();
        let _ = write!(out, " [{}]", flags.join(" "));
    }
    for argument in &node.args {
        match argument {
            Argument::Word(word) => {
                let _ = write!(out, " {}", go_quote(word));
            }
            Argument::Instruction(inner) => {
                let _ = write!(out, " ({})", self::node(inner));
            }
        }
    }
    out
}

/// `text` in double quotes with Go's escapes (its `%q`).
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() || c == '\u{a0}' || c == '\u{feff}' || c == '\u{2028}' || c == '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
