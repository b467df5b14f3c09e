//! The site that is shown now, and how it becomes the next one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::events::Bulletin;
use super::patch::Patches;
use crate::course::Course;
use crate::deck::{Body, Builder, Options, Site};
use crate::diag::{self, Diagnostic};

/// What a page is told when something has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct News {
    /// Of the slides. A page with another one fetches them anew.
    pub version: String,
    /// Of style, script and pictures. A page with another one loads itself anew.
    pub looks: String,
    /// Why the last edit is not shown.
    pub trouble: Option<String>,
}

/// What a build came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub title: String,
    pub diagnostics: Vec<Diagnostic>,
    /// Why there is no new site.
    pub error: Option<String>,
    pub decks: usize,
    pub slides: usize,
}

/// A course on show. Cheap to share between the watcher, which rebuilds, and the server, which reads.
pub struct Live {
    path: PathBuf,
    variant: Option<String>,
    highlight: bool,
    builder: Builder,
    /// With its version.
    site: RwLock<(Arc<Site>, Arc<str>)>,
    patches: RwLock<Arc<Patches>>,
    news: watch::Sender<Bulletin>,
    /// Goes into every version, so that a page of an earlier run knows that it is old.
    run: String,
}

/// At the end of every page that is served.
const SCRIPT: &str = "<script src=\"/dockside/live.js\"></script>\n";

impl Live {
    /// Builds the course at `path`, for an audience where `variant` names one, for the first time. A course that cannot be built gives a page that says why.
    pub fn new(path: &Path, variant: Option<&str>, highlight: bool) -> (Self, Outcome) {
        let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_millis());
        let live = Live {
            path: path.to_owned(),
            variant: variant.map(str::to_owned),
            highlight,
            builder: Builder::remembering(),
            site: RwLock::new((Arc::default(), "".into())),
            patches: RwLock::default(),
            news: watch::Sender::default(),
            run: format!("{run:x}"),
        };
        let outcome = live.rebuild();
        (live, outcome)
    }

    pub fn site(&self) -> Arc<Site> {
        self.shown().0
    }

    /// The site, and its version as the news tell it.
    pub fn shown(&self) -> (Arc<Site>, Arc<str>) {
        self.site.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the last edit changed.
    pub fn patches(&self) -> Arc<Patches> {
        self.patches.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows what pages are told.
    pub fn news(&self) -> watch::Receiver<Bulletin> {
        self.news.subscribe()
    }

    /// Builds anew, shows the result if it is one, and tells the pages if they have to change. One thread at a time calls this.
    pub fn rebuild(&self) -> Outcome {
        let (course, mut diagnostics) = Course::load_variant(&self.path, self.variant.as_deref());
        let built = self.builder.build(&course, &Options { highlight: self.highlight, scripts: SCRIPT, ..Options::default() });
        let (built, mut error) = match built {
            Ok(mut site) => {
                diagnostics.append(&mut site.diagnostics);
                (Some(site), None)
            }
            Err(e) => (None, Some(chain(&e))),
        };
        let errors: Vec<String> = diagnostics.iter().filter(|d| d.is_error()).map(|d| diag::render(d, false)).collect();
        if error.is_none() && !errors.is_empty() {
            error = Some(errors.join("\n\n"));
        }
        let mut outcome = Outcome { title: course.title, diagnostics, error, ..Outcome::default() };
        let old = self.site();
        let mut news = self.news.borrow().news.clone();
        news.trouble = outcome.error.clone();
        match built {
            // At the start what there is is shown, though it is not all; later the last good site is the better one.
            Some(mut site) if outcome.error.is_none() || (old.slides == 0 && site.slides > 0) => {
                (outcome.decks, outcome.slides) = (site.decks, site.slides);
                site.sources.insert(self.path.clone());
                if news.version.is_empty() || old.files != site.files {
                    let version = self.next(&news.version);
                    let patches = Patches::new(&news.version, &old, &version, &site);
                    *self.patches.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(patches);
                    news.version = version;
                }
                if news.looks.is_empty() || looks(&old) != looks(&site) {
                    news.looks = self.next(&news.looks);
                }
                self.show(site, &news.version);
            }
            other => {
                // The old site stays; what the new one is made of is looked at too, for the edit that mends it.
                let mut site = Site { files: old.files.clone(), slides: old.slides, ..Site::default() };
                site.sources.extend(old.sources.iter().cloned());
                site.sources.extend(other.map(|site| site.sources).unwrap_or_default());
                site.sources.extend([self.path.clone(), self.path.join("course.yml")]);
                if site.files.is_empty() {
                    site.files.insert("index.html".to_owned(), Body::Text(waiting_page()));
                }
                self.show(site, &news.version);
            }
        }
        if self.news.borrow().news != news {
            self.news.send_replace(Bulletin::new(news, &self.patches()));
        }
        outcome
    }

    /// A picture has changed, though no page has.
    pub fn touch(&self) {
        let mut news = self.news.borrow().news.clone();
        news.looks = self.next(&news.looks);
        self.news.send_replace(Bulletin::new(news, &self.patches()));
    }

    fn show(&self, site: Site, version: &str) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(site), version.into());
    }

    fn next(&self, version: &str) -> String {
        let count = version.rsplit_once('-').and_then(|(_, count)| count.parse::<u64>().ok()).unwrap_or_default();
        format!("{}-{}", self.run, count + 1)
    }
}

/// The files that decide how slides look.
fn looks(site: &Site) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (place, body) in &site.files {
        if let Body::Text(text) = body
            && !place.ends_with(".html")
        {
            found.push((place.as_str(), text.as_str()));
        }
    }
    found
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Shown until a course can be built for the first time; the trouble itself comes with the news.
fn waiting_page() -> String {
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Dockside</title>\
     <style>body{font:1.1rem/1.5 sans-serif;margin:3rem}#trouble{padding:1rem;background:#2a1410;color:#ffe9e1;white-space:pre-wrap}</style></head>\n\
     <body><p>There are no slides to show yet. They appear here as soon as the course can be read.</p>\n<script src=\"/dockside/live.js\"></script></body></html>\n"
        .to_owned()
}
