//! The `--flags` of an instruction against those that it knows, and what an author may have meant.

use std::collections::BTreeMap;

use super::dockerfile::Node;

/// The flags of one instruction by name.
pub struct Options(BTreeMap<String, Vec<String>>);

/// Flags that may stand several times.
const REPEATED: [&str; 2] = ["mount", "exclude"];

impl Options {
    /// Reads the flags of `node`: those with a value in `valued`, those that are on or off in `switches`.
    pub fn of(node: &Node, valued: &[&str], switches: &[&str]) -> Result<Options, String> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for flag in &node.flags {
            let body = flag.strip_prefix("--").unwrap_or(flag);
            let (name, value) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (body, None),
            };
            let value = if valued.contains(&name) {
                value.ok_or_else(|| format!("missing a value on flag: --{name}"))?
            } else if switches.contains(&name) {
                match value.unwrap_or("true") {
                    value @ ("true" | "false") => value,
                    other => return Err(format!("expecting boolean value for flag {name}, not: {other}")),
                }
            } else {
                let known: Vec<&str> = valued.iter().chain(switches).copied().collect();
                return Err(format!("unknown flag: --{name}{}", suggestion(name, &known)));
            };
            if found.contains_key(name) && !REPEATED.contains(&name) {
                return Err(format!("duplicate flag specified: {name}"));
            }
            found.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Ok(Options(found))
    }

    /// The value of a flag; empty without one.
    pub fn take(&mut self, name: &str) -> String {
        self.0.remove(name).and_then(|mut values| values.pop()).unwrap_or_default()
    }

    /// All values of a flag.
    pub fn take_all(&mut self, name: &str) -> Vec<String> {
        self.0.remove(name).unwrap_or_default()
    }

    /// Whether a switch is on, where the author says so.
    pub fn given(&self, name: &str) -> Option<bool> {
        self.0.get(name).map(|values| values.iter().any(|v| v == "true"))
    }

    /// Whether a switch is on.
    pub fn on(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|values| values.iter().any(|v| v == "true"))
    }
}

/// ` (did you mean X?)` where a known word is near.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

/// The known word that is nearest, where one is near.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|name| (distance(word, name), *name)).filter(|(d, _)| (1..3).contains(d));
    near.min_by_key(|(d, _)| *d).map(|(_, name)| name)
}

/// How many letters must change to get from one word to the other; words that differ much in length are far apart.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().take(64).collect(), to.chars().collect());
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
