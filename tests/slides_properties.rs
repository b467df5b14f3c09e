//! Whatever the bytes: slides are read without a panic, in time, and their places are true.

#[expect(dead_code, reason = "the ways in for the engine are another test's")]
mod entries;

use dockside::deck::markdown;
use dockside::diag::SourceText;
use dockside::slides::remark::{Engine, lexer};
use dockside::slides::{Dialect, Options, SlideDeck};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// Pieces that mean something in one of the dialects, and some that mean nothing.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(vec![
            "\n", "\n\n", "\n---\n", "\n--\n", "\n???\n", "\n!SLIDE\n", "\n\n!SUB\n", "\n\n!NOTE\n", "Note:", "`", "```", "```bash\n", "~~~\n",
            "    ", "  ", "- ", "1. ", "1) ", "* ", "> ", "# ", "#T\n", ".a[", ".a.b[\n", "]", "[", "\\", "\\.a[", "[x]: u \"t\"\n", "![:hello](x)",
            "![:", "{{content}}", "{{x}}", "\\{{x}}", "{{", "}}", "name: a\n", "layout: true\n", "template: a\n", "class: x, y\n", "x: {{x}}\n",
            "exclude: true\n", "count: false\n", "<!-- a: b -->", "<!--", "-->", "<!-- .element: class=\"x\" -->", "<!-- .slide: data-x -->",
            "<div>", "</div>", "<br/>\n", "<center>\n", "<", ">", "&amp;", "&", "|", "a | b\n--- | ---\n", "http://a.b/c.", "![i](u)", "[l](u)",
            "\r\n", "\r", "\t", "\u{feff}", "é", "\u{fdd0}0\u{fdd1}", "\u{fdd2}", "\u{a0}", "$", "*", "_", "**", "$$", "\\frac{1}",
            "\n::right::\n", "\n::: {.a #b k=\"v\"}\n", "\n::: notes\n", "\n:::\n", "{#a .b}", "{.c}", "\n. . .\n", "\n```{r x, include=FALSE}\n",
            "\n```{r}\n", "#| include: false\n", " #<<\n", "```ts {1|2-3}\n", "````md magic-move\n", "\n## H {.a}\n", "\n# H {#b background=x}\n", "::", "{", "```math\n", "\u{fdd3}0\u{fdd4}", "$x_1$",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(fragment(), 0..40).prop_map(|parts| parts.concat())
}

fn all_options() -> Vec<Options> {
    let exclude = vec!["x".to_owned()];
    let remark = |engine| Options { dialect: Some(Dialect::Remark), remark: engine, exclude: exclude.clone(), ..Options::default() };
    let reveal = Options { dialect: Some(Dialect::Reveal), ..Options::default() };
    vec![Options::default(), remark(Engine::ContainerTraining), remark(Engine::Upstream), reveal]
}

/// The places of a deck are in the text and in order.
fn places(deck: &SlideDeck, source: &SourceText) {
    let disk = source.files()[0].text();
    let mut end = 0;
    for slide in &deck.slides {
        assert!(slide.range.start >= end && slide.range.start <= slide.range.end, "{:?} after {end}", slide.range);
        assert!(source.text().get(slide.range.clone()).is_some(), "{:?}", slide.range);
        end = slide.range.end;
        let place = &slide.source;
        assert!(place.line >= 1 && place.line <= place.end_line, "{place:?}");
        let on_disk = disk.get(place.span.clone()).unwrap_or_else(|| panic!("{place:?}"));
        assert_eq!(on_disk.replace("\r\n", "\n"), source.text()[slide.range.clone()], "{place:?}");
    }
    for diagnostic in &deck.diagnostics {
        let line = disk.split('\n').nth(diagnostic.line - 1).unwrap();
        assert!(diagnostic.column <= line.chars().count() + 1, "{diagnostic:?}");
        dockside::diag::render(diagnostic, false);
    }
}

fn render(deck: &SlideDeck) {
    let options = markdown::Options { highlight_lines: true, highlight_spans: true, id_prefix: "s-", ..markdown::Options::of(deck) };
    for slide in &deck.slides {
        let rendered = markdown::render(&slide.content, &deck.links, &options);
        assert!(deck.dialect == Dialect::Remark || !rendered.html.contains('\u{fdd2}'), "{:?}", rendered.html);
        let words: Vec<&str> = rendered.text.split_whitespace().collect();
        assert_eq!(rendered.text, words.join(" "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_and_its_places_are_true(text in text()) {
        let source = SourceText::from_str("deck.md", text);
        for options in all_options() {
            let deck = dockside::slides::parse(&source, &options);
            places(&deck, &source);
            render(&deck);
        }
    }

    #[test]
    fn tokens_are_in_order_and_within_the_text(text in text()) {
        for engine in [Engine::ContainerTraining, Engine::Upstream] {
            let mut end = 0;
            for token in lexer::lex(&text, engine) {
                prop_assert!(token.outer.start >= end && token.outer.start <= token.span.start);
                prop_assert!(token.span.start <= token.span.end && token.span.end <= token.outer.end);
                prop_assert!(text.get(token.span.clone()).is_some() && token.outer.end <= text.len());
                end = token.outer.end;
            }
            // 0.15 drops the first carriage return, which may be the last byte.
            prop_assert!(end == text.len() || end + 1 == text.len() && text.ends_with('\r') && engine == Engine::Upstream);
        }
    }
}

/// Pieces of manifests and front matter.
fn setting() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::sample::select(vec![
            "title: a\n", "content:\n", "- a.md\n", "- - a.md\n", "-\n  - a.md\n", "- gone.md\n", "- |\n  # T\n\n  @@TOC@@\n", "- {a: b}\n",
            "exclude: [x]\n", "exclude: x\n", "chat: ''\n", "gitrepo: a b\n", "decks:\n", "  - file: a.md\n", "    remark: 0.15\n",
            "    separator: '('\n", "    separator: '^$'\n", "    macros: {a: '${1}'}\n", "labs: ['**/*']\n", "---\n", "...\n", "# ", "&a *a", "<<: *a\n",
            "layout: x\n", "class: y\n", "<!-- _class: z -->\n", "<!-- class: [z, w] -->\n", "<!--\n_paginate: x\n-->\n", "<!-- note -->", "![bg](x.png)\n",
            "```\n", "\n", "\t", "\u{feff}", "@@INCLUDE[a.md]", "@@LINK[", "@@TOC@@", "# T\n", "x".repeat(700).leak(), " --- ", " ## H ", " * ", " ``` ",
        ]).prop_map(str::to_owned),
        1 => fragment(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_manifest_is_loaded(parts in proptest::collection::vec(setting(), 0..20)) {
        entries::manifest(&parts.concat());
    }

    #[test]
    fn any_deck_of_another_program_is_read(text in text()) {
        entries::manifest(&text);
    }

    #[test]
    fn both_dialects_take_any_text(text in text()) {
        entries::remark(&text);
        entries::reveal(&text);
    }
}

/// Texts that make a careless parser quadratic: this test hangs where one is.
#[test]
fn long_texts_take_no_longer_than_they_are() {
    let n = 40_000;
    let hostile = [
        "`".repeat(n * 4),
        "[".repeat(n * 4),
        "]".repeat(n * 4),
        ".a[".repeat(n),
        ".a[".repeat(n) + &"]".repeat(n),
        ".a.a.a".repeat(n),
        "\\.a[]".repeat(n),
        "\n```\n".repeat(n),
        "\n````x\n```\n".repeat(n / 2) + ".a[\n" + &"\n````x".repeat(n / 2) + "]",
        "\n```".repeat(n) + "\n~~~",
        "`x`~~~".repeat(n),
        "`x`[a]: b \"".repeat(n),
        "\n[a]: b".repeat(n),
        "\n[".repeat(n),
        "![:a".repeat(n),
        "<!-- a:".repeat(n),
        "<!-- a: b -->".repeat(n),
        "a: b\n".repeat(n),
        "{{".repeat(n),
        "{{a".repeat(n) + "\n{{content}}",
        "\n--\na".repeat(3_000),
        "layout: true\n{{content}}{{content}}\n--\n".repeat(60),
        "{{content}}{{content}}\n--\n".repeat(60),
        ".a[{{content}}]\n--\n".repeat(600),
        "\n\n!SUB\n!NOTE".repeat(n / 8),
        "    x\n".repeat(n),
        "> ".repeat(n / 8),
        "- ".repeat(n / 8),
        "*a ".repeat(n),
        "<a ".repeat(n),
        "<div ".repeat(n),
        "<div>".repeat(n / 8),
        "<div>".to_owned() + &"<b></i>".repeat(n),
        "&".repeat(n * 4),
        "|".repeat(n),
        " \n".repeat(n),
        "x".repeat(n * 100),
    ];
    for text in hostile {
        let source = SourceText::from_str("deck.md", text);
        if std::env::var_os("SHOW_TIMES").is_some() {
            eprintln!("{:?}", source.text().chars().take(30).collect::<String>());
        }
        for options in all_options().split_off(1) {
            let start = std::time::Instant::now();
            let deck = dockside::slides::parse(&source, &options);
            let read = start.elapsed();
            if deck.slides.len() < 1000 {
                render(&deck);
            }
            if std::env::var_os("SHOW_TIMES").is_some() && start.elapsed().as_millis() > 200 {
                eprintln!("{read:?} {:?} {:?}", start.elapsed(), source.text().chars().take(30).collect::<String>());
            }
        }
    }
}

/// The texts of a folder and those below it.
fn texts(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|e| e == "md" || e == "yml") {
            found.extend(std::fs::read_to_string(path));
        }
    }
}

/// For where cargo-fuzz is not: `FUZZ_SECONDS=600 cargo test --test slides_properties -- --ignored --nocapture`. Every target has
/// its own time, and its name runs it alone (`-- --ignored as_remark`).
mod real_decks_cut_and_mixed {
    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_remark() {
        super::survive(super::entries::remark);
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_reveal() {
        super::survive(super::entries::reveal);
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_manifest() {
        super::survive(super::entries::manifest);
    }
}

/// The last place at `at` or before where `text` may be cut.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn survive(way: fn(&str)) {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    ["slides", "labs", "../shared/corpus/container.training", "../shared/corpus/reveal-sub"]
        .iter()
        .for_each(|f| texts(&own.join(f), &mut all));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    entries::chance::keep_trying(|chance| {
        let mut text = String::new();
        for _ in 0..=chance.below(6) {
            let from = &all[chance.below(all.len())];
            let start = boundary(from, chance.below(from.len()));
            let piece = &from[start..boundary(from, start + chance.below(600))];
            let at = boundary(&text, chance.below(text.len() + 1));
            text.insert_str(at, piece);
        }
        for _ in 0..chance.below(8) {
            let at = boundary(&text, chance.below(text.len() + 1));
            let mark = setting().new_tree(&mut runner).map(|tree| tree.current()).unwrap_or_default();
            text.insert_str(at, &mark);
            let cut = boundary(&text, chance.below(text.len() + 1));
            let cut_end = boundary(&text, cut + chance.below(40));
            text.replace_range(cut..cut_end, "");
        }
        if std::panic::catch_unwind(|| way(&text)).is_err() {
            panic!("this text: {text:?}");
        }
        text.len()
    });
}
