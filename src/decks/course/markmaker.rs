//! container.training's manifests: parts, tables of contents, title slides with a picture, source notes and `@@…@@`.
//!
//! What its generator adds is added here too, so that its decks come out slide for slide.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::Deck;
use super::place::Places;
use super::stitch::{self, Item};
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};
use crate::yaml::{Mapping, Value};

/// The pictures of title slides, an address a line, in a file beside the manifest.
pub const PICTURES: &str = "interstitials.txt";

const SEPARATOR: &str = "\n---\n";

/// Reads a manifest; `base` is its folder, `language` that of the translations to read where there are any.
pub fn read(manifest: &Arc<SourceFile>, values: &Mapping, base: &Path, language: Option<&str>, diagnostics: &mut Vec<Diagnostic>) -> Deck {
    let text = |key: &str| values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = manifest.path().file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let mut maker = Maker {
        manifest,
        from: stitch::From { base, language },
        values: Values::new(values, manifest),
        diagnostics,
        places: Places::new(manifest),
        text: SourceText::new(),
    };
    let exclude = maker.check(values);
    maker.places.find("content");
    let items = match values.get("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(content) => stitch::items(content),
    };
    if items.is_empty() {
        maker.say(Severity::Error, "empty-course", "the manifest lists no content", "content");
    }
    let titles = maker.gather(&items);
    let contents = Contents::new(titles);
    let source = maker.finish(&contents);
    Deck {
        title: Some(super::manifest::one_line(&text("title"))).filter(|t| !t.is_empty()).unwrap_or_else(|| name.clone()),
        name,
        dialect: Some(crate::slides::Dialect::Remark),
        source,
        exclude,
        base: base.to_owned(),
        number_prefix: text("slidenumberprefix"),
        images: Vec::new(),
        plan: Vec::new(),
        written_in: None,
        translations: Vec::new(),
        original: None,
        settings: Default::default(),
    }
}

/// The titles of a course: a title stands for itself, a list is a part.
enum Title {
    One(String),
    Many(Vec<Title>),
}

/// What `@@…@@` stands for.
struct Values {
    known: HashMap<&'static str, String>,
    gitrepo: String,
}

impl Values {
    fn new(values: &Mapping, manifest: &SourceFile) -> Self {
        let text = |key: &str| match values.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let file = manifest.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let slides = text("slides");
        let or = |value: String, other: String| if value.is_empty() { other } else { value };
        let zip = if slides.ends_with('/') { format!("{slides}slides.zip") } else { format!("{slides}/slides.zip") };
        let known = HashMap::from([
            ("CHAT", text("chat")),
            ("GITREPO", text("gitrepo")),
            ("TITLE", text("title").replace('\n', "<br/>")),
            ("ZIP", or(text("zip"), zip)),
            ("HTML", or(text("html"), format!("{file}.html"))),
            ("SLIDENUMBERPREFIX", text("slidenumberprefix")),
            ("SLIDES", slides),
        ]);
        Values { known, gitrepo: text("gitrepo") }
    }
}

struct Maker<'a> {
    manifest: &'a Arc<SourceFile>,
    from: stitch::From<'a>,
    values: Values,
    diagnostics: &'a mut Vec<Diagnostic>,
    places: Places<'a>,
    /// All entries, joined, with the source notes; nothing expanded yet.
    text: SourceText,
}

/// What a manifest may say.
const KEYS: [&str; 14] = [
    "title",
    "language",
    "chat",
    "gitrepo",
    "slides",
    "zip",
    "html",
    "slidenumberprefix",
    "exclude",
    "content",
    "slidechecker",
    "shelly",
    "event",
    "date",
];

impl Maker<'_> {
    /// Says what the manifest has that means nothing; gives the classes of the slides that are left out.
    fn check(&mut self, values: &Mapping) -> Vec<String> {
        for key in values.keys().filter_map(Value::as_str) {
            if !KEYS.contains(&key) {
                self.say(Severity::Warning, "unknown-key", &format!("nothing here is called {key:?}"), key);
            } else if !matches!(key, "exclude" | "content")
                && !matches!(values.get(key), Some(Value::String(_) | Value::Number(_) | Value::Null))
            {
                self.say(Severity::Error, "bad-manifest", &format!("`{key}` is a text"), key);
            }
        }
        match values.get("exclude") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Sequence(list)) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
            }
            Some(other) => {
                self.say(Severity::Warning, "bad-manifest", "`exclude` is a list of classes", "exclude");
                other.as_str().map(str::to_owned).into_iter().collect()
            }
        }
    }

    /// About the place where `text` stands in the manifest.
    fn say(&mut self, severity: Severity, code: &'static str, message: &str, text: &str) {
        let at = Places::new(self.manifest).find(text);
        self.diagnostics.push(Diagnostic::at(severity, code, message, self.manifest, at, text.len()));
    }

    /// Joins the entries and gives their titles.
    fn gather(&mut self, items: &[Item]) -> Vec<Title> {
        let mut titles = Vec::new();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.generate(SEPARATOR);
            }
            match item {
                Item::Part(items) => {
                    let part = self.gather(items);
                    if !part.is_empty() {
                        titles.push(Title::Many(part));
                    }
                }
                Item::Inline(text) => {
                    let at = self.places.pass(text.trim_start());
                    let mut source = SourceText::new();
                    source.push_generated(text, self.manifest, at);
                    let note = self.note(None);
                    titles.extend(self.add(&source, &note));
                }
                Item::File(name) => {
                    let at = self.places.pass(name);
                    match stitch::open(name, &self.from, at, self.manifest, self.diagnostics) {
                        Some(file) => {
                            let mut source = SourceText::new();
                            source.push_file(&file, 0..file.text().len());
                            let note = self.note(Some(name));
                            titles.extend(self.add(&source, &note));
                        }
                        None => self.invalid(name, at),
                    }
                }
                Item::Invalid(value) => {
                    let at = self.places.find("content");
                    let message = format!("{value} is neither a file name nor Markdown");
                    self.diagnostics.push(Diagnostic::at(Severity::Error, "invalid-content", message, self.manifest, at, 7));
                    self.invalid(value, at);
                }
            }
        }
        titles
    }

    fn invalid(&mut self, name: &str, at: usize) {
        let text = format!("```\nInvalid content: {name}\n```\n");
        self.text.push_generated(&text, self.manifest, at);
    }

    /// Appends an entry with a source note at the foot of each slide; gives its titles.
    fn add(&mut self, source: &SourceText, note: &str) -> Option<Title> {
        let text = source.text();
        let mut start = 0;
        while let Some(end) = text[start..].find(SEPARATOR).map(|n| start + n) {
            self.text.push_source(source, start..end);
            self.generate(&format!("\n{note}"));
            self.text.push_source(source, end..end + SEPARATOR.len());
            start = end + SEPARATOR.len();
        }
        self.text.push_source(source, start..text.len());
        self.generate(&format!("\n{note}"));
        let titles: Vec<Title> = text.split('\n').filter_map(|l| l.strip_prefix("# ")).map(|t| Title::One(t.to_owned())).collect();
        (!titles.is_empty()).then_some(Title::Many(titles))
    }

    fn note(&self, file: Option<&str>) -> String {
        match file {
            Some(name) if self.values.gitrepo.is_empty() => format!(".debug[{name}]"),
            Some(name) => format!(".debug[[{name}](https://{}/tree/main/slides/{name})]", self.values.gitrepo),
            None => format!(".debug[{}]", self.manifest.path().file_name().map(|n| n.to_string_lossy()).unwrap_or_default()),
        }
    }

    /// Appends generated text; it belongs to the place at the end of what is there.
    fn generate(&mut self, text: &str) {
        let end = self.text.text().len().saturating_sub(1);
        let (file, offset) = match self.text.locate(end) {
            Some(location) => (location.file.clone(), location.offset),
            None => (self.manifest.clone(), 0),
        };
        self.text.push_generated(text, &file, offset);
    }

    /// Expands tables of contents, title slides and values.
    fn finish(mut self, contents: &Contents) -> SourceText {
        let source = std::mem::take(&mut self.text);
        let pictures = self.pictures();
        let mut edits = contents.title_slides(source.text(), &pictures);
        let text = source.text();
        let mut at = 0;
        while let Some(start) = text[at..].find("@@").map(|n| at + n) {
            match self.value(&source, start, contents) {
                Some((length, edit)) => {
                    edits.push((start, start + length, edit));
                    at = start + length;
                }
                None => at = start + 2,
            }
        }
        // The generator writes the deck into a page, from which the presenter reads it with its references resolved.
        let mut at = 0;
        while let Some(start) = text[at..].find('&').map(|n| at + n) {
            at = start + 1;
            if let Some((length, plain)) = crate::slides::entity::decode(&text[start..]) {
                edits.push((start, start + length, Edit::Text(plain.into_owned())));
                at = start + length;
            }
        }
        edits.sort_by_key(|(start, ..)| *start);
        let mut out = SourceText::new();
        let mut done = 0;
        for (start, end, edit) in edits {
            out.push_source(&source, done.min(start)..start);
            match edit {
                Edit::Text(text) => {
                    if let Some(location) = source.locate(start) {
                        out.push_generated(&text, location.file, location.offset);
                    }
                }
                Edit::File(file) => out.push_file(&file, 0..file.text().len()),
            }
            done = end;
        }
        out.push_source(&source, done..source.text().len());
        out
    }

    /// The pictures between parts.
    fn pictures(&self) -> Vec<String> {
        let Ok(file) = SourceFile::read(&self.from.base.join(PICTURES)) else { return Vec::new() };
        file.text().lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect()
    }

    /// What stands in place of the `@@…` at `start`, and the length of that.
    fn value(&mut self, source: &SourceText, start: usize, contents: &Contents) -> Option<(usize, Edit)> {
        let rest = &source.text()[start + 2..];
        let name = &rest[..rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len())];
        let after = &rest[name.len()..];
        if after.starts_with("@@") {
            let text = if name == "TOC" { contents.table() } else { self.values.known.get(name)?.clone() };
            return Some((name.len() + 4, Edit::Text(text)));
        }
        let file = after.strip_prefix('[')?;
        let file = &file[..file.find([']', '\n']).filter(|n| file[*n..].starts_with(']'))?];
        let length = 2 + name.len() + file.len() + 2;
        match name {
            "LINK" => {
                let repository =
                    if self.values.gitrepo.is_empty() { "github.com/jpetazzo/container.training" } else { &self.values.gitrepo };
                Some((length, Edit::Text(format!("[{file}](https://{repository}/tree/main/{file})"))))
            }
            "INCLUDE" => {
                // Relative to the repository, of which the manifest's folder is a part.
                let paths = [self.from.base.join("..").join(file), self.from.base.join(file)];
                let found = paths.iter().find_map(|path| SourceFile::read(path).ok());
                if found.is_none()
                    && let Some(location) = source.locate(start)
                {
                    let message = format!("cannot include {file}: there is no such text file beside the manifest or its folder");
                    self.diagnostics.push(Diagnostic::at(Severity::Error, "missing-file", message, location.file, location.offset, length));
                }
                found.map(|file| (length, Edit::File(Arc::new(file))))
            }
            _ => None,
        }
    }
}

/// What goes in place of a stretch of the text.
enum Edit {
    Text(String),
    File(Arc<SourceFile>),
}

/// The parts of a course and the titles in each.
struct Contents {
    parts: Vec<Vec<String>>,
    /// All titles, those outside parts too, in their order.
    all: Vec<String>,
}

impl Contents {
    fn new(titles: Vec<Title>) -> Self {
        fn flatten(title: &Title, out: &mut Vec<String>) {
            match title {
                Title::One(title) => out.push(title.clone()),
                Title::Many(titles) => titles.iter().for_each(|t| flatten(t, out)),
            }
        }
        let flat = |title: &Title| {
            let mut out = Vec::new();
            flatten(title, &mut out);
            out
        };
        let parts = titles.iter().filter(|t| matches!(t, Title::Many(_))).map(flat).collect();
        Contents { parts, all: titles.iter().flat_map(flat).collect() }
    }

    /// `@@TOC@@`: a slide for each part.
    fn table(&self) -> String {
        let mut slides = Vec::new();
        for (i, part) in self.parts.iter().enumerate() {
            let n = i + 1;
            let mut slide = format!("name: toc-part-{n}\n\n");
            slide += &if self.parts.len() == 1 { "## Table of contents\n\n".to_owned() } else { format!("## Part {n}\n\n") };
            for title in part {
                let _ = writeln!(slide, "- [{title}](#{})", anchor(title));
                if part.len() < 10 {
                    slide.push('\n');
                }
            }
            slide += "\n.debug[(auto-generated TOC)]";
            slides.push(slide);
        }
        slides.join(SEPARATOR)
    }

    /// The two slides ahead of each title: before the separator of the slide that has it.
    fn title_slides(&self, text: &str, pictures: &[String]) -> Vec<(usize, usize, Edit)> {
        // Where each title first stands, and the separator before it.
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut separator = None;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if line == "---\n" && at > 0 {
                separator = Some(at - 1);
            } else if let (Some(title), Some(separator)) = (line.strip_prefix("# ").and_then(|l| l.strip_suffix('\n')), separator) {
                places.entry(title).or_insert(separator);
            }
            at += line.len();
        }
        let mut part_of: HashMap<&str, usize> = HashMap::new();
        for (i, part) in self.parts.iter().enumerate() {
            part_of.extend(part.iter().map(|title| (title.as_str(), i + 1)));
        }
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (i, title) in self.all.iter().enumerate() {
            first.entry(title).or_insert(i);
        }
        let mut edits = Vec::new();
        for (i, title) in self.all.iter().enumerate() {
            let Some(&place) = places.get(title.as_str()) else { continue };
            let index = first.get(title.as_str()).copied().unwrap_or(i);
            let link = |i: Option<usize>| anchor(i.and_then(|i| self.all.get(i)).map_or("", String::as_str));
            let (previous, next) = (link(index.checked_sub(1)), link(Some(index + 1)));
            let toc = part_of.get(title.as_str()).map_or_else(String::new, |n| format!("toc-part-{n}"));
            let name = anchor(title);
            let mut slides = String::new();
            if let Some(picture) = pictures.get(i % pictures.len().max(1)) {
                let _ = write!(slides, "\n---\n\nclass: pic\n\n.interstitial[![Image separating from the next part]({picture})]\n");
            }
            let _ = write!(slides, "\n---\n\nname: {name}\nclass: title\n\n {title}\n\n.nav[\n[Previous part](#{previous})\n|\n");
            let _ = write!(slides, "[Back to table of contents](#{toc})\n|\n[Next part](#{next})\n]\n\n");
            slides += ".debug[(automatically generated title slide)]\n";
            edits.push((place, place, Edit::Text(slides)));
        }
        edits
    }
}

/// The name of a title's slide: ASCII letters and hyphens of it.
fn anchor(title: &str) -> String {
    let letters = title.to_lowercase().replace(' ', "-");
    format!("toc-{}", letters.chars().filter(|c| c.is_ascii_alphabetic() || *c == '-').collect::<String>())
}
