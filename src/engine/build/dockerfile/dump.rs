//! The tree of a Dockerfile as S-expressions.

use std::fmt::Write as _;

use super::{Argument, Node};
use crate::units::quote;

/// One instruction without its outer brackets.
pub fn node(node: &Node) -> String {
    let mut out = node.name.to_lowercase();
    if !node.flags.is_empty() {
        let flags: Vec<String> = node.flags.iter().map(|flag| quote(flag)).collect();
        let _ = write!(out, " [{}]", flags.join(" "));
    }
    for argument in &node.args {
        match argument {
            Argument::Word(word) => {
                let _ = write!(out, " {}", quote(word));
            }
            Argument::Instruction(inner) => {
                let _ = write!(out, " ({})", self::node(inner));
            }
        }
    }
    out
}
