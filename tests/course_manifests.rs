//! Course manifests from outside: container.training's own expand as its generator expands them; ours say what is wrong, and where.

use std::path::{Path, PathBuf};

use dockside::course::Course;

fn corpus(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is missing", path.display());
        return None;
    }
    Some(path)
}

/// The text without what its generator takes from git and from files that the sample lacks.
fn comparable(text: &str) -> String {
    let mut out = String::new();
    let mut skip = false;
    let slides: Vec<&str> = text.split("\n---\n").collect();
    for slide in slides {
        let missing = slide.contains("logistics.md") || slide.contains("(slides/logistics");
        skip = missing;
        if !skip {
            let start = slide.find(".debug[\n```").map(|n| (n, slide.rfind("\n\n\n").unwrap_or(slide.len())));
            match start {
                Some((from, to)) => out.push_str(&format!("{}.debug[{}", &slide[..from], slide[to..].trim_start())),
                None => out.push_str(slide),
            }
            out.push_str("\n---\n");
        }
    }
    let _ = skip;
    out
}

#[test]
fn container_training_manifests_expand() {
    for name in ["intro-fullday", "intro-selfpaced", "mlops"] {
        let Some(manifest) = corpus(&format!("container.training/{name}.yml")) else { return };
        let expected = std::fs::read_to_string(corpus(&format!("remark/decks/{name}.md")).unwrap()).unwrap();
        let (course, diagnostics) = Course::load(&manifest);
        let ours = comparable(course.decks[0].source.text());
        let expected = comparable(&expected);
        let first = ours.lines().zip(expected.lines()).position(|(a, b)| a != b);
        if let Some(line) = first {
            let show = |text: &str| text.lines().skip(line.saturating_sub(3)).take(8).collect::<Vec<_>>().join("\n");
            panic!("{name}: line {} differs\nours:\n{}\ntheirs:\n{}", line + 1, show(&ours), show(&expected));
        }
        assert_eq!(ours.len(), expected.len(), "{name}");
        // Only the file that the sample lacks is missing, and it is named in its line.
        for diagnostic in &diagnostics {
            assert_eq!(
                (diagnostic.code, diagnostic.excerpt.as_ref().unwrap().line.as_str()),
                ("missing-file", "- logistics.md"),
                "{diagnostic:?}"
            );
        }
        assert_eq!(diagnostics.len(), usize::from(name != "intro-selfpaced"), "{name}");
    }
}
