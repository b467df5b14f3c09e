//! The lines of an output against those of a slide: which belong together, which are missing, which are too many.

use std::ops::Range;
use std::rc::Rc;
use std::sync::LazyLock;

use regex::Regex;

use super::bindings::Bindings;
use super::line::{LineMatch, LinePattern, Pair, squeeze};
use super::table::{Header, RowPattern};
use super::token::Class;
use crate::lab::plan::Mode;

/// What became of some expected and actual lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub expected: Range<usize>,
    pub actual: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Word for word.
    Same,
    /// Other values of the same meaning.
    Volatile,
    /// `...` stands for these lines.
    Elided,
    /// Lines about layers that a pull prints; how many there are says nothing.
    Progress,
    /// The same form, but a value cannot be; says why.
    WrongValue(String),
    /// The same words in another form: other blanks, other columns.
    Drift(String),
    /// Another line in its place.
    Wrong,
    Missing,
    Extra,
}

impl EntryKind {
    pub fn is_fine(&self) -> bool {
        matches!(self, EntryKind::Same | EntryKind::Volatile | EntryKind::Elided | EntryKind::Progress)
    }
}

/// The outcome for one output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub entries: Vec<Entry>,
    /// Lines of the output, without trailing blanks.
    pub actual: Vec<String>,
}

impl Comparison {
    pub fn matched(&self) -> bool {
        self.entries.iter().all(|e| e.kind.is_fine())
    }
}

/// Compares an output with the lines of a slide, and binds the values that matched.
pub fn compare(expected: &[&str], output: &str, mode: Mode, bindings: &mut Bindings) -> Comparison {
    let actual: Vec<String> = output.lines().map(|l| l.trim_end().to_owned()).collect();
    let actual = trim_blank(actual);
    let shown = expected.iter().rposition(|l| !l.trim().is_empty()).map_or(0, |last| last + 1);
    let wanted = expected_units(&expected[..shown], mode, bindings);
    let got = actual_units(&actual, mode);
    let path = straight(&wanted, &got, bindings).unwrap_or_else(|| align(&wanted, &got, bindings));
    let entries = judge(path, &wanted, &got, expected, bindings);
    Comparison { entries, actual }
}

fn trim_blank(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// An expected line, or lines that count as one.
enum Wanted {
    Any(usize),
    Progress { lines: Range<usize>, state: Progress },
    Line { line: usize, pattern: LinePattern, header: Option<Header>, row: Option<RowPattern> },
}

impl Wanted {
    fn lines(&self) -> Range<usize> {
        match self {
            Wanted::Any(line) | Wanted::Line { line, .. } => *line..line + 1,
            Wanted::Progress { lines, .. } => lines.clone(),
        }
    }
}

enum Got<'a> {
    Progress { lines: Range<usize>, state: Progress },
    Line { line: usize, text: &'a str, header: Option<Rc<Header>>, is_header: bool },
}

/// What the layer lines of a pull say in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    pulled: bool,
    existed: bool,
}

static LAYER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[0-9a-f]{12}: (Pull complete|Already exists|Pulling fs layer|Waiting|Verifying Checksum|Download complete|Downloading|Extracting)\b")
        .expect("a constant pattern")
});

static ANY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:\.\.\.|…|\. \. \.|\[(?:\.\.\.|…)\]|\((?:\.\.\.|…).*\)|(?:\.\.\.|…) ?\(.*\)(?: ?(?:\.\.\.|…))?|(?:\.\.\.|…).*(?:\.\.\.|…))\s*$")
        .expect("a constant pattern")
});

/// Whether an expected line stands for any lines.
pub fn is_elision(line: &str) -> bool {
    ANY.is_match(line)
}

/// The layer lines from `lines[at]` on, if there are any.
fn progress<S: AsRef<str>>(lines: &[S], at: usize) -> Option<(usize, Progress)> {
    let mut state = Progress::default();
    let mut end = at;
    while let Some(found) = lines.get(end).and_then(|l| LAYER.captures(l.as_ref())) {
        state.pulled |= &found[1] == "Pull complete";
        state.existed |= &found[1] == "Already exists";
        end += 1;
    }
    (end > at).then_some((end, state))
}

fn expected_units(lines: &[&str], mode: Mode, bindings: &Bindings) -> Vec<Wanted> {
    let mut units = Vec::new();
    let mut at = 0;
    let mut table: Option<Header> = None;
    while at < lines.len() {
        let line = lines[at];
        if mode != Mode::Exact && is_elision(line) {
            units.push(Wanted::Any(at));
            at += 1;
            continue;
        }
        if mode == Mode::Meaning {
            if let Some((end, state)) = progress(lines, at) {
                units.push(Wanted::Progress { lines: at..end, state });
                at = end;
                continue;
            }
            if line.trim().is_empty() {
                table = None;
            }
        }
        let header = (mode == Mode::Meaning).then(|| Header::parse(line)).flatten();
        let row = table.as_ref().filter(|_| header.is_none()).and_then(|t| RowPattern::new(t, line, bindings));
        if header.is_some() {
            table.clone_from(&header);
        }
        units.push(Wanted::Line { line: at, pattern: LinePattern::new(line, mode, false, bindings), header, row });
        at += 1;
    }
    units
}

fn actual_units(lines: &[String], mode: Mode) -> Vec<Got<'_>> {
    let mut units = Vec::new();
    let mut at = 0;
    let mut table = None;
    while at < lines.len() {
        if mode == Mode::Meaning
            && let Some((end, state)) = progress(lines, at)
        {
            units.push(Got::Progress { lines: at..end, state });
            at = end;
            continue;
        }
        let header = if mode == Mode::Meaning { Header::parse(&lines[at]) } else { None };
        let is_header = header.is_some();
        if let Some(header) = header {
            table = Some(Rc::new(header));
        } else if lines[at].is_empty() {
            table = None;
        }
        units.push(Got::Line { line: at, text: &lines[at], header: table.clone(), is_header });
        at += 1;
    }
    units
}

/// Compares one unit with one, given what was bound before.
fn compare_units(wanted: &Wanted, got: &Got, bindings: &Bindings) -> LineMatch {
    match (wanted, got) {
        (Wanted::Progress { state: want, .. }, Got::Progress { state: got, .. }) => {
            if (got.pulled || !want.pulled) && (got.existed || !want.existed) {
                LineMatch::Yes { pairs: Vec::new(), volatile: true }
            } else {
                LineMatch::No
            }
        }
        (Wanted::Line { pattern, header, row, .. }, Got::Line { text, header: table, is_header, .. }) => {
            if let Some(header) = header
                && *is_header
            {
                let found = table.as_ref().and_then(|actual| header.columns(actual));
                return if found.is_some() { LineMatch::Yes { pairs: Vec::new(), volatile: false } } else { LineMatch::No };
            }
            if let (Some(row), Some(actual), false) = (row, table, is_header) {
                match row.compare(actual, text, bindings) {
                    LineMatch::No => {}
                    found => return found,
                }
            }
            pattern.compare(text, bindings)
        }
        _ => LineMatch::No,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Pair,
    Missing,
    Extra,
    /// `...` takes one more line.
    Take,
    /// `...` ends.
    Close,
}

const MISSING: u32 = 4;
const EXTRA: u32 = 4;
/// More comparisons than this are not worth a table; the middle of a huge output is left out instead.
const MAX_CELLS: usize = 200_000;

/// The path where everything matches, if there is one: a walk as for file name patterns, which is quick however long the output.
fn straight(wanted: &[Wanted], got: &[Got], bindings: &Bindings) -> Option<Vec<(Move, usize, usize)>> {
    let mut path = Vec::new();
    // Where the last `...` stands, how long the path was there, and the next line that it may take.
    let mut star: Option<(usize, usize, usize)> = None;
    let (mut i, mut j) = (0, 0);
    loop {
        if i < wanted.len() && matches!(wanted[i], Wanted::Any(_)) {
            star = Some((i, path.len(), j));
            i += 1;
        } else if i < wanted.len() && j < got.len() && matches!(compare_units(&wanted[i], &got[j], bindings), LineMatch::Yes { .. }) {
            path.push((Move::Pair, i, j));
            (i, j) = (i + 1, j + 1);
        } else if j < got.len() && matches!(got[j], Got::Progress { .. }) && star.is_none_or(|(at, ..)| at + 1 != i) {
            path.push((Move::Extra, i, j));
            j += 1;
        } else if i == wanted.len() && j == got.len() {
            return Some(closed(path, wanted));
        } else {
            let (at, length, next) = star.as_mut()?;
            if *next >= got.len() {
                return None;
            }
            path.truncate(*length);
            path.push((Move::Take, *at, *next));
            *length += 1;
            *next += 1;
            (i, j) = (*at + 1, *next);
        }
    }
}

/// Adds the step that ends each `...`.
fn closed(path: Vec<(Move, usize, usize)>, wanted: &[Wanted]) -> Vec<(Move, usize, usize)> {
    let mut all = Vec::with_capacity(path.len());
    let mut steps = path.into_iter().peekable();
    let mut j = 0;
    for (i, unit) in wanted.iter().enumerate() {
        while let Some(step) = steps.next_if(|(step, at, _)| *at < i || *at == i && *step != Move::Pair) {
            j = step.2 + 1;
            all.push(step);
        }
        match unit {
            Wanted::Any(_) => all.push((Move::Close, i, j)),
            _ => {
                if let Some(step) = steps.next() {
                    j = step.2 + 1;
                    all.push(step);
                }
            }
        }
    }
    all.extend(steps);
    all
}

/// The cheapest way to pair the units up, first lines first.
fn align(wanted: &[Wanted], all: &[Got], bindings: &Bindings) -> Vec<(Move, usize, usize)> {
    let rows = wanted.len();
    let room = (MAX_CELLS / (rows + 1)).max(40);
    // The first and the last lines of a huge output; what is between them is taken as one.
    let kept: Vec<usize> =
        if all.len() <= room { (0..all.len()).collect() } else { (0..room / 2).chain(all.len() - room / 2..all.len()).collect() };
    let (columns, width) = (kept.len(), kept.len() + 1);
    let mut cost = vec![0u32; (rows + 1) * width];
    let mut moves = vec![Move::Close; (rows + 1) * width];
    // A pull's layer lines may come where the slide has none.
    let extra = |j: usize| if matches!(all[kept[j]], Got::Progress { .. }) { 0 } else { EXTRA };
    for j in (0..columns).rev() {
        cost[rows * width + j] = cost[rows * width + j + 1] + extra(j);
        moves[rows * width + j] = Move::Extra;
    }
    for i in (0..rows).rev() {
        for j in (0..=columns).rev() {
            let here = i * width + j;
            let below = cost[(i + 1) * width + j];
            if let Wanted::Any(_) = wanted[i] {
                let (mut best, mut step) = (below, Move::Close);
                if j < columns && cost[here + 1] < best {
                    (best, step) = (cost[here + 1], Move::Take);
                }
                (cost[here], moves[here]) = (best, step);
                continue;
            }
            let (mut best, mut step) = (below + MISSING, Move::Missing);
            if j < columns {
                let after = cost[here + 1] + extra(j);
                if after < best || after == best && extra(j) == 0 {
                    (best, step) = (after, Move::Extra);
                }
                let next = cost[(i + 1) * width + j + 1];
                if next < best {
                    let price = price(&wanted[i], &all[kept[j]], bindings);
                    if next + price <= best {
                        (best, step) = (next + price, Move::Pair);
                    }
                }
            }
            (cost[here], moves[here]) = (best, step);
        }
    }
    let mut path = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < rows || j < columns {
        let step = moves[i * width + j];
        let at = kept.get(j).copied().unwrap_or(all.len());
        path.push((step, i, at));
        match step {
            Move::Pair => (i, j) = (i + 1, j + 1),
            Move::Missing | Move::Close => i += 1,
            Move::Extra | Move::Take => j += 1,
        }
        if j < columns && !matches!(step, Move::Missing | Move::Close) && kept[j] != at + 1 {
            let any = wanted.get(i).is_some_and(|w| matches!(w, Wanted::Any(_)));
            path.extend((at + 1..kept[j]).map(|between| (if any { Move::Take } else { Move::Extra }, i, between)));
        }
    }
    path
}

/// What it costs to take two units for one another: the less, the more they are alike.
fn price(wanted: &Wanted, got: &Got, bindings: &Bindings) -> u32 {
    match compare_units(wanted, got, bindings) {
        LineMatch::Yes { .. } => 0,
        LineMatch::Value { .. } => 1,
        LineMatch::Blanks => 1,
        LineMatch::No => match (wanted, got) {
            (Wanted::Line { header: Some(_), .. }, Got::Line { is_header: true, .. }) => 1,
            (Wanted::Line { pattern, .. }, Got::Line { text, .. }) if alike(pattern.text(), text) => 2,
            (Wanted::Progress { .. }, Got::Progress { .. }) => 1,
            // Less than a missing one: a line that `...` follows was meant for something.
            (Wanted::Line { .. }, Got::Line { .. }) => 3,
            _ => 99,
        },
    }
}

/// Whether two lines share words enough to be shown as one changed line.
fn alike(a: &str, b: &str) -> bool {
    let words = |s: &str| s.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (words(a), words(b));
    if a.is_empty() || b.is_empty() || a.len() > 200 || b.len() > 200 {
        return false;
    }
    let shared = a.iter().filter(|w| b.contains(w)).count();
    shared * 3 >= a.len().max(b.len())
}

/// Turns a path into entries; binds values on the way, so that a second sight must agree with the first.
fn judge(path: Vec<(Move, usize, usize)>, wanted: &[Wanted], got: &[Got], expected: &[&str], bindings: &mut Bindings) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // Within one output, two ids on the slide are two ids here.
    let mut seen: Vec<(String, String)> = Vec::new();
    let lines = |j: usize| match &got[j] {
        Got::Progress { lines, .. } => lines.clone(),
        Got::Line { line, .. } => *line..line + 1,
    };
    for (step, i, j) in path {
        let at = got.get(j).map_or_else(|| got.len().checked_sub(1).map_or(0, |last| lines(last).end), |_| lines(j).start);
        let entry = match step {
            Move::Pair => {
                let kind = match compare_units(&wanted[i], &got[j], bindings) {
                    LineMatch::Yes { .. } if matches!(wanted[i], Wanted::Progress { .. }) => EntryKind::Progress,
                    LineMatch::Yes { pairs, volatile } => match clash(&pairs, &mut seen) {
                        Some(why) => EntryKind::WrongValue(why),
                        None => {
                            bind(&pairs, bindings);
                            if volatile { EntryKind::Volatile } else { EntryKind::Same }
                        }
                    },
                    LineMatch::Value { why, .. } => EntryKind::WrongValue(why),
                    LineMatch::Blanks => EntryKind::Drift("only blanks differ".into()),
                    LineMatch::No => drift(&wanted[i], &got[j], expected),
                };
                Entry { kind, expected: wanted[i].lines(), actual: lines(j) }
            }
            Move::Missing => Entry { kind: EntryKind::Missing, expected: wanted[i].lines(), actual: at..at },
            Move::Extra => {
                let expected = wanted.get(i).map_or(expected.len(), |w| w.lines().start);
                let kind = if matches!(got[j], Got::Progress { .. }) { EntryKind::Progress } else { EntryKind::Extra };
                Entry { kind, expected: expected..expected, actual: lines(j) }
            }
            Move::Take => {
                if let Some(last) = entries.last_mut().filter(|e| e.kind == EntryKind::Elided && e.expected == wanted[i].lines()) {
                    last.actual.end = lines(j).end;
                    continue;
                }
                Entry { kind: EntryKind::Elided, expected: wanted[i].lines(), actual: lines(j) }
            }
            Move::Close => {
                if entries.last().is_some_and(|e| e.kind == EntryKind::Elided && e.expected == wanted[i].lines()) {
                    continue;
                }
                Entry { kind: EntryKind::Elided, expected: wanted[i].lines(), actual: at..at }
            }
        };
        entries.push(entry);
    }
    entries
}

fn drift(wanted: &Wanted, got: &Got, expected: &[&str]) -> EntryKind {
    match (wanted, got) {
        (Wanted::Line { header: Some(_), .. }, Got::Line { is_header: true, .. }) => EntryKind::Drift("the table has other columns".into()),
        (Wanted::Line { line, .. }, Got::Line { text, .. }) if squeeze(expected[*line]).eq_ignore_ascii_case(&squeeze(text)) => {
            EntryKind::Drift("only capitals differ".into())
        }
        (Wanted::Progress { .. }, Got::Progress { .. }) => EntryKind::WrongValue("the layers did not come as the slide says".into()),
        _ => EntryKind::Wrong,
    }
}

fn clash(pairs: &[Pair], seen: &mut Vec<(String, String)>) -> Option<String> {
    for pair in pairs.iter().filter(|p| matches!(p.class, Class::Id(_) | Class::Digest)) {
        if let Some((other, _)) = seen.iter().find(|(e, a)| *a == pair.actual && *e != pair.expected) {
            return Some(format!("{other} and {} are two ids on the slide, and one here", pair.expected));
        }
        seen.push((pair.expected.clone(), pair.actual.clone()));
    }
    None
}

fn bind(pairs: &[Pair], bindings: &mut Bindings) {
    for pair in pairs {
        bindings.bind(&pair.class, &pair.expected, &pair.actual);
    }
}
