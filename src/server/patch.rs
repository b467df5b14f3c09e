//! What an edit changes on a page: the slides between the first and the last that are other ones. So a browser that shows a
//! big deck is sent a few slides in place of all.

use std::collections::BTreeMap;

use crate::deck::{Body, Site};

/// The way from one version of the site to the next.
#[derive(Clone, Debug, Default)]
pub struct Patches {
    pub from: String,
    pub to: String,
    /// By page; a page that is not in it has to be fetched.
    pages: BTreeMap<String, Patch>,
}

/// Instead of `gone` slides from `start` on there are those of `html`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Patch {
    /// How many slides the page had: a page that counts others has been changed by its own script and is fetched.
    pub count: usize,
    pub start: usize,
    pub gone: usize,
    pub html: String,
}

impl Patches {
    /// Compares two sites.
    pub fn new(from: &str, old: &Site, to: &str, new: &Site) -> Self {
        let mut pages = BTreeMap::new();
        for (place, html) in new.pages() {
            if let Some(Body::Text(before)) = old.files.get(place)
                && let Some(patch) = compare(before, html)
            {
                pages.insert(place.to_owned(), patch);
            }
        }
        Patches { from: from.to_owned(), to: to.to_owned(), pages }
    }

    pub fn pages(&self) -> impl Iterator<Item = (&str, &Patch)> {
        self.pages.iter().map(|(page, patch)| (page.as_str(), patch))
    }

    pub fn page(&self, place: &str) -> Option<&Patch> {
        self.pages.get(place)
    }
}

/// How the slides of a page differ; `None` where the rest of the page does, too.
fn compare(old: &str, new: &str) -> Option<Patch> {
    let ((old_frame, old), (new_frame, new)) = (slides(old)?, slides(new)?);
    if old_frame != new_frame {
        return None;
    }
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    Some(Patch { count: old.len(), start, gone: old.len() - start - end, html: new[start..new.len() - end].concat() })
}

/// The page around the slides, and the slides one by one.
fn slides(page: &str) -> Option<((&str, &str), Vec<&str>)> {
    const START: &str = "<section class=\"slide";
    let first = page.find(START)?;
    let end = page.rfind("</main>")?;
    let mut slides = Vec::new();
    let mut rest = page.get(first..end)?;
    while let Some(next) = rest.get(1..)?.find(START) {
        let (slide, more) = rest.split_at(next + 1);
        slides.push(slide);
        rest = more;
    }
    slides.push(rest);
    Some(((&page[..first], &page[end..]), slides))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(slides: &[&str]) -> String {
        let slides: String = slides.iter().map(|s| format!("<section class=\"slide\">{s}</section>\n")).collect();
        format!("<html><main>\n{slides}</main></html>")
    }

    #[test]
    fn only_what_differs_is_sent() {
        let old = page(&["a", "b", "c", "d"]);
        let patch = |new: &[&str]| compare(&old, &page(new)).map(|p| (p.start, p.gone, p.html.matches("<section").count()));
        assert_eq!(patch(&["a", "x", "c", "d"]), Some((1, 1, 1)));
        assert_eq!(patch(&["a", "b", "c", "d"]), Some((4, 0, 0)));
        assert_eq!(patch(&["a", "b", "c", "d", "d"]), Some((4, 0, 1)));
        assert_eq!(patch(&["d"]), Some((0, 3, 0)));
        assert_eq!(patch(&["a", "b", "b", "c", "d"]), Some((2, 0, 1)));
        assert_eq!(compare(&old, "<p>other</p>"), None);
        assert_eq!(compare(&old, &old.replace("<html>", "<html lang>")), None);
    }
}
