//! What a page refers to: files of the course are kept with it, addresses elsewhere are taken out and reported.
//!
//! A built page loads nothing from elsewhere: it works without a network and tells no one who reads it. Links that a reader
//! follows stay as they are. Looks at the disk to see what is there; reads and copies nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

/// What was found out about the addresses of a deck.
pub struct Assets {
    /// The folder whose layout the site mirrors.
    root: PathBuf,
    /// Where relative addresses start.
    base: PathBuf,
    /// Place in the site → file on disk.
    files: BTreeMap<String, PathBuf>,
    /// Addresses seen before.
    known: HashMap<String, Found>,
    /// Addresses asked about since `answers` was called last.
    asked: Vec<String>,
}

/// A reference that the author should know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// As the author wrote it.
    pub url: String,
    /// The file it was looked for at.
    pub path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The page wanted to load it from elsewhere.
    Remote,
    /// An image or another part of the page that is not there.
    Missing,
    /// A link to a file that is not there.
    DeadLink,
}

/// What an address means.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing to do: an anchor, `data:`, mail.
    Keep,
    /// In the site under this address.
    Local(String),
    Remote,
    Missing(PathBuf),
}

impl Assets {
    /// `root` is the course's folder, `base` the one that the deck's addresses are relative to.
    pub fn new(root: &Path, base: &Path) -> Self {
        // Absolute, so that `..` can be told apart from what is inside.
        let whole = |path: &Path| normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let path_of = |path: &Path| whole(if path.as_os_str().is_empty() { Path::new(".") } else { path });
        Assets { root: path_of(root), base: path_of(base), files: BTreeMap::new(), known: HashMap::new(), asked: Vec::new() }
    }

    /// For the same deck, with nothing found yet: for another thread.
    pub fn another(&self) -> Self {
        Assets { root: self.root.clone(), base: self.base.clone(), files: BTreeMap::new(), known: HashMap::new(), asked: Vec::new() }
    }

    /// Takes in what another has found. What an address means depends on the disk alone, so the order does not matter.
    pub fn join(&mut self, other: Self) {
        self.files.extend(other.files);
        self.known.extend(other.known);
    }

    /// What was asked since the last call, and the answers: what is made of them is right as long as they are.
    pub(super) fn answers(&mut self) -> Vec<(String, Found)> {
        let asked = std::mem::take(&mut self.asked);
        asked.into_iter().filter_map(|url| self.known.get_key_value(&url).map(|(url, found)| (url.clone(), found.clone()))).collect()
    }

    /// Whether asking again gives these answers; the files among them belong to the site then.
    pub(super) fn still_answers(&mut self, answers: &[(String, Found)]) -> bool {
        let same = answers.iter().all(|(url, found)| self.find(url) == *found);
        self.asked.clear();
        same
    }

    /// Where its addresses lead from.
    pub fn folders(&self) -> (&Path, &Path) {
        (&self.root, &self.base)
    }

    /// Where files were looked for that are not there.
    pub fn missing(&self) -> impl Iterator<Item = &Path> {
        self.known.values().filter_map(|found| if let Found::Missing(path) = found { Some(path.as_path()) } else { None })
    }

    /// The files to copy: place in the site → file on disk.
    pub fn into_files(self) -> BTreeMap<String, PathBuf> {
        self.files
    }

    /// `url(…)` and `@import` of a style, if it has to change.
    pub fn rewrite_css(&mut self, css: &str, problems: &mut Vec<Problem>) -> Option<String> {
        let mut out = String::new();
        let mut done = 0;
        let mut at = 0;
        loop {
            let (open, start) = match (css[at..].find("url("), css[at..].find("@import")) {
                (Some(url), import) if import.is_none_or(|import| url < import + 10) => (at + url + 4, at + url + 4),
                (_, Some(import)) => (at + import + 7, at + import + 7),
                (_, None) => break,
            };
            let rest = &css[start..];
            let lead = rest.len() - rest.trim_start().len();
            let quote = rest[lead..].chars().next().filter(|c| "\"'".contains(*c));
            let from = open + lead + usize::from(quote.is_some());
            let length = css[from..].find(|c| quote.map_or(c == ')' || c == ';', |q| c == q)).unwrap_or(css.len() - from);
            let url = css[from..from + length].trim();
            at = from + length;
            let new = match self.find(url) {
                Found::Keep => continue,
                Found::Local(address) if address == url => continue,
                Found::Local(address) => address,
                Found::Missing(path) => {
                    problems.push(Problem { kind: ProblemKind::Missing, url: url.to_owned(), path: Some(path) });
                    continue;
                }
                Found::Remote => {
                    problems.push(Problem { kind: ProblemKind::Remote, url: url.to_owned(), path: None });
                    "data:,".to_owned()
                }
            };
            out.push_str(&css[done..from]);
            out.push_str(&new);
            done = at;
        }
        (done > 0).then(|| out + &css[done..])
    }

    /// `srcset`: addresses with a width or density each.
    pub(super) fn rewrite_set(&mut self, set: &str, problems: &mut Vec<Problem>) -> Option<String> {
        let mut changed = false;
        let mut kept = Vec::new();
        for candidate in set.split(',').map(str::trim).filter(|c| !c.is_empty()) {
            let (url, size) = candidate.split_once(char::is_whitespace).unwrap_or((candidate, ""));
            match self.find(url) {
                Found::Keep => kept.push(candidate.to_owned()),
                Found::Local(address) => {
                    changed |= address != url;
                    kept.push(format!("{address} {size}").trim_end().to_owned());
                }
                Found::Missing(path) => {
                    problems.push(Problem { kind: ProblemKind::Missing, url: url.to_owned(), path: Some(path) });
                    kept.push(candidate.to_owned());
                }
                Found::Remote => {
                    problems.push(Problem { kind: ProblemKind::Remote, url: url.to_owned(), path: None });
                    changed = true;
                }
            }
        }
        changed.then(|| kept.join(", "))
    }

    /// The address under which the page finds `url`, if it is a file of the course; problems are appended.
    pub fn load(&mut self, url: &str, problems: &mut Vec<Problem>) -> Option<String> {
        let (kind, path) = match self.find(url) {
            Found::Keep => return Some(url.to_owned()),
            Found::Local(address) => return Some(address),
            Found::Missing(path) => (ProblemKind::Missing, Some(path)),
            Found::Remote => (ProblemKind::Remote, None),
        };
        problems.push(Problem { kind, url: url.to_owned(), path });
        None
    }

    pub(super) fn find(&mut self, url: &str) -> Found {
        let url = url.trim();
        self.asked.push(url.to_owned());
        if let Some(found) = self.known.get(url) {
            return found.clone();
        }
        let found = self.find_new(url);
        self.known.insert(url.to_owned(), found.clone());
        found
    }

    fn find_new(&mut self, url: &str) -> Found {
        match scheme(url) {
            Some(scheme) if ["data", "mailto", "tel", "javascript", "about", "blob"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) => {
                return Found::Keep;
            }
            Some(_) => return Found::Remote,
            None if url.starts_with("//") || url.starts_with("\\\\") => return Found::Remote,
            None => {}
        }
        let (path, suffix) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        if path.is_empty() {
            return Found::Keep;
        }
        let decoded = percent_decoded(path);
        // An address from the root of the site is one from the course's folder: opened as a file it has no other root.
        let file = normal(&match decoded.strip_prefix('/') {
            Some(rest) => self.root.join(rest),
            None => self.base.join(&*decoded),
        });
        let Ok(metadata) = std::fs::metadata(&file) else { return Found::Missing(file) };
        if !metadata.is_file() {
            return Found::Missing(file);
        }
        let place = match file.strip_prefix(&self.root) {
            Ok(inside) => inside.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"),
            // Outside the course's folder: it gets a place of its own.
            Err(_) => {
                let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                format!("dockside/files/{:08x}-{name}", fnv(&file.to_string_lossy()))
            }
        };
        let address = percent_encoded(&place) + suffix;
        // What the author wrote is kept where it means the same.
        let same = percent_decoded(path) == place;
        self.files.insert(place, file);
        Found::Local(if same { url.to_owned() } else { address })
    }
}

fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let ok =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    ok.then_some(scheme)
}

/// `path` without `.` and, as far as can be seen, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// The text of a path in a URL; what is no `%XX` stays.
pub fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = (first == b'%').then(|| rest.get(1..3)).flatten();
        match hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

fn percent_encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_./~!,@+()=".contains(&byte) {
            text.push(byte as char);
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A name for a path that is the same on every run.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
