//! The pages in a real browser: Chromium opens them from disk, and a driver at the end of the page's script presses the keys.
//!
//! Where there is no Chromium (Debian: `apt-get install chromium`) these tests say so and pass.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use chromium::chromium;

#[path = "show/chromium.rs"]
mod chromium;

fn run(browser: &Path, profile: &Path, args: &[&str]) -> String {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1366,768"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(args)
        .stderr(Stdio::null())
        .output()
        .expect("the browser starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A built deck whose page runs `steps` once it is shown.
struct Deck {
    folder: tempfile::TempDir,
}

impl Deck {
    fn new(markdown: &str, steps: &str) -> Self {
        Deck::with(&[("deck.md", markdown)], steps)
    }

    /// Of `deck.md` and what is beside it.
    fn with(files: &[(&str, &str)], steps: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let output = Command::new(env!("CARGO_BIN_EXE_dockside"))
            .args(["build", "deck.md", "-o", "out"])
            .current_dir(folder.path())
            .output()
            .expect("dockside starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // A page that is not driven is the page as it is.
        if !steps.is_empty() {
            let script = folder.path().join("out/dockside/dockside.js");
            let built = fs::read_to_string(&script).expect("the script");
            fs::write(&script, format!("{built}{DRIVER}drive(async () => {{{steps}}});\n")).expect("written");
        }
        Deck { folder }
    }

    fn address(&self, hash: &str) -> String {
        format!("file://{}/out/index.html{hash}", self.folder.path().display())
    }

    /// What the steps noted.
    fn notes(&self, browser: &Path, hash: &str) -> Vec<String> {
        let profile = self.folder.path().join("profile");
        let dom = run(browser, &profile, &["--virtual-time-budget=20000", "--dump-dom", &self.address(hash)]);
        let start = dom.find("id=\"driven\">").unwrap_or_else(|| panic!("the driver came to its end:\n{dom}")) + "id=\"driven\">".len();
        let text = &dom[start..start + dom[start..].find("</pre>").expect("its end")];
        text.lines().map(|line| line.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")).collect()
    }
}

/// `press` a key (`Shift+` and `Alt+` may stand before it), `note` what there is to see, `shown` is the slide: its address and its heading.
const DRIVER: &str = r#"
function drive(steps) {
  const lines = [];
  window.note = (text) => lines.push(String(text));
  window.pause = () => new Promise((done) => setTimeout(done, 30));
  window.press = async (...keys) => {
    for (const name of keys) {
      const [, shift, alt, key] = /^(Shift\+)?(Alt\+)?(.+)$/.exec(name);
      const event = { key, shiftKey: !!shift, altKey: !!alt, bubbles: true, cancelable: true };
      (document.activeElement || document.body).dispatchEvent(new KeyboardEvent("keydown", event));
      await pause();
    }
  };
  window.shown = () => {
    const all = document.querySelectorAll(".slide.current");
    const visible = [...document.querySelectorAll(".slide")].filter((s) => getComputedStyle(s).display !== "none");
    const heading = all[0].querySelector("h1, h2");
    return all.length + "/" + visible.length + " " + location.hash + " " + (heading ? heading.textContent : "-");
  };
  window.addEventListener("error", (e) => lines.push("error: " + e.message));
  document.addEventListener("securitypolicyviolation", (e) => lines.push("blocked: " + e.blockedURI));
  setTimeout(async () => {
    try { await steps(); } catch (e) { lines.push("failed: " + e); }
    const pre = document.createElement("pre");
    pre.hidden = true; // on paper, too
    pre.id = "driven";
    pre.textContent = lines.join("\n");
    document.body.appendChild(pre);
  }, 50);
}
"#;

const REMARK: &str =
    "# One\n\n---\nname: second\n\n# Two\n\n- a\n\n--\n\n- b\n\n---\n\n# Three\n\n[back](#second)\n\n???\n\nSay this.\n\n---\n\n# Four\n";

#[test]
fn keys_lead_through_a_deck() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(
        REMARK,
        r##"
        note(shown());
        await press("ArrowRight"); note(shown());
        await press(" "); note(shown() + " " + document.querySelectorAll(".slide.current li").length);
        await press("PageDown"); note(shown());
        await press("j"); note(shown());
        await press("ArrowDown"); note(shown());
        await press("k"); note(shown());
        await press("Home"); note(shown());
        await press("End"); note(shown());
        await press("2"); const typing = document.getElementById("flash"); note(typing.textContent + " " + typing.hidden);
        await press("Enter"); note(shown() + " " + typing.hidden);
        await press("9", "9", "Enter"); note(shown());
        history.back(); await pause(); await pause(); note(shown());
        location.hash = "#4"; await pause(); note(shown());
        document.querySelector(".slide.current a[href='#second']").click(); await pause(); note(shown());
        note(document.getElementById("announce").textContent);
        "##,
    );
    assert_eq!(
        deck.notes(&browser, ""),
        [
            "1/1  One",
            "1/1 #second Two",
            "1/1 #3 Two 2",
            "1/1 #4 Three",
            "1/1 #5 Four",
            "1/1 #5 Four",
            "1/1 #4 Three",
            "1/1 #1 One",
            "1/1 #5 Four",
            "2 false",
            "1/1 #second Two true",
            "1/1 #5 Four",
            "1/1 #second Two",
            "1/1 #4 Three",
            "1/1 #second Two",
            "Slide 2 of 5. Two",
        ]
    );
}

#[test]
fn an_address_leads_to_its_slide() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(REMARK, "note(shown());");
    for (hash, expected) in
        [("#second", "1/1 #second Two"), ("#4", "1/1 #4 Three"), ("#nowhere", "1/1 #nowhere One"), ("#slide-second", "1/1 #second Two")]
    {
        assert_eq!(deck.notes(&browser, hash), [expected], "{hash}");
    }
}

#[test]
fn the_overview_gives_the_keyboard_back() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(
        REMARK,
        r##"
        const on = () => { const e = document.activeElement; return e === document.body ? "body" : e.id || e.dataset.do || e.className; };
        await press("o"); note(on()); await press("Escape"); note(on()); await press("ArrowRight"); note(on() + " " + shown());
        await press("o", "o"); note(on());
        await press("o", "ArrowRight", "Enter"); note(on() + " " + shown());
        const button = document.querySelector("#bar [data-do=find]"); button.focus();
        await press("o"); note(on()); await press("o"); note(on());
        await press("o", "Enter"); note(on());
        await press("p"); document.querySelector("#presenter .said").focus();
        await press("o", "Escape"); note(document.documentElement.className + " " + on());
        await press("o", "/", "Escape"); note(document.documentElement.className + " " + on());
        "##,
    );
    let said: Vec<String> = deck.notes(&browser, "");
    let said: Vec<&str> = said.iter().map(|line| line.as_str()).collect();
    assert_eq!(
        said,
        [
            "1",
            "1",
            "slide-second 1/1 #second Two",
            "slide-second",
            "3 1/1 #3 Two",
            "3",
            "find",
            "3",
            "js presenter said",
            "js presenter said",
        ]
    );
}

#[test]
fn overview_presenter_blackout_theme_and_help() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(
        REMARK,
        r##"
        await press("4", "Enter", "o"); note(document.documentElement.className + " " + shown());
        const input = document.querySelector("#find input");
        input.value = "four"; input.dispatchEvent(new Event("input", { bubbles: true }));
        note(document.querySelectorAll(".slide:not(.hidden)").length + " " + document.querySelector("#find output").textContent);
        document.querySelector("#find").requestSubmit(); await pause(); note(document.documentElement.className + " " + shown());
        await press("k", "p"); note(document.documentElement.className + " " + document.querySelector("#presenter .said").textContent.trim());
        note(document.querySelectorAll(".slide.next").length);
        await press("p", "b"); note(document.documentElement.className);
        await press("j"); note(document.documentElement.className + " " + shown());
        const paper = () => getComputedStyle(document.documentElement).backgroundColor;
        const light = paper(); await press("d"); note(light !== paper()); await press("d"); note(light === paper());
        await press("?"); note(document.getElementById("help").open); await press("?"); note(document.getElementById("help").open);
        await press("g"); const finder = document.getElementById("finder"); finder.querySelector("input").value = "f";
        note(finder.open); await press("Escape"); note(finder.open);
        await press("p", "b", "Escape"); note(document.documentElement.className);
        await press("Escape"); note(document.documentElement.className);
        "##,
    );
    assert_eq!(
        deck.notes(&browser, ""),
        [
            "js overview 1/5 #4 Three",
            "1 1 slide",
            "js on-deep 1/1 #5 Four",
            "js presenter Say this.",
            "1",
            "js black",
            "js 1/1 #4 Three",
            "true",
            "true",
            "true",
            "false",
            "true",
            "false",
            "js presenter",
            "js",
        ]
    );
}

#[test]
fn stacks_and_fragments_of_a_reveal_deck() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(
        "# A\n\n!SUB\n# A1\n\n!SUB\n# A2\n\n!SLIDE\n# B\n\n- x <!-- .element: class=\"fragment\" -->\n- y <!-- .element: class=\"fragment\" -->\n\n!SLIDE\n# C\n",
        r##"
        const seen = () => [...document.querySelectorAll(".slide.current .fragment")].filter((f) => getComputedStyle(f).visibility === "visible").length;
        await press("ArrowDown"); note(shown());
        await press("ArrowRight"); note(shown() + " " + seen());
        await press("ArrowRight"); note(shown() + " " + seen());
        await press(" "); note(shown() + " " + seen());
        await press("ArrowRight"); note(shown());
        await press("ArrowLeft"); note(shown() + " " + seen());
        location.hash = "#/0/2"; await pause(); note(shown());
        await press("ArrowUp"); note(shown());
        "##,
    );
    assert_eq!(
        deck.notes(&browser, "#/0"),
        ["1/1 #/0/1 A1", "1/1 #/1 B 0", "1/1 #/1 B 1", "1/1 #/1 B 2", "1/1 #/2 C", "1/1 #/1 B 0", "1/1 #/0/2 A2", "1/1 #/0/1 A1",]
    );
}

#[test]
fn the_other_keys_of_reveal_are_those_of_reveal_decks() {
    let Some(browser) = chromium() else { return };
    let steps = r##"
        await press("Shift+ArrowDown"); note(shown());
        await press("Shift+ArrowUp"); note(shown());
        await press("Alt+ArrowDown"); note(shown());
        await press("Alt+ArrowRight"); note(shown());
        await press("Alt+ArrowRight"); note(shown());
        await press("Alt+ArrowLeft"); note(shown());
        await press("Shift+ArrowLeft"); note(shown());
        await press("Shift+ArrowRight"); note(shown());
        const on = () => ["overview", "black"].filter((name) => document.documentElement.classList.contains(name)).join() || "-";
        await press("Escape"); note(on());
        await press("Escape"); note(on());
        await press("v"); note(on());
        "##;
    let deck =
        Deck::new("# A\n\n!SUB\n# A1\n\n!SUB\n# A2\n\n!SLIDE\n# B\n\n- x <!-- .element: class=\"fragment\" -->\n\n!SLIDE\n# C\n", steps);
    let reveal = ["/0/2 A2", "/0 A", "/0/1 A1", "/1 B", "/2 C", "/1 B", "/0 A", "/2 C"].map(|at| format!("1/1 #{at}"));
    assert_eq!(deck.notes(&browser, "#/0"), [&reveal[..], &["overview", "-", "black"].map(str::to_owned)].concat());
    // A remark deck leaves Alt and Escape to the browser, and asks nothing of Shift.
    let remark = ["3 C", "2 B", "2 B", "2 B", "2 B", "2 B", "1 A", "2 B"].map(|at| format!("1/1 #{at}"));
    let deck = Deck::new("# A\n\n---\n\n# B\n\n---\n\n# C\n", steps);
    assert_eq!(deck.notes(&browser, "#2"), [&remark[..], &["-", "-", "-"].map(str::to_owned)].concat());
}

#[test]
fn a_slide_is_mirrored_where_it_fills_its_window() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(
        REMARK,
        r##"
        const scale = () => getComputedStyle(document.querySelector(".slide.current")).scale;
        note(scale()); await press("m"); note(scale());
        await press("p"); note(scale()); await press("p", "o"); note(scale());
        await press("o", "m"); note(scale());
        "##,
    );
    assert_eq!(deck.notes(&browser, "#2"), ["none", "-1 1", "none", "none", "none"]);
}

#[test]
fn long_slides_are_made_to_fit() {
    let Some(browser) = chromium() else { return };
    let items = "- a line of text\n\n".repeat(14);
    let deck = Deck::new(
        &format!("# Long\n\n{items}\n---\n\n# Wide\n\n    {}\n", "x".repeat(110)),
        r#"
        const body = () => document.querySelector(".slide.current .body");
        note(body().scrollHeight <= body().clientHeight + 1);
        note(parseFloat(getComputedStyle(body()).fontSize) > 12);
        await press("j");
        const pre = document.querySelector(".slide.current pre");
        note(pre.scrollWidth <= pre.clientWidth + 1);
        "#,
    );
    assert_eq!(deck.notes(&browser, ""), ["true", "true", "true"]);
}

#[test]
fn a_reader_chooses_the_language_of_each_slide_that_has_it() {
    let Some(browser) = chromium() else { return };
    let steps = "const seen = () => [...document.querySelectorAll('.slide.current > .body')].filter((b) => b.offsetHeight).map((b) => b.lang + b.innerText.trim()).join();\
        note(seen()); await press('l'); note(seen()); note(document.querySelectorAll('.slide.current .shown').length);\
        await press('ArrowRight'); note(seen()); await press('l'); await press('l'); note(seen());";
    let deck = Deck::with(&[("deck.md", "# One\n\n---\n\n# Two\n"), ("deck.fr.md", "# Un\n\n---\n\n# Two\n")], steps);
    assert_eq!(deck.notes(&browser, ""), ["enOne", "frUn", "0", "Two", "Two"]);
}

/// Runs Dockside in `folder` where Chromium may be without its sandbox, as root it has to be.
fn dockside(args: &[&str], folder: &Path) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_dockside")).args(args).arg("--no-sandbox").current_dir(folder).output().expect("dockside starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn paper_has_one_slide_a_page_and_a_handout_has_it_once() {
    if chromium().is_none() {
        return;
    }
    let deck = Deck::new(REMARK, "");
    let folder = deck.folder.path();
    assert_eq!(dockside(&["build", "deck.md", "--pdf", "deck.pdf"], folder), "5 slides, 5 pages: deck.pdf\n");
    let pdf = fs::read(folder.join("deck.pdf")).expect("a PDF");
    let has = |words: &[u8]| pdf.windows(words.len()).any(|window| window == words);
    assert!(pdf.starts_with(b"%PDF") && has(b"/Outlines") && has(b"/Title (Three)"), "headings are bookmarks");
    // The slide with an increment is there once, and two slides go on a sheet.
    assert_eq!(dockside(&["build", "deck.md", "--pdf", "handout.pdf", "--handout"], folder), "4 slides, 2 pages: handout.pdf\n");
}

#[test]
fn paper_has_all_slides_whatever_the_window_shows() {
    let Some(browser) = chromium() else { return };
    for key in ["p", "o", "b", "z"] {
        let deck = Deck::new(
            REMARK,
            &format!(
                "await press('{key}'); const look = () => document.documentElement.className + document.querySelector('.body').style.transform; const before = look();
                dispatchEvent(new Event('beforeprint')); note(look()); dispatchEvent(new Event('afterprint')); note(look() === before);"
            ),
        );
        let notes = deck.notes(&browser, "");
        assert!(!["presenter", "overview", "black", "scale"].iter().any(|view| notes[0].contains(view)), "{key}: {notes:?}");
        assert_eq!(notes.get(1).map(String::as_str), Some("true"), "{key}: the view comes back: {notes:?}");
        let pdf = deck.folder.path().join("deck.pdf");
        let to = format!("--print-to-pdf={}", pdf.display());
        run(&browser, &deck.folder.path().join("profile"), &["--virtual-time-budget=20000", &to, &deck.address("")]);
        let pdf = fs::read(pdf).expect("a PDF");
        assert!(pdf.windows(8).any(|part| part == b"/Count 5"), "{key}: each slide has a page");
    }
}

#[test]
fn one_file_is_the_whole_deck() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"30\"><rect width=\"40\" height=\"30\"/></svg>";
    fs::create_dir(folder.path().join("img")).expect("made");
    fs::write(folder.path().join("img/a b.svg"), svg).expect("written");
    let text = "background-image: url(img/a%20b.svg)\n\n# One\n\n![A](img/a%20b.svg)\n\n--\n\n![A](<img/a b.svg>)\n\n---\n\n# Two\n\n[file](img/a%20b.svg)\n";
    fs::write(folder.path().join("deck.md"), text).expect("written");
    dockside(&["build", "deck.md", "--single", "-o", "alone/deck.html"], folder.path());
    let page = folder.path().join("alone/deck.html");
    let html = fs::read_to_string(&page).expect("the page");
    assert_eq!(html.matches("src=\"data:image/svg+xml").count(), 1, "a picture is in the file once");
    assert!(!html.contains("img/a") && !html.contains("dockside/dockside."), "nothing beside it is needed");
    let steps = "const seen = () => [...document.querySelectorAll('.slide.current img')].map((i) => i.naturalWidth).join();\
        note(seen()); await press('ArrowRight'); note(seen()); await press('ArrowRight'); note(shown());\
        note(getComputedStyle(document.querySelector('.slide')).backgroundImage.slice(0, 24));\
        note(document.querySelector('a[download]').download);";
    let (before, after) = html.rsplit_once("</body>").expect("a body");
    fs::write(&page, format!("{before}<script>{DRIVER}drive(async () => {{{steps}}});</script></body>{after}")).expect("written");
    let dom = run(
        &browser,
        &folder.path().join("profile"),
        &["--virtual-time-budget=20000", "--dump-dom", &format!("file://{}", page.display())],
    );
    let notes = dom.split("id=\"driven\">").nth(1).and_then(|rest| rest.split("</pre>").next()).expect("the driver came to its end");
    assert_eq!(notes, "40\n40,40\n1/1 #3 Two\nurl(\"data:image/svg+xml;\na b.svg");
}

#[test]
fn slides_taller_than_the_page_are_found() {
    if chromium().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let long = |n: usize| "- a line of text\n\n".repeat(n);
    fs::write(
        folder.path().join("deck.md"),
        format!("# Short\n\n---\n\n# Long\n\n{}--\n\nmore\n\n---\n\n# Endless\n\n{}", long(14), long(40)),
    )
    .expect("written");
    let found = dockside(&["lint", "deck.md", "--format", "json"], folder.path());
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let found: Vec<_> = found["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| (f["rule"].as_str(), f["line"].as_u64(), f["message"].as_str().unwrap_or_default().contains("out of sight")))
        .collect();
    let line = 7 + 28;
    assert_eq!(found, [(Some("overflow"), Some(line + 2), false), (Some("overflow"), Some(line + 6), true)]);
}

#[test]
fn without_scripts_the_page_is_a_document() {
    let Some(browser) = chromium() else { return };
    let deck = Deck::new(REMARK, "");
    let page = deck.folder.path().join("out/index.html");
    // The policy of the page cannot be asked to forbid its own scripts, so they are taken out.
    let html = fs::read_to_string(&page).expect("the page");
    let mut plain = String::new();
    let mut rest = html.as_str();
    while let Some((before, after)) = rest.split_once("<script") {
        plain.push_str(before);
        rest = after.split_once("</script>").expect("the script ends").1;
    }
    plain.push_str(rest);
    let measure = "<script>addEventListener('load',()=>{const p=document.createElement('pre');p.id='driven';p.textContent=[...document.querySelectorAll('.slide')].filter(s=>s.offsetHeight>50).length+' '+(document.documentElement.scrollHeight>600)+' '+document.getElementById('second').getBoundingClientRect().top;document.body.append(p)})</script>";
    fs::write(&page, plain.replace("</body>", &format!("{measure}</body>"))).expect("written");
    let notes = deck.notes(&browser, "#second").join("\n");
    assert!(notes.starts_with("5 true "), "{notes}");
}
