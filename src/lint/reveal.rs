//! Marks of a reveal deck within code: reveal.js splits there, whatever the fence says.

use super::Out;
use super::raw::lines;

/// Looks for markers that split a block of code, and for fences that their slide cuts off.
pub fn check(out: &mut Out<'_>) {
    let text = out.source.text();
    let mut open: Option<(usize, &str, char, usize)> = None;
    let mut blank = false;
    let mut said = false;
    for (at, line) in lines(text, 0..text.len()) {
        let marker = ["!SLIDE", "!SUB", "!NOTE"].into_iter().find(|marker| line.starts_with(marker));
        if let (Some(marker), true) = (marker, blank && !said)
            && let Some((start, fence, mark, length)) = open
        {
            // Where the block goes on behind the marker and is closed, the marker was meant to be code.
            let close = mark.to_string().repeat(length);
            let mut rest = lines(text, at..text.len()).skip(1).map(|(_, l)| l.trim());
            let next = rest.find(|l| l.starts_with(&close));
            if next.is_some_and(|l| l.chars().all(|c| c == mark)) {
                let message = format!("this {marker} is within a code block, and splits it all the same");
                let hint = "set it in by a blank, or leave out the empty line before it";
                out.add("marker-in-fence", at, marker.len(), message, hint);
                said = true;
            } else {
                out.add(
                    "mismatched-fence",
                    start,
                    fence.len(),
                    "this code block has no end on its slide",
                    format!("close it with {close}"),
                );
                open = None;
            }
        }
        let bare = line.trim_start_matches([' ', '\t']);
        if let Some(mark) = bare.chars().next().filter(|c| matches!(c, '`' | '~')) {
            let length = bare.chars().take_while(|c| *c == mark).count();
            let info = bare[length..].trim();
            match open {
                Some((_, _, m, n)) if m == mark && length >= n && info.is_empty() => {
                    open = None;
                    said = false;
                }
                None if length >= 3 && !(mark == '`' && info.contains('`')) => {
                    open = Some((at + line.len() - bare.len(), bare, mark, length))
                }
                _ => {}
            }
        }
        blank = line.is_empty();
    }
    if let Some((start, fence, mark, length)) = open {
        let close = mark.to_string().repeat(length);
        out.add("mismatched-fence", start, fence.trim_end().len(), "this code block has no end", format!("close it with {close}"));
    }
}
