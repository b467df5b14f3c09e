//! The templates of a page: those in the binary, and a course's own in their place.
//!
//! A course that has a folder `templates/` with a `deck.html`, `site.html`, `dockside.css` or `dockside.js` in it is shown with
//! those; what it does not have comes from the binary. There style and script are folders of files, one for each concept, put
//! together here: a page has one of each, so that it works from disk too.

use std::path::{Path, PathBuf};

use tera::{Context, Tera};

const NAMES: [&str; 4] = ["deck.html", "site.html", "dockside.css", "dockside.js"];
const DECK: &str = include_str!("../../../templates/deck.html");
const SITE: &str = include_str!("../../../templates/site.html");
const STYLE: &str = concat!(
    include_str!("../../../templates/style/base.css"),
    include_str!("../../../templates/style/text.css"),
    include_str!("../../../templates/style/content.css"),
    include_str!("../../../templates/style/slide.css"),
    include_str!("../../../templates/style/overview.css"),
    include_str!("../../../templates/style/presenter.css"),
    include_str!("../../../templates/style/around.css"),
    include_str!("../../../templates/style/phone.css"),
    include_str!("../../../templates/style/print.css"),
);
/// One function, so that the names of its parts are its own; `start` comes last.
const SCRIPT: &str = concat!(
    "// Dockside: moving through a deck, and presenting it. A classic script without requests, so that it works from file:// too.\n\
    // Without it the page is a document to scroll through; everything here only adds to that.\n\
    (function () {\n\"use strict\";\n",
    include_str!("../../../templates/script/slides.js"),
    include_str!("../../../templates/script/move.js"),
    include_str!("../../../templates/script/fit.js"),
    include_str!("../../../templates/script/overview.js"),
    include_str!("../../../templates/script/find.js"),
    include_str!("../../../templates/script/spot.js"),
    include_str!("../../../templates/script/windows.js"),
    include_str!("../../../templates/script/screen.js"),
    include_str!("../../../templates/script/language.js"),
    include_str!("../../../templates/script/clock.js"),
    include_str!("../../../templates/script/speaker.js"),
    include_str!("../../../templates/script/keys.js"),
    include_str!("../../../templates/script/hand.js"),
    include_str!("../../../templates/script/start.js"),
    "})();\n",
);

/// What a page may load: its own files, and nothing from elsewhere. `file:` is for pages opened from disk, which some browsers
/// do not count as the page's own.
const POLICY: &str =
    "default-src 'self' file: data: blob: 'unsafe-inline'; connect-src 'self'; object-src 'self' file: data:; base-uri 'none'";

/// A container, for the browser's tab.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E\
    %3Crect width='32' height='32' rx='6' fill='%230d2b3e'/%3E%3Cpath fill='%23e8824f' d='M5 17h22v9H5z'/%3E\
    %3Cpath fill='%238ed0f5' d='M9 6h14v9H9z'/%3E%3Cpath stroke='%230d2b3e' stroke-width='1.6' stroke-opacity='.55' \
    d='M9.5 19v5M14 19v5M18.500 19v5M23 19v5M13 8v5M16 8v5M19 8v5'/%3E%3C/svg%3E";

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("a template does not work")]
    Tera(#[from] tera::Error),
}

/// The four templates of a course.
pub struct Templates {
    tera: Tera,
    style: String,
    script: String,
    sources: Vec<PathBuf>,
    /// What the course has of its own.
    own: [Option<String>; 4],
}

/// What the page of a deck is made of.
pub struct DeckPage<'a> {
    pub title: &'a str,
    pub dialect: &'a str,
    /// The sections of the slides, HTML.
    pub slides: &'a str,
    /// The language that it is in.
    pub language: &'a str,
    /// The address of the list of decks, where there is one.
    pub home: Option<&'a str>,
    /// HTML at the end of the page.
    pub scripts: &'a str,
}

/// A line in the list of decks.
#[derive(serde::Serialize)]
pub struct DeckEntry {
    pub title: String,
    pub address: String,
    pub slides: usize,
}

impl Templates {
    /// Reads the templates of the course in `folder`.
    pub fn load(folder: &Path) -> Result<Self, TemplateError> {
        let own = all_own(folder)?;
        let [deck, site, style, script] = &own;
        let text = |own: &Option<String>, other: &str| own.clone().unwrap_or_else(|| other.to_owned());
        let mut tera = Tera::new();
        tera.add_raw_templates([("deck.html", text(deck, DECK)), ("site.html", text(site, SITE))])?;
        let sources = NAMES.iter().map(|name| folder.join("templates").join(name)).collect();
        Ok(Templates { tera, style: text(style, STYLE), script: text(script, SCRIPT), sources, own })
    }

    /// Whether loading them anew would give the same.
    pub fn is_current(&self, folder: &Path) -> Result<bool, TemplateError> {
        Ok(self.sources[0] == folder.join("templates").join(NAMES[0]) && self.own == all_own(folder)?)
    }

    /// Where a course's own templates are, or would be.
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    pub fn style(&self) -> &str {
        &self.style
    }

    pub fn script(&self) -> &str {
        &self.script
    }

    /// The page of a deck.
    pub fn deck(&self, page: &DeckPage<'_>) -> Result<String, TemplateError> {
        let mut context = common(page.title, page.scripts);
        context.insert("dialect", page.dialect);
        context.insert("lang", page.language);
        context.insert("slides", page.slides);
        context.insert("home", &page.home);
        Ok(self.tera.render("deck.html", &context)?)
    }

    /// The list of decks.
    pub fn site(&self, title: &str, decks: &[DeckEntry], scripts: &str) -> Result<String, TemplateError> {
        let mut context = common(title, scripts);
        context.insert("decks", decks);
        Ok(self.tera.render("site.html", &context)?)
    }
}

fn common(title: &str, scripts: &str) -> Context {
    let mut context = Context::new();
    context.insert("title", title);
    context.insert("scripts", scripts);
    context.insert("lang", "en");
    context.insert("policy", POLICY);
    context.insert("icon", ICON);
    context.insert("version", env!("CARGO_PKG_VERSION"));
    context
}

/// A course's own templates, in the order of `NAMES`.
fn all_own(folder: &Path) -> Result<[Option<String>; 4], TemplateError> {
    let [deck, site, style, script] = NAMES;
    Ok([own(folder, deck)?, own(folder, site)?, own(folder, style)?, own(folder, script)?])
}

/// A course's own template, if it has one.
fn own(folder: &Path, name: &str) -> Result<Option<String>, TemplateError> {
    let path = folder.join("templates").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(TemplateError::Read { path, source }),
    }
}
