//! What a check of a Dockerfile has found.

use super::excerpt;
use crate::trace::{Warning, lint};

/// The findings, each with its lines; a check that `failed` is not said to be complete where it found nothing.
pub fn report(warnings: &[Warning], failed: bool) -> String {
    let mut out = match warnings.len() {
        0 if failed => String::new(),
        0 => "Check complete, no warnings found.\n".to_owned(),
        1 => "Check complete, 1 warning has been found!\n".to_owned(),
        n => format!("Check complete, {n} warnings have been found!\n"),
    };
    for warning in warnings {
        let (rule, message) = lint::parts(warning);
        let address = if warning.url.is_empty() { String::new() } else { format!(" - {}", warning.url) };
        out.push_str(&format!("\nWARNING: {rule}{address}\n{message}\n"));
        out.push_str(&warning.source.as_ref().map_or_else(String::new, excerpt));
    }
    out
}
