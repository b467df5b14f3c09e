//! What Marp and Slidev write into their slides, said in remark's way: a class, a background, notes. The rest is named, not shown.
//!
//! Only decks that are known to be such are touched: by their front matter, by marks that nothing else has (`marks::signs`), or by
//! Marp's `<!-- _class: … -->`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::front_matter;
use super::marks::lines::{Line, Lines};
use super::marks::signs;
use crate::diag::SourceText;
use crate::yaml::{Mapping, Value};

/// Whose habits a deck has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    Marp,
    Slidev,
    /// R Markdown for xaringan: what remark shows comes out of knitr.
    Knit,
    /// Pandoc's and Quarto's slides.
    Pandoc,
    /// None of them; Marp's comments for one slide are taken all the same.
    Other,
}

/// Settings that Slidev alone knows, of a deck and of a slide.
const SLIDEV: [&str; 27] = [
    "drawings",
    "mdc",
    "transition",
    "highlighter",
    "lineNumbers",
    "colorSchema",
    "routerMode",
    "titleTemplate",
    "fonts",
    "layout",
    "background",
    "themeConfig",
    "canvasWidth",
    "aspectRatio",
    "selectable",
    "record",
    "exportFilename",
    "download",
    "favicon",
    "clicks",
    "level",
    "hideInToc",
    "routeAlias",
    "preload",
    "addons",
    "defaults",
    "src",
];

/// Marp's directives; with `_` before the name they are about one slide.
const MARP: [&str; 22] = [
    "class",
    "backgroundColor",
    "backgroundImage",
    "backgroundPosition",
    "backgroundRepeat",
    "backgroundSize",
    "color",
    "footer",
    "header",
    "paginate",
    "theme",
    "style",
    "headingDivider",
    "size",
    "math",
    "title",
    "author",
    "description",
    "keywords",
    "marp",
    "transition",
    "lang",
];

impl Habit {
    /// By the settings of the deck, and by those that stand between its slides.
    pub fn of(settings: Option<&Mapping>, text: &str) -> Habit {
        let Some(settings) = settings else { return signs::habit(text) };
        let has = |key: &str| settings.contains_key(key);
        if has("marp") {
            return Habit::Marp;
        }
        if let Some(output) = settings.get("output").or_else(|| settings.get("format")) {
            return if is_named(output, &["xaringan", "moon_reader"]) { Habit::Knit } else { Habit::Pandoc };
        }
        if has("separator") || has("revealOptions") {
            return Habit::Other;
        }
        if has("slide-level") || has("slide_level") {
            return Habit::Pandoc;
        }
        let slidev = |map: &Mapping| map.keys().filter_map(|k| k.as_str()).any(|key| SLIDEV.contains(&key));
        let within = || {
            separators(text)
                .into_iter()
                .any(|at| front_matter::block(text, at).is_some_and(|(map, _)| slidev(&map) && front_matter::read(&text[at..]).is_some()))
        };
        match signs::habit(text) {
            _ if slidev(settings) || within() => Habit::Slidev,
            Habit::Other if signs::is_cut_at_headings(text) => Habit::Pandoc,
            habit => habit,
        }
    }

    /// Whether its settings look like those of `MARP` and `SLIDEV`, and its comments are settings and notes.
    fn has_directives(self) -> bool {
        matches!(self, Habit::Marp | Habit::Slidev)
    }

    /// Down to which level headings begin slides, where a program cuts decks there.
    pub fn level(self, settings: Option<&Mapping>, text: &str) -> Option<usize> {
        let settings = settings?;
        let number = |map: &Mapping, key: &str| front_matter::text(map, key)?.split(' ').filter_map(|n| n.parse().ok()).max();
        let level = |map: &Mapping| number(map, "slide-level").or_else(|| number(map, "slide_level"));
        match self {
            Habit::Marp => number(settings, "headingDivider").or_else(|| {
                let levels = settings.get("headingDivider")?.as_sequence()?;
                levels.iter().filter_map(Value::as_u64).filter_map(|level| level.try_into().ok()).max()
            }),
            Habit::Pandoc => {
                let format = settings.get("output").or_else(|| settings.get("format"));
                let nested = format.and_then(Value::as_mapping).and_then(|formats| formats.values().find_map(Value::as_mapping));
                let cut = format.is_some_and(|format| is_named(format, &SLIDES)) || signs::is_cut_at_headings(text);
                level(settings).or_else(|| nested.and_then(level)).or(cut.then_some(2))
            }
            _ => None,
        }
        .filter(|level: &usize| (1..=6).contains(level))
    }
}

/// Parts of the names of formats that are slides, cut at headings.
const SLIDES: [&str; 8] = ["reveal", "ioslides", "slidy", "beamer", "powerpoint", "pptx", "s5", "dzslides"];

/// Whether the name of a format, alone or with options, has one of these parts.
fn is_named(format: &Value, parts: &[&str]) -> bool {
    let named = |name: &Value| name.as_str().is_some_and(|name| parts.iter().any(|part| name.contains(part)));
    named(format) || format.as_mapping().is_some_and(|formats| formats.keys().any(named))
}

/// The settings for remark that are kept in xaringan's own.
pub fn of_remark(settings: &Mapping) -> Option<&Mapping> {
    let formats = settings.get("output")?.as_mapping()?;
    formats.values().find_map(|format| format.as_mapping()?.get("nature")?.as_mapping())
}

/// The slide that xaringan, Pandoc and Quarto make of a deck's settings.
pub fn title_slide(habit: Habit, settings: &Mapping) -> Option<String> {
    // What R would compute is not known.
    let text = |key: &str| front_matter::text(settings, key).filter(|text| !text.contains("`r "));
    if !matches!(habit, Habit::Knit | Habit::Pandoc) || settings.get("seal").is_some_and(|seal| seal.as_bool() == Some(false)) {
        return None;
    }
    let mut slide = format!("class: title\n\n# {}\n", text("title")?);
    for (key, level) in [("subtitle", "##"), ("author", "###"), ("institute", "####"), ("date", "####")] {
        if let Some(text) = text(key) {
            slide.push_str(&format!("\n{level} {text}\n"));
        }
    }
    Some(slide + "\n---\n")
}

/// The deck in remark's way, if that is another, and the names of what has no equivalent, each with its first place.
pub fn translate(source: &SourceText, habit: Habit, settings: Option<&Mapping>) -> (Option<SourceText>, BTreeMap<String, usize>) {
    let text = source.text();
    let mut unused = BTreeMap::new();
    if !habit.has_directives() && memchr::memmem::find(text.as_bytes(), b"_class:").is_none() {
        return (None, unused);
    }
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut lasting = Looks::default();
    if let Some(settings) = settings.filter(|_| habit.has_directives()) {
        lasting.read(settings, habit, 0, &mut unused);
    }
    let starts = separators(text);
    let mut from = 0;
    let mut next = starts.iter().copied().peekable();
    loop {
        // A slide's own settings stand between its separator and another.
        let mut looks = lasting.clone();
        if let Some(settings) = settings.filter(|_| habit == Habit::Marp && from == 0) {
            looks.read_first(settings, &mut unused);
        }
        if habit == Habit::Slidev && from == 0 {
            lasting = Looks::default();
        }
        if habit == Habit::Slidev
            && let Some(at) = text[..from].rfind("---").filter(|_| from > 0)
            && let Some((map, end)) = front_matter::block(text, at)
        {
            looks.read(&map, habit, from, &mut unused);
            edits.push((from..end, String::new()));
            from = end;
            next.next_if(|at| *at < end);
        }
        let mut stop = text.len();
        let mut after = text.len();
        if let Some(at) = next.next() {
            (stop, after) = (at, text[at..].find('\n').map_or(text.len(), |n| at + n + 1));
        }
        let notes = slide(text, from..stop, habit, &mut looks, &mut lasting, &mut unused, &mut edits);
        if habit.has_directives()
            && let Some(at) = property_at(text, from..stop)
        {
            edits.push((at..at, "<!-- -->\n".into()));
        }
        let head = looks.properties();
        if !head.is_empty() {
            let place = edits.iter().position(|(range, _)| range.start >= from).unwrap_or(edits.len());
            edits.insert(place, (from..from, head));
        }
        if !notes.is_empty() {
            edits.push((stop..stop, format!("\n???\n{}\n", notes.join("\n\n"))));
        }
        if after >= text.len() && stop == text.len() {
            break;
        }
        from = after;
    }
    edits.sort_by_key(|(range, _)| range.start);
    (Some(source.edited(&edits)), unused)
}

/// Where each `---` alone on a line starts, those in fences left out.
pub fn separators(text: &str) -> Vec<usize> {
    let is = |line: &&Line| !line.code && text[line.start..line.end].trim_end() == "---";
    Lines::of(text).iter().filter(is).map(|line| line.start).collect()
}

/// What is looked for on a slide, and what each ends with.
const OPENED: [(&str, &str); 3] = [("<!--", "-->"), ("<style", "</style>"), ("<script", "</script>")];

/// Takes the comments of a slide out: settings, and notes, which come back. Styles and scripts go, too.
fn slide(
    text: &str,
    range: Range<usize>,
    habit: Habit,
    looks: &mut Looks,
    lasting: &mut Looks,
    unused: &mut BTreeMap<String, usize>,
    edits: &mut Vec<(Range<usize>, String)>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut fence = false;
    let mut at = range.start;
    while at < range.end {
        let line_end = text[at..range.end].find('\n').map_or(range.end, |n| at + n + 1);
        let line = &text[at..line_end];
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fence = !fence;
        }
        if fence {
            at = line_end;
            continue;
        }
        if habit == Habit::Marp
            && let Some(open) = line.find("![bg").map(|n| at + n)
            && let Some((alt, url, end)) = image(&text[open..line_end])
            && alt.split_whitespace().next() == Some("bg")
        {
            looks.image = Some(format!("url({url})"));
            edits.push((open..open + end, String::new()));
            at = open + end;
            continue;
        }
        let Some((open, tag)) = OPENED.iter().filter_map(|tag| Some((at + line.find(tag.0)?, tag))).min_by_key(|(open, _)| *open) else {
            at = line_end;
            continue;
        };
        if tag.0 != "<!--" {
            // What a browser is to do with the page of another program.
            let close = text[open..range.end].find(tag.1).map_or(line_end, |n| open + n + tag.1.len());
            if habit.has_directives() {
                unused.entry(format!("{}>", tag.0)).or_insert(open);
                edits.push((open..close, String::new()));
            }
            at = close;
            continue;
        }
        // `<!-->` and `<!--->` are whole comments.
        let Some(close) = text[open + 2..range.end].find("-->").map(|n| open + 2 + n + 3) else { break };
        let body = text.get(open + 4..close - 3).unwrap_or_default().trim();
        let last = text[close..range.end].trim().is_empty();
        match directives(body) {
            Some(list) if habit == Habit::Marp || !habit.has_directives() && list.iter().all(|(name, _)| name.starts_with('_')) => {
                for (name, value) in list {
                    let own = name.strip_prefix('_');
                    let plain = own.unwrap_or(name);
                    looks.set(plain, value, open, unused);
                    if own.is_none() && habit == Habit::Marp {
                        lasting.set(plain, value, open, unused);
                    }
                }
                edits.push((open..close, String::new()));
            }
            None if !body.is_empty() && !is_tool(body) && (habit == Habit::Marp || habit == Habit::Slidev && last) => {
                notes.push(body.to_owned());
                edits.push((open..close, String::new()));
            }
            // A comment that Slidev shows to nobody may look like a property of remark's.
            None if habit == Habit::Slidev && !is_tool(body) => edits.push((open..close, String::new())),
            _ => {}
        }
        at = close;
    }
    notes
}

/// Where the first line of a slide stands, if remark would take it for a property. What is taken out does not count.
fn property_at(text: &str, slide: Range<usize>) -> Option<usize> {
    let mut at = slide.start;
    let mut comment = false;
    for line in text[slide].split_inclusive('\n') {
        let bare = line.trim();
        comment |= bare.starts_with("<!--");
        let skipped = comment || bare.is_empty() || bare.starts_with("![bg");
        if comment && bare.contains("-->") {
            comment = false;
            // What stands behind it is at no line's start.
            if !bare.ends_with("-->") {
                return None;
            }
        }
        if skipped {
            at += line.len();
            continue;
        }
        let name = line.split_once(':')?.0;
        return (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))).then_some(at);
    }
    None
}

/// Comments for formatters, and Dockside's own.
fn is_tool(comment: &str) -> bool {
    ["dockside:", "prettier-", "markdownlint-", "fit", "textlint-"].iter().any(|tool| comment.starts_with(tool))
}

/// The settings of a comment that has nothing else.
fn directives(comment: &str) -> Option<Vec<(&str, &str)>> {
    fn known(line: &str) -> Option<(&str, &str)> {
        let (name, value) = line.split_once(':')?;
        let name = name.trim().trim_start_matches('$');
        MARP.contains(&name.strip_prefix('_').unwrap_or(name)).then(|| (name, value.trim().trim_matches(['"', '\''])))
    }
    let lines: Vec<&str> = comment.lines().filter(|line| !line.trim().is_empty()).collect();
    let list: Vec<(&str, &str)> = lines.iter().copied().filter_map(known).collect();
    (!list.is_empty() && list.len() == lines.len()).then_some(list)
}

/// `![alt](url)` at the start of `text`: its parts and its length.
fn image(text: &str) -> Option<(&str, &str, usize)> {
    let (alt, rest) = text.strip_prefix("![")?.split_once("](")?;
    let (url, _) = rest.split_once(')')?;
    Some((alt, url.trim(), alt.len() + url.len() + 5))
}

/// What a slide is to look like.
#[derive(Clone, Debug, Default)]
struct Looks {
    class: Option<String>,
    layout: Option<String>,
    image: Option<String>,
    size: Option<String>,
    name: Option<String>,
    hidden: bool,
}

impl Looks {
    /// Takes a deck's or a slide's settings.
    fn read(&mut self, map: &Mapping, habit: Habit, place: usize, unused: &mut BTreeMap<String, usize>) {
        for key in map.keys().filter_map(|key| key.as_str()) {
            let Some(value) = front_matter::text(map, key) else { continue };
            match (habit, key) {
                (
                    _,
                    "title" | "marp" | "author" | "authors" | "date" | "lang" | "language" | "description" | "keywords" | "info" | "url",
                ) => {}
                // Formulas are read by this setting.
                (_, "math") => {}
                (Habit::Marp, "headingDivider") => {}
                // Of the first slide alone.
                (Habit::Marp, _) if key.starts_with('_') => {}
                (Habit::Slidev, "layout") => self.layout = Some(value),
                (Habit::Slidev, "background" | "image") => self.image = Some(format!("url({value})")),
                (Habit::Slidev, "routeAlias") => self.name = Some(value),
                (Habit::Slidev, "hide" | "disabled") => self.hidden = value == "true",
                _ => self.set(key, &value, place, unused),
            }
        }
    }

    /// Takes those of a Marp deck's settings that are about its first slide alone.
    fn read_first(&mut self, map: &Mapping, unused: &mut BTreeMap<String, usize>) {
        for key in map.keys().filter_map(|key| key.as_str()) {
            if let Some(name) = key.strip_prefix('_')
                && let Some(value) = front_matter::text(map, key)
            {
                self.set(name, &value, 0, unused);
            }
        }
    }

    fn set(&mut self, name: &str, value: &str, place: usize, unused: &mut BTreeMap<String, usize>) {
        let value = Some(value.trim_matches(['[', ']']).to_owned()).filter(|v| !v.is_empty());
        match name {
            "class" => self.class = value,
            "backgroundImage" => self.image = value,
            "backgroundSize" => self.size = value,
            _ => {
                unused.entry(name.to_owned()).or_insert(place);
            }
        }
    }

    /// The lines for the head of a slide.
    fn properties(&self) -> String {
        let mut out = String::new();
        let classes: Vec<&str> =
            self.layout.iter().chain(&self.class).flat_map(|c| c.split([' ', ','])).filter(|c| !c.is_empty()).collect();
        // Dockside's own class for what others call a cover.
        let title = self.layout.as_deref().is_some_and(|layout| matches!(layout, "cover" | "intro" | "section"));
        let mut put = |name: &str, value: &str| {
            // A property ends with its line, or at a dollar.
            if !value.contains(['\n', '$']) {
                out.push_str(&format!("{name}: {value}\n"));
            }
        };
        if !classes.is_empty() {
            put("class", &(if title { "title, ".to_owned() } else { String::new() } + &classes.join(", ")));
        }
        for (name, value) in [("background-image", &self.image), ("background-size", &self.size), ("name", &self.name)] {
            if let Some(value) = value {
                put(name, value);
            }
        }
        if self.hidden {
            put("exclude", "true");
        }
        out
    }
}
