//! The client's connection: commands out, replies in.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpStream};

use super::super::{super::dns, Bytes};

/// Replies may lie so deep in each other.
const DEPTH: usize = 64;

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Status(String),
    Error(String),
    Int(i64),
    Double(String),
    Bool(bool),
    Bulk(Bytes),
    /// Text for people, which is shown as it is.
    Text(Bytes),
    Nil,
    Array(Vec<Said>),
    Set(Vec<Said>),
    Push(Vec<Said>),
    /// Names and values by turns.
    Map(Vec<Said>),
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "Protocol error, got something that is no reply")
}

impl Connection {
    pub fn open(host: &str, port: u16) -> io::Result<Self> {
        let address = dns::resolve(host).map(IpAddr::V4).or_else(|_| dns::resolve6(host).map(IpAddr::V6));
        let address = address.map_err(|_| io::Error::other("Name or service not known"))?;
        let stream = TcpStream::connect((address, port))?;
        let _ = stream.set_nodelay(true);
        Ok(Connection { reader: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_ref().write_all(bytes)
    }

    /// The other end, for a thread of its own.
    pub fn writer(&self) -> io::Result<TcpStream> {
        self.reader.get_ref().try_clone()
    }

    pub fn send(&self, words: &[Bytes]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        self.send_bytes(&bytes)
    }

    pub fn read(&mut self) -> io::Result<Said> {
        self.one(0)
    }

    pub fn ask(&mut self, words: &[Bytes]) -> io::Result<Said> {
        self.send(words)?;
        self.read()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = vec![];
        (&mut self.reader).take(1 << 20).read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\r\n") else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    fn bytes(&mut self, count: usize) -> io::Result<Bytes> {
        let mut bytes = vec![];
        (&mut self.reader).take(count as u64 + 2).read_to_end(&mut bytes)?;
        if bytes.len() < count + 2 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.truncate(count);
        Ok(bytes)
    }

    fn one(&mut self, depth: usize) -> io::Result<Said> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(broken)?;
        if depth > DEPTH {
            return Err(broken());
        }
        let count = || rest.parse::<i64>().map_err(|_| broken());
        let size = || count().map(|count| usize::try_from(count).ok());
        match kind {
            "+" => Ok(Said::Status(rest.to_owned())),
            "-" => Ok(Said::Error(rest.to_owned())),
            ":" => Ok(Said::Int(count()?)),
            "," => Ok(Said::Double(rest.to_owned())),
            "(" => Ok(Said::Status(rest.to_owned())),
            "#" => Ok(Said::Bool(rest == "t")),
            "_" => Ok(Said::Nil),
            "$" | "=" => {
                let Some(count) = size()? else { return Ok(Said::Nil) };
                let bytes = self.bytes(count)?;
                Ok(if kind == "$" { Said::Bulk(bytes) } else { Said::Text(bytes.get(4..).unwrap_or_default().to_vec()) })
            }
            "*" | "~" | ">" | "%" => {
                let Some(count) = size()? else { return Ok(Said::Nil) };
                let count = if kind == "%" { count.checked_mul(2).ok_or_else(broken)? } else { count };
                let mut all = vec![];
                for _ in 0..count {
                    all.push(self.one(depth + 1)?);
                }
                Ok(match kind {
                    "*" => Said::Array(all),
                    "~" => Said::Set(all),
                    ">" => Said::Push(all),
                    _ => Said::Map(all),
                })
            }
            _ => Err(broken()),
        }
    }
}
