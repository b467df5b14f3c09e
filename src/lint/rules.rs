//! The rules by their names, with their level and what they are about: what `--rules` shows and a manifest can name.

use crate::diag::Severity::{self, Error, Note, Warning};

/// A rule of `dockside lint`.
pub struct Rule {
    pub name: &'static str,
    /// Where the manifest says nothing.
    pub level: Severity,
    pub about: &'static str,
}

const fn rule(name: &'static str, level: Severity, about: &'static str) -> Rule {
    Rule { name, level, about }
}

/// All of them, by name. Some belong to the parsers and the build, which say the same in `build` and `serve`.
pub const RULES: &[Rule] = &[
    rule("almost-separator", Warning, "a line that nearly separates slides or notes, and does not"),
    rule("bad-formula", Warning, "a formula that cannot be read"),
    rule("bad-import", Error, "slides or code of another file that cannot be taken in"),
    rule("bad-manifest", Error, "the manifest says something that it cannot"),
    rule("bad-setting", Warning, "a setting of a deck that means nothing"),
    rule("dead-anchor", Warning, "a link to a slide that is not in the deck"),
    rule("dead-link", Note, "a link to a file that is not there"),
    rule("deck-too-big", Error, "templates or variables that multiply a deck beyond measure"),
    rule("duplicate-name", Warning, "two slides with one name: links reach the first only"),
    rule("empty-course", Error, "a manifest without decks and labs"),
    rule("image-without-alt", Warning, "a picture without words for those who do not see it"),
    rule("invalid-content", Error, "an entry of the manifest that is neither file nor Markdown"),
    rule("literal-marker", Warning, "a !SLIDE or !SUB that is shown as text"),
    rule("marker-in-fence", Warning, "a !SLIDE or !SUB that splits a block of code"),
    rule("mismatched-fence", Warning, "a code block that does not end where it should"),
    rule("missing-file", Error, "a file that the manifest or a deck names and that is not there"),
    rule("missing-image", Warning, "a picture that is not there"),
    rule("missing-translation", Note, "notes that a slide lacks in a language of the deck"),
    rule("no-equivalent", Note, "what another program's decks can say and slides here cannot"),
    rule("no-line-breaks", Warning, "a deck that lost its line breaks"),
    rule("orphaned-increment", Warning, "an increment with no slide before it to add to"),
    rule("overflow", Warning, "a slide taller than the page"),
    rule("remote-image", Warning, "a picture from elsewhere, which the page does not load"),
    rule("repeated-note", Warning, "a slide with two notes, of which one is lost"),
    rule("stale-translation", Warning, "a translation that does not follow its original"),
    rule("swallowed-property", Warning, "a first line that is taken as a property and not shown"),
    rule("unbalanced-bracket", Warning, "a content class without its end, or an end without a start"),
    rule("unknown-key", Warning, "a word in the manifest that means nothing"),
    rule("unknown-macro", Warning, "a macro that nothing defines"),
    rule("unknown-part", Warning, "a part of the plan that no slide begins"),
    rule("unknown-rule", Warning, "a rule that is not there"),
    rule("wrong-parent", Warning, "an increment whose slide is left out: it adds to the one before"),
];

/// The level of a rule where nobody has set it.
pub fn level(name: &str) -> Severity {
    RULES.iter().find(|rule| rule.name == name).map_or(Severity::Warning, |rule| rule.level)
}

/// The names of all rules.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}
