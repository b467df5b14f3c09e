//! Rewrites expected output in the author's files: only lines that were wrong change, byte for byte; what may differ stays as it was written.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::matching::{Comparison, EntryKind};
use super::plan::{Plan, Step};
use super::run::{ChapterReport, Failure, Verdict};

/// A file that was or was not rewritten.
#[derive(Debug, thiserror::Error)]
pub enum BlessError {
    #[error("failed to write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} changed while its exercises ran; nothing was written to it", path.display())]
    Changed { path: PathBuf },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blessed {
    /// Files and the number of exercises rewritten in each.
    pub files: Vec<(PathBuf, usize)>,
    /// Exercises that failed for a reason that no expected output mends, or whose place in the file is not plain text: file and line.
    pub left: Vec<(PathBuf, usize)>,
}

/// One replacement in a file.
struct Edit {
    span: Range<usize>,
    text: String,
}

/// Rewrites the expected output of every exercise that printed something else.
///
/// # Errors
/// When a file cannot be written or is not what was read. Files written before stay written.
pub fn bless(plan: &Plan, reports: &[ChapterReport]) -> Result<Blessed, BlessError> {
    let mut edits: BTreeMap<PathBuf, Vec<(Vec<Edit>, usize)>> = BTreeMap::new();
    let mut blessed = Blessed::default();
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for report in reports {
        for step_report in &report.steps {
            let Verdict::Failed(failures) = &step_report.verdict else { continue };
            let step = &plan.chapters[report.chapter].steps[step_report.step];
            let path = step.spot.file.clone();
            let place = (path.clone(), step.spot.line);
            let only_output = failures.iter().all(|f| *f == Failure::Output);
            let Some(comparison) = step_report.comparison.as_ref().filter(|_| only_output) else {
                blessed.left.push(place);
                continue;
            };
            let text = match texts.entry(path.clone()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(fs::read_to_string(&path).map_err(|source| BlessError::Write { path: path.clone(), source })?)
                }
            };
            match rewrite(text, step, comparison) {
                Some(edit) => edits.entry(path).or_default().push((edit, 1)),
                None => blessed.left.push(place),
            }
        }
    }
    for (path, changes) in edits {
        let text = &texts[&path];
        let count = changes.iter().map(|(_, n)| n).sum();
        let all: Vec<Edit> = changes.into_iter().flat_map(|(edits, _)| edits).collect();
        let Some(new) = apply(text, all) else { return Err(BlessError::Changed { path }) };
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            return Err(BlessError::Changed { path });
        }
        replace(&path, &new).map_err(|source| BlessError::Write { path: path.clone(), source })?;
        blessed.files.push((path, count));
    }
    Ok(blessed)
}

/// The edits that make a step's expected output what was printed. None when its lines do not stand in the file as they were read.
fn rewrite(text: &str, step: &Step, comparison: &Comparison) -> Option<Vec<Edit>> {
    let stands = |span: &Range<usize>, line: &str| text.get(span.clone()) == Some(line);
    if step.expected.iter().any(|l| !stands(&l.spot.span, &l.text)) {
        return None;
    }
    let anchor = whole_line(text, &step.last_line.span)?;
    let (prefix, ending) = style(text, step, &anchor);
    let mut edits = Vec::new();
    // New lines go below the last line that was kept or replaced.
    let mut below = match step.expected.first() {
        Some(first) => whole_line(text, &first.spot.span)?.start,
        None => anchor.end,
    };
    let line_text = |line: &str| if line.is_empty() { ending.clone() } else { format!("{prefix}{line}{ending}") };
    for entry in &comparison.entries {
        let actual = &comparison.actual[entry.actual.clone()];
        let spans: Vec<Range<usize>> =
            entry.expected.clone().filter_map(|i| step.expected.get(i)).filter_map(|l| whole_line(text, &l.spot.span)).collect();
        match entry.kind {
            EntryKind::Same | EntryKind::Volatile | EntryKind::Elided | EntryKind::Progress => {}
            EntryKind::Missing => edits.extend(spans.iter().map(|span| Edit { span: span.clone(), text: String::new() })),
            EntryKind::Extra => {
                let mut new: String = actual.iter().map(|l| line_text(l)).collect();
                // Below a last line that has no end.
                if below == text.len() && !text.ends_with('\n') {
                    new = format!("{ending}{}", new.strip_suffix(&ending).unwrap_or(&new));
                }
                edits.push(Edit { span: below..below, text: new });
            }
            EntryKind::Wrong | EntryKind::WrongValue(_) | EntryKind::Drift(_) => {
                let expected = step.expected.get(entry.expected.start)?;
                let new = actual.join(&format!("{ending}{prefix}"));
                edits.push(Edit { span: expected.spot.span.clone(), text: new });
                edits.extend(spans.iter().skip(1).map(|span| Edit { span: span.clone(), text: String::new() }));
            }
        }
        if let Some(last) = spans.last() {
            below = last.end;
        }
    }
    Some(edits)
}

/// The whole line around `span`, line end included.
fn whole_line(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |i| i + 1);
    let end = text.get(span.end..)?.find('\n').map_or(text.len(), |i| span.end + i + 1);
    Some(start..end)
}

/// What stands before the lines of the block, and how they end.
fn style(text: &str, step: &Step, anchor: &Range<usize>) -> (String, String) {
    let ending = if text[anchor.clone()].ends_with("\r\n") || !text[anchor.clone()].ends_with('\n') && text.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let model = step.expected.iter().find(|l| !l.text.is_empty()).map(|l| l.spot.span.start);
    let start = match model {
        Some(start) => start,
        // The prompt stands where the output will.
        None => step.last_line.span.start,
    };
    let line = text[..start].rfind('\n').map_or(0, |i| i + 1);
    (text[line..start].to_owned(), ending.to_owned())
}

/// Applies edits that do not overlap.
fn apply(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        if edit.span.start < at {
            return None;
        }
        new.push_str(text.get(at..edit.span.start)?);
        new.push_str(&edit.text);
        at = edit.span.end;
    }
    new.push_str(text.get(at..)?);
    Some(new)
}

/// Writes beside, syncs, renames. A link stays a link, and permissions stay.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|e| e.error)?;
    fs::File::open(folder)?.sync_all()
}
