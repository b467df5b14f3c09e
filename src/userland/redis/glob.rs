//! Patterns of `KEYS`, `SCAN`, `PSUBSCRIBE` and `CONFIG GET`.

/// Whether `pattern` (`*`, `?`, `[a-z]`, `[^a]`, `\x`) means the whole of `text`. Takes time by the product of both at the most.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    // After a star: where to go on in the pattern, and from where in the text.
    let mut again: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            None if place == text.len() => return true,
            None => None,
            Some(b'*') => {
                again = Some((at + 1, place));
                at += 1;
                continue;
            }
            Some(_) => text.get(place).and_then(|byte| one(&pattern[at..], *byte)),
        };
        match (step, again) {
            (Some(width), _) => {
                at += width;
                place += 1;
            }
            (None, Some((after, from))) if from < text.len() => {
                again = Some((after, from + 1));
                (at, place) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// How many bytes of `pattern` stand for `byte`, if they do.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', ..] => {
            let mut at = 1;
            let negated = pattern.get(at) == Some(&b'^');
            at += usize::from(negated);
            let mut found = false;
            loop {
                match &pattern[at..] {
                    [] => break,
                    [b']', ..] => {
                        at += 1;
                        break;
                    }
                    [b'\\', escaped, ..] => {
                        found |= *escaped == byte;
                        at += 2;
                    }
                    [from, b'-', to, ..] => {
                        found |= (*from.min(to)..=*from.max(to)).contains(&byte);
                        at += 3;
                    }
                    [plain, ..] => {
                        found |= *plain == byte;
                        at += 1;
                    }
                }
            }
            (found != negated).then_some(at)
        }
        [plain, ..] => (*plain == byte).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("h?llo", "hello", true),
            ("h*llo", "heeello", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("*a*b", "xaxxab", true),
            ("a*", "b", false),
            ("[", "[", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(!matches("a*".repeat(60).as_bytes(), &[b'a'; 4000].map(|_| b'b')));
    }
}
