//! Which files of a folder the engine wants: paths and patterns with all that is below them and what their links lead to, without what
//! is left out.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use crate::buildkit::transfer::Choice;
use crate::patterns::{BadPattern, Glob, IgnoreList, clean};

/// As many links are followed for one transfer.
const LINKS_MAX: usize = 4096;

/// The files of one transfer.
pub struct Wanted {
    /// Each path in its parts; all files where there are none.
    paths: Vec<Vec<Part>>,
    left_out: IgnoreList,
}

enum Part {
    Plain(String),
    Pattern(Glob),
}

impl Part {
    fn of(text: &str) -> Part {
        match Glob::is_pattern(text).then(|| Glob::new(text)).flatten() {
            Some(glob) => Part::Pattern(glob),
            None => Part::Plain(text.to_owned()),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Part::Plain(text) => text == name,
            Part::Pattern(glob) => glob.matches(name),
        }
    }
}

impl Wanted {
    /// Works out what is wanted of the folder `root`.
    pub fn of(root: &Path, follow: &[String], exclude: &[String]) -> Result<Wanted, BadPattern> {
        let left_out = IgnoreList::parse(&exclude.join("\n"))?;
        let mut todo: VecDeque<String> = follow.iter().map(|path| clean(path)).collect();
        let (mut found, mut on_the_way) = (BTreeSet::new(), BTreeSet::new());
        while let Some(path) = todo.pop_front() {
            if found.contains(&path) || found.len() >= LINKS_MAX {
                continue;
            }
            for (link, target) in links(root, &path) {
                on_the_way.insert(link);
                todo.push_back(target);
            }
            found.insert(path);
        }
        // A link that leads on is needed itself, but not all that it leads to.
        found.append(&mut on_the_way);
        // The folder itself is all of it.
        let all = found.contains("");
        let paths = if all { Vec::new() } else { found.iter().map(|path| path.split('/').map(Part::of).collect()).collect() };
        Ok(Wanted { paths, left_out })
    }
}

impl Choice for Wanted {
    fn takes(&self, path: &str) -> bool {
        let within = |wanted: &Vec<Part>| {
            let mut names = path.split('/');
            wanted.iter().all(|part| names.next().is_some_and(|name| part.matches(name)))
        };
        (self.paths.is_empty() || self.paths.iter().any(within)) && !self.left_out.excludes(path)
    }

    fn enters(&self, folder: &str) -> bool {
        let leads_there = |wanted: &Vec<Part>| wanted.iter().zip(folder.split('/')).all(|(part, name)| part.matches(name));
        (self.paths.is_empty() || self.paths.iter().any(leads_there)) && (self.left_out.has_exceptions() || !self.left_out.excludes(folder))
    }
}

/// The links on the way of a path, and where each leads. A part that is a pattern is tried with all names that it matches.
fn links(root: &Path, path: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut ways = vec![String::new()];
    let parts: Vec<&str> = path.split('/').collect();
    for (at, text) in parts.iter().enumerate() {
        let part = Part::of(text);
        let mut next = Vec::new();
        for way in &ways {
            let names = match &part {
                Part::Plain(name) => vec![name.clone()],
                Part::Pattern(_) => names(&root.join(way)).into_iter().filter(|name| part.matches(name)).collect(),
            };
            for name in names {
                let place = if way.is_empty() { name } else { format!("{way}/{name}") };
                match fs::read_link(root.join(&place)).ok().and_then(|target| Some(target.to_str()?.to_owned())) {
                    Some(target) => {
                        let from = if target.starts_with('/') { "" } else { way.as_str() };
                        let rest = parts[at + 1..].join("/");
                        found.push((place, clean(&format!("{from}/{target}/{rest}"))));
                    }
                    None => next.push(place),
                }
            }
        }
        ways = next;
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(follow: &[&str], exclude: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(dir.path().join("d/sub")).expect("a folder");
        for file in ["a.txt", "b.txt", "d/f", "d/sub/g"] {
            fs::write(dir.path().join(file), file).expect("a file");
        }
        std::os::unix::fs::symlink("d/f", dir.path().join("link")).expect("a link");
        std::os::unix::fs::symlink("/d/sub", dir.path().join("folder")).expect("a link");
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).expect("a link");
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let wanted = Wanted::of(dir.path(), &strings(follow), &strings(exclude)).expect("patterns");
        let all = ["a.txt", "b.txt", "d", "d/f", "d/sub", "d/sub/g", "folder", "link", "loop"];
        let reached = |path: &&str| path.rsplit_once('/').is_none_or(|(above, _)| wanted.takes(above) || wanted.enters(above));
        all.iter().filter(|path| reached(path) && wanted.takes(path)).map(ToString::to_string).collect()
    }

    #[test]
    fn links_are_followed_and_what_is_left_out_stays() {
        assert_eq!(chosen(&[], &["*.txt", "d/*", "!d/sub"]), ["d", "d/sub", "d/sub/g", "folder", "link", "loop"]);
        assert_eq!(chosen(&["link"], &[]), ["d/f", "link"]);
        assert_eq!(chosen(&["folder/g"], &[]), ["d/sub/g", "folder"]);
        assert_eq!(chosen(&["*.txt", "d/s*"], &["b*"]), ["a.txt", "d/sub", "d/sub/g"]);
        assert_eq!(chosen(&["li*"], &[]), ["d/f", "link"]);
        assert_eq!(chosen(&["loop", "missing"], &[]), ["loop"]);
        assert_eq!(chosen(&[".", "a.txt"], &[]).len(), 9);
    }
}
