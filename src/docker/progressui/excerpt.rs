//! The lines of a Dockerfile that a failure is about, with those around them.

use crate::trace::Source;

/// As many lines are shown around one line; around several it is half of them.
const AROUND: usize = 4;

/// The excerpt; nothing where the file has no such line.
pub fn excerpt(source: &Source) -> String {
    let lines: Vec<&str> = source.text.split('\n').collect();
    let (first, last) = (source.first, source.last.min(lines.len()).max(source.first));
    if first < 1 || first > lines.len() {
        return String::new();
    }
    let mut around = if first == last { AROUND } else { AROUND / 2 };
    let (mut from, mut to) = (first, last);
    // In turn above and below, as far as there is something; what is not there counts as shown.
    while around > 0 {
        if from > 1 {
            from -= 1;
            around -= 1;
        }
        if to < lines.len() {
            to += 1;
            around = around.saturating_sub(1);
        }
        around = around.saturating_sub(1);
    }
    let rule = "-".repeat(20);
    let mut out = format!("{}:{first}\n{rule}\n", source.filename);
    for number in from..=to {
        let mark = if (first..=last).contains(&number) { ">>>" } else { "   " };
        out.push_str(&format!(" {number:3} | {mark} {}\n", lines[number - 1].trim_end_matches('\r')));
    }
    out.push_str(&rule);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_among_their_neighbours() {
        let source = Source { filename: "Dockerfile".into(), text: "FROM busybox\nRUN exit 3\n".into(), first: 2, last: 2 };
        let rule = "--------------------";
        assert_eq!(
            excerpt(&source),
            format!("Dockerfile:2\n{rule}\n   1 |     FROM busybox\n   2 | >>> RUN exit 3\n   3 |     \n{rule}\n")
        );
        assert_eq!(excerpt(&Source { first: 9, last: 9, ..source.clone() }), "");
        assert_eq!(excerpt(&Source { first: 0, last: 0, ..source }), "");
    }
}
