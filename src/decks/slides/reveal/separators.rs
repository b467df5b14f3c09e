//! Separators of an author's own: regular expressions, as reveal.js takes them (`data-separator`) and reveal-md (`separator:`).

use std::ops::Range;

use regex::Regex;

/// Where slides part, and where notes begin.
#[derive(Clone, Debug)]
pub struct Separators {
    either: Regex,
    /// Tells on a match whether it leads to the right.
    horizontal: Regex,
    notes: Option<Regex>,
}

/// What reveal.js takes where an author gives only the others.
const HORIZONTAL: &str = r"\r?\n---\r?\n";

impl Separators {
    /// From JavaScript's expressions. Fails with the name of the one that cannot be used, and why.
    pub fn new(horizontal: Option<&str>, vertical: Option<&str>, notes: Option<&str>) -> Result<Self, (&'static str, String)> {
        let build = |name: &'static str, flags: &str, pattern: &str| {
            let built = regex::RegexBuilder::new(&format!("{flags}{pattern}")).size_limit(1 << 20).build();
            built.map_err(|e| (name, e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()))
        };
        let horizontal = horizontal.unwrap_or(HORIZONTAL);
        let alone = build("separator", "", horizontal)?;
        if let Some(vertical) = vertical {
            build("verticalSeparator", "(?m)", vertical)?;
        }
        let either = vertical.map_or_else(|| horizontal.to_owned(), |vertical| format!("{horizontal}|{vertical}"));
        let notes = notes.map(|notes| build("notesSeparator", "(?mi)", notes)).transpose()?;
        Ok(Separators { either: build("separator", "(?m)", &either)?, horizontal: alone, notes })
    }

    /// The separators of `text` in order, each with whether it leads to the right.
    pub fn marks<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (Range<usize>, bool)> + 't {
        self.either.find_iter(text).filter(|m| !m.is_empty()).map(|m| (m.range(), self.horizontal.is_match(m.as_str())))
    }

    /// The marks of notes in a slide, where the author has such.
    pub fn notes(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let notes = self.notes.as_ref()?;
        Some(notes.find_iter(text).filter(|m| !m.is_empty()).map(|m| m.range()).take(2).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_part_as_reveal_parts_them() {
        let separators = Separators::new(None, Some(r"\r?\n--\r?\n"), Some("^note:")).expect("patterns");
        let marks: Vec<_> = separators.marks("a\n---\nb\n--\nc\n----\n").collect();
        assert_eq!(marks, [(1..6, true), (7..11, false)]);
        assert_eq!(separators.notes("x\nNOTE: y").map(|notes| notes[0].clone()), Some(2..7));
        let error = Separators::new(Some("("), None, None).expect_err("an open group");
        assert_eq!(error.0, "separator");
    }
}
