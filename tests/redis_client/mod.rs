//! A client of redis that takes replies as they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A reply: its first line, and what comes after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub parts: Vec<Reply>,
}

impl Reply {
    pub fn bytes(&self) -> Vec<u8> {
        let parts = self.parts.iter().flat_map(Reply::bytes);
        self.head.iter().chain(&self.body).copied().chain(parts).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// The elements in an order that does not depend on chance; of maps, the pairs.
    pub fn sorted(mut self) -> Reply {
        if self.head.starts_with(b"%") {
            let mut pairs: Vec<Vec<Reply>> = self.parts.chunks(2).map(<[Reply]>::to_vec).collect();
            pairs.sort();
            self.parts = pairs.concat();
        } else {
            self.parts.sort();
        }
        self
    }
}

/// A connection to a server.
pub struct Client(pub BufReader<TcpStream>);

impl Client {
    pub fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("sent");
    }

    pub fn ask(&mut self, words: &[Vec<u8>]) -> Reply {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        self.send(&bytes);
        self.read()
    }

    pub fn say(&mut self, line: &str) -> String {
        self.ask(&words(line)).text()
    }

    pub fn read(&mut self) -> Reply {
        let mut head = vec![];
        self.0.read_until(b'\n', &mut head).expect("a reply");
        let count = std::str::from_utf8(&head[1..]).ok().and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(0).max(0);
        let count = usize::try_from(count).expect("a size");
        let (mut body, mut parts) = (vec![], vec![]);
        match head.first().copied().unwrap_or(b' ') {
            b'$' | b'=' if !head.starts_with(b"$-") => {
                body = vec![0; count + 2];
                self.0.read_exact(&mut body).expect("a string");
            }
            b'*' | b'~' | b'>' => parts = (0..count).map(|_| self.read()).collect(),
            b'%' => parts = (0..count * 2).map(|_| self.read()).collect(),
            _ => {}
        }
        Reply { head, body, parts }
    }
}

/// The words of a line, of which quotes hold some together.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = vec![];
    let mut rest = line.trim();
    while !rest.is_empty() {
        let mut word = vec![];
        if let Some(after) = rest.strip_prefix('"') {
            let end = after.find('"').expect("a closing quote");
            let mut bytes = after[..end].bytes();
            while let Some(byte) = bytes.next() {
                match (byte, byte == b'\\' && bytes.clone().next() == Some(b'x')) {
                    (_, true) => {
                        let digits: Vec<u8> = bytes.by_ref().skip(1).take(2).collect();
                        word.push(u8::from_str_radix(std::str::from_utf8(&digits).expect("digits"), 16).expect("a number"));
                    }
                    (byte, false) => word.push(byte),
                }
            }
            rest = after[end + 1..].trim_start();
        } else {
            let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
            word.extend(first.bytes());
            rest = after.trim_start();
        }
        words.push(word);
    }
    words
}
