//! The `--flag=value` words in front of an instruction's arguments.

/// The flags of a line, without their quotes, and what follows them. A lone `--` ends them.
pub fn take(line: &str) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = line.trim_start();
    while rest.starts_with("--") {
        let (word, behind) = word(rest);
        rest = behind;
        if word == "--" {
            break;
        }
        flags.push(word);
        rest = rest.trim_start();
    }
    (flags, rest)
}

/// The first word, unquoted, and what follows it.
fn word(line: &str) -> (String, &str) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                if let Some((_, escaped)) = chars.next() {
                    word.push(escaped);
                }
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => return (word, &line[at..]),
            (c, _) => word.push(c),
        }
    }
    (word, "")
}
