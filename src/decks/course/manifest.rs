//! `Course::load`: finds out what a path is, and reads it. What is wrong in a manifest is told with its line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::markmaker;
use super::place::Places;
use super::settings;
use super::stitch::{self, Item};
use super::{Course, Deck, PlannedPart, Translated};
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};
use crate::slides::{Dialect, Options, is_language};
use crate::yaml::{self, Mapping, Value};

impl Course {
    /// What can be loaded, as a hint for people.
    pub const WANTED: &str = "name a Markdown file in UTF-8, a manifest (.yml), or a folder that has a course.yml";

    /// The file that `path` means: itself, or the `course.yml` of a folder.
    pub fn file_of(path: &Path) -> PathBuf {
        let path = if path.is_dir() { path.join("course.yml") } else { path.to_owned() };
        // Messages are shorter without it.
        path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
    }

    /// Loads a course from a manifest (`course.yml`, container.training's), a Markdown file, or a folder with a `course.yml`.
    ///
    /// Always gives a course; what could not be read is missing from it and named in the diagnostics.
    pub fn load(path: &Path) -> (Course, Vec<Diagnostic>) {
        Course::load_variant(path, None)
    }

    /// The same for an audience: `variant` is a name under `variants:` of the manifest.
    pub fn load_variant(path: &Path, variant: Option<&str>) -> (Course, Vec<Diagnostic>) {
        let path = Course::file_of(path);
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut course = Course { title: stem(&path), path: path.clone(), base, ..Course::default() };
        let mut diagnostics = Vec::new();
        let file = match SourceFile::read(&path) {
            Ok(file) => Arc::new(file),
            Err(e) => {
                diagnostics.push(yaml::unreadable(&path, &e).hint(Course::WANTED));
                return (course, diagnostics);
            }
        };
        if !matches!(path.extension().and_then(|e| e.to_str()), Some("yml" | "yaml")) {
            if let Some(name) = variant {
                let message = format!("a deck by itself has no variants: there is no {name:?}");
                diagnostics
                    .push(Diagnostic::at(Severity::Error, "unknown-variant", message, &file, 0, 1).hint("name the manifest of its course"));
            }
            let mut deck = Deck { name: name_of(&course.title), base: course.base.clone(), ..Deck::default() };
            let read = stitch::read(&file, Some(&course.base), None, &mut deck.settings, &mut diagnostics);
            deck.source = read.source;
            deck.written_in = read.language;
            for (language, path) in super::language::translations(&path) {
                let mut said = Vec::new();
                match SourceFile::read(&path) {
                    Ok(file) => {
                        let settings = &mut deck.settings.clone();
                        let source = stitch::read(&Arc::new(file), Some(&course.base), None, settings, &mut said).source;
                        deck.translations.push(Translated { language, source });
                    }
                    Err(e) => said.push(yaml::unreadable(&path, &e)),
                }
                diagnostics.append(&mut said);
            }
            course.title = read.title.unwrap_or(course.title);
            deck.title.clone_from(&course.title);
            course.decks.push(deck);
            return (course, diagnostics);
        }
        let manifest = match yaml::parse::<Value>(&file) {
            Ok(Value::Mapping(manifest)) => manifest,
            Ok(_) => {
                let message = "a course manifest is a mapping: title, decks, labs";
                diagnostics.push(Diagnostic::at(Severity::Error, "bad-manifest", message, &file, 0, 1));
                return (course, diagnostics);
            }
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                return (course, diagnostics);
            }
        };
        let variant = variant.map(|name| super::variant::read(name, &manifest, &file, &mut diagnostics)).unwrap_or_default();
        course.language.clone_from(&variant.language);
        course.lint = super::rules::read(&manifest, &file, &mut diagnostics);
        let mut reader = Reader { file: &file, places: Places::new(&file), variant, course, diagnostics };
        if manifest.contains_key("content") && !manifest.contains_key("decks") {
            let language = reader.variant.language.as_deref();
            let mut deck = markmaker::read(&file, &manifest, &reader.course.base, language, &mut reader.diagnostics);
            deck.exclude = reader.variant.excluded(&deck.exclude);
            deck.written_in = reader.language(&manifest);
            let base = reader.course.base.clone();
            let read = |language: &str, said: &mut Vec<Diagnostic>| markmaker::read(&file, &manifest, &base, Some(language), said).source;
            deck.translations = reader.translations(&deck.source, read);
            if let Some(title) = &reader.variant.title {
                deck.title.clone_from(title);
            }
            reader.course.title = deck.title.clone();
            deck.plan = reader.plan(&manifest);
            reader.course.decks.push(deck);
        } else {
            reader.read(&manifest);
        }
        (reader.course, reader.diagnostics)
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A name for files and addresses out of any text.
fn name_of(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = text.chars().map(keep).collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if name.is_empty() { "deck".into() } else { name }
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    places: Places<'a>,
    variant: super::Variant,
    course: Course,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read(&mut self, manifest: &Mapping) {
        self.unknown_keys(manifest, &["title", "language", "decks", "labs", "exclude", "lint", "variants"]);
        if let Some(title) = self.text(manifest, "title") {
            self.course.title = one_line(&title);
        }
        if let Some(title) = &self.variant.title {
            self.course.title.clone_from(title);
        }
        let language = self.language(manifest);
        let exclude = self.words(manifest, "exclude");
        let decks = self.list(manifest, "decks");
        let labs = self.list(manifest, "labs");
        if decks.is_empty() && labs.is_empty() {
            let message = "the manifest names no deck and no lab";
            let problem = Diagnostic::at(Severity::Error, "empty-course", message, self.file, 0, 1);
            self.diagnostics.push(problem.hint("add `decks:` with a list of `- file: slides.md`"));
        }
        let mut names = HashSet::new();
        for deck in decks {
            let Some(mut deck) = self.deck(&deck) else { continue };
            deck.written_in = deck.written_in.or(language.clone());
            deck.exclude.extend(exclude.iter().cloned());
            deck.exclude = self.variant.excluded(&deck.exclude);
            let wanted = deck.name.clone();
            let mut n = 2;
            while !names.insert(deck.name.clone()) {
                deck.name = format!("{wanted}-{n}");
                n += 1;
            }
            self.course.decks.push(deck);
        }
        for lab in labs {
            self.lab(&lab);
        }
    }

    fn deck(&mut self, value: &Value) -> Option<Deck> {
        let map = match value {
            Value::Mapping(map) => map.clone(),
            Value::String(file) => Mapping::from_iter([("file".into(), file.as_str().into())]),
            _ => {
                self.error("bad-manifest", "a deck is a mapping with `file:` or `content:`", "decks");
                return None;
            }
        };
        let keys = ["name", "title", "file", "content", "dialect", "exclude", "images", "slidenumberprefix", "plan"];
        self.unknown_keys(&map, &keys.into_iter().chain(settings::KEYS).collect::<Vec<_>>());
        let mut settings = Options::default();
        for (key, message) in settings::read(&map, &mut settings) {
            self.error("bad-setting", &message, &key);
        }
        let file = self.text(&map, "file");
        let mut dialect = settings.separators.as_ref().map(|_| Dialect::Reveal);
        if let Some(name) = self.text(&map, "dialect") {
            match name.parse::<Dialect>() {
                Ok(known) => dialect = Some(known),
                Err(message) => self.error("unknown-dialect", &message, &name),
            }
        }
        let title = self.text(&map, "title").map(|t| one_line(&t));
        let items = match (&file, map.get("content")) {
            (Some(file), _) => vec![Item::File(file.clone())],
            (None, Some(content)) => stitch::items(content),
            (None, None) => {
                let name = self.text(&map, "name").unwrap_or_else(|| "decks".into());
                self.error("bad-manifest", "a deck needs `file:` or `content:`", &name);
                return None;
            }
        };
        let first = items.iter().find_map(|i| match i {
            Item::File(path) => Some(PathBuf::from(path)),
            _ => None,
        });
        let name = self.text(&map, "name").or_else(|| first.as_deref().map(stem)).unwrap_or_else(|| "deck".into());
        let base = match (&file, first.as_deref().and_then(Path::parent)) {
            (Some(_), Some(parent)) => self.course.base.join(parent),
            _ => self.course.base.clone(),
        };
        let from = stitch::From { base: &self.course.base, language: self.variant.language.as_deref() };
        let before = settings.clone();
        let joined = stitch::join(self.file, &mut self.places, items.clone(), &from, dialect, &mut settings, &mut self.diagnostics);
        let source = joined.source;
        let title = title.or(joined.title).unwrap_or_else(|| name.clone());
        if source.files().is_empty() {
            return None;
        }
        let (exclude, number_prefix) = (self.words(&map, "exclude"), self.text(&map, "slidenumberprefix").unwrap_or_default());
        let images = self.words(&map, "images");
        let plan = self.plan(&map);
        let (manifest, folder) = (self.file.clone(), self.course.base.clone());
        let translations = self.translations(&source, |language, said| {
            let from = stitch::From { base: &folder, language: Some(language) };
            let places = &mut Places::new(&manifest);
            stitch::join(&manifest, places, items.clone(), &from, dialect, &mut before.clone(), said).source
        });
        let original = (!plan.is_empty() && self.variant.language.is_some()).then(|| {
            let from = stitch::From { base: &folder, language: None };
            let places = &mut Places::new(&manifest);
            stitch::join(&manifest, places, items.clone(), &from, dialect, &mut before.clone(), &mut Vec::new()).source
        });
        let written_in = joined.language;
        Some(Deck {
            name: name_of(&name),
            title,
            dialect,
            source,
            exclude,
            base,
            number_prefix,
            images,
            plan,
            settings,
            written_in,
            translations,
            original,
        })
    }

    /// The language that the course is written in.
    fn language(&mut self, map: &Mapping) -> Option<String> {
        let language = self.text(map, "language")?;
        if is_language(&language) {
            return Some(language);
        }
        self.error("bad-manifest", "a language is two letters, such as `fr`, or with a country, such as `pt-BR`", "language");
        None
    }

    /// The deck of `source` in every language that one of its files has a translation into; `read` gives it in one of them.
    fn translations(&mut self, source: &SourceText, read: impl Fn(&str, &mut Vec<Diagnostic>) -> SourceText) -> Vec<Translated> {
        if self.variant.language.is_some() {
            return Vec::new();
        }
        let files = source.files().iter().map(|file| file.path()).filter(|path| *path != self.file.path());
        let mut translations = Vec::new();
        for language in super::language::languages(files) {
            let mut said = Vec::new();
            let source = read(&language, &mut said);
            // Most of it was said about the original.
            said.retain(|diagnostic| !self.diagnostics.contains(diagnostic));
            self.diagnostics.append(&mut said);
            translations.push(Translated { language, source });
        }
        translations
    }

    /// `plan: 45` for the deck, or minutes for each part by the name or the heading of its first slide.
    fn plan(&mut self, map: &Mapping) -> Vec<PlannedPart> {
        let Some(value) = map.get("plan") else { return Vec::new() };
        let entries: Vec<(String, &Value)> = match value {
            Value::Null => Vec::new(),
            Value::Mapping(parts) => parts.iter().map(|(part, minutes)| (key_text(part), minutes)).collect(),
            minutes => vec![(String::new(), minutes)],
        };
        let mut plan = Vec::new();
        for (part, minutes) in entries {
            let place = if part.is_empty() { "plan" } else { &part };
            match minutes.as_f64().filter(|minutes| *minutes > 0.0 && *minutes <= 1440.0) {
                Some(minutes) => {
                    let offset = self.places.find(place);
                    plan.push(PlannedPart { part: one_line(&part), minutes, file: self.file.clone(), offset });
                }
                None => self.error("bad-manifest", "a plan says how many minutes the deck or each of its parts has: `Part: 20`", place),
            }
        }
        plan
    }

    fn lab(&mut self, value: &Value) {
        let Some(pattern) = value.as_str().map(str::to_owned) else {
            self.error("bad-manifest", "a lab is the path of its file", "labs");
            return;
        };
        if !pattern.contains(['*', '?', '[', '{']) {
            let path = self.course.base.join(&pattern);
            if path.is_file() {
                self.course.labs.push(path);
            } else {
                self.error("missing-file", &format!("there is no lab {pattern}"), &pattern);
            }
            return;
        }
        match matches(&self.course.base, &pattern) {
            Ok(paths) if paths.is_empty() => self.error("missing-file", &format!("no lab matches {pattern}"), &pattern),
            Ok(paths) => self.course.labs.extend(paths),
            Err(e) => self.error("bad-pattern", &format!("{pattern} is no file pattern: {e}"), &pattern),
        }
    }

    fn text(&mut self, map: &Mapping, key: &str) -> Option<String> {
        match map.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            Value::Null => None,
            _ => {
                self.error("bad-manifest", &format!("`{key}` is a text"), key);
                None
            }
        }
    }

    fn list(&mut self, map: &Mapping, key: &str) -> Vec<Value> {
        match map.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Sequence(list)) => list.clone(),
            Some(_) => {
                self.error("bad-manifest", &format!("`{key}` is a list"), key);
                Vec::new()
            }
        }
    }

    fn words(&mut self, map: &Mapping, key: &str) -> Vec<String> {
        let list = self.list(map, key);
        if list.iter().any(|v| !v.is_string()) {
            self.error("bad-manifest", &format!("`{key}` is a list of words"), key);
        }
        list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }

    fn unknown_keys(&mut self, map: &Mapping, known: &[&str]) {
        for key in map.keys() {
            let key = key.as_str().map(str::to_owned).unwrap_or_default();
            if !known.contains(&key.as_str()) {
                let at = self.places.find(&key);
                let message = format!("nothing here is called {key:?}");
                let problem = Diagnostic::at(Severity::Warning, "unknown-key", message, self.file, at, key.len());
                self.diagnostics.push(problem.hint(format!("known are {}", known.join(", "))));
            }
        }
    }

    /// An error at the next place in the manifest where `text` stands.
    fn error(&mut self, code: &'static str, message: &str, text: &str) {
        let at = self.places.find(text);
        self.diagnostics.push(Diagnostic::at(Severity::Error, code, message, self.file, at, text.len()));
    }
}

/// The key of a mapping as it was written, if it was a word or a number.
fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A title that was written over several lines as one.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The files below `base` that match a pattern, by name.
fn matches(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, globset::Error> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher();
    // The walk starts below the last folder that is named plainly.
    let plain: PathBuf =
        Path::new(pattern).components().take_while(|c| !c.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])).collect();
    let depth = if pattern.contains("**") { 16 } else { Path::new(pattern).components().count() };
    let mut found = Vec::new();
    let mut folders = vec![(base.join(&plain), plain, 0)];
    while let Some((folder, relative, level)) = folders.pop() {
        // The folder that we are in has an empty path.
        let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        for entry in std::fs::read_dir(listed).into_iter().flatten().flatten() {
            let relative = relative.join(entry.file_name());
            let path = folder.join(entry.file_name());
            if path.is_dir() && level < depth {
                folders.push((path, relative, level + 1));
            } else if glob.is_match(&relative) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
