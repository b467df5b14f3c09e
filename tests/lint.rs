//! `dockside lint` from outside: every rule on a deck that breaks it and on one that does not, settings, formats, exit codes, and
//! container.training's course.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Exit code and standard output.
fn lint(args: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["lint", "--no-browser"])
        .args(args)
        .current_dir(folder)
        .output()
        .expect("dockside starts");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, text) in files {
        let path = folder.path().join(place);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

/// `file:line:column rule` of every finding.
fn places(args: &[&str], folder: &Path) -> Vec<String> {
    let (_, out) = lint(&[args, &["--format", "json"]].concat(), folder);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
    let findings = value["findings"].as_array().expect("a list").iter();
    findings
        .map(|f| format!("{}:{}:{} {}", f["file"].as_str().expect("a file"), f["line"], f["column"], f["rule"].as_str().expect("a rule")))
        .collect()
}

/// The findings in a deck.
fn in_deck(text: &str) -> Vec<String> {
    let folder = folder_with(&[("a.md", text), ("img/x.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")]);
    places(&["a.md"], folder.path()).into_iter().map(|place| place.trim_start_matches("a.md:").to_owned()).collect()
}

#[test]
fn marks_that_do_not_count() {
    assert_eq!(
        in_deck("# A\n\n--- \n\n# B\n\n ---\n\n# C\n\n----\n\n# D\n\n??? \n\nx\n"),
        ["3:1 almost-separator", "7:1 almost-separator", "11:1 almost-separator", "15:1 almost-separator",]
    );
    // Headings, tables, rules and code are what they look like.
    assert_eq!(in_deck("A\n----\n\n---\n\n|a|b|\n|--|--|\n\n***\n\n```\n--- \n ---\n```\n\n    ---\n"), [] as [&str; 0]);
    assert_eq!(in_deck("# A\n\n.small[\nx\n\n---\n\n# B\n"), ["3:1 unbalanced-bracket"]);
    assert_eq!(in_deck("# A\n\n.small[\n\nx\n\n---\n\n# B\n\n]\n"), ["3:1 unbalanced-bracket"]);
    assert_eq!(in_deck("# A\n\nis .red[not closed\n\n---\n\n# B ]\n"), ["3:4 unbalanced-bracket"]);
    assert_eq!(in_deck("# A\n\n.small[\nx\n]\n\n]\n\n---\n\n# B [x] `]` and list.items[\n"), ["7:1 unbalanced-bracket"]);
    assert_eq!(in_deck("# A\n\n````bash\n$ ls\n```\n\ntext\n\n---\n\n# B\n\n```\nx\n```\n"), ["3:1 mismatched-fence"]);
    assert_eq!(in_deck("# A\n\n```bash\n$ ls\n\n---\n\n# B\n\n```bash\n$ id\n```\n"), ["3:1 mismatched-fence"]);
    assert_eq!(in_deck("# A\n\n```yaml\na: 1\n---\nb: 2\n```\n\n- item\n\n  ```sh\n  ls\n  ```\n"), [] as [&str; 0]);
    assert_eq!(in_deck("# A\n\n???\n\nx\n\n???\n\ny\n\n---\n\n# B\n\n???\n\nz\n"), ["7:1 repeated-note"]);
    assert_eq!(in_deck("Note: this is lost\n\n# A\n"), ["1:1 swallowed-property"]);
    assert_eq!(in_deck("Note: later\n\n# A\n\n---\nSee:\n\n- b\n"), ["1:1 swallowed-property", "6:1 swallowed-property"]);
    assert_eq!(in_deck("speaker: Ann\nRoom: 12\n\n# A in {{Room}}\n"), [] as [&str; 0]);
}

/// The first title slide of a course links to a part before it, which is not there: that is told where the title stands.
#[test]
fn a_dead_link_of_a_generated_slide_is_told_at_its_title() {
    let manifest = "title: C\nchat: x\ngitrepo: x\nslides: x\nzip: x\nhtml: c.html\nexclude: []\ncontent:\n- a.md\n- b.md\n";
    let folder = folder_with(&[
        ("c.yml", manifest),
        ("a.md", "## Welcome\n\nhello\n\n---\n\n@@TOC@@\n"),
        ("b.md", "# One\n\nx\n\n---\n\n# Two\n\ny\n"),
    ]);
    let (_, said) = lint(&["c.yml"], folder.path());
    let dead: Vec<String> = places(&["c.yml"], folder.path()).into_iter().filter(|place| place.ends_with("dead-anchor")).collect();
    assert_eq!(dead, ["b.md:1:3 dead-anchor", "b.md:7:3 dead-anchor"], "{said}");
    assert!(said.contains("1 | # One\n  |   ^^^"), "{said}");
}

#[test]
fn marks_of_a_reveal_deck() {
    assert_eq!(in_deck("# A\n\n!SUB\n# B\n!SUB\n\n# C\n"), ["5:1 literal-marker"]);
    assert_eq!(in_deck("# A\n\n!SUB\n\n```\nx\n\n!SUB\n\ny\n```\n\n!SLIDE\n# B\n"), ["8:1 marker-in-fence"]);
    assert_eq!(in_deck("# A\n\n!SUB\n\n```\nx\n\n!SUB\n\n# B\n\n```sh\ny\n```\n"), ["5:1 mismatched-fence"]);
    assert_eq!(in_deck("# A\n\n!SUB\n# B\n\n!NOTE\nx\n\n!NOTE\ny\n"), ["9:1 repeated-note"]);
    assert_eq!(in_deck("# A\n\nNote: x\n\nnotes: y\n\n!SUB\n# B\n\nNote: z\n"), ["5:1 repeated-note"]);
    assert!(in_deck("# A\n\nNote: x\n\nNote: y\n\n!SUB\n# B\n\n!NOTE\nz\n").is_empty());
}

#[test]
fn increments_and_names() {
    assert_eq!(in_deck("--\n\n# A\n\n--\n\nmore\n"), ["1:1 orphaned-increment"]);
    assert_eq!(in_deck("# A\n\n---\nexclude: true\n\n# B\n\n--\n\nmore of B\n"), ["8:1 wrong-parent"]);
    assert_eq!(in_deck("# A\n\n---\nlayout: true\n\n---\n# B\n\n--\n\nmore of B\n"), [] as [&str; 0]);
    assert_eq!(in_deck("# A\n\n---\nlayout: true\n\n--\n\nmore of what\n"), ["6:1 orphaned-increment"]);
    assert_eq!(in_deck("name: x\n# A\n\n--\n\nmore\n\n---\nname: x\n\n# B\n"), ["9:7 duplicate-name"]);
    assert_eq!(in_deck("name: a\n# A\n\n---\nname: a\n\n# B\n"), ["5:7 duplicate-name"]);
    let folder = folder_with(&[
        ("course.yml", "title: C\ndecks:\n  - {file: a.md, exclude: [live]}\n"),
        ("a.md", "# A\n\n---\nclass: live\n\n# B\n\n--\n\nmore of B\n\n---\nclass: live\n\n# C\n\n--\nclass: live\n\nmore of C\n"),
    ]);
    assert_eq!(places(&[], folder.path()), ["a.md:8:1 wrong-parent"]);
}

#[test]
fn links_and_pictures() {
    assert_eq!(
        in_deck("name: x\n# A\n\n[x](#x) [2](#2) [no](#y) [far](#77)\n\n---\n\n# B\n\n<a href=\"#z\">z</a> <b id=\"w\"></b> [w](#w)\n"),
        ["4:22 dead-anchor", "4:32 dead-anchor", "10:10 dead-anchor",]
    );
    assert_eq!(
        in_deck(
            "# A\n\n![](img/x.svg)\n\n![X](img/x.svg)\n\n<img src=\"img/x.svg\"> <img src=\"img/x.svg\" alt=\"\">\n\n[a](no.txt) ![N](no.png)\n"
        ),
        ["3:5 image-without-alt", "9:5 dead-link", "9:18 missing-image",]
    );
}

#[test]
fn translations_follow_their_original() {
    let folder = folder_with(&[
        (
            "a.md",
            "# One\n\n- a\n- b\n\n---\n\n# Two\n\n```sh\n$ ls # the files\n```\n\n---\n\n# Three\n\n???\n\n:EN: Say.\n:FR: Dire.\n\n---\n\n# Four\n\n???\n\n:EN: Say.\n",
        ),
        ("a.fr.md", "# Un\n\n- a\n\n---\n\n# Deux\n\n```sh\n$ ls # les fichiers\n```\n\n---\n\n# Trois\n"),
    ]);
    assert_eq!(
        places(&["a.md"], folder.path()),
        ["a.fr.md:1:1 stale-translation", "a.fr.md:15:1 stale-translation", "a.md:29:1 missing-translation"]
    );
}

#[test]
fn rules_are_set_and_silenced() {
    let deck = "# A\n\n![](img/x.svg)\n\n<!-- dockside: allow image-without-alt, dead-anchor -->\n\n[no](#y)\n\n---\n\n# B\n\n[no](#z)\n";
    let folder = folder_with(&[
        (
            "course.yml",
            "title: C\ndecks: [a.md, old/b.md]\nlint:\n  dead-anchor: {level: error, except: [\"old/*\"]}\n  image-without-alt: off\n",
        ),
        ("a.md", deck),
        ("old/b.md", "[no](#w) ![](x.svg)\n"),
        ("old/x.svg", "<svg/>"),
        ("img/x.svg", "<svg/>"),
    ]);
    let (code, out) = lint(&[], folder.path());
    assert_eq!(code, Some(51), "{out}");
    assert!(
        out.contains("error[dead-anchor]: no slide is called #z") && out.contains("--> a.md:13:6") && out.contains("[no](#z)"),
        "{out}"
    );
    assert!(out.ends_with("2 decks: 1 error\n"), "{out}");
    let (_, out) = lint(&["--format", "github"], folder.path());
    assert!(out.starts_with("::error file=a.md,line=13,col=6,title=dead-anchor::no slide is called #z%0Aname the slide"), "{out}");
    fs::write(folder.path().join("course.yml"), "title: C\ndecks: [a.md]\nlint:\n  dead-anchors: off\n").expect("written");
    assert_eq!(places(&[], folder.path()), ["a.md:13:6 dead-anchor", "course.yml:4:3 unknown-rule"]);
    assert_eq!(lint(&[], folder.path()).0, Some(0));
    assert_eq!(lint(&["--deny", "warnings"], folder.path()).0, Some(51));
    assert_eq!(lint(&["nowhere"], folder.path()).0, Some(1));
    assert_eq!(lint(&["--no-such"], folder.path()).0, Some(2));
}

#[test]
fn the_shipped_course_is_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(places(&["."], root), [] as [&str; 0]);
}

#[test]
fn container_training_is_read_as_its_instructors_would() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/container.training");
    if !folder.exists() {
        eprintln!("skipped: {} is not here", folder.display());
        return;
    }
    let found = places(&["intro-selfpaced.yml"], &folder);
    let of = |rule: &str| found.iter().filter(|f| f.ends_with(&format!(" {rule}"))).cloned().collect::<Vec<_>>();
    assert_eq!(of("mismatched-fence"), ["containers/Working_With_Volumes.md:172:1 mismatched-fence"]);
    assert_eq!(of("dead-anchor").len(), 2, "{found:?}");
    assert_eq!(of("image-without-alt").len(), 2);
    // The pictures of title slides come from a list, and one slide shows one from elsewhere.
    let (listed, others): (Vec<_>, Vec<_>) = of("remote-image").into_iter().partition(|place| place.starts_with("interstitials.txt:"));
    assert_eq!((listed.len(), others), (16, vec!["containers/Ecosystem.md:172:27 remote-image".to_owned()]));
    // Every picture of the decks is missing there.
    assert_eq!(of("missing-image").len(), 55);
    let rest: Vec<_> = found
        .iter()
        .filter(|f| {
            !["mismatched-fence", "dead-anchor", "image-without-alt", "remote-image", "missing-image"].iter().any(|r| f.ends_with(r))
        })
        .collect();
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn an_audience_is_looked_at_by_itself() {
    let manifest = "title: C\ndecks:\n  - {name: one, file: a.md, exclude: [live]}\nvariants:\n  class: {include: [live]}\n";
    let folder = folder_with(&[("course.yml", manifest), ("a.md", "# First\n\n---\nclass: live\n\n![x](none.png)\n")]);
    assert_eq!(places(&[], folder.path()), [""; 0]);
    assert_eq!(places(&["--variant", "class"], folder.path()), ["a.md:6:6 missing-image"]);
}

#[test]
fn a_formula_that_cannot_be_read_is_told() {
    assert_eq!(in_deck("---\nmath: true\n---\n# A\n\n$x^2$ and $\\frac{1$\n"), ["6:11 bad-formula"]);
}

#[test]
fn translations_are_looked_at_like_their_originals() {
    let folder = folder_with(&[
        ("course.yml", "title: C\ndecks: [a.md]\n"),
        ("a.md", "# One\n\n---\n\n# Two\n"),
        ("a.fr.md", "# Un\n\n---\n\n# Deux\n\n[là](#nulle-part)\n"),
    ]);
    assert_eq!(places(&[], folder.path()), ["a.fr.md:7:6 dead-anchor"]);
}

#[test]
fn a_plan_names_what_is_there() {
    let manifest = "title: C\ndecks:\n  - {name: one, file: a.md, plan: {One: 5, two: 5, Three: 5}}\n";
    let folder = folder_with(&[("course.yml", manifest), ("a.md", "# One\n\n---\nname: two\n\n# Two\n")]);
    assert_eq!(places(&[], folder.path()), ["course.yml:3:52 unknown-part"]);
}
