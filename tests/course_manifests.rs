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

/// The one deck of a course that consists of `files`, of which the first is loaded, and what is said about it.
fn load(files: &[(&str, &str)]) -> (dockside::slides::SlideDeck, Vec<(String, usize)>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let (course, diagnostics) = Course::load(&folder.path().join(files[0].0));
    (course.decks[0].parse(), diagnostics.into_iter().map(|d| (d.code.to_owned(), d.line)).collect())
}

fn text(slide: &dockside::slides::Slide, deck: &dockside::slides::SlideDeck) -> String {
    dockside::deck::markdown::render(&slide.content, &deck.links, &dockside::deck::markdown::Options::of(deck)).text
}

#[test]
fn container_training_manifests_give_the_recorded_slides() {
    for name in ["intro-fullday", "intro-selfpaced", "mlops"] {
        let Some(manifest) = corpus(&format!("container.training/{name}.yml")) else { return };
        let recorded = std::fs::read_to_string(corpus(&format!("remark/decks/{name}.json")).unwrap()).unwrap();
        let recorded: serde_json::Value = serde_json::from_str(&recorded).unwrap();
        let (course, _) = Course::load(&manifest);
        let deck = course.decks[0].parse();
        let expected = recorded["slides"].as_array().unwrap();
        // The sample lacks one file, which has slides in the record.
        let missing = if name == "intro-selfpaced" { 0 } else { expected.len() - deck.slides.len() };
        assert!(missing <= 3, "{name}: {} slides of {}", deck.slides.len(), expected.len());
        let headings = |slides: Vec<Option<String>>| slides.into_iter().flatten().collect::<Vec<_>>();
        let ours = headings(
            deck.slides
                .iter()
                .map(|s| {
                    dockside::deck::markdown::render(&s.content, &deck.links, &dockside::deck::markdown::Options::of(&deck))
                        .heading
                        .map(|h| h.1)
                })
                .collect(),
        );
        let theirs = headings(expected.iter().map(|s| s["h"][1].as_str().map(str::to_owned)).collect());
        let lost = theirs.iter().filter(|heading| !ours.contains(heading)).count();
        assert!(lost <= 2 * usize::from(name != "intro-selfpaced"), "{name}: {lost} headings are lost");
        assert_eq!(deck.slides.iter().filter(|s| s.notes.is_some()).count() as u64, recorded["n_with_notes"].as_u64().unwrap(), "{name}");
    }
}

#[test]
fn front_matter_and_directives_do_not_leak() {
    let marp = "---\nmarp: true\ntitle: Deck\npaginate: true\nclass: lead\n---\n\n# One\n\n<!-- _class: invert big -->\n\n---\n\n# Two\n\n\
                ![bg right](a.png)\n\n<!-- remember this -->\n\n---\n\n<!--\n_backgroundImage: url(b.png)\n_footer: x\n-->\n# Three\n";
    let (deck, told) = load(&[("a.md", marp)]);
    let texts: Vec<String> = deck.slides.iter().map(|s| text(s, &deck)).collect();
    assert_eq!(texts, ["One", "Two", "Three"]);
    assert_eq!(deck.slides[0].classes, ["invert", "big"]);
    assert_eq!(deck.slides[1].classes, ["lead"]);
    assert_eq!(deck.slides[1].property("background-image"), Some("url(a.png)"));
    assert!(deck.slides[1].notes.is_some() && deck.slides[0].notes.is_none());
    assert_eq!(deck.slides[2].property("background-image"), Some("url(b.png)"));
    assert_eq!(told, [("no-equivalent".to_owned(), 22)]);
    let slidev = "---\ntheme: seriph\nlayout: cover\n---\n\n# One\n\n---\nlayout: two-cols\nclass: text-white\n---\n\n# Two\n\n<!-- said -->\n\n---\n\n# Three\n";
    let (deck, told) = load(&[("a.md", slidev)]);
    let texts: Vec<String> = deck.slides.iter().map(|s| text(s, &deck)).collect();
    assert_eq!(texts, ["One", "Two", "Three"]);
    assert_eq!(deck.slides[0].classes, ["title", "cover"]);
    assert_eq!(deck.slides[1].classes, ["two-cols", "text-white"]);
    assert!(deck.slides[1].notes.is_some());
    assert_eq!(told, [("no-equivalent".to_owned(), 2)]);
    // The shortest comments are whole ones.
    let (deck, _) = load(&[("a.md", "---\nmarp: true\n---\n\n# One\n\n<!--->\n\n<!-->\n\n<!-- said -->\n\n---\n\n# Two\n")]);
    assert_eq!((deck.slides.len(), deck.slides[0].notes.is_some()), (2, true));
    // A remark deck that starts with a separator keeps its empty slide.
    let (deck, told) = load(&[("a.md", "---\nclass: center\n---\n# One\n")]);
    assert_eq!((deck.slides.len(), told.len()), (3, 0));
}

/// Number, text, classes, and whether there are notes.
fn outline(deck: &dockside::slides::SlideDeck) -> Vec<String> {
    let line = |s: &dockside::slides::Slide| {
        format!("{} {} [{}]{}", s.number, text(s, deck), s.classes.join(" "), if s.notes.is_some() { " notes" } else { "" })
    };
    deck.slides.iter().map(line).collect()
}

fn html(slide: &dockside::slides::Slide, deck: &dockside::slides::SlideDeck) -> String {
    dockside::deck::markdown::render(&slide.content, &deck.links, &dockside::deck::markdown::Options::of(deck)).html
}

#[test]
fn slidev_slots_are_columns_and_fences_mark_lines() {
    let slidev = "---\ntheme: seriph\n---\n\n# One\n\n---\nlayout: two-cols\n---\n\n# Two\n\n::right::\n\n```ts {1|3-4}\na\n\n---\nb\n```\n\n<!-- said -->\n\n\
                  ---\nlayout: two-cols-header\n---\n\n# Three\n\n::left::\n\nL\n\n::right::\n\nR\n\n::bottom::\n\nB\n\n---\n\n\
                  ````md magic-move {lines: true}\n```js {all|1}\nx\n```\n```js {monaco}\ny\n```\n````\n";
    let (deck, _) = load(&[("a.md", slidev)]);
    assert_eq!(outline(&deck), ["1/4 One []", "2/4 Two a---b [two-cols] notes", "3/4 Three L R B [two-cols-header]", "4/4 x y []"]);
    let two = html(&deck.slides[1], &deck);
    assert_eq!(two.matches("class=\"column\"").count(), 2, "{two}");
    assert!(two.contains("class=\"language-ts\"") && two.matches("<mark class=\"line\">").count() == 3, "{two}");
    let three = html(&deck.slides[2], &deck);
    assert!(three.find("Three") < three.find("class=\"columns\"") && three.matches("class=\"column\"").count() == 2, "{three}");
    assert_eq!(html(&deck.slides[3], &deck).matches("class=\"language-js\"").count(), 2);
    // Text that cannot be put into a column stands where it stood.
    let (deck, _) = load(&[("a.md", "# A\n\nan open [\n\n::right::\n\nb\n")]);
    assert_eq!(outline(&deck), ["1/1 A an open [ b []"]);
}

#[test]
fn slidev_decks_take_slides_out_of_other_files() {
    let deck = "---\ntheme: x\ntitle: The deck\n---\n\n# {{ $slidev.configs.title }}\n\n---\nsrc: ./pages/b.md\nclass: mine\n---\n\nignored\n\n\
                ---\nsrc: /pages/c.md#2,4-\n---\n\n---\nsrc: pages/gone.md\n---\n\n---\nhide: true\nsrc: pages/b.md\n---\n\n---\n\n\
                ```yaml\nlayout: center\n```\n\n# Last {{ $page }} of {{ $slidev.nav.total }} {{ count++ }}\n\n<<< @/code/a.js#one ts {1}\n";
    let b = "---\nlayout: cover\nclass: theirs\n---\n\n# B {{ $frontmatter.class }}\n\n<!-- said -->\n\n---\nsrc: ./d.md\n---\n";
    let c = "# C1\n\n---\n# C2\n\n---\n\n# C3\n\n---\nlayout: end\n---\n\n# C4\n";
    let files = [
        ("a.md", deck),
        ("pages/b.md", b),
        ("pages/c.md", c),
        ("pages/d.md", "---\n\n# D\n"),
        ("code/a.js", "x\n// #region one\n  f()\n// #endregion one\n"),
    ];
    let (deck, told) = load(&files);
    assert_eq!(
        outline(&deck),
        [
            "1/6 The deck []",
            "2/6 B mine [title cover mine] notes",
            "3/6 D [mine]",
            "4/6 C2 []",
            "5/6 C4 [end]",
            "6/6 Last 6 of 6 {{ count++ }} f() [center]",
        ]
    );
    assert!(html(&deck.slides[5], &deck).contains("<mark class=\"line\">"));
    assert_eq!((deck.slides[2].source.file.ends_with("pages/d.md"), deck.slides[2].source.line), (true, 2));
    let told: Vec<(&str, usize)> = told.iter().map(|(code, line)| (code.as_str(), *line)).collect();
    assert_eq!(told, [("missing-file", 20), ("no-equivalent", 34), ("no-equivalent", 2)]);
    // A file that takes itself in, and one that is somewhere else.
    let round = [("a.md", "---\ntheme: x\n---\n\n# A\n\n---\nsrc: b.md\n---\n"), ("b.md", "# B\n\n---\nsrc: a.md\n---\n")];
    let (deck, told) = load(&round);
    assert_eq!((deck.slides.len(), told[0].clone()), (2, ("bad-import".to_owned(), 4)));
    let (deck, told) = load(&[("a.md", "---\nsrc: ../../../etc/hostname\n---\n\n---\n\n# A\n\n<<< /../../../etc/hostname\n")]);
    assert_eq!(deck.slides.len(), 1);
    assert!(told.len() == 2 && told.iter().all(|(code, _)| code == "bad-import" || code == "missing-file"), "{told:?}");
}

#[test]
fn other_programs_markdown_is_commonmark() {
    let slidev = "---\ntheme: x\n---\n\n# A\n\n<div class=\"grid\">\n\n```ts\nconst s = `a ${b}`\n```\n\n</div>\n\n<!-- https://a.b/c -->\n\n<style>\nh1 { color: red }\n</style>\n\n\
                  <!-- said -->\n\n---\n\n<script setup>\nconst x = 1\n\nfoo: bar\n</script>\n\n$$ {1|all}\nx^2\n$$\n\n---\n\n# C\n\n::left::\n\n- a\n\n::right::\n\n*b*\n";
    let (deck, told) = load(&[("a.md", slidev)]);
    assert_eq!(outline(&deck), ["1/3 A const s = `a ${b}` [] notes", "2/3 $$ x^2 $$ []", "3/3 C a b []"]);
    let one = html(&deck.slides[0], &deck);
    assert!(one.contains("class=\"language-ts\"") && !one.contains("<mark") && deck.slides[0].property("https").is_none(), "{one}");
    let three = html(&deck.slides[2], &deck);
    assert!(three.contains("<div class=\"column\">") && three.contains("<li>a</li>") && three.contains("<em>b</em>"), "{three}");
    assert_eq!(told, [("no-equivalent".to_owned(), 25)]);
    let marp = "---\nmarp: true\n---\n\nAsk: what is it?\n\n---\n\n<!-- _class: lead -->\n\nhttps://a.b/c is it\n\n---\n\n<div>\n\n- **x**\n\n</div>\n";
    let (deck, told) = load(&[("a.md", marp)]);
    assert_eq!(outline(&deck), ["1/3 Ask: what is it? []", "2/3 https://a.b/c is it [lead]", "3/3 x []"]);
    assert!(told.is_empty() && html(&deck.slides[2], &deck).contains("<strong>x</strong>"), "{told:?}");
    // What is remark's, and what is remark's by way of knitr, keeps remark's Markdown and its marks.
    for own in ["class: a\n\n<div>\n\n- x\n\n</div>\n\n```js\na `b` c\n```\n", "```{r}\nq\n```\n\n<div>\n\n- x\n\n</div>\n"] {
        let (deck, _) = load(&[("a.md", own)]);
        assert!(!html(&deck.slides[0], &deck).contains("<li>"), "{own}");
    }
}

#[test]
fn marp_parts_slides_at_every_rule() {
    let marp = "---\nmarp: true\n_class: lead\n---\n\n# A\n\n***\n\nTitle\n---\n\n```\n***\n```\n\n- - -\n\n# C\n";
    let (deck, told) = load(&[("a.md", marp)]);
    assert_eq!(outline(&deck), ["1/3 A [lead]", "2/3 Title *** []", "3/3 C []"]);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn remarks_own_marks_are_text_in_other_programs_decks() {
    let marp = "---\nmarp: true\n---\n\n# A\n\n- a\n\n--\n\n???\n\nx.map[0] {{content}} #b\n\n#Tag\n\n---\n\n`` and\n\n---\n\n`` more\n";
    let (deck, told) = load(&[("a.md", marp)]);
    assert_eq!(outline(&deck), ["1/3 A a -- ??? x.map[0] {{content}} #b #Tag []", "2/3 `` and []", "3/3 `` more []"]);
    assert!(told.is_empty(), "{told:?}");
    let (deck, _) = load(&[("a.md", "---\ntheme: x\nlayout: y\n---\n\n# A\n\n----\n\n# B\n\na | b\n--- | ---\n1 | 2\n")]);
    assert_eq!(outline(&deck), ["1/2 A [y]", "2/2 B a b 1 2 []"]);
}

#[test]
fn quarto_takes_in_what_shortcodes_name() {
    let quarto = "---\ntitle: T\nformat: revealjs\n---\n\n## A {{< meta title >}}\n\n{{< include parts/b.qmd >}}\n\n{{< video https://a.b/c >}} `{{< x >}}`\n\n{{< pagebreak >}}\n\n\
                  {{< include gone.qmd >}}\n\n## {background-iframe=\"x\" background-interactive}\n";
    let b = "---\ntitle: other\n---\n\n## B\n\nb {{< include ../a.qmd >}}\n";
    let (deck, told) = load(&[("a.qmd", quarto), ("parts/b.qmd", b)]);
    assert_eq!(outline(&deck), ["1/4 T [title]", "2/4 A T []", "3/4 B b https://a.b/c {{< x >}} []", "4/4  []"]);
    assert!(deck.slides[2].source.file.ends_with("parts/b.qmd"));
    let told: Vec<(&str, usize)> = told.iter().map(|(code, line)| (code.as_str(), *line)).collect();
    assert_eq!(told, [("bad-import", 7), ("missing-file", 14), ("no-equivalent", 12)]);
}

#[test]
fn knitr_chunks_are_fences() {
    let head = "---\ntitle: T\nauthor: A\ndate: \"`r Sys.Date()`\"\noutput:\n  xaringan::moon_reader:\n    nature:\n      highlightLines: true\n      \
                countIncrementalSlides: false\n---\n";
    let body = "```{r setup, include=FALSE}\nq()\n```\n\n# One\n\n```{r name, echo=FALSE}\na\nb #<<\n\n---\n* c\n```\n\n--\n\nmore\n\n---\n\n.small[x]\n\n???\nnote\n";
    let (deck, told) = load(&[("a.md", &format!("{head}{body}"))]);
    assert_eq!(outline(&deck), ["1/3 T A [title]", "2/3 One ab--- c []", "2/3 One ab--- c more []", "3/3 x [] notes"]);
    assert!(told.is_empty(), "{told:?}");
    let one = html(&deck.slides[1], &deck);
    assert!(one.contains("class=\"language-r\"") && one.matches("<mark class=\"line\">").count() == 2, "{one}");
    // Without front matter they are known by themselves, whatever of remark's stands beside them.
    let (deck, _) = load(&[("a.md", body)]);
    assert_eq!(outline(&deck).len(), 3);
    let (deck, _) = load(&[("a.md", &format!("---\ntitle: T\noutput: xaringan::moon_reader\nseal: false\n---\n{body}"))]);
    assert_eq!(deck.slides.len(), 3);
}

#[test]
fn pandoc_decks_are_cut_at_headings() {
    let quarto = "---\ntitle: T\nsubtitle: S\nformat:\n  revealjs:\n    theme: simple\n---\n\n# Part {#part .dark}\n\n## One {.smaller}\n\n\
                  :::: {.columns}\n::: {.column width=\"40%\"}\na [b]{.red} ![c](d.png){width=5%}\n:::\n::: {.column}\n```{python}\n#| echo: true\n# e {.f}\n```\n:::\n::::\n\n\
                  . . .\n\nlater\n\n::: {.notes}\nSay this.\n:::\n\n## Two\n\n::: callout\n### Inner\n## Inside\n:::\n";
    let (deck, _) = load(&[("a.md", quarto)]);
    assert_eq!(
        outline(&deck),
        [
            "1/5 T S [title]",
            "2/5 Part [dark]",
            "3/5 One a b # e {.f} [smaller]",
            "4/5 One a b # e {.f} later [smaller] notes",
            "5/5 Two Inner Inside []"
        ]
    );
    assert_eq!(deck.slides[1].id.as_deref(), Some("slide-part"));
    let one = html(&deck.slides[2], &deck);
    assert!(one.matches("class=\"column\"").count() == 2 && one.contains("<span class=\"red\">b</span>"), "{one}");
    let (deck, _) = load(&[("a.md", "---\ntitle: T\nformat: revealjs\nslide-level: 1\n---\n# A\n\n## B\n\n# C\n")]);
    assert_eq!(deck.slides.len(), 3);
    let (deck, _) = load(&[("a.md", "---\nmarp: true\nheadingDivider: 1\n---\n# A\n\n```\n# no\n```\n\n# B\n")]);
    assert_eq!(deck.slides.len(), 2);
    // Headings cut no deck that has separators of its own, nor one without front matter.
    assert_eq!(load(&[("a.md", "---\ntitle: T\n---\n# A\n# B\n\n---\n\n# C\n")]).0.slides.len(), 2);
    assert_eq!(load(&[("a.md", "# A\n# B\n# C\n")]).0.slides.len(), 1);
    let (deck, _) = load(&[("a.md", "# A {#x .y}\n\n---\n\n::: {.z}\nB\n:::\n")]);
    assert_eq!(outline(&deck), ["1/2 A [y]", "2/2 B []"]);
}

#[test]
fn what_is_remarks_own_stays_as_remark_shows_it() {
    for own in ["class: center\n\n", "???\nnote\n\n---\n\n", ".small[a]\n\n", "a\n--\n\n"] {
        let foreign = "# A {#x .y}\n\n::right::\n\n::: {.z}\n:::\n\n```ts {1}\nb\n```\n";
        let (deck, _) = load(&[("a.md", &format!("{own}{foreign}"))]);
        let last = text(deck.slides.last().unwrap(), &deck);
        assert!(
            last.ends_with("A {#x .y} ::right:: ::: {.z} ::: ts {1} b") || last.contains("{#x .y} ::right:: ::: {.z}"),
            "{own:?}: {last}"
        );
    }
    // A word of prose in braces or colons is no mark.
    let (deck, _) = load(&[("a.md", "# Map {a: 1}\n\nstd::right::turn and :::\n\n:: x ::\n")]);
    assert_eq!(outline(&deck), ["1/1 Map {a: 1} std::right::turn and ::: :: x :: []"]);
}

#[test]
fn a_deck_without_line_breaks_is_the_deck_that_it_was() {
    let Some(seed) = corpus("seeds/remark-deck-without-line-breaks.txt") else { return };
    let (course, diagnostics) = Course::load(&seed);
    assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["no-line-breaks"]);
    let deck = course.decks[0].parse();
    let rendered: Vec<_> = deck
        .slides
        .iter()
        .map(|s| dockside::deck::markdown::render(&s.content, &deck.links, &dockside::deck::markdown::Options::of(&deck)))
        .collect();
    assert_eq!(deck.slides.len(), 26);
    let headings: Vec<&str> = rendered.iter().map(|r| r.heading.as_ref().map_or("", |h| h.1.as_str())).collect();
    assert_eq!(
        headings,
        [
            "Understanding Docker images",
            "Objectives",
            "What is an image?",
            "Example for a Java webapp",
            "The read-write layer",
            "Differences between containers and images",
            "Multiple containers sharing the same image",
            "Comparison with object-oriented programming",
            "Wait a minute...",
            "A chicken-and-egg problem",
            "Creating the first images",
            "Creating other images",
            "Images namespaces",
            "Root namespace",
            "User namespace",
            "Self-hosted namespace",
            "How do you store and manage images?",
            "Showing current images",
            "Searching for images",
            "Downloading images",
            "Pulling an image",
            "Image and tags",
            "When to (not) use tags",
            "Multi-arch images",
            "Working with multi-arch images",
            "Section summary",
        ]
    );
    assert_eq!(deck.slides[4].classes, ["pic"]);
    assert_eq!(rendered.iter().map(|r| r.counts.img).sum::<usize>(), 3);
    assert_eq!(rendered.iter().map(|r| r.counts.pre).collect::<Vec<_>>()[14..21], [3, 2, 0, 1, 1, 0, 1]);
    assert_eq!(rendered[2].counts.li, 10);
    assert_eq!(deck.slides.iter().filter(|s| s.notes.is_some()).count(), 1);
    // Another deck with long lines is left alone.
    let (_, told) = load(&[("a.md", &format!("# T\n\n{}\n\n---\n\n# U\n", "word --- ".repeat(200)))]);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn odd_manifests_say_what_is_wrong() {
    let md = [("a.md", "# A\n"), ("b/c.md", "# C\n")];
    let course = |content: &str| {
        let manifest = format!("title: |\n  T\n  U\nchat: in a room\ngitrepo: a b\nslidenumberprefix: '#x — '\n{content}");
        load(&[("m.yml", manifest.as_str()), md[0], md[1]])
    };
    // A single text, a list in a list in a list, comments, and parts written on one line.
    for content in ["content: a.md\n", "content:\n- - - a.md\n", "content:\n- - a.md\n  #- b/c.md\n", "content:\n-\n  - a.md\n"] {
        let (deck, told) = course(content);
        assert!(told.is_empty(), "{content}: {told:?}");
        assert!(deck.slides.iter().any(|s| text(s, &deck).contains('A')), "{content}");
    }
    let (deck, told) = course("content: |\n  # Inline\n\n  @@TITLE@@ @@CHAT@@\n");
    assert!(text(&deck.slides[0], &deck).contains("TU in a room"), "{}", text(&deck.slides[0], &deck));
    assert!(told.is_empty(), "{told:?}");
    for (content, code, line) in [
        ("content:\n- a.md\n- gone.md\n", "missing-file", 9),
        ("content:\n- a.md\n- b\n", "unreadable-file", 9),
        ("content:\n- a.md\n- {a: b}\n", "invalid-content", 7),
        ("content:\n", "empty-course", 7),
        ("content: []\n", "empty-course", 7),
        ("content:\n- a.md\nexclude: self-paced\n", "bad-manifest", 9),
        ("content:\n- a.md\nexlude:\n- x\n", "unknown-key", 9),
    ] {
        let (_, told) = course(content);
        assert_eq!(told, [(code.to_owned(), line)], "{content}");
    }
}
