//! Just enough of the shell's grammar to know whether a command goes on in the next line. Runs nothing.

/// Whether bash would run `command` instead of asking for more with its second prompt.
pub(super) fn is_complete(command: &str) -> bool {
    matches!(scan(command), State::Complete)
}

/// Whether `command` ends within a here-document.
pub(super) fn in_here_document(command: &str) -> bool {
    matches!(scan(command), State::HereDocument)
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Complete,
    Open,
    HereDocument,
}

fn scan(command: &str) -> State {
    let bytes = command.as_bytes();
    let mut at = 0;
    let mut documents: Vec<(String, bool)> = Vec::new();
    let mut brackets = 0i32;
    let mut blocks = 0i32;
    let mut last_operator = false;
    let mut word = String::new();
    let mut starts_command = true;
    while at < bytes.len() {
        let b = bytes[at];
        match b {
            b'\\' if at + 1 >= bytes.len() => return State::Open,
            b'\\' => {
                word.push('\\');
                at += 2;
                last_operator = false;
                continue;
            }
            b'\'' | b'"' | b'`' => {
                let Some(end) = closing(bytes, at) else { return State::Open };
                word.push('q');
                at = end + 1;
                last_operator = false;
                continue;
            }
            b'#' if word.is_empty() => {
                at = command[at..].find('\n').map_or(bytes.len(), |i| at + i);
                continue;
            }
            b'<' if bytes[at..].starts_with(b"<<") && !bytes[at..].starts_with(b"<<<") => {
                end_word(&mut word, &mut starts_command, &mut blocks);
                let (delimiter, next) = delimiter(command, at + 2);
                if let Some(delimiter) = delimiter {
                    documents.push(delimiter);
                }
                at = next;
                last_operator = false;
                continue;
            }
            b'\n' => {
                end_word(&mut word, &mut starts_command, &mut blocks);
                starts_command = true;
                for (delimiter, dashed) in std::mem::take(&mut documents) {
                    match body_end(command, at + 1, &delimiter, dashed) {
                        Some(end) => at = end,
                        None => return State::HereDocument,
                    }
                }
            }
            b' ' | b'\t' | b'\r' => end_word(&mut word, &mut starts_command, &mut blocks),
            b'(' | b')' => {
                brackets += if b == b'(' { 1 } else { -1 };
                end_word(&mut word, &mut starts_command, &mut blocks);
                starts_command = true;
                last_operator = false;
            }
            b'|' | b'&' | b';' => {
                end_word(&mut word, &mut starts_command, &mut blocks);
                starts_command = true;
                last_operator = b == b'|' || bytes[at..].starts_with(b"&&");
                at += if bytes[at..].starts_with(b"&&") || bytes[at..].starts_with(b"||") { 2 } else { 1 };
                continue;
            }
            _ => {
                word.push(b as char);
                last_operator = false;
            }
        }
        at += 1;
    }
    end_word(&mut word, &mut starts_command, &mut blocks);
    if !documents.is_empty() {
        State::HereDocument
    } else if last_operator || brackets > 0 || blocks > 0 {
        State::Open
    } else {
        State::Complete
    }
}

/// Counts the words that open and close a compound command where a command may start.
fn end_word(word: &mut String, starts_command: &mut bool, blocks: &mut i32) {
    if word.is_empty() {
        return;
    }
    if *starts_command {
        match word.as_str() {
            "if" | "for" | "while" | "until" | "case" | "select" | "{" => *blocks += 1,
            "fi" | "done" | "esac" | "}" => *blocks -= 1,
            _ => {}
        }
        *starts_command = matches!(word.as_str(), "then" | "do" | "else" | "elif" | "if" | "while" | "until" | "{" | "!");
    }
    word.clear();
}

/// Where the quote at `at` closes.
fn closing(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if quote != b'\'' => i += 1,
            b if b == quote => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

/// The word that ends a here-document, whether tabs before it count for nothing, and where scanning goes on.
fn delimiter(command: &str, at: usize) -> (Option<(String, bool)>, usize) {
    let rest = &command[at..];
    let dashed = rest.starts_with('-');
    let rest = rest[usize::from(dashed)..].trim_start_matches([' ', '\t']);
    let end = rest.find(|c: char| c.is_whitespace() || ";|&<>()".contains(c)).unwrap_or(rest.len());
    let word: String = rest[..end].chars().filter(|c| !"'\"\\".contains(*c)).collect();
    let next = command.len() - rest.len() + end;
    ((!word.is_empty()).then_some((word, dashed)), next)
}

/// The line break after the body's delimiter, or the text's end.
fn body_end(command: &str, from: usize, delimiter: &str, dashed: bool) -> Option<usize> {
    let mut at = from;
    for line in command.get(from..)?.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if (if dashed { bare.trim_start_matches('\t') } else { bare }) == delimiter {
            return Some(at + bare.len());
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_when_a_command_goes_on() {
        for complete in [
            "docker ps",
            "echo 'a b'",
            "docker ps \\\n -a",
            "cat <<EOF\nhello\nEOF",
            "for i in 1 2; do echo $i; done",
            "echo $(date)",
            "echo it\\'s",
            "# it's a comment",
            "echo done if fi",
            "cat <<-'EOF' | wc\n\tx\n\tEOF",
            "sleep 1 &",
            "case x in x) echo y;; esac",
        ] {
            assert!(is_complete(complete), "{complete:?}");
        }
        for open in [
            "docker ps \\",
            "echo 'a",
            "cat <<EOF",
            "cat <<EOF\nhello",
            "for i in 1 2; do",
            "echo $(date",
            "a |",
            "a &&",
            "if true; then\necho",
        ] {
            assert!(!is_complete(open), "{open:?}");
        }
        assert!(in_here_document("cat <<EOF\n$ not a prompt"));
    }
}
