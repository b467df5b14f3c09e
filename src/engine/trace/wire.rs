//! BuildKit's `StatusResponse` in protobuf, both ways: varints and fields with a length are all that it needs.
//!
//! Takes any bytes; what it does not know it skips, and what makes no sense gives `None`. Never allocates more than it was given.

use jiff::Timestamp;

use super::{Log, News, Source, Status, Vertex, Warning};

/// A message on its way out.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A number; zero is left out, as protobuf has it.
    fn number(&mut self, field: u64, value: i64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value.cast_unsigned());
        }
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, field: u64, value: &str) {
        if !value.is_empty() {
            self.bytes(field, value.as_bytes());
        }
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Writer)) {
        let mut inner = Writer::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    fn time(&mut self, field: u64, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.message(field, |w| {
                w.number(1, time.as_second());
                w.number(2, i64::from(time.subsec_nanosecond()));
            });
        }
    }
}

/// The news as a `StatusResponse`.
pub fn encode(news: &News) -> Vec<u8> {
    let mut out = Writer::default();
    for vertex in &news.vertexes {
        out.message(1, |w| {
            w.text(1, &vertex.digest);
            for input in &vertex.inputs {
                w.bytes(2, input.as_bytes());
            }
            w.text(3, &vertex.name);
            w.number(4, i64::from(vertex.cached));
            w.time(5, vertex.started);
            w.time(6, vertex.completed);
            w.text(7, &vertex.error);
        });
    }
    for status in &news.statuses {
        out.message(2, |w| {
            w.text(1, &status.id);
            w.text(2, &status.vertex);
            w.text(3, &status.name);
            w.number(4, status.current);
            w.number(5, status.total);
            w.time(6, status.timestamp);
            w.time(7, status.started);
            w.time(8, status.completed);
        });
    }
    for log in &news.logs {
        out.message(3, |w| {
            w.text(1, &log.vertex);
            w.time(2, log.timestamp);
            w.number(3, log.stream);
            w.bytes(4, &log.data);
        });
    }
    for warning in &news.warnings {
        out.message(4, |w| write_warning(w, warning));
    }
    out.0
}

fn write_warning(w: &mut Writer, warning: &Warning) {
    w.text(1, &warning.vertex);
    w.number(2, warning.level);
    w.text(3, &warning.short);
    for line in &warning.detail {
        w.bytes(4, line.as_bytes());
    }
    w.text(5, &warning.url);
    if let Some(source) = &warning.source {
        w.message(6, |w| {
            w.text(1, &source.filename);
            w.text(2, &source.text);
        });
        let position = |line: usize| i64::try_from(line).unwrap_or(0);
        w.message(7, |w| {
            w.message(1, |w| w.number(1, position(source.first)));
            w.message(2, |w| w.number(1, position(source.last)));
        });
    }
}

/// A field's content.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    fn number(&self) -> i64 {
        match self {
            Value::Number(n) => n.cast_signed(),
            Value::Bytes(_) => 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            Value::Number(_) => &[],
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn time(&self) -> Option<Timestamp> {
        let (mut seconds, mut nanoseconds) = (0, 0);
        fields(self.bytes(), |field, value| match field {
            1 => seconds = value.number(),
            2 => nanoseconds = i32::try_from(value.number()).unwrap_or(0),
            _ => {}
        })?;
        Timestamp::new(seconds, nanoseconds).ok()
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Gives each field of a message to `each`.
fn fields(mut bytes: &[u8], mut each: impl FnMut(u64, Value<'_>)) -> Option<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let length = match key & 7 {
            0 => {
                each(key >> 3, Value::Number(varint(&mut bytes)?));
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (content, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        if key & 7 == 2 {
            each(key >> 3, Value::Bytes(content));
        }
    }
    Some(())
}

/// Reads a `StatusResponse`.
pub fn decode(bytes: &[u8]) -> Option<News> {
    let mut news = News::default();
    let mut whole = true;
    fields(bytes, |field, value| {
        let message = value.bytes();
        let read = match field {
            1 => vertex(message).map(|v| news.vertexes.push(v)),
            2 => status(message).map(|s| news.statuses.push(s)),
            3 => log(message).map(|l| news.logs.push(l)),
            4 => warning(message).map(|w| news.warnings.push(w)),
            _ => Some(()),
        };
        whole &= read.is_some();
    })?;
    whole.then_some(news)
}

fn vertex(bytes: &[u8]) -> Option<Vertex> {
    let mut vertex = Vertex::default();
    fields(bytes, |field, value| match field {
        1 => vertex.digest = value.text(),
        2 => vertex.inputs.push(value.text()),
        3 => vertex.name = value.text(),
        4 => vertex.cached = value.number() != 0,
        5 => vertex.started = value.time(),
        6 => vertex.completed = value.time(),
        7 => vertex.error = value.text(),
        _ => {}
    })?;
    Some(vertex)
}

fn status(bytes: &[u8]) -> Option<Status> {
    let mut status = Status::default();
    fields(bytes, |field, value| match field {
        1 => status.id = value.text(),
        2 => status.vertex = value.text(),
        3 => status.name = value.text(),
        4 => status.current = value.number(),
        5 => status.total = value.number(),
        6 => status.timestamp = value.time(),
        7 => status.started = value.time(),
        8 => status.completed = value.time(),
        _ => {}
    })?;
    Some(status)
}

fn log(bytes: &[u8]) -> Option<Log> {
    let mut log = Log::default();
    fields(bytes, |field, value| match field {
        1 => log.vertex = value.text(),
        2 => log.timestamp = value.time(),
        3 => log.stream = value.number(),
        4 => log.data = value.bytes().to_vec(),
        _ => {}
    })?;
    Some(log)
}

fn warning(bytes: &[u8]) -> Option<Warning> {
    let mut warning = Warning::default();
    let mut source = Source::default();
    let mut placed = false;
    fields(bytes, |field, value| match field {
        1 => warning.vertex = value.text(),
        2 => warning.level = value.number(),
        3 => warning.short = value.text(),
        4 => warning.detail.push(value.text()),
        5 => warning.url = value.text(),
        6 => {
            placed = true;
            let _ = fields(value.bytes(), |field, value| match field {
                1 => source.filename = value.text(),
                2 => source.text = value.text(),
                _ => {}
            });
        }
        7 => {
            let _ = fields(value.bytes(), |field, value| {
                let mut line = 0;
                let _ = fields(value.bytes(), |field, value| {
                    if field == 1 {
                        line = usize::try_from(value.number()).unwrap_or(0);
                    }
                });
                match field {
                    1 => source.first = line,
                    2 => source.last = line,
                    _ => {}
                }
            });
        }
        _ => {}
    })?;
    warning.source = placed.then_some(source);
    Some(warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_survive_the_wire() {
        let time = Timestamp::new(1_700_000_000, 123_456_789).ok();
        let news = News {
            vertexes: vec![Vertex {
                digest: "sha256:1".into(),
                inputs: vec!["sha256:0".into()],
                name: "[1/2] FROM x".into(),
                cached: true,
                started: time,
                completed: None,
                error: "no".into(),
            }],
            statuses: vec![Status { id: "a".into(), vertex: "v".into(), current: -1, total: 1 << 40, started: time, ..Status::default() }],
            logs: vec![Log { vertex: "v".into(), timestamp: time, stream: 2, data: vec![0, 255] }],
            warnings: vec![Warning {
                vertex: "v".into(),
                level: 1,
                short: "Rule: words (line 2)".into(),
                detail: vec!["why".into()],
                url: "u".into(),
                source: Some(Source { filename: "Dockerfile".into(), text: "FROM x\n".into(), first: 1, last: 300 }),
            }],
        };
        assert_eq!(decode(&encode(&news)), Some(news));
    }

    #[test]
    fn the_bytes_are_protobufs() {
        let news = News { logs: vec![Log { vertex: "v".into(), timestamp: None, stream: 1, data: b"hi".to_vec() }], ..News::default() };
        assert_eq!(encode(&news), [0x1a, 9, 0x0a, 1, b'v', 0x18, 1, 0x22, 2, b'h', b'i']);
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        assert_eq!(decode(b""), Some(News::default()));
        for wrong in [&b"\x0a"[..], b"\x0a\x7f", b"\x07", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0a\x02\x0a\x05"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
        let skipped = [0x50, 1, 0x59, 0, 0, 0, 0, 0, 0, 0, 0, 0x5d, 0, 0, 0, 0];
        assert_eq!(decode(&skipped), Some(News::default()));
    }
}
