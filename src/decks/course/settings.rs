//! How a deck is to be read, under the names that remark, reveal.js and reveal-md have for it.

use crate::slides::Options;
use crate::slides::reveal::Separators;
use crate::yaml::{Mapping, Value};

/// The names, for messages.
pub const KEYS: [&str; 11] = [
    "remark",
    "countIncrementalSlides",
    "disableIncrementalSlides",
    "inheritPresenterNotes",
    "highlightLines",
    "highlightSpans",
    "math",
    "macros",
    "separator",
    "verticalSeparator",
    "notesSeparator",
];

/// Reads the settings in `map`; what is wrong comes back as the key and a sentence about it.
pub fn read(map: &Mapping, options: &mut Options) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut flag = |key: &str| match map.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::Bool(value)) => Some(*value),
        Some(_) => {
            problems.push((key.to_owned(), format!("`{key}` is true or false")));
            None
        }
    };
    if let Some(count) = flag("countIncrementalSlides") {
        options.skip_increments = !count;
    }
    options.join_increments = flag("disableIncrementalSlides").unwrap_or(options.join_increments);
    options.inherit_notes = flag("inheritPresenterNotes").unwrap_or(options.inherit_notes);
    options.highlight.lines = flag("highlightLines").unwrap_or(options.highlight.lines);
    options.highlight.spans = flag("highlightSpans").unwrap_or(options.highlight.spans);
    match map.get("math") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(on)) => options.math = *on,
        // Programs that draw formulas in the browser: their names say that there are some.
        Some(Value::String(name)) if ["katex", "mathjax", "mathml"].contains(&name.as_str()) => options.math = true,
        Some(_) => problems.push(("math".into(), "`math` is true or false".into())),
    }
    let mut text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => {
            problems.push((key.to_owned(), format!("`{key}` is a text")));
            None
        }
    };
    let version = text("remark");
    let separators = [text("separator"), text("verticalSeparator"), text("notesSeparator")];
    if let Some(version) = version {
        match version.parse() {
            Ok(engine) => options.remark = engine,
            Err(message) => problems.push(("remark".into(), message)),
        }
    }
    if separators.iter().any(Option::is_some) {
        let [horizontal, vertical, notes] = &separators;
        match Separators::new(horizontal.as_deref(), vertical.as_deref(), notes.as_deref()) {
            Ok(separators) => options.separators = Some(separators),
            Err((key, why)) => problems.push((key.into(), format!("`{key}` is no pattern that can be used: {why}"))),
        }
    }
    match map.get("macros") {
        None | Some(Value::Null) => {}
        Some(Value::Mapping(macros)) => {
            for (name, template) in macros {
                let name = name.as_str().unwrap_or_default();
                let result = match template.as_str() {
                    Some(template) if !name.is_empty() && !name.contains([' ', ']']) => options.macros.define(name, template),
                    _ => Err("a macro is a name without blanks and a text".into()),
                };
                problems.extend(result.err().map(|message| (name.to_owned(), message)));
            }
        }
        Some(_) => problems.push(("macros".into(), "`macros` is a mapping of names to texts".into())),
    }
    problems
}
