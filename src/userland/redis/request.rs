//! Requests out of the bytes of a connection: arrays of bulk strings, or a line of words as one types it into telnet.
//!
//! Nothing is set aside for what a header merely announces: memory grows with the bytes that have come.

use super::Bytes;

/// A line, be it of words or of a length, may be so long.
const LINE: usize = 64 << 10;
/// So much may come for one request, its words together.
const REQUEST: usize = 1 << 30;
/// Limits for those who have not said the password.
const UNKNOWN: (usize, usize) = (10, 16_384);

/// What reads requests; bytes go in as they come.
#[derive(Debug, Default)]
pub struct Requests {
    bytes: Vec<u8>,
    /// Up to here all is read.
    at: usize,
    /// Words of an array that have come, and how many are missing.
    words: Vec<Bytes>,
    missing: usize,
    held: usize,
    /// The length of the word that is coming.
    length: Option<usize>,
}

/// How much is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest word.
    pub word: usize,
    /// Whether the other side is known.
    pub known: bool,
}

impl Requests {
    /// Takes in what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 && (self.at == self.bytes.len() || self.at > LINE) {
            self.bytes.drain(..self.at);
            self.at = 0;
            self.bytes.shrink_to(2 * LINE);
        }
        self.bytes.extend(bytes);
    }

    /// What the next request begins with, if some of it has come.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.at + self.held
    }

    /// The next request; none where more has to come first. What is wrong ends the connection.
    pub fn next(&mut self, limits: Limits) -> Result<Option<Vec<Bytes>>, String> {
        loop {
            if self.missing > 0 {
                match self.word(limits)? {
                    Some(word) => {
                        // Words that are empty take room, too.
                        self.held += word.len() + size_of::<Bytes>();
                        if self.held > REQUEST {
                            return Err("Protocol error: too big request".to_owned());
                        }
                        self.words.push(word);
                        self.missing -= 1;
                        if self.missing == 0 {
                            self.held = 0;
                            return Ok(Some(std::mem::take(&mut self.words)));
                        }
                    }
                    None => return Ok(None),
                }
            } else if self.bytes.get(self.at) == Some(&b'*') {
                let Some(line) = self.line("too big mbulk count string")? else { return Ok(None) };
                let count =
                    number(&line[1..]).filter(|count| *count <= i64::from(i32::MAX)).ok_or("Protocol error: invalid multibulk length")?;
                let count = usize::try_from(count).unwrap_or(0);
                if !limits.known && count > UNKNOWN.0 {
                    return Err("Protocol error: unauthenticated multibulk length".to_owned());
                }
                self.missing = count;
            } else {
                let Some(line) = self.line("too big inline request")? else { return Ok(None) };
                let words = words(&line).ok_or("Protocol error: unbalanced quotes in request")?;
                if !words.is_empty() {
                    return Ok(Some(words));
                }
            }
        }
    }

    /// The next line, without its end.
    fn line(&mut self, too_long: &str) -> Result<Option<Vec<u8>>, String> {
        let rest = &self.bytes[self.at..];
        match rest.iter().take(LINE).position(|b| *b == b'\n') {
            Some(end) => {
                let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]).to_vec();
                self.at += end + 1;
                Ok(Some(line))
            }
            None if rest.len() >= LINE => Err(format!("Protocol error: {too_long}")),
            None => Ok(None),
        }
    }

    fn word(&mut self, limits: Limits) -> Result<Option<Bytes>, String> {
        let length = match self.length {
            Some(length) => length,
            None => {
                let Some(line) = self.line("too big bulk count string")? else { return Ok(None) };
                let Some(text) = line.strip_prefix(b"$") else {
                    let got = line.first().map_or('\r', |b| char::from(*b));
                    return Err(format!("Protocol error: expected '$', got '{got}'"));
                };
                let length = number(text).and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= limits.word);
                let length = length.ok_or("Protocol error: invalid bulk length")?;
                if !limits.known && length > UNKNOWN.1 {
                    return Err("Protocol error: unauthenticated bulk length".to_owned());
                }
                *self.length.insert(length)
            }
        };
        let rest = &self.bytes[self.at..];
        if rest.len() < length + 2 {
            return Ok(None);
        }
        let word = rest[..length].to_vec();
        self.at += length + 2;
        self.length = None;
        Ok(Some(word))
    }
}

fn number(text: &[u8]) -> Option<i64> {
    super::number::int(text)
}

/// The words of a line, some of them in quotes; none where a quote has no end.
pub fn words(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut words = vec![];
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if matches!(rest, [] | [0, ..]) {
            return Some(words);
        }
        let mut word = vec![];
        loop {
            match rest {
                [] => break,
                [byte, after @ ..] if byte.is_ascii_whitespace() || *byte == 0 => {
                    rest = after;
                    break;
                }
                [b'"', after @ ..] => {
                    rest = quoted(after, &mut word)?;
                    break;
                }
                [b'\'', after @ ..] => {
                    rest = single(after, &mut word)?;
                    break;
                }
                [byte, after @ ..] => {
                    word.push(*byte);
                    rest = after;
                }
            }
        }
        words.push(word);
    }
}

/// A word as `words` reads it back: in quotes where it would be several.
pub fn word(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte));
    if plain { text.to_owned() } else { super::commands::quoted(text.as_bytes()) }
}

/// Up to the closing quote, behind which a blank or the end must be.
fn quoted<'a>(mut rest: &'a [u8], word: &mut Bytes) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'"', after @ ..] => return after.first().is_none_or(u8::is_ascii_whitespace).then_some(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0);
                word.push(u8::try_from(digit(*high) * 16 + digit(*low)).unwrap_or(0));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn single<'a>(mut rest: &'a [u8], word: &mut Bytes) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [b'\'', after @ ..] => return after.first().is_none_or(u8::is_ascii_whitespace).then_some(after),
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANY: Limits = Limits { word: 1 << 20, known: true };

    fn all(chunks: &[&[u8]]) -> Result<Vec<Vec<Bytes>>, String> {
        let mut requests = Requests::default();
        let mut found = vec![];
        for chunk in chunks {
            requests.push(chunk);
            while let Some(request) = requests.next(ANY)? {
                found.push(request);
            }
        }
        Ok(found)
    }

    #[test]
    fn a_line_of_words_is_a_request() {
        let line = |text: &str| all(&[text.as_bytes()]).unwrap_or_default().concat();
        assert_eq!(line("SET  a \"b c\\x41\\n\" 'd'\r\n"), [&b"SET"[..], b"a", b"b cA\n", b"d"]);
        assert_eq!(line("GET \"\"\n"), [&b"GET"[..], b""]);
        assert_eq!(all(&[b"GET \"a\n"]), Err("Protocol error: unbalanced quotes in request".to_owned()));
        assert_eq!(all(&[&[b'a'; LINE]]), Err("Protocol error: too big inline request".to_owned()));
    }

    #[test]
    fn what_a_header_announces_takes_no_memory() {
        assert_eq!(all(&[b"*2000000000\r\n$1000000\r\nabc"]), Ok(vec![]));
        assert_eq!(all(&[b"*1\r\n$99999999999\r\n"]), Err("Protocol error: invalid bulk length".to_owned()));
        assert_eq!(all(&[b"*1\r\n:1\r\n"]), Err("Protocol error: expected '$', got ':'".to_owned()));
        assert_eq!(all(&[b"*-1\r\n*0\r\nPING\r\n"]), Ok(vec![vec![b"PING".to_vec()]]));
    }

    proptest! {
        #[test]
        fn requests_come_out_as_they_went_in_however_they_are_cut(
            requests in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..5),
            cuts in prop::collection::vec(1..50_usize, 0..20),
        ) {
            let mut bytes = vec![];
            for request in &requests {
                bytes.extend(format!("*{}\r\n", request.len()).bytes());
                for word in request {
                    bytes.extend(format!("${}\r\n", word.len()).bytes());
                    bytes.extend(word);
                    bytes.extend(b"\r\n");
                }
            }
            let mut chunks = vec![];
            let mut rest = &bytes[..];
            for cut in cuts {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            prop_assert_eq!(all(&chunks), Ok(requests));
        }

        #[test]
        fn garbage_does_no_harm(bytes in prop::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'"'), any::<u8>()], 0..300)) {
            let _ = all(&[&bytes]);
        }
    }
}
