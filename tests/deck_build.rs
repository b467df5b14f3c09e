//! `dockside build` from outside: what a page is made of, that it loads nothing from elsewhere, and that a site is written whole
//! or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn dockside(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dockside")).args(args).current_dir(folder).output().expect("dockside starts")
}

/// Runs it and gives what it printed: exit code, standard output, standard error.
fn said(args: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    let output = dockside(args, folder);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, text) in files {
        write(&folder.path().join(place), text);
    }
    folder
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The page of a deck with this text.
fn page_of(markdown: &str) -> String {
    let folder = folder_with(&[("deck.md", markdown), ("img/a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")]);
    let (code, _, errors) = said(&["build", "deck.md", "-o", "out"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    read(&folder.path().join("out/index.html"))
}

/// The start tags of the slides.
fn sections(page: &str) -> Vec<&str> {
    page.match_indices("<section class=\"slide").map(|(at, _)| &page[at..=at + page[at..].find('>').expect("a tag ends")]).collect()
}

fn corpus(place: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(place);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

#[test]
fn a_slide_is_a_section_with_its_classes_name_number_and_notes() {
    let page = page_of(
        "class: title\n\n# Hello\n\n---\nname: here\nclass: extra-details, pic\n\n## There\n\n![A](img/a.svg)\n\n.small[\nlittle\n]\n\n???\n\nSaid.\n\n:FR:Dit.\n\n---\n\n# Last\n",
    );
    let sections = sections(&page);
    assert_eq!(sections.len(), 3);
    assert!(sections[0].contains("class=\"slide title lead\"") && sections[0].contains("id=\"1\""), "{}", sections[0]);
    assert!(sections[1].contains("class=\"slide extra-details pic\""), "{}", sections[1]);
    assert!(sections[1].contains("id=\"slide-here\"") && sections[1].contains("data-name=\"here\""), "{}", sections[1]);
    assert!(sections[1].contains("data-number=\"2/3\""), "{}", sections[1]);
    assert!(page.contains("<a id=\"here\"></a>"), "the bare name is an anchor");
    assert!(page.contains("class=\"small\""));
    let notes = &page[page.find("<aside class=\"notes\">").expect("notes")..];
    let notes = &notes[..notes.find("</aside>").expect("their end")];
    assert!(notes.contains("Said.") && notes.contains("<div lang=\"fr\" data-language=\"fr\">"), "{notes}");
    assert_eq!(page.matches("<aside class=\"notes\">").count(), 1);
}

#[test]
fn stacks_of_a_reveal_deck_have_their_place() {
    let page = page_of("# A\n\n!SUB\n## A1\n\n!SLIDE\n# B\n\nNote:\nSaid.\n");
    let places: Vec<_> = sections(&page)
        .iter()
        .map(|tag| {
            let value = |name: &str| tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).expect("an attribute");
            (value("data-h").to_owned(), value("data-v").to_owned())
        })
        .collect();
    let place = |h: &str, v: &str| (h.to_owned(), v.to_owned());
    assert_eq!(places, [place("0", "0"), place("0", "1"), place("1", "0")]);
    assert!(page.contains("data-dialect=\"reveal\""));
}

#[test]
fn no_two_elements_share_an_id() {
    let page = page_of("# A\n---\nname: x\n# B\n---\nname: x\n# C\n---\ncount: false\n# D\n---\nname: 1\n# E\n---\ncount: false\n# F\n");
    let mut ids: Vec<_> =
        page.match_indices(" id=\"").map(|(at, mark)| page[at + mark.len()..].split('"').next().expect("a value")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
    assert_eq!(sections(&page).len(), 6);
}

#[test]
fn code_is_shown_and_told_apart() {
    let page = page_of("# A\n\n```bash\n$ echo '<b>' && ls\n<b>\n```\n\n```json\n{\"a\": 1}\n```\n\n    $ id\n    uid=0\n");
    assert!(page.contains("<span class=ps>$ </span><span class=cmd>echo '&lt;b&gt;' &amp;&amp; ls</span>"), "{page}");
    assert!(page.contains("<span class=out>&lt;b&gt;</span>"));
    assert!(page.contains("<span class=cmd>id</span>"));
    assert!(page.contains("<span class=h-n>1</span>"));
    let folder = folder_with(&[("deck.md", "```json\n{\"a\": 1}\n```\n")]);
    assert_eq!(said(&["build", "deck.md", "-o", "out", "--no-highlight"], folder.path()).0, Some(0));
    assert!(!read(&folder.path().join("out/index.html")).contains("class=h-"));
}

#[test]
fn html_of_one_slide_stays_on_it() {
    let page = page_of(
        "# A\n\n<div><b>\n\n---\n\n# B\n\n</div></section></main>\n\n---\n\n# C\n\n<!-- never closed\n\n---\n\n# D\n\n<script>\n\n---\n\n# E\n",
    );
    assert_eq!(sections(&page).len(), 5);
    assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
    assert_eq!(page.matches("</main>").count(), 1);
    for part in page.split("<section").skip(1) {
        assert_eq!(part.matches("<div").count(), part.matches("</div>").count(), "{part}");
        assert_eq!(part.matches("<script").count().min(1), part.matches("</script").count().min(1), "{part}");
    }
}

#[test]
fn a_title_is_text() {
    let folder = folder_with(&[
        (
            "course.yml",
            "title: \"A <b> & \\\"c\\\"\"\ndecks:\n  - {name: one, title: \"One </title>\", file: a.md}\n  - {name: two, title: Two, file: a.md}\n",
        ),
        ("a.md", "# A\n"),
    ]);
    let (code, out, errors) = said(&["build", ".", "-o", "out"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("2 decks"), "{out}");
    let list = read(&folder.path().join("out/index.html"));
    assert!(list.contains("<title>A &lt;b&gt; &amp;"), "{list}");
    assert!(list.contains("href=\"one.html\"") && list.contains("href=\"two.html\""), "{list}");
    assert!(read(&folder.path().join("out/one.html")).contains("<title>One &lt;/title&gt;</title>"));
}

#[test]
fn pictures_come_along_and_those_that_are_missing_are_named_with_their_line() {
    let folder = folder_with(&[
        ("course.yml", "title: C\ndecks:\n  - {name: one, title: One, file: slides/a.md}\n"),
        ("slides/a.md", "# A\n\n![x](img/a%20b.svg)\n\n---\n\n# B\n\n![y](../shared/c.svg) ![z](img/none.png)\n\n[file](files/d.txt)\n"),
        ("slides/img/a b.svg", "<svg/>"),
        ("shared/c.svg", "<svg/>"),
        ("slides/files/d.txt", "d"),
    ]);
    let (code, _, errors) = said(&["build", ".", "-o", "out"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("slides/a.md:9:32") || errors.contains("a.md:9:"), "{errors}");
    assert!(errors.contains("img/none.png"), "{errors}");
    let page = read(&folder.path().join("out/index.html"));
    for (address, place) in
        [("slides/img/a%20b.svg", "slides/img/a b.svg"), ("shared/c.svg", "shared/c.svg"), ("slides/files/d.txt", "slides/files/d.txt")]
    {
        assert!(page.contains(&format!("\"{address}\"")), "{address} in {page}");
        assert!(folder.path().join("out").join(place).is_file(), "{place}");
    }
    assert_eq!(said(&["build", ".", "-o", "strict", "--strict"], folder.path()).0, Some(1));
    assert!(!folder.path().join("strict").exists());
}

#[test]
fn a_page_of_the_real_deck_loads_nothing_from_elsewhere() {
    let Some(deck) = corpus("remark/decks/intro-selfpaced.md") else { return };
    let folder = folder_with(&[]);
    let (code, out, errors) = said(&["build", &deck.to_string_lossy(), "-o", "out", "--no-highlight"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("1 deck, "), "{out}");
    assert!(errors.contains("remote-image"), "remote pictures are reported: {errors}");
    let page = read(&folder.path().join("out/index.html"));
    for load in ["src=\"http", "src=\"//", "srcset=\"http", "url(http", "url(\"http", "@import", "<link rel=\"stylesheet\" href=\"http"] {
        assert!(!page.contains(load), "{load}");
    }
    assert!(
        page.contains("default-src 'self'") || page.contains("default-src &#39;self&#39;") || page.contains("default-src &#x27;self&#x27;")
    );
    let style = read(&folder.path().join("out/dockside/dockside.css"));
    let script = read(&folder.path().join("out/dockside/dockside.js"));
    assert!(!style.contains("@import") && !style.contains("url(http") && !style.contains("url(\"http"));
    assert!(!script.contains("http:") && !script.contains("https:") && !script.contains("fetch("));
}

#[test]
fn a_build_that_fails_leaves_the_old_site() {
    let folder = folder_with(&[("course.yml", "title: C\ndecks:\n  - {name: one, title: One, file: a.md}\n"), ("a.md", "# Old\n")]);
    assert_eq!(said(&["build", ".", "-o", "out"], folder.path()).0, Some(0));
    write(&folder.path().join("course.yml"), "title: [\n");
    let (code, _, errors) = said(&["build", ".", "-o", "out"], folder.path());
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("course.yml"), "{errors}");
    assert!(read(&folder.path().join("out/index.html")).contains("Old"));
    write(&folder.path().join("course.yml"), "title: C\ndecks:\n  - {name: one, title: One, file: a.md}\n");
    write(&folder.path().join("templates/deck.html"), "{% if %}");
    let (code, _, errors) = said(&["build", ".", "-o", "out"], folder.path());
    assert_eq!(code, Some(1), "{errors}");
    assert!(read(&folder.path().join("out/index.html")).contains("Old"));
    let left: Vec<_> = fs::read_dir(folder.path()).expect("read").map(|e| e.expect("an entry").file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".dockside")), "{left:?}");
}

#[test]
fn a_new_site_replaces_the_old_one_and_nothing_else() {
    let folder = folder_with(&[("a.md", "![x](x.svg)\n"), ("x.svg", "<svg/>")]);
    let out = folder.path().join("out");
    assert_eq!(said(&["build", "a.md", "-o", "out"], folder.path()).0, Some(0));
    assert!(out.join("x.svg").is_file());
    write(&out.join("CNAME"), "courses.example\n");
    write(&out.join(".git/config"), "[core]\n");
    write(&folder.path().join("a.md"), "# New\n");
    assert_eq!(said(&["build", "a.md", "-o", "out"], folder.path()).0, Some(0));
    assert!(read(&out.join("index.html")).contains("New"));
    assert!(!out.join("x.svg").exists(), "what no deck needs any more is gone");
    assert_eq!(read(&out.join("CNAME")), "courses.example\n");
    assert_eq!(read(&out.join(".git/config")), "[core]\n");
}

#[test]
fn a_file_that_no_build_wrote_is_not_overwritten() {
    let folder = folder_with(&[("a.md", "# A\n"), ("out/index.html", "mine")]);
    let (code, _, errors) = said(&["build", "a.md", "-o", "out"], folder.path());
    assert_eq!(code, Some(1));
    assert!(errors.contains("index.html"), "{errors}");
    assert_eq!(read(&folder.path().join("out/index.html")), "mine");
    let (code, _, errors) = said(&["build", "a.md", "-o", "."], folder.path());
    assert_eq!(code, Some(1));
    assert!(errors.contains("holds the course"), "{errors}");
    let (code, _, errors) = said(&["build", "a.md", "-o", "a.md"], folder.path());
    assert_eq!(code, Some(1));
    assert!(errors.contains("not a folder"), "{errors}");
}

#[test]
fn a_site_can_be_written_to_the_folder_one_is_in() {
    let folder = folder_with(&[("a.md", "# A\n"), ("out/keep.txt", "mine")]);
    let out = folder.path().join("out");
    for _ in 0..2 {
        assert_eq!(said(&["build", "../a.md", "-o", "."], &out).0, Some(0));
    }
    assert!(read(&out.join("index.html")).contains("<h1"));
    assert_eq!(read(&out.join("keep.txt")), "mine");
    assert_eq!(fs::read_dir(&out).expect("read").count(), 3, "no folder of the build is left");
}

#[test]
fn a_course_brings_its_own_templates() {
    let folder = folder_with(&[
        ("course.yml", "title: C\ndecks:\n  - {name: one, title: One, file: a.md}\n"),
        ("a.md", "# A\n"),
        ("templates/deck.html", "<!doctype html><title>mine {{ title }}</title>{{ slides | safe }}"),
        ("templates/dockside.css", "body { color: red }"),
    ]);
    assert_eq!(said(&["build", "-o", "out"], folder.path()).0, Some(0));
    assert!(read(&folder.path().join("out/index.html")).starts_with("<!doctype html><title>mine One</title><section"));
    assert_eq!(read(&folder.path().join("out/dockside/dockside.css")), "body { color: red }");
    assert!(read(&folder.path().join("out/dockside/dockside.js")).contains("Dockside"));
}

#[test]
fn bad_input_gives_a_message() {
    let folder = folder_with(&[("empty.md", "")]);
    fs::write(folder.path().join("binary.md"), b"\x7fELF\0\0\xff\xfe").expect("written");
    for input in ["none.md", "binary.md", "nowhere/", "."] {
        let (code, _, errors) = said(&["build", input, "-o", "out"], folder.path());
        assert_eq!(code, Some(1), "{input}: {errors}");
        assert!(!errors.is_empty() && !errors.contains("panicked"), "{input}: {errors}");
        assert!(!folder.path().join("out").exists(), "{input}");
    }
    let (code, _, errors) = said(&["build", "empty.md", "-o", "out"], folder.path());
    assert!(code == Some(0) || code == Some(1), "{errors}");
    assert_eq!(said(&["build", "--no-such-option"], folder.path()).0, Some(2));
}

#[test]
fn the_same_course_gives_the_same_site() {
    let Some(deck) = corpus("seeds/reveal-deck.md") else { return };
    let folder = folder_with(&[]);
    for out in ["one", "two"] {
        assert_eq!(said(&["build", &deck.to_string_lossy(), "-o", out], folder.path()).0, Some(0));
    }
    assert_eq!(read(&folder.path().join("one/index.html")), read(&folder.path().join("two/index.html")));
}

#[test]
fn an_audience_gets_its_slides_in_its_language() {
    let manifest = "title: C\ndecks:\n  - {name: one, file: a.md, exclude: [live], plan: {A: 5}}\nvariants:\n  class: {include: [live], exclude: [deep], title: For the class}\n  french: {language: fr}\n";
    let folder = folder_with(&[
        ("course.yml", manifest),
        ("a.md", "# A\n\n:EN: English\n:FR: Français\n\n---\nclass: live\n\n# Live\n\n---\nclass: deep\n\n# Deep\n"),
        ("a.fr.md", "# Un\n\n:EN: English\n:FR: Français\n"),
    ]);
    let page = |variant: &[&str]| {
        let (code, _, errors) = said(&[&["build", "-o", "out"], variant].concat(), folder.path());
        assert!(code == Some(0) && !errors.contains("unknown-part"), "{errors}");
        read(&folder.path().join("out/index.html"))
    };
    let plain = page(&[]);
    assert!(!plain.contains(">Live<") && plain.contains(">Deep<") && plain.contains("English") && plain.contains("Français"));
    let class = page(&["--variant", "class"]);
    assert!(class.contains(">Live<") && !class.contains(">Deep<"));
    let french = page(&["--variant", "french"]);
    assert!(
        french.contains("<html lang=\"fr\"") && french.contains(">Un<") && !french.contains("English") && french.contains("Français"),
        "{french}"
    );
    let (code, _, errors) = said(&["build", "--variant", "none", "-o", "out"], folder.path());
    assert!(code == Some(1) && errors.contains("course.yml:4:1") && errors.contains("there are class, french"), "{errors}");
}

#[test]
fn a_slide_has_the_languages_that_files_beside_have() {
    let folder = folder_with(&[
        ("course.yml", "title: C\nlanguage: de\ndecks:\n  - {name: one, content: [a.md, b.md]}\n"),
        ("a.md", "# Eins\n\n---\nname: zwei\n# Zwei\n\n???\n\nHallo\n\n---\n# Drei\n\n```\n$ ls\n```\n"),
        ("a.fr.md", "# Un\n\n---\nname: zwei\n# Deux\n\n![](x.png)\n\n???\n\nSalut\n\n---\n# Trois\n\n```\n$ ls\n```\n"),
        ("b.md", "# Vier\n"),
    ]);
    let (code, _, errors) = said(&["build", "-o", "out"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("a.fr.md:7:5") && errors.contains("missing-image"), "{errors}");
    let page = read(&folder.path().join("out/index.html"));
    assert!(page.contains("<html lang=\"de\""), "{page}");
    let texts = |title: &str| {
        let section = page.split("<section ").find(|section| section.contains(title)).expect("a slide");
        section.matches("<div class=\"body\"").count()
    };
    assert_eq!((sections(&page).len(), texts("Eins"), texts("Drei"), texts("Vier")), (4, 2, 2, 1));
    let german = "<div class=\"body\" lang=\"de\" data-language=\"de\" data-original><h1>Eins";
    let french = "<div class=\"body\" lang=\"fr\" data-language=\"fr\" hidden><h1>Un";
    assert!(page.contains(german) && page.contains(french) && page.contains("<div class=\"body\"><h1>Vier"), "{page}");
    assert!(page.contains("<div lang=\"fr\" data-language=\"fr\" hidden><p>Salut"), "{page}");
    // One that is not translated yet stays as it is.
    write(&folder.path().join("a.fr.md"), "# Un\n\n---\n# Trois\n\n```\n$ ls\n```\n");
    assert_eq!(said(&["build", "-o", "out"], folder.path()).0, Some(0));
    let page = read(&folder.path().join("out/index.html"));
    assert!(page.contains("Trois") && page.contains("<div class=\"body\"><h1>Zwei"), "{page}");
}

#[test]
fn formulas_become_mathml_in_decks_that_have_them() {
    let deck = "# A\n\nSo $x_1*2*y$ it is.\n\n$$\n\\frac{a}{b}\n$$\n\n```math\nz^2\n```\n\n`$x$`\n\n---\n\n# B\n\n- a\n- $\\nope{1}$\n";
    let page = page_of(deck);
    assert!(!page.contains("<math") && page.contains("language-math"), "{page}");
    let folder = folder_with(&[("deck.md", &format!("---\nmath: true\n---\n{deck}"))]);
    let (code, _, errors) = said(&["build", "deck.md", "-o", "out"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("deck.md:23:3") && errors.contains("bad-formula"), "{errors}");
    let page = read(&folder.path().join("out/index.html"));
    assert_eq!((page.matches("<math").count(), page.matches("display=\"block\"").count()), (3, 2), "{page}");
    assert!(page.contains("<mfrac") && page.contains("<code>$x$</code>") && !page.contains("<em>"), "{page}");
    assert!(page.contains("<code class=\"bad-formula\">$\\nope{1}$</code>"), "{page}");
}

#[test]
fn each_deck_of_a_course_becomes_a_file() {
    let folder = folder_with(&[("course.yml", "title: C\ndecks: [a.md, b.md]\n"), ("a.md", "# A\n"), ("b.md", "# B\n")]);
    let (code, out, errors) = said(&["build", "--single", "-o", "files"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("files/a.html") && out.contains("files/b.html"), "{out}");
    let page = read(&folder.path().join("files/a.html"));
    assert!(page.contains("<style>") && !page.contains("dockside/dockside") && !page.contains("href=\"index.html\""));
    let (code, _, _) = said(&["build", "--single", "--deck", "b", "-o", "only.html"], folder.path());
    assert!(code == Some(0) && read(&folder.path().join("only.html")).contains(">B<"));
    let (code, _, errors) = said(&["build", "--deck", "c"], folder.path());
    assert!(code == Some(1) && errors.contains("there are a, b"), "{errors}");
    let (code, _, errors) = said(&["build", "a.md", "--single", "-o", "a.md"], folder.path());
    assert!(code == Some(1) && errors.contains("is the deck itself") && read(&folder.path().join("a.md")) == "# A\n", "{errors}");
}

/// A big deck is a file that one can mail.
#[test]
fn a_deck_of_nine_hundred_slides_is_a_file_below_two_megabytes() {
    let Some(deck) = corpus("remark/decks/intro-selfpaced.md") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, errors) = said(&["build", &deck.to_string_lossy(), "--single", "-o", "one.html"], folder.path());
    assert_eq!(code, Some(0), "{errors}");
    assert!(fs::metadata(folder.path().join("one.html")).expect("the file").len() < 2_000_000);
}

#[test]
fn a_browser_that_fails_is_told_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder_with(&[
        ("a.md", "# A\n"),
        ("hangs", "#!/bin/sh\nwhile :; do sleep 1; done\n"),
        ("fails", "#!/bin/sh\necho 'No usable sandbox!' >&2\nexit 3\n"),
        ("idles", "#!/bin/sh\nexit 0\n"),
    ]);
    for name in ["hangs", "fails", "idles"] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).expect("a program");
    }
    let pdf = |args: &[&str]| said(&[&["build", "a.md", "--pdf", "a.pdf"], args].concat(), folder.path());
    for (args, expected) in [
        (&["--browser", "./hangs", "--no-sandbox", "--timeout", "1"][..], ["did not finish within 1 second", "--timeout"]),
        (&["--browser", "./fails", "--no-sandbox"], ["No usable sandbox!", "add --no-sandbox"]),
        (&["--browser", "./idles", "--no-sandbox"], ["wrote nothing", "--browser PATH"]),
        (&["--browser", "./none", "--no-sandbox"], ["none is no program", "--browser PATH"]),
    ] {
        let (code, _, errors) = pdf(args);
        assert!(code == Some(1) && expected.iter().all(|text| errors.contains(text)), "{args:?}: {errors}");
        assert!(!folder.path().join("a.pdf").exists());
    }
    let output = Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["build", "a.md", "--pdf", "a.pdf", "--no-sandbox"])
        .current_dir(folder.path())
        .env("PATH", folder.path())
        .output()
        .expect("dockside starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    // A Chromium where its packages put it is found without a path.
    assert!(output.status.success() || errors.contains("there is no Chromium here") && errors.contains("install chromium"), "{errors}");
}
