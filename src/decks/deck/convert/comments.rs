//! Comments that mean something: those about exercises, which a dialect may take for its own when it reads them, are put back where
//! they stood; reveal's own go where they would be in the way. And the white space that remark leaves out.

use crate::course::marks::lines::Lines;

/// The `<!-- dockside: … -->` of a slide's source, each with the line before which it stood, if there is one.
pub(super) fn of(own: &str) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    for (at, _) in own.match_indices("<!--") {
        let Some(length) = own[at..].find("-->") else { break };
        let comment = &own[at..at + length + 3];
        if comment[4..].trim_start().starts_with("dockside:") {
            let after = own[at + comment.len()..].lines().map(str::trim_end);
            found.push((comment, after.skip(1).find(|line| !line.is_empty() && !line.starts_with("<!--"))));
        }
    }
    found
}

/// The text with those that are missing in it.
pub(super) fn put(body: &str, said: &[(&str, Option<&str>)]) -> String {
    let mut body = body.to_owned();
    let mut from = 0;
    for &(comment, before) in said {
        if body.contains(comment) {
            continue;
        }
        let place = before.and_then(|line: &str| {
            let mut starts = std::iter::once(0).chain(body.match_indices('\n').map(|(at, _)| at + 1));
            starts.find(|at| *at >= from && body[*at..].lines().next().is_some_and(|own| own.trim_end() == line))
        });
        let at = place.unwrap_or(body.trim_end().len());
        let (lead, tail) = if place.is_some() { ("", "\n\n") } else { ("\n\n", "") };
        body.insert_str(at, &format!("{lead}{comment}{tail}"));
        from = at;
    }
    body
}

/// The text without the comments that begin with `name`.
pub(super) fn without(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        let end = after.find("-->").filter(|_| after.trim_start().starts_with(name));
        out.push_str(before);
        match end {
            Some(end) => rest = &after[end + 3..],
            None => {
                out.push_str("<!--");
                rest = after;
            }
        }
    }
    out + rest
}

/// The text with a blank at the start of each paragraph that follows an indented block of code: remark puts nothing between them.
pub(super) fn aired(body: &str) -> String {
    let lines = Lines::of(body);
    let mut out = String::with_capacity(body.len() + 16);
    let mut code = false;
    let mut empty = true;
    for (index, line) in body.split_inclusive('\n').enumerate() {
        let fenced = lines.fences.iter().any(|fence| fence.lines.contains(&index));
        let indented = line.starts_with("    ") || line.starts_with('\t');
        if line.trim().is_empty() {
            empty = true;
        } else {
            if code
                && empty
                && !fenced
                && line.starts_with(|c: char| c.is_alphanumeric() || "`\"'(".contains(c))
                && !line.starts_with("```")
            {
                out.push(' ');
            }
            code = indented && !fenced && (empty || code);
            empty = false;
        }
        out.push_str(line);
    }
    out
}
