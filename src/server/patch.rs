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
    /// Where every slide of the new page stands, if slides that are the same stand elsewhere: a slide more is no other text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// A slide's id, number, column and row, as its element has them.
pub type Place = [String; 4];

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
    let same = |(a, b): &(&Slide<'_>, &Slide<'_>)| a.text == b.text;
    let start = old.iter().zip(&new).take_while(same).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(same).count();
    let moved = |(a, b): (&Slide<'_>, &Slide<'_>)| a.place != b.place;
    let kept = old[..start].iter().zip(&new).chain(old.iter().rev().zip(new.iter().rev()).take(end));
    let places = match kept.into_iter().any(moved) {
        true => new.iter().map(|slide| slide.place.map(str::to_owned)).collect(),
        false => Vec::new(),
    };
    let html = new[start..new.len() - end].iter().map(|slide| slide.html).collect();
    Some(Patch { count: old.len(), start, gone: old.len() - start - end, html, places })
}

/// A slide on a page.
struct Slide<'p> {
    html: &'p str,
    place: [&'p str; 4],
    /// All of it but its place.
    text: [&'p str; 5],
}

impl<'p> Slide<'p> {
    /// Takes it apart. The page's template writes these attributes before all others, and no value has a quote in it.
    fn new(html: &'p str) -> Option<Self> {
        let (mut place, mut text) = ([""; 4], [""; 5]);
        let mut rest = html;
        for (n, mark) in [" id=\"", " data-number=\"", " data-h=\"", " data-v=\""].into_iter().enumerate() {
            let start = rest.find(mark)? + mark.len();
            (text[n], rest) = rest.split_at(start);
            (place[n], rest) = rest.split_at(rest.find('"')?);
        }
        text[4] = rest;
        Some(Slide { html, place, text })
    }
}

/// The page around the slides, and the slides one by one.
fn slides(page: &str) -> Option<((&str, &str), Vec<Slide<'_>>)> {
    const START: &str = "<section class=\"slide";
    let first = page.find(START)?;
    let end = page.rfind("</main>")?;
    let mut slides = Vec::new();
    let mut rest = page.get(first..end)?;
    while let Some(next) = rest.get(1..)?.find(START) {
        let (slide, more) = rest.split_at(next + 1);
        slides.push(Slide::new(slide)?);
        rest = more;
    }
    slides.push(Slide::new(rest)?);
    Some(((&page[..first], &page[end..]), slides))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(slides: &[&str]) -> String {
        let slide = |(n, text): (usize, &&str)| {
            format!(
                "<section class=\"slide\" id=\"{n}\" data-number=\"{n}/{}\" data-h=\"{n}\" data-v=\"0\">{text}</section>\n",
                slides.len()
            )
        };
        format!("<html><main>\n{}</main></html>", slides.iter().enumerate().map(slide).collect::<String>())
    }

    #[test]
    fn only_what_differs_is_sent() {
        let old = page(&["a", "b", "c", "d"]);
        let patch = |new: &[&str]| compare(&old, &page(new)).map(|p| (p.start, p.gone, p.html.matches("<section").count(), p.places.len()));
        assert_eq!(patch(&["a", "x", "c", "d"]), Some((1, 1, 1, 0)));
        assert_eq!(patch(&["a", "b", "c", "d"]), Some((4, 0, 0, 0)));
        // The others are the same, with other numbers.
        assert_eq!(patch(&["a", "b", "c", "d", "d"]), Some((4, 0, 1, 5)));
        assert_eq!(patch(&["d"]), Some((0, 3, 0, 1)));
        assert_eq!(patch(&["a", "b", "b", "c", "d"]), Some((2, 0, 1, 5)));
        assert_eq!(compare(&old, "<p>other</p>"), None);
        assert_eq!(compare(&old, &old.replace("<html>", "<html lang>")), None);
    }

    #[test]
    fn slides_are_told_where_they_stand_now() {
        let patch = compare(&page(&["a", "b"]), &page(&["x", "a", "b"])).expect("a patch");
        let place = |n: usize| [n.to_string(), format!("{n}/3"), n.to_string(), "0".to_owned()];
        assert_eq!(patch.places, [place(0), place(1), place(2)]);
    }
}
