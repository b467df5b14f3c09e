//! Which rules are wanted: `# check=skip=A,B;experimental=C;error=true` at the head of a Dockerfile, and `# check=skip=A` in front of
//! one instruction.

use std::collections::BTreeSet;

/// Rules that are only looked at where they are asked for.
const EXPERIMENTAL: [&str; 2] = ["CopyIgnoredFile", "InvalidDefinitionDescription"];

/// The rules by their names.
#[derive(Debug, Default)]
pub struct Options {
    skipped: Names,
    experimental: Names,
    /// Whether a Dockerfile with warnings shall not be built.
    pub error: bool,
}

#[derive(Debug, Default)]
struct Names {
    all: bool,
    named: BTreeSet<String>,
}

impl Names {
    fn of(text: &str) -> Names {
        let all = text.trim() == "all";
        Names { all, named: if all { BTreeSet::new() } else { text.split(',').map(|name| name.trim().to_owned()).collect() } }
    }

    fn has(&self, rule: &str) -> bool {
        self.all || self.named.contains(rule)
    }
}

impl Options {
    pub fn parse(text: &str) -> Result<Options, String> {
        let mut options = Options::default();
        let wrong = |part: &str| format!("failed to parse check options: invalid check option {}", crate::units::quote(part));
        for part in text.trim().splitn(3, ';').filter(|_| !text.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong(part))?;
            match name.trim() {
                "skip" => options.skipped = Names::of(value),
                "experimental" => options.experimental = Names::of(value),
                "error" => options.error = crate::units::parse_bool(value.trim()).ok_or_else(|| wrong(part))?,
                other => return Err(wrong(other)),
            }
        }
        Ok(options)
    }

    pub fn wants(&self, rule: &str) -> bool {
        if EXPERIMENTAL.contains(&rule) { self.experimental.has(rule) } else { !self.skipped.has(rule) }
    }
}

/// What `# check=` at the head of a Dockerfile says.
pub fn directive(text: &str) -> &str {
    let comments = text.trim_start_matches('\u{feff}').lines().map_while(|line| line.trim_start().strip_prefix('#'));
    let known = comments.map_while(|comment| comment.split_once('='));
    let mut checks = known.filter(|(name, _)| name.trim().eq_ignore_ascii_case("check"));
    checks.next().map_or("", |(_, value)| value.trim())
}

/// Whether a comment in front of an instruction takes a rule back for it.
pub fn skips_here(comment: &str, rule: &str) -> bool {
    let Some(said) = comment.strip_prefix("check=") else { return false };
    // What stands behind two slashes is the reason.
    let said = said.split(" //").next().unwrap_or_default();
    said.split(';').filter_map(|part| part.trim().strip_prefix("skip=")).any(|names| Names::of(names).has(rule))
}

/// The comments that stand directly above a line, an empty one ends them.
pub fn comments(text: &str, line: usize) -> Vec<&str> {
    let before: Vec<&str> = text.lines().take(line.saturating_sub(1)).collect();
    let above = before.iter().rev().map_while(|line| line.trim_start().strip_prefix('#')).map(str::trim);
    let mut comments: Vec<&str> = above.take_while(|comment| !comment.is_empty()).collect();
    comments.reverse();
    comments
}
