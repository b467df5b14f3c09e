//! What the documents and the shipped course say about the product holds: commands and options exist, links and pictures lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Files in a folder of the project with this extension, sorted.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut found: Vec<_> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    found.sort();
    found
}

fn documents() -> Vec<PathBuf> {
    let mut documents = files("", "md");
    documents.extend(files("docs", "md"));
    documents
}

/// The words of every `$ dockside …` and `$ cargo run … -- …` line, with the file it stands in.
fn commands() -> BTreeSet<(String, Vec<String>)> {
    let line = Regex::new(r"(?m)^\s*\$ (?:dockside|cargo run(?: --release)? --) ([^#|<>\n]+)").unwrap();
    let mut found = BTreeSet::new();
    for path in documents() {
        for command in line.captures_iter(&read(&path)) {
            let words: Vec<String> = command[1].split_whitespace().map(str::to_owned).collect();
            if !words.is_empty() {
                found.insert((name(&path), words));
            }
        }
    }
    found
}

#[test]
fn commands_in_the_documents_exist() {
    let commands = commands();
    assert!(commands.len() >= 5, "only {} commands found in the documents: is the pattern still right?", commands.len());
    for (file, words) in commands {
        // What follows `docker` is Docker's command line, and has tests of its own.
        if words[0] == "docker" {
            continue;
        }
        let depth = if words[0] == "engine" { 2 } else { 1 };
        let help = Command::new(env!("CARGO_BIN_EXE_dockside")).args(words.iter().take(depth)).arg("--help").output().unwrap();
        let text = String::from_utf8_lossy(&help.stdout);
        assert!(help.status.success(), "{file}: `dockside {}` is not a command", words.join(" "));
        for option in words.iter().filter(|w| w.starts_with('-')) {
            let option = option.split('=').next().unwrap_or_default();
            let known = Regex::new(&format!(r"(?m)(^|[\s,]){}([\s,=\[]|$)", regex::escape(option))).unwrap();
            assert!(known.is_match(&text), "{file}: `dockside {}`: no option {option} in its help:\n{text}", words.join(" "));
        }
    }
}

#[test]
fn exit_codes_in_the_readme_are_those_of_the_help() {
    let help = Command::new(env!("CARGO_BIN_EXE_dockside")).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    let row = Regex::new(r"(?m)^\| (\d+) +\| (.+?) +\|$").unwrap();
    let readme = read(&root().join("README.md"));
    let rows: Vec<_> = row.captures_iter(&readme).collect();
    assert!(rows.len() >= 4, "the README's table of exit codes is gone");
    for row in rows {
        assert!(help.contains(&format!("{} {}", &row[1], &row[2])), "exit code {} ({}) is not in --help", &row[1], &row[2]);
    }
}

#[test]
fn links_and_pictures_lead_somewhere() {
    let link = Regex::new(r"!?\[[^\]]*\]\(([^)\s]+)\)").unwrap();
    let mut checked = 0;
    for path in documents().into_iter().chain(files("slides", "md")) {
        for target in link.captures_iter(&read(&path)) {
            let target = &target[1];
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = path.parent().unwrap().join(target.split('#').next().unwrap_or_default());
            assert!(file.exists(), "{}: {target} is not there", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 30, "only {checked} links found");
}

#[test]
fn diagrams_are_complete_in_themselves_and_described_where_they_are_shown() {
    let slides: String = files("slides", "md").iter().map(|p| read(p)).collect();
    let outside = Regex::new(r#"(?:href|src)\s*=\s*"[^#]|url\([^#)]|<script|<image|@import"#).unwrap();
    let diagrams = files("slides/img", "svg");
    assert!(diagrams.len() >= 8);
    for path in diagrams {
        let (name, svg) = (name(&path), read(&path));
        for part in ["<title", "viewBox=", "prefers-color-scheme: dark", "class=\"panel\""] {
            assert!(svg.contains(part), "{name}: no {part}");
        }
        assert!(!outside.is_match(&svg), "{name}: loads something from elsewhere");
        let shown = Regex::new(&format!(r"!\[([^\]]*)\]\(img/{}\)", regex::escape(&name))).unwrap();
        let descriptions: Vec<_> = shown.captures_iter(&slides).map(|c| c[1].to_owned()).collect();
        assert!(!descriptions.is_empty(), "{name}: no slide shows it");
        for description in descriptions {
            assert!(description.len() >= 10, "{name}: a slide shows it and says only {description:?} about it");
        }
    }
}
