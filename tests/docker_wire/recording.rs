//! Reads a recording: connections, on each the requests and answers in order. Line ends were recorded without their carriage returns, so
//! lengths are found by what follows and not trusted.

/// All that passed between the client and the engine for one command.
pub struct Recording {
    pub exchanges: Vec<Exchange>,
}

/// One request with its answer.
#[derive(Clone)]
pub struct Exchange {
    pub method: String,
    pub target: String,
    pub request_body: Vec<u8>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the answer's body came to its end.
    pub ended: bool,
    /// For an upgraded connection: what the client sent on it, and what the engine sent.
    pub hijacked: Option<(Vec<u8>, Vec<u8>)>,
}

impl Exchange {
    /// A header of the answer.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v)
    }
}

impl Recording {
    /// Reads a recording file's bytes.
    pub fn parse(bytes: &[u8]) -> Recording {
        let mut exchanges: Vec<Exchange> = Vec::new();
        for connection in split(bytes, b"##### connection ") {
            let mut open: Option<usize> = None;
            for part in split(connection, b"\n>>>\n").into_iter().skip(1) {
                let halves = split(part, b"\n<<<\n");
                let request = halves.first().copied().unwrap_or_default();
                let answers: Vec<&[u8]> = halves.iter().skip(1).copied().collect();
                if let Some(at) = open {
                    let (sent, got) = exchanges[at].hijacked.get_or_insert_default();
                    sent.extend_from_slice(strip(request));
                    for answer in answers {
                        got.extend_from_slice(strip(answer));
                    }
                    continue;
                }
                if let Some(exchange) = exchange(request, answers.first().copied().unwrap_or_default()) {
                    if exchange.status == 101 {
                        open = Some(exchanges.len());
                    }
                    exchanges.push(exchange);
                }
            }
        }
        for exchange in &mut exchanges {
            if exchange.header("Content-Type") == "application/vnd.docker.multiplexed-stream" {
                exchange.body = mend_frames(&exchange.body);
                if let Some((_, got)) = &mut exchange.hijacked {
                    *got = mend_frames(got);
                }
            }
        }
        Recording { exchanges }
    }
}

/// Writes the lengths of frames anew: bytes of heads that are no text were lost in the recording.
fn mend_frames(bytes: &[u8]) -> Vec<u8> {
    let is_head = |at: usize| matches!(bytes.get(at), Some(1 | 2)) && bytes.get(at + 1..at + 6) == Some(&[0; 5]);
    let mut out = Vec::new();
    let mut at = 0;
    while is_head(at) {
        let mut payload = at + 6;
        // Two bytes of length are left; each that was no text stands there as U+FFFD.
        for _ in 0..2 {
            payload += if bytes[payload.min(bytes.len())..].starts_with("\u{fffd}".as_bytes()) { 3 } else { 1 };
        }
        let payload = payload.min(bytes.len());
        let end = (payload..bytes.len()).find(|i| is_head(*i)).unwrap_or(bytes.len());
        out.extend_from_slice(&[bytes[at], 0, 0, 0]);
        out.extend_from_slice(&((end - payload) as u32).to_be_bytes());
        out.extend_from_slice(&bytes[payload..end]);
        at = end;
    }
    if at == 0 { bytes.to_vec() } else { out }
}

/// A part without the blank line that ends it.
fn strip(part: &[u8]) -> &[u8] {
    part.strip_suffix(b"\n").unwrap_or(part)
}

fn exchange(request: &[u8], answer: &[u8]) -> Option<Exchange> {
    let (head, request_body) = cut(request);
    let line = String::from_utf8_lossy(head.split(|b| *b == b'\n').next()?).into_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (head, rest) = cut(answer);
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let chunked = headers.iter().any(|(name, value)| name == "Transfer-Encoding" && value == "chunked");
    let (body, ended) = if status == 101 || method == "HEAD" {
        (Vec::new(), true)
    } else if chunked {
        dechunk(rest)
    } else {
        (strip(rest).to_vec(), true)
    };
    let ended = ended && !target.contains("/events");
    let hijacked = (status == 101).then(|| (Vec::new(), strip(rest).to_vec()));
    Some(Exchange { method, target, request_body: strip(request_body).to_vec(), status, headers, body, ended, hijacked })
}

fn cut(message: &[u8]) -> (&[u8], &[u8]) {
    match message.windows(2).position(|w| w == b"\n\n") {
        Some(at) => (&message[..at], &message[at + 2..]),
        None => (message, b""),
    }
}

/// A chunked body's bytes, and whether its last chunk came.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    while let Some((size, behind)) = size_line(rest) {
        if size == 0 {
            return (out, true);
        }
        // A chunk is as long as it says, less what is gone from the recording.
        let longest = size.min(behind.len());
        let ends_at = |n: &usize| behind.get(*n) == Some(&b'\n') && size_line(&behind[n + 1..]).is_some();
        let length = (0..=longest).rev().find(ends_at).unwrap_or(longest);
        out.extend_from_slice(&behind[..length]);
        rest = behind.get(length + 1..).unwrap_or_default();
    }
    (out, false)
}

/// A line that is a number in hexadecimal digits, and what follows it.
fn size_line(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let digits = std::str::from_utf8(&bytes[..end]).ok().filter(|d| !d.is_empty() && d.len() < 8)?;
    usize::from_str_radix(digits, 16).ok().map(|size| (size, &bytes[end + 1..]))
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(mark.len()).position(|w| w == mark) {
        parts.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    parts.push(rest);
    parts
}
