//! Every console block of a real course is found, with its commands and output at their lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dockside::diag::{SourceFile, SourceText};
use dockside::lab::extract;
use dockside::lab::plan::Step;

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !path.is_dir() {
        println!("skipped: no corpus at {}", path.display());
        return None;
    }
    Some(path)
}

fn steps(path: &Path) -> Vec<Step> {
    let source = SourceText::from_file(SourceFile::read(path).unwrap());
    let deck = dockside::slides::parse(&source, &dockside::slides::Options::default());
    let (chapters, diagnostics) = extract::deck("deck", "Deck", &source, &deck);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    chapters.into_iter().flat_map(|c| c.steps).collect()
}

fn steps_of(text: &str) -> Vec<Step> {
    let source = SourceText::from_str("deck.md", text);
    let deck = dockside::slides::parse(&source, &dockside::slides::Options::default());
    let (chapters, diagnostics) = extract::deck("deck", "Deck", &source, &deck);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    chapters.into_iter().flat_map(|c| c.steps).collect()
}

#[test]
fn recorded_console_blocks_are_found_at_their_lines() {
    let Some(corpus) = corpus() else { return };
    let blocks = std::fs::read_to_string(corpus.join("labs/console-blocks.jsonl")).unwrap();
    let mut files: BTreeMap<PathBuf, (Vec<String>, Vec<Step>)> = BTreeMap::new();
    let (mut found, mut missing) = (0, Vec::new());
    for block in blocks.lines() {
        let block: serde_json::Value = serde_json::from_str(block).unwrap();
        let path = corpus.join("container.training").join(block["file"].as_str().unwrap());
        if !path.is_file() {
            continue;
        }
        let (lines, steps) = files.entry(path.clone()).or_insert_with(|| {
            let text = std::fs::read_to_string(&path).unwrap();
            (text.lines().map(str::to_owned).collect(), steps(&path))
        });
        let first = block["line"].as_u64().unwrap() as usize;
        let mut after = first;
        for step in block["steps"].as_array().unwrap() {
            let command = step["cmd"].as_str().unwrap();
            let output: Vec<&str> = step["out"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
            // A block that a wrong fence never closed was recorded to the end of its file.
            let first_line = |s: &&Step| s.command.lines().next() == Some(command.trim_end());
            let known = steps.iter().filter(|s| s.spot.line >= after).find(first_line).filter(|s| near(s, first, &block));
            let Some(known) = known else {
                missing.push(format!("{}:{first}: {command}", block["file"]));
                continue;
            };
            assert!(lines[known.spot.line - 1].contains(command.trim_end()), "{}:{}", path.display(), known.spot.line);
            let shown: Vec<String> =
                known.command.lines().skip(1).map(str::to_owned).chain(known.expected.iter().map(|l| l.text.clone())).collect();
            let shown: Vec<&str> = shown.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).take_while(|l| *l != "```").collect();
            let output: Vec<&str> = output.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
            let output: Vec<&str> = output.into_iter().take_while(|l| *l != "```").collect();
            assert_eq!(shown, output, "{}:{}: {command}", path.display(), known.spot.line);
            for line in &known.expected {
                assert_eq!(lines[line.spot.line - 1].trim(), line.text.trim(), "{}:{}", path.display(), line.spot.line);
            }
            found += 1;
            after = known.spot.line + 1;
        }
    }
    assert!(found > 150, "{found} found");
    assert!(missing.is_empty(), "{} missing of {}:\n{}", missing.len(), missing.len() + found, missing.join("\n"));
}

/// Whether a step can belong to a block that starts at `first`.
fn near(step: &Step, first: usize, block: &serde_json::Value) -> bool {
    let lines: usize = block["steps"].as_array().unwrap().iter().map(|s| 1 + s["out"].as_array().unwrap().len()).sum();
    step.spot.line <= first + lines + 12 || lines > 60
}

#[test]
fn fences_and_indented_blocks_with_prompts_are_exercises() {
    let text =
        "# One\n\n```bash\n$ echo a\na\n$ echo b\n```\n\nText.\n\n    $ pwd\n    /\n\n- item\n\n  ```console\n  $ ls\n    x\n  ```\n";
    let steps = steps_of(text);
    let got: Vec<_> = steps.iter().map(|s| (s.command.as_str(), s.spot.line, s.spot.column)).collect();
    assert_eq!(got, [("echo a", 4, 3), ("echo b", 6, 3), ("pwd", 11, 7), ("ls", 17, 5)]);
    assert_eq!(steps[0].expected[0].text, "a");
    assert_eq!(steps[2].expected[0].text, "/");
    assert_eq!(steps[2].expected[0].spot.column, 5);
    assert_eq!(steps[3].expected[0].text, "  x");
    assert_eq!(steps[0].slide.as_ref().unwrap().heading, "One");
}

#[test]
fn a_block_may_open_a_deck() {
    let got: Vec<_> =
        steps_of("    $ echo a\n    a\n\n---\n\n    $ echo b\n").into_iter().map(|s| (s.command, s.spot.line, s.spot.column)).collect();
    assert_eq!(got, [("echo a".to_owned(), 1, 7), ("echo b".to_owned(), 6, 7)]);
}

#[test]
fn other_languages_and_blocks_without_prompts_are_not() {
    let text = "```dockerfile\n$ echo a\n```\n\n```bash\necho a\n```\n\n```\nubuntu\n```\n\nThis costs $ 5.\n\n<!--\n```bash\n$ echo hidden\n```\n-->\n";
    assert!(steps_of(text).is_empty());
}

#[test]
fn notes_are_not_run() {
    assert!(steps_of("# A\n\n???\n\n```bash\n$ echo a\n```\n").is_empty());
    assert!(steps_of("Text.\n\n!SLIDE\n# A\n\nNote:\n\n    $ echo a\n").is_empty());
}

#[test]
fn commands_go_on_over_lines() {
    let text = "```bash\n$ docker run \\\n> -it ubuntu\n$ cat <<EOF > f\n> a\n> $ b\n> EOF\n$ for i in 1 2\ndo echo $i\ndone\n1\n2\n```\n";
    let commands: Vec<_> = steps_of(text).into_iter().map(|s| (s.command, s.expected.len())).collect();
    assert_eq!(
        commands,
        [
            ("docker run \\\n-it ubuntu".to_owned(), 0),
            ("cat <<EOF > f\na\n$ b\nEOF".to_owned(), 0),
            ("for i in 1 2\ndo echo $i\ndone".to_owned(), 2)
        ]
    );
}

#[test]
fn prompts_inside_containers() {
    let text =
        "```bash\n$ docker run -it ubuntu\nroot@04c0bb0a6c07:/# ls\nbin\n# id\n[root@0ecc /]# pwd\n/ # exit\n$ ls\n# no prompt\n```\n";
    let steps = steps_of(text);
    let got: Vec<_> = steps.iter().map(|s| (s.prompt.as_str(), s.command.as_str())).collect();
    assert_eq!(
        got,
        [
            ("$", "docker run -it ubuntu"),
            ("root@04c0bb0a6c07:/#", "ls"),
            ("#", "id"),
            ("[root@0ecc /]#", "pwd"),
            ("/ #", "exit"),
            ("$", "ls")
        ]
    );
    assert_eq!(steps[5].expected[0].text, "# no prompt");
}

#[test]
fn remark_brackets_and_highlighted_lines() {
    let text = "# A\n\n.exercise[\n\n- Do:\n  ```bash\n  $ echo a\n  ```\n]\n\n```bash\n*$ echo b\n* $ echo c\n```\n\n.lab[\n    $ echo d\n    d\n]\n";
    let got: Vec<_> = steps_of(text).into_iter().map(|s| (s.command, s.spot.line)).collect();
    assert_eq!(got, [("echo a".to_owned(), 7), ("echo b".to_owned(), 12), ("echo c".to_owned(), 13), ("echo d".to_owned(), 17)]);
}

#[test]
fn crlf_and_no_final_newline() {
    let steps = steps_of("# A\r\n\r\n```bash\r\n$ echo a\r\na\r\n```\r\n\r\n    $ echo b\r\n    b");
    let got: Vec<_> =
        steps.iter().map(|s| (s.command.as_str(), s.spot.line, s.expected[0].text.as_str(), s.expected[0].spot.line)).collect();
    assert_eq!(got, [("echo a", 4, "a", 5), ("echo b", 8, "b", 9)]);
}

#[test]
fn directives() {
    let text = "<!-- dockside: images: redis:latest, ubuntu:14.04 -->\n\n# A\n\n<!-- dockside: exit: 3; timeout: 5; match: glob -->\n\n```bash\n$ true\n$ exit 3\n```\n\n```bash {skip}\n$ no\n```\n\n<!-- dockside: hidden\n$ echo secret\nsecret\n-->\n\n<!-- dockside: chapter: Two; images: alpine -->\n\n    $ echo z\n";
    let source = SourceText::from_str("deck.md", text);
    let deck = dockside::slides::parse(&source, &dockside::slides::Options::default());
    let (chapters, diagnostics) = extract::deck("deck", "Deck", &source, &deck);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(chapters.len(), 2);
    assert_eq!(chapters[0].images, ["redis:latest", "ubuntu:14.04"]);
    assert_eq!(chapters[1].images, ["alpine"]);
    let steps = &chapters[0].steps;
    assert_eq!(steps.len(), 4);
    assert_eq!(steps[0].options.exit, None);
    assert_eq!(steps[1].options.exit, Some(dockside::lab::plan::ExitRule::Code(3)));
    assert!(steps[2].options.skip.is_some());
    assert!(steps[3].options.hidden);
    assert_eq!((steps[3].command.as_str(), steps[3].spot.line), ("echo secret", 17));
    assert_eq!(chapters[1].title, "Two");
}

#[test]
fn unknown_directives_are_told_with_their_place() {
    let source = SourceText::from_str("deck.md", "# A\n\n<!-- dockside: skipp; exit: many -->\n\n    $ a\n");
    let deck = dockside::slides::parse(&source, &dockside::slides::Options::default());
    let (_, diagnostics) = extract::deck("deck", "Deck", &source, &deck);
    let got: Vec<_> = diagnostics.iter().map(|d| (d.line, d.column, d.message.as_str())).collect();
    assert_eq!(got, [(3, 16, "\"skipp\" means nothing to dockside"), (3, 23, "\"many\" is no exit status")]);
}
