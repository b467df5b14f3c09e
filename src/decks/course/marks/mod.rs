//! Marks that Slidev, knitr, Pandoc and Quarto have in their slides, said in remark's way: columns, divs, attributes, chunks.
//!
//! Runs after `habits`, on decks that are known to be such a program's. Braces and colons that mean nothing there stay as they are.

mod attributes;
pub mod fence;
pub mod lines;
pub mod signs;

use std::ops::Range;

use super::habits::Habit;
use crate::diag::SourceText;
use attributes::Attributes;
use lines::Lines;

/// Attributes longer than this are none, in bytes.
const LONGEST: usize = 1 << 10;

/// The deck in remark's way. Headings down to `level` begin a slide, where there is one.
pub fn translate(source: &SourceText, habit: Habit, level: Option<usize>) -> Option<SourceText> {
    if habit == Habit::Other {
        return None;
    }
    let text = source.text();
    let mut marks = Marks { text, lines: Lines::of(text), level, edits: Vec::new(), hidden: Vec::new() };
    marks.wrappers();
    marks.fences(matches!(habit, Habit::Knit | Habit::Pandoc));
    if habit != Habit::Marp || level.is_some() {
        marks.slides(habit);
    }
    let edits = marks.done();
    (!edits.is_empty()).then(|| source.edited(&edits))
}

/// What comes first of several texts that are put in one place: the end of a slide, the head of the next, all else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    End,
    Head,
    Body,
}

/// Slidev's `::name::`, which says what part of the layout comes next.
pub(super) fn slot(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_prefix("::")?.strip_suffix("::")?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).then_some(name)
}

/// The attributes of a line that opens or, with none, closes a div: `::: {.a}`, `::: a`, `:::`.
pub(super) fn div(line: &str) -> Option<Attributes<'_>> {
    let rest = line.trim();
    let inner = rest.trim_start_matches(':');
    if rest.len() - inner.len() < 3 {
        return None;
    }
    let inner = inner.trim_end_matches(':').trim();
    if inner.is_empty() {
        return Some(Attributes::default());
    }
    if inner.starts_with('{') {
        return attributes::read(inner).filter(|(_, length)| *length == inner.len()).map(|(found, _)| found);
    }
    let word = inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    word.then(|| Attributes { classes: vec![inner], ..Attributes::default() })
}

/// The level of a heading.
pub(super) fn heading(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|b| *b == b'#').count();
    ((1..=6).contains(&level) && line[level..].starts_with([' ', '\t'])).then_some(level)
}

/// The attributes that end a line, and where what stands before them ends.
pub(super) fn trailing(line: &str) -> Option<(usize, Attributes<'_>)> {
    let line = line.trim_end();
    let open = line.rfind('{').filter(|_| line.ends_with('}'))?;
    let (found, length) = attributes::read(&line[open..])?;
    (open + length == line.len()).then(|| (line[..open].trim_end().len(), found))
}

struct Marks<'t> {
    text: &'t str,
    lines: Lines,
    level: Option<usize>,
    edits: Vec<(Range<usize>, Order, String)>,
    /// Stretches that are taken out as a whole; nothing in them is changed.
    hidden: Vec<Range<usize>>,
}

impl<'t> Marks<'t> {
    fn line(&self, index: usize) -> &'t str {
        let line = self.lines[index];
        &self.text[line.start..line.end]
    }

    fn put(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, Order::Body, text.into()));
    }

    /// Takes lines out as a whole.
    fn hide(&mut self, range: Range<usize>) {
        self.put(range.clone(), "");
        self.hidden.push(range);
    }

    /// All changes in order, those left out that are inside of what is taken out.
    fn done(mut self) -> Vec<(Range<usize>, String)> {
        self.edits.sort_by_key(|(range, order, _)| (range.start, *order, std::cmp::Reverse(range.end)));
        self.hidden.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let mut hidden = self.hidden.into_iter().peekable();
        let mut until = 0;
        let mut edits = Vec::with_capacity(self.edits.len());
        for (range, _, text) in self.edits {
            if range.start < until {
                continue;
            }
            while hidden.next_if(|next| next.start < range.start).is_some() {}
            if hidden.peek() == Some(&range) {
                until = range.end;
            }
            edits.push((range, text));
        }
        edits
    }

    /// Takes out lines that only wrap blocks of code.
    fn wrappers(&mut self) {
        for index in self.lines.wrappers.clone() {
            let line = self.lines[index];
            self.put(line.start..line.end, "");
        }
    }

    /// Says what stands behind the marks of fences; `chunks`: with the options and marks that knitr and Quarto have in the code.
    fn fences(&mut self, chunks: bool) {
        for fence in std::mem::take(&mut self.lines.fences) {
            let info = fence.info(self.text);
            let mut plain = fence::plain(info);
            if chunks {
                let options = fence::chunk(info).map(|(_, options)| options.replace(' ', ""));
                let body = fence.lines.start + 1..fence.lines.end - 1;
                let settings = body.clone().take_while(|i| options.is_some() && is_setting(self.line(*i))).count();
                let silent = |line: &str| line.replace(' ', "").contains("|include:false");
                if options.is_some_and(|options| options.contains("include=F"))
                    || (body.start..body.start + settings).any(|i| silent(self.line(i)))
                {
                    self.hide(self.lines[fence.lines.start].start..self.lines[fence.lines.end - 1].next);
                    continue;
                }
                if settings > 0 {
                    self.put(self.lines[body.start].start..self.lines[body.start + settings - 1].next, "");
                }
                let mut marked = Vec::new();
                for (number, index) in (body.start + settings..body.end).enumerate() {
                    if let Some(code) = self.line(index).trim_end().strip_suffix("#<<") {
                        let line = self.lines[index];
                        self.put(line.start + code.trim_end().len()..line.end, "");
                        marked.push((number + 1).to_string());
                    }
                }
                if !marked.is_empty() {
                    plain = format!("{}{{{}}}", plain.split('{').next().unwrap_or_default(), marked.join(","));
                }
            }
            if plain != info {
                self.put(fence.info, plain);
            }
        }
    }

    /// Goes through the slides, and cuts them at headings.
    fn slides(&mut self, habit: Habit) {
        let mut from = 0;
        let mut notes = false;
        let mut depth = 0usize;
        let mut blank = true;
        let mut cut = false;
        for index in 0..=self.lines.len() {
            let line = (index < self.lines.len()).then(|| self.line(index));
            let code = index < self.lines.len() && self.lines[index].code;
            let mark = if code { Some("") } else { line.map(str::trim_end) };
            let separator = matches!(mark, None | Some("---" | "--" | "???"));
            let opens =
                depth == 0 && !code && !notes && line.and_then(heading).is_some_and(|own| self.level.is_some_and(|level| own <= level));
            if separator || opens && !blank {
                if !notes {
                    self.slide(from..index, habit, cut);
                }
                notes = mark == Some("???");
                from = index + usize::from(separator);
                cut = !separator;
                (depth, blank) = (0, true);
            }
            if let Some(line) = line.filter(|_| !separator && !code && habit != Habit::Slidev)
                && let Some(found) = div(line)
            {
                depth = if found == Attributes::default() { depth.saturating_sub(1) } else { depth + 1 };
            }
            blank &= separator || line.is_none_or(|line| line.trim().is_empty());
        }
    }

    /// One slide without its separators and notes; `cut`: it begins with a heading, and no separator stands before it.
    fn slide(&mut self, lines: Range<usize>, habit: Habit, cut: bool) {
        let start = lines.start.min(self.lines.len());
        let place = if start < self.lines.len() { self.lines[start].start } else { self.text.len() };
        let mut head = String::new();
        let mut notes: Vec<&str> = Vec::new();
        if habit == Habit::Slidev {
            self.slots(lines.clone());
        }
        let mut open: Vec<(usize, Attributes<'t>)> = Vec::new();
        let mut headings = 0;
        for index in lines.clone() {
            // Marp's decks may be cut, and have no such marks.
            if self.lines[index].code || habit == Habit::Marp {
                continue;
            }
            let line = self.line(index);
            let whole = self.lines[index];
            if habit == Habit::Slidev
                && let Some(stages) = line.strip_prefix("$$").map(str::trim).filter(|rest| rest.starts_with('{') && rest.ends_with('}'))
                && stages.len() < LONGEST
            {
                // The lines of a formula that are shown one after the other.
                self.put(whole.start + 2..whole.end, "");
            } else if habit != Habit::Slidev && open.is_empty() && line.trim() == ". . ." {
                self.put(whole.start..whole.end, "--");
            } else if let Some(found) = div(line) {
                if found != Attributes::default() {
                    open.push((index, found));
                } else if let Some((from, found)) = open.pop() {
                    self.close(from, index, &found, &mut notes);
                }
            } else if heading(line).is_some() {
                headings += 1;
                if let Some((end, found)) = trailing(line) {
                    self.put(whole.start + end..whole.end, "");
                    if headings == 1 && open.is_empty() {
                        head = properties(&found);
                    }
                }
            } else {
                self.spans(index);
            }
        }
        for (index, _) in open {
            let line = self.lines[index];
            self.put(line.start..line.end, "");
        }
        if cut || !head.is_empty() {
            let before = if cut { "\n---\n" } else { "" };
            let after = if head.is_empty() { "" } else { "\n" };
            self.edits.push((place..place, Order::Head, format!("{before}{head}{after}")));
        }
        if !notes.is_empty() {
            let end = if lines.end < self.lines.len() { self.lines[lines.end].start } else { self.text.len() };
            self.edits.push((end..end, Order::End, format!("\n???\n{}\n\n", notes.join("\n\n"))));
        }
    }

    /// A div that ends: notes, a content class, or nothing but its text.
    fn close(&mut self, open: usize, close: usize, found: &Attributes<'t>, notes: &mut Vec<&'t str>) {
        let (open, close) = (self.lines[open], self.lines[close]);
        let body = &self.text[open.next..close.start];
        if found.classes.contains(&"notes") {
            notes.push(body.trim());
            return self.hide(open.start..close.next);
        }
        let shown: Vec<&str> = found.classes.iter().copied().filter(|class| !matches!(*class, "incremental" | "nonincremental")).collect();
        let class = attributes::content_class(&shown);
        if class.is_empty() || !attributes::is_balanced(body) {
            self.put(open.start..open.end, "");
            self.put(close.start..close.end, "");
        } else {
            self.put(open.start..open.end, format!("\n{class}[\n"));
            self.put(close.start..close.end, "\n]\n");
        }
    }

    /// Attributes behind brackets, parentheses and code: `[text]{.class}` is a content class, the others have none.
    fn spans(&mut self, index: usize) {
        let line = self.line(index);
        let start = self.lines[index].start;
        let bytes = line.as_bytes();
        let mut code = false;
        let mut brackets = Vec::new();
        let mut pair = 0;
        for (at, byte) in line.bytes().enumerate() {
            code ^= byte == b'`';
            match byte {
                b'[' => brackets.push(at),
                b']' => pair = brackets.pop().unwrap_or(at),
                _ => {}
            }
            if code || byte != b'{' || at == 0 || !matches!(bytes[at - 1], b']' | b')' | b'`') {
                continue;
            }
            let close = bytes[at..bytes.len().min(at + LONGEST)].iter().position(|byte| *byte == b'}');
            let Some((found, length)) = close.and_then(|close| attributes::read(&line[at..=at + close])) else { continue };
            self.put(start + at..start + at + length, "");
            if bytes[at - 1] != b']' || pair == at - 1 {
                continue;
            }
            let class = attributes::content_class(&found.classes);
            if class.is_empty() {
                self.put(start + pair..start + pair + 1, "");
                self.put(start + at - 1..start + at, "");
            } else {
                self.put(start + pair..start + pair, class);
            }
        }
    }

    /// Slidev's slots: what is left and right becomes columns, all else follows.
    fn slots(&mut self, lines: Range<usize>) {
        let found: Vec<(usize, &str)> =
            lines.clone().filter(|i| !self.lines[*i].code).filter_map(|i| slot(self.line(i)).map(|name| (i, name))).collect();
        if found.is_empty() {
            return;
        }
        let left = found.iter().any(|(_, name)| *name == "left");
        let is_column = |name: &str| name == "right" || name == "left" || name == "default" && !left;
        let columns = found.iter().any(|(_, name)| is_column(name) && *name != "default");
        // What stands before the first mark is the part by the name of `default`; its properties are the slide's.
        let body = lines.clone().find(|i| !is_property(self.line(*i))).unwrap_or(lines.end);
        let end_of = |index: usize| if index < self.lines.len() { self.lines[index].start } else { self.text.len() };
        let place = end_of(body);
        let implied = body < found[0].0 && (body..found[0].0).any(|i| !self.line(i).trim().is_empty());
        // Each part: where its mark stands, and its name.
        let mut parts: Vec<(Range<usize>, &str)> = if implied { vec![(place..place, "default")] } else { Vec::new() };
        parts.extend(found.iter().map(|(index, name)| (self.lines[*index].start..self.lines[*index].end, *name)));
        let end = end_of(lines.end);
        let stops = parts.iter().skip(1).map(|(range, _)| range.start).chain([end]);
        let whole = columns && parts.iter().zip(stops).all(|((range, _), stop)| attributes::is_balanced(&self.text[range.end..stop]));
        let mut inside = false;
        for (range, name) in parts {
            let column = whole && is_column(name);
            let text = match (inside, column) {
                (false, false) => "",
                (false, true) => "\n.columns[\n.column[\n\n",
                (true, true) => "\n]\n.column[\n\n",
                (true, false) => "\n]\n]\n\n",
            };
            inside = column;
            self.put(range, text);
        }
        if inside {
            self.edits.push((end..end, Order::End, "\n]\n]\n".into()));
        }
    }
}

/// Quarto's options in the code of a chunk: `#| echo: false`.
fn is_setting(line: &str) -> bool {
    ["#|", "//|", "%%|", "--|"].iter().any(|mark| line.trim_start().starts_with(mark))
}

/// A blank line, or a property that `habits` has put there.
fn is_property(line: &str) -> bool {
    line.trim().is_empty()
        || line
            .split_once(": ")
            .is_some_and(|(name, _)| matches!(name, "class" | "name" | "exclude" | "background-image" | "background-size"))
}

/// What a heading's attributes say about its slide.
fn properties(found: &Attributes<'_>) -> String {
    let mut out = String::new();
    let mut put = |name: &str, value: &str| {
        if !value.contains(['\n', '$']) && !value.is_empty() {
            out.push_str(&format!("{name}: {value}\n"));
        }
    };
    put("name", found.id.unwrap_or_default());
    let classes: Vec<&str> = found.classes.iter().copied().filter(|class| !matches!(*class, "unnumbered" | "unlisted")).collect();
    put("class", &classes.join(", "));
    for (name, value) in &found.pairs {
        match name.strip_prefix("data-").unwrap_or(name) {
            "background-image" => put("background-image", &format!("url({value})")),
            "background-size" => put("background-size", value),
            "background-color" => put("background-color", value),
            "visibility" if *value == "hidden" => put("exclude", "true"),
            _ => {}
        }
    }
    out
}
