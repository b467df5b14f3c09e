//! A page with all that it needs in itself: style, script and pictures, so that one file on a stick is the whole deck.
//!
//! A picture that several slides show is in the file once. Nothing of it is loaded from elsewhere, and nothing from beside it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;

use data_encoding::BASE64;

use crate::deck::build::{Body, Site};
use crate::deck::escape::{escaped, unescaped};
use crate::deck::media::media_type;
use crate::deck::percent_decoded;
use crate::deck::tags::{self, Attribute, Tag};

/// A file that cannot be put into the page.
#[derive(Debug, thiserror::Error)]
pub enum SingleError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the site has no page {page}")]
    NoPage { page: String },
}

/// Gives the page at `page` of `site` with everything in it.
pub fn page(site: &Site, page: &str) -> Result<String, SingleError> {
    let Some(Body::Text(html)) = site.files.get(page) else { return Err(SingleError::NoPage { page: page.to_owned() }) };
    let mut packer = Packer {
        site,
        html,
        out: String::with_capacity(html.len() * 2),
        done: 0,
        pictures: HashMap::new(),
        variables: BTreeMap::new(),
        same: false,
    };
    packer.run()?;
    packer.out.push_str(&html[packer.done..]);
    Ok(packer.finish())
}

/// Makes the pictures that were put in once show wherever else they belong.
const SAME: &str = "<script>document.querySelectorAll(\"img[data-same]\").forEach(function(i){\
    var o=document.querySelector('img[data-file=\"'+i.dataset.same+'\"]');if(o)i.src=o.src});</script>\n";

struct Packer<'a> {
    site: &'a Site,
    html: &'a str,
    out: String,
    done: usize,
    /// Pictures that are in the page already, by place.
    pictures: HashMap<String, usize>,
    /// Pictures in styles of single elements, by place: name and address.
    variables: BTreeMap<String, (usize, String)>,
    /// A picture is shown again.
    same: bool,
}

impl<'a> Packer<'a> {
    fn run(&mut self) -> Result<(), SingleError> {
        let mut at = 0;
        while let Some(tag) = tags::next_tag(self.html, at) {
            at = tag.range.end;
            if tag.end {
                continue;
            }
            let attributes = if tag.is_bare() { Vec::new() } else { tag.attributes(self.html) };
            if tag.is("script") || tag.is("style") {
                let end = self.html[at..].find(if tag.is("script") { "</script" } else { "</style" }).map_or(self.html.len(), |n| at + n);
                if tag.is("script") {
                    self.script(&tag, &attributes)?;
                } else {
                    let css = self.css(&self.html[at..end])?;
                    self.replace(at..end, &css);
                }
                at = end;
            } else if tag.is("link") && value(&attributes, "rel").is_some_and(|rel| rel.eq_ignore_ascii_case("stylesheet")) {
                if let Some(text) = value(&attributes, "href").and_then(|href| self.text(&href)) {
                    let css = self.css(&text?)?;
                    self.replace(tag.range.clone(), &format!("<style>\n{css}</style>"));
                }
            } else {
                self.element(&tag, &attributes)?;
            }
        }
        Ok(())
    }

    fn replace(&mut self, range: Range<usize>, text: &str) {
        self.out.push_str(&self.html[self.done..range.start]);
        self.out.push_str(text);
        self.done = range.end;
    }

    /// A script of the site goes into the page.
    fn script(&mut self, tag: &Tag<'_>, attributes: &[Attribute<'_>]) -> Result<(), SingleError> {
        let Some(text) = value(attributes, "src").and_then(|src| self.text(&src)) else { return Ok(()) };
        // `</script` within a text of the script would end it.
        let text = text?.replace("</script", "<\\/script").replace("<!--", "<\\!--");
        self.replace(tag.range.clone(), &format!("<script>\n{text}"));
        Ok(())
    }

    fn element(&mut self, tag: &Tag<'_>, attributes: &[Attribute<'_>]) -> Result<(), SingleError> {
        let link = tag.is("a") || tag.is("area");
        for attribute in attributes {
            let is = |name: &str| attribute.name.eq_ignore_ascii_case(name);
            let url = unescaped(attribute.value);
            if is("style") {
                let css = self.style(&url)?;
                if css != url {
                    self.set(attribute, &css);
                }
            } else if is("srcset") {
                let mut set = Vec::new();
                for candidate in url.split(',').map(str::trim).filter(|c| !c.is_empty()) {
                    let (address, size) = candidate.split_once(char::is_whitespace).unwrap_or((candidate, ""));
                    let address = self.data(address).transpose()?.unwrap_or_else(|| address.to_owned());
                    set.push(format!("{address} {size}").trim_end().to_owned());
                }
                self.set(attribute, &set.join(", "));
            } else if is("src") && tag.is("img") {
                let Some(place) = self.place(&url) else { continue };
                let next = self.pictures.len();
                if let Some(known) = self.pictures.get(&place) {
                    let name = format!("data-same=\"{known}\"");
                    self.same = true;
                    self.whole(attribute, &name);
                } else if let Some(data) = self.data(&url).transpose()? {
                    self.pictures.insert(place, next);
                    self.whole(attribute, &format!("data-file=\"{next}\" src=\"{}\"", escaped(&data)));
                }
            } else if is("src") || is("poster") || is("data") || is("background") || is("xlink:href") || is("href") {
                let page = self.place(&url).is_some_and(|place| place.ends_with(".html"));
                let Some(data) = (!link || !page).then(|| self.data(&url)).flatten().transpose()? else { continue };
                if link {
                    let place = self.place(&url).unwrap_or_default();
                    let name = place.rsplit('/').next().unwrap_or_default();
                    self.whole(attribute, &format!("download=\"{}\" href=\"{}\"", escaped(name), escaped(&data)));
                } else {
                    self.set(attribute, &data);
                }
            }
        }
        Ok(())
    }

    /// A new value for an attribute; its quotes are in the page already, or come along.
    fn set(&mut self, attribute: &Attribute<'_>, new: &str) {
        let quoted = matches!(self.html.as_bytes().get(attribute.range.start.wrapping_sub(1)), Some(b'"' | b'\''));
        let new = escaped(new).replace('\'', "&#39;");
        self.replace(attribute.range.clone(), &if quoted { new } else { format!("\"{new}\"") });
    }

    /// Another attribute in the place of this one.
    fn whole(&mut self, attribute: &Attribute<'_>, new: &str) {
        let quoted = matches!(self.html.as_bytes().get(attribute.range.end), Some(b'"' | b'\''));
        self.replace(attribute.name_range.start..attribute.range.end + usize::from(quoted), new);
    }

    /// The place in the site that an address means, if it is there.
    fn place(&self, url: &str) -> Option<String> {
        let place = percent_decoded(url.split(['?', '#']).next().unwrap_or_default());
        self.site.files.contains_key(place.as_ref()).then(|| place.into_owned())
    }

    fn bytes(&self, place: &str) -> Result<Vec<u8>, SingleError> {
        match self.site.files.get(place) {
            Some(Body::Text(text)) => Ok(text.clone().into_bytes()),
            Some(Body::File(path)) => std::fs::read(path).map_err(|source| SingleError::Read { path: path.clone(), source }),
            None => Ok(Vec::new()),
        }
    }

    fn text(&self, url: &str) -> Option<Result<String, SingleError>> {
        let place = self.place(url)?;
        Some(self.bytes(&place).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The file that an address means as an address that holds it.
    fn data(&self, url: &str) -> Option<Result<String, SingleError>> {
        let place = self.place(url)?;
        let fragment = url.find('#').map_or("", |at| &url[at..]);
        Some(self.bytes(&place).map(|bytes| {
            let media = media_type(&place).replace("; ", ";");
            format!("data:{media};base64,{}{fragment}", BASE64.encode(&bytes))
        }))
    }

    /// A style sheet with its pictures in it.
    fn css(&self, css: &str) -> Result<String, SingleError> {
        urls(css, |url| self.data(url).transpose().map(|data| data.map(|data| format!("url(\"{data}\")"))))
    }

    /// The style of one element: its pictures get names, so that many elements can have one.
    fn style(&mut self, css: &str) -> Result<String, SingleError> {
        urls(css, |url| {
            let Some(place) = self.place(url) else { return Ok(None) };
            let next = self.variables.len();
            if !self.variables.contains_key(&place) {
                let Some(data) = self.data(url).transpose()? else { return Ok(None) };
                self.variables.insert(place.clone(), (next, data));
            }
            Ok(self.variables.get(&place).map(|(n, _)| format!("var(--dockside-file-{n})")))
        })
    }

    fn finish(self) -> String {
        let mut html = self.out;
        if !self.variables.is_empty() {
            let mut style = "<style>:root{".to_owned();
            for (number, data) in self.variables.values() {
                let _ = write!(style, "--dockside-file-{number}:url(\"{data}\");");
            }
            style.push_str("}</style>\n");
            let at = html.find("</head>").unwrap_or(0);
            html.insert_str(at, &style);
        }
        if self.same {
            // Ahead of the script that measures the slides.
            let at = html.rfind("<script>\n").or_else(|| html.rfind("</body>")).unwrap_or(html.len());
            html.insert_str(at, SAME);
        }
        html
    }
}

fn value(attributes: &[Attribute<'_>], name: &str) -> Option<String> {
    attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name)).map(|a| unescaped(a.value))
}

/// `css` with every `url(…)` replaced for which there is something.
fn urls(css: &str, mut new: impl FnMut(&str) -> Result<Option<String>, SingleError>) -> Result<String, SingleError> {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(at) = rest.find("url(") {
        let inside = &rest[at + 4..];
        let lead = inside.len() - inside.trim_start().len();
        let quote = inside[lead..].chars().next().filter(|c| matches!(c, '"' | '\''));
        let start = lead + usize::from(quote.is_some());
        let end = match quote {
            Some(quote) => inside[start..].find(quote).map(|n| (start + n, start + n + 1)),
            None => inside[start..].find(')').map(|n| (start + n, start + n)),
        };
        let Some((url_end, from)) = end else { break };
        let Some(close) = inside[from..].find(')').map(|n| from + n + 1) else { break };
        out.push_str(&rest[..at]);
        match new(inside[start..url_end].trim())? {
            Some(text) => out.push_str(&text),
            None => out.push_str(&rest[at..at + 4 + close]),
        }
        rest = &inside[close..];
    }
    out.push_str(rest);
    Ok(out)
}
