//! Here-documents: `<<EOF`, `<<-EOF`, `<<"EOF"`, `3<<EOF`.

/// A here-document of an instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heredoc {
    pub name: String,
    pub content: String,
    /// Whether variables in it are expanded: not where its name is quoted.
    pub expand: bool,
    /// Whether leading tabs go (`<<-`).
    pub chomp: bool,
}

impl Heredoc {
    /// Reads a word as the mark of a here-document.
    pub fn parse(word: &str) -> Option<Heredoc> {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
        let (rest, chomp) = match rest.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        if rest.is_empty() || rest.contains('<') {
            return None;
        }
        let mut words = split(rest).into_iter();
        let (Some(word), None) = (words.next(), words.next()) else { return None };
        let name = unquote(&word)?;
        if name.is_empty() {
            return None;
        }
        Some(Heredoc { expand: name == word, name, content: String::new(), chomp })
    }

    /// The content as a file has it.
    pub fn text(&self) -> String {
        if !self.chomp {
            return self.content.clone();
        }
        self.content.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
    }
}

/// The here-documents that a line announces, in order.
pub fn in_line(line: &str) -> Vec<Heredoc> {
    split(line).iter().filter_map(|word| Heredoc::parse(word)).collect()
}

/// Words by blanks, with quotes and escapes left as they are.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', open) if open != Some('\'') => {
                word.push(c);
                word.extend(chars.next());
                continue;
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A word without quotes and escapes; `None` where a quote is not closed.
fn unquote(word: &str) -> Option<String> {
    let mut plain = String::new();
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', open) if open != Some('\'') => plain.extend(chars.next()),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            _ => plain.push(c),
        }
    }
    quote.is_none().then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_from_words() {
        assert!(Heredoc::parse("<<EOF").is_some_and(|h| h.expand && !h.chomp && h.name == "EOF"));
        assert!(Heredoc::parse("3<<-'E'").is_some_and(|h| !h.expand && h.chomp && h.name == "E"));
        for word in ["<<<x", "<<", "<", "a<<b", "<<'"] {
            assert_eq!(Heredoc::parse(word), None, "{word}");
        }
        let both: Vec<_> = in_line("COPY <<a \"<<b\" <<-c /d").into_iter().map(|h| h.name).collect();
        assert_eq!(both, ["a", "c"]);
    }
}
