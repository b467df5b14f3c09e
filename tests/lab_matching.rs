//! Outputs against slides: what is recorded matches itself, a changed word does not, values are bound.

use std::path::{Path, PathBuf};

use dockside::lab::matching::{Bindings, Comparison, EntryKind, compare};
use dockside::lab::plan::Mode;
use proptest::prelude::*;

fn run(expected: &str, actual: &str, bindings: &mut Bindings) -> Comparison {
    let lines: Vec<&str> = expected.lines().collect();
    compare(&lines, actual, Mode::Meaning, bindings)
}

fn matches(expected: &str, actual: &str) -> bool {
    run(expected, actual, &mut Bindings::default()).matched()
}

/// Every output of the recorded Docker, with its name.
fn transcripts() -> Vec<(String, String)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker/transcripts");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no transcripts at {}", folder.display());
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
        let output = text.split_once("----- stdout\n").map_or("", |(_, rest)| rest).replace("----- stderr\n", "");
        let shown = dockside::lab::session::render(output.as_bytes());
        all.push((entry.file_name().to_string_lossy().into_owned(), shown));
    }
    all
}

#[test]
fn recorded_outputs_match_themselves() {
    for (name, output) in transcripts() {
        let comparison = run(&output, &output, &mut Bindings::default());
        let wrong = comparison.entries.iter().find(|e| !e.kind.is_fine());
        assert!(comparison.matched(), "{name}: {wrong:?}");
    }
}

#[test]
fn a_changed_word_in_a_recorded_output_is_found() {
    let (mut changed, mut missed) = (0, Vec::new());
    for (name, output) in transcripts().into_iter().filter(|(_, output)| output.lines().count() <= 30) {
        let lines: Vec<&str> = output.lines().collect();
        for (i, line) in lines.iter().enumerate().take(8) {
            // A word of letters that stands for itself, not for an age, a zone or a layer's state.
            let word = line
                .split(|c: char| !c.is_ascii_lowercase())
                .find(|w| w.len() >= 5 && !line.contains('…') && !line.contains("...") && !is_volatile_word(w));
            let Some(word) = word.filter(|_| !dockside_elision(line) && !is_layer(line)) else { continue };
            let mut other: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
            other[i] = line.replacen(word, "changedxx", 1);
            changed += 1;
            if matches(&output, &other.join("\n")) {
                missed.push(format!("{name}:{i}: {word} in {line}"));
            }
        }
    }
    assert!(missed.is_empty(), "{} of {changed} missed:\n{}", missed.len(), missed.join("\n"));
}

fn dockside_elision(line: &str) -> bool {
    dockside::lab::matching::is_elision(line)
}

fn is_layer(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(id, _)| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Parts of ages and generated names, and hexadecimal words.
fn is_volatile_word(word: &str) -> bool {
    const AGES: &[&str] = &["second", "seconds", "minute", "minutes", "hour", "hours", "days", "weeks", "months", "years", "about"];
    AGES.contains(&word) || word.bytes().all(|b| b.is_ascii_hexdigit()) || GENERATED.iter().any(|g| g.contains(word))
}

/// Names that the recorded engine made up.
const GENERATED: &[&str] = &["recursing_shtern"];

#[test]
fn values_are_bound_at_first_sight() {
    let mut bindings = Bindings::default();
    let long = "47d677dcfba4277c6cc68fcaa51f932b544cab1a187c853b7d0caf4e8debe5ad";
    let real = "9c3fabcdef01277c6cc68fcaa51f932b544cab1a187c853b7d0caf4e8debe5ad";
    assert!(run(long, real, &mut bindings).matched());
    let header = "CONTAINER ID  IMAGE           ...  CREATED        STATUS        ...";
    let row = "47d677dcfba4  jpetazzo/clock  ...  2 minutes ago  Up 2 minutes  ...";
    let actual_header = "CONTAINER ID   IMAGE            COMMAND   CREATED         STATUS         PORTS     NAMES";
    let good =
        format!("{actual_header}\n9c3fabcdef01   jpetazzo/clock   \"/clock\"   3 seconds ago   Up 2 seconds             zen_hugle\n");
    assert!(run(&format!("{header}\n{row}"), &good.replace("\"/clock\"", "\"/cl\"   "), &mut bindings).matched());
    let other = good.replace("9c3fabcdef01", "111122223333");
    let comparison = run(&format!("{header}\n{row}"), &other, &mut bindings);
    assert!(matches!(&comparison.entries[1].kind, EntryKind::WrongValue(why) if why.contains("9c3fabcdef01")), "{:?}", comparison.entries);
    assert!(run("47d6", "9c3fabcdef01", &mut bindings).matched());
    assert!(!run("47d6", "111122223333", &mut bindings).matched());
    assert!(run("inet 172.17.0.2/16", "inet 10.88.0.7/16", &mut bindings).matched());
    assert!(!run("ping 172.17.0.2", "ping 10.88.0.8", &mut bindings).matched());
}

#[test]
fn two_images_are_two_images() {
    let expected = "REPOSITORY   TAG     IMAGE ID       SIZE\nubuntu       14.04   aaaabbbbcccc   188 MB\nubuntu       16.04   ddddeeeeffff   178 MB\n";
    assert!(matches(expected, &expected.replace("aaaabbbbcccc", "000000000001").replace("ddddeeeeffff", "000000000002")));
    assert!(!matches(expected, &expected.replace("aaaabbbbcccc", "000000000001").replace("ddddeeeeffff", "000000000001")));
    let one = expected.replace("ddddeeeeffff", "aaaabbbbcccc");
    assert!(matches(&one, &one.replace("aaaabbbbcccc", "000000000001")));
    assert!(!matches(&one, expected));
}

#[test]
fn tables_by_cells() {
    let seed = "REPOSITORY         TAG     IMAGE ID     CREATED     SIZE\nubuntu             13.10   9f676bd305a4 7 weeks ago 178 MB\nubuntu             latest  9cd978db300e 7 weeks ago 204.4 MB\n";
    let actual = "REPOSITORY   TAG       IMAGE ID       CREATED        SIZE\nubuntu       13.10     000000000001   3 years ago    78MB\nubuntu       latest    000000000002   2 weeks ago    204MB\n";
    assert!(matches(seed, actual));
    assert!(!matches(seed, &actual.replace("13.10 ", "14.10 ")));
    let drift =
        run(&seed.replace("        SIZE", "VIRTUAL SIZE").replace("    SIZE", "    VIRTUAL SIZE"), actual, &mut Bindings::default());
    assert!(drift.entries.iter().any(|e| matches!(e.kind, EntryKind::Drift(_))), "{:?}", drift.entries);
    let exited = "CONTAINER ID   IMAGE     COMMAND       CREATED          STATUS                      PORTS     NAMES\n484b2fde7b4e   busybox   \"sh -c true\"  21 seconds ago   Exited (3) 20 seconds ago             web\n";
    assert!(matches(exited, &exited.replace("21 seconds ago", "2 minutes ago ").replace("484b2fde7b4e", "000000000001")));
    assert!(!matches(exited, &exited.replace("(3)", "(4)")));
    assert!(!matches(exited, &exited.replace("          web", "80/tcp    web")));
}

#[test]
fn ellipses_stand_for_lines() {
    for (expected, actual, yes) in [
        ("a\n...\nz", "a\nz", true),
        ("a\n...\nz", "a\nb\nc\nz", true),
        ("a\n...\nz", "a\nb\nc", false),
        ("...\nz", "a\nz\nb\nz", true),
        ("a\n...", "a\nb\nc\n", true),
        ("...", "", true),
        ("a\n(...many more...)\nz", "a\n1\n2\nz", true),
        ("... (nothing happens) ...", "x\ny", true),
        ("a\n. . .\nz", "a\n1\nz", true),
        ("a\n...\nm\n...\nz", "a\n1\nm\n2\nm\nz", true),
        ("a\nb", "a\nb\nc", false),
        ("a\nb", "b", false),
        ("", "", true),
        ("a\n\nb", "a\n\nb\n\n", true),
    ] {
        assert_eq!(matches(expected, actual), yes, "{expected:?} against {actual:?}");
    }
}

#[test]
fn pulls_by_meaning() {
    let slide = "Using default tag: latest\nlatest: Pulling from library/debian\n017c4cfd3b10: Pull complete\nDigest: sha256:017c4cfd3b10fe77c37a515c38f4327e0668fdb287c0aa1436967fda37010713\nStatus: Downloaded newer image for debian:latest\n";
    let digest = "Digest: sha256:aaaaaaaa3b10fe77c37a515c38f4327e0668fdb287c0aa1436967fda37010713\n";
    let head = "Using default tag: latest\nlatest: Pulling from library/debian\n";
    let tail = "Status: Downloaded newer image for debian:latest\n";
    let layers = |states: &[&str]| states.iter().enumerate().map(|(i, s)| format!("00000000000{i}: {s}\n")).collect::<String>();
    let output = |states: &[&str]| format!("{head}{}{digest}{tail}", layers(states));
    assert!(matches(slide, &output(&["Pull complete"])));
    assert!(matches(slide, &output(&["Pull complete", "Pull complete", "Already exists"])));
    assert!(!matches(slide, &output(&["Already exists"])));
    assert!(!matches(slide, &output(&[])));
    // A slide need not show the layers.
    let bare = format!("{head}{digest}{tail}");
    assert!(matches(&bare, &output(&["Pull complete", "Pull complete"])));
    assert!(!matches(slide, &output(&["Pull complete"]).replace("Downloaded newer image", "Image is up to date")));
}

#[test]
fn differences_are_told_apart() {
    let kinds = |expected: &str, actual: &str| -> Vec<EntryKind> {
        run(expected, actual, &mut Bindings::default()).entries.into_iter().map(|e| e.kind).collect()
    };
    assert_eq!(kinds("a\nb", "a\nb"), [EntryKind::Same, EntryKind::Same]);
    assert_eq!(kinds("2 weeks ago", "3 weeks ago"), [EntryKind::Volatile]);
    assert_eq!(kinds("a\nb\nc", "a\nc"), [EntryKind::Same, EntryKind::Missing, EntryKind::Same]);
    assert_eq!(kinds("a\nc", "a\nb\nc"), [EntryKind::Same, EntryKind::Extra, EntryKind::Same]);
    assert_eq!(kinds("hello big world", "hello small world"), [EntryKind::Wrong]);
    assert!(matches!(kinds("a  b", "a b")[..], [EntryKind::Drift(_)]));
    assert!(matches!(kinds("0 B", "12 MB")[..], [EntryKind::WrongValue(_)]));
}

#[test]
fn large_outputs_are_compared_in_time() {
    let actual: String = (0..200_000).map(|i| format!("line {i}\n")).collect();
    let expected: Vec<String> = (0..50).map(|i| format!("line {i}")).chain(["...".to_owned()]).collect();
    assert!(matches(&expected.join("\n"), &actual));
    assert!(!matches("line 0\nline 1", &actual));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_text_matches_itself(text in "([ -~]{0,40}\n){0,12}") {
        prop_assert!(matches(&text, &text), "{:?}", run(&text, &text, &mut Bindings::default()));
    }

    #[test]
    fn any_unicode_is_survived(expected in "\\PC{0,60}(\n\\PC{0,60}){0,4}", actual in "\\PC{0,60}(\n\\PC{0,60}){0,4}") {
        matches(&expected, &actual);
        prop_assert!(matches(&actual, &actual));
    }

    #[test]
    fn a_changed_word_fails(words in proptest::collection::vec("[g-z]{4,8}", 2..8), at in 0usize..8, width in 1usize..4) {
        let at = at % words.len();
        let gap = " ".repeat(width);
        let mut other = words.clone();
        other[at] = format!("{}q", other[at]);
        prop_assert!(matches(&words.join(&gap), &words.join(&gap)));
        prop_assert!(!matches(&words.join(&gap), &other.join(&gap)));
        prop_assert!(!matches(&words.join("\n"), &other.join("\n")));
    }

    #[test]
    fn other_ids_match_as_long_as_they_are_used_alike(a in "[0-9a-f]{12}", b in "[0-9a-f]{12}", x in "[0-9a-f]{12}", y in "[0-9a-f]{12}") {
        prop_assume!(a != b && x != y);
        let slide = format!("run {a}\nrun {b}\nstop {a}\n");
        let same = format!("run {x}\nrun {y}\nstop {x}\n");
        let swapped = format!("run {x}\nrun {y}\nstop {y}\n");
        prop_assert!(matches(&slide, &same));
        prop_assert!(!matches(&slide, &swapped));
    }
}
