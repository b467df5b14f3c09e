//! Which slide of a translation stands for which of the original. What does not depend on the language tells: names, code, pictures,
//! how many points and headings there are. Compares; says nothing about it.

use std::path::Path;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Slide, SlideDeck, is_language};
use crate::diag::SourceText;

/// A slide of the original and the one that stands for it, by their indexes; one of them may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub original: Option<usize>,
    pub translated: Option<usize>,
    /// In what they differ, if they do.
    pub difference: Option<&'static str>,
}

/// Pairs the slides of two decks, in the order of the translation.
pub fn of(original: &SlideDeck, original_source: &SourceText, translated: &SlideDeck, translated_source: &SourceText) -> Vec<Pair> {
    let shapes = |deck: &SlideDeck, source: &SourceText| -> Vec<Shape> { deck.slides.iter().map(|slide| shape(slide, source)).collect() };
    let (old, new) = (shapes(original, original_source), shapes(translated, translated_source));
    let mut pairs = Vec::with_capacity(new.len());
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (_, old_range, new_range) = op.as_tag_tuple();
        let same = matches!(op, DiffOp::Equal { .. });
        for i in 0..old_range.len().max(new_range.len()) {
            let (original, translated) = (old_range.clone().nth(i), new_range.clone().nth(i));
            let difference = original.zip(translated).filter(|_| !same).map(|(a, b)| difference(&old[a], &new[b]));
            pairs.push(Pair { original, translated, difference });
        }
    }
    pairs
}

/// The text of a slide without the lines before it, and where it starts in its source.
pub fn own_text<'s>(slide: &Slide, source: &'s SourceText) -> (&'s str, usize) {
    let own = source.text().get(slide.range.clone()).unwrap_or_default();
    let text = own.trim_start();
    (text, slide.range.start + own.len() - text.len())
}

/// What a slide has in any language.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Shape {
    name: Option<String>,
    continued: bool,
    code: Vec<String>,
    pictures: Vec<String>,
    points: usize,
    headings: usize,
}

fn difference(old: &Shape, new: &Shape) -> &'static str {
    match () {
        _ if old.name != new.name => "this slide has another name",
        _ if old.code != new.code => "this slide has other code",
        _ if old.pictures != new.pictures => "this slide has other pictures",
        _ if old.headings != new.headings => "this slide has more or fewer headings",
        _ if old.points != new.points => "this slide has more or fewer points",
        _ => "this slide stands elsewhere",
    }
}

fn shape(slide: &Slide, source: &SourceText) -> Shape {
    let own = source.text().get(slide.range.clone()).unwrap_or_default();
    let mut shape =
        Shape { name: slide.name.clone(), continued: slide.continued, code: Vec::new(), pictures: Vec::new(), points: 0, headings: 0 };
    let mut fence: Option<&str> = None;
    for line in own.lines() {
        let bare = line.trim();
        // Notes are the speaker's own.
        if matches!(bare, "???" | "!NOTE")
            || ["note:", "notes:"].iter().any(|w| bare.get(..w.len()).is_some_and(|b| b.eq_ignore_ascii_case(w)))
        {
            break;
        }
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark)) {
            fence = if fence == Some(mark) { None } else { fence.or(Some(mark)) };
        } else if fence.is_some() {
            // Comments are translated too.
            let code = bare.split(" #").next().unwrap_or_default().split(" //").next().unwrap_or_default().trim_end();
            if !code.is_empty() && !code.starts_with('#') && !code.starts_with("//") {
                shape.code.push(code.to_owned());
            }
        } else {
            let point = bare.starts_with(['-', '*', '+']) && bare[1..].starts_with(' ');
            shape.points += usize::from(point || bare.split_once(". ").is_some_and(|(n, _)| n.len() < 4 && n.parse::<u32>().is_ok()));
            shape.headings += usize::from(bare.starts_with('#') && bare.trim_start_matches('#').starts_with(' '));
            let mut rest = bare;
            while let Some((_, after)) = rest.split_once("](") {
                let picture = rest[..rest.len() - after.len() - 2].contains("![");
                let end = after.find([')', ' ']).unwrap_or(after.len());
                if picture {
                    shape.pictures.push(language_free(&after[..end]));
                }
                rest = &after[end..];
            }
        }
    }
    shape
}

/// `img/a.fr.svg` is the same picture as `img/a.svg`.
fn language_free(address: &str) -> String {
    let path = Path::new(address);
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    match (stem.rsplit_once('.'), path.extension().and_then(|e| e.to_str())) {
        (Some((name, suffix)), Some(extension)) if is_language(suffix) => {
            path.with_file_name(format!("{name}.{extension}")).display().to_string()
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slides::Options;

    fn pairs(original: &str, translated: &str) -> Vec<(Option<usize>, Option<usize>)> {
        let (old, new) = (SourceText::from_str("a.md", original), SourceText::from_str("a.fr.md", translated));
        let read = |source| crate::slides::parse(source, &Options::default());
        of(&read(&old), &old, &read(&new), &new).into_iter().map(|pair| (pair.original, pair.translated)).collect()
    }

    #[test]
    fn slides_find_their_translation() {
        let original = "# One\n\n---\nname: two\n# Two\n\n- a\n\n---\n# Three\n\n```\n$ ls\n```\n";
        let both = |n| (Some(n), Some(n));
        assert_eq!(pairs(original, &original.replace("One", "Un")), [both(0), both(1), both(2)]);
        // The middle one is not translated yet.
        assert_eq!(pairs(original, "# Un\n\n---\n# Trois\n\n```\n$ ls\n```\n"), [(Some(0), Some(0)), (Some(1), None), (Some(2), Some(1))]);
        assert_eq!(pairs(original, &original.replace("- a", "- a\n- b")), [both(0), both(1), both(2)]);
    }
}
