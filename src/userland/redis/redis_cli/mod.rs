//! `redis-cli`: says commands to a server and shows what it answers.

mod connection;
mod format;
mod options;

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{super::applets::Args, Bytes, number, request, start};
use crate::units::c_words;
use connection::{Connection, Said};
use format::{Look, shown};
use options::{Asked, Options, USAGE};

/// `redis-cli [OPTIONS] [COMMAND …]`.
pub fn main(args: Args) -> ExitCode {
    let words = args.into_iter().skip(1).map(OsString::into_vec).collect();
    match Options::read(words) {
        Ok(Asked::Version) => println!("redis-cli {}", start::version()),
        Ok(Asked::Help) => println!("redis-cli {}\n\n{USAGE}", start::version()),
        Ok(Asked::Run(options)) => return run(*options),
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A session with a server.
struct Session {
    options: Options,
    connection: Option<Connection>,
    database: i64,
    in_transaction: bool,
}

fn run(options: Options) -> ExitCode {
    if let Some(warning) = options.warning() {
        eprintln!("{warning}");
    }
    let database = options.database;
    let mut session = Session { options, connection: None, database, in_transaction: false };
    let done = match () {
        () if session.options.pipe => session.pipe(),
        () if session.options.scan => session.scan(),
        () if !session.options.words.is_empty() => session.arguments(),
        () if io::stdin().is_terminal() => session.prompt(),
        () => session.lines(),
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The system's words.
fn plain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return "Server closed the connection".to_owned();
    }
    c_words(error)
}

fn words<const N: usize>(words: [&str; N]) -> Vec<Bytes> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

impl Session {
    /// Connects, if need be, and makes itself known.
    fn connect(&mut self) -> Result<&mut Connection, String> {
        if self.connection.is_none() {
            let Options { host, port, .. } = &self.options;
            let connection =
                Connection::open(host, *port).map_err(|e| format!("Could not connect to Redis at {host}:{port}: {}", plain(&e)))?;
            let connection = self.connection.insert(connection);
            if let Some(password) = &self.options.password {
                let line = match &self.options.user {
                    Some(user) => words(["AUTH", user, password]),
                    None => words(["AUTH", password]),
                };
                if let Said::Error(why) = connection.ask(&line).map_err(|e| format!("Error: {}", plain(&e)))? {
                    eprintln!("AUTH failed: {why}");
                }
            }
            if let Some(three) = self.options.three {
                let said = connection.ask(&words(["HELLO", if three { "3" } else { "2" }])).map_err(|e| format!("Error: {}", plain(&e)))?;
                if let Said::Error(why) = said {
                    eprintln!("HELLO {} failed: {why}", if three { 3 } else { 2 });
                }
            }
            if self.database != 0 {
                let said = connection.ask(&words(["SELECT", &self.database.to_string()])).map_err(|e| format!("Error: {}", plain(&e)))?;
                if let Said::Error(why) = said {
                    eprintln!("SELECT {} failed: {why}", self.database);
                    self.database = 0;
                }
            }
            self.in_transaction = false;
        }
        self.connection.as_mut().ok_or_else(|| "not connected".to_owned())
    }

    /// Says one command and shows the answer.
    fn say(&mut self, line: &[Bytes]) -> Result<(), String> {
        let name = line.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        let fresh = self.connection.is_none();
        let look = self.options.look;
        let sent = self.connect()?.send(line);
        let listens = matches!(&name[..], b"subscribe" | b"psubscribe");
        if listens && look == Look::People {
            println!("Reading messages... (press Ctrl-C to quit)");
        }
        let said = match sent.and_then(|()| self.connect().map_err(io::Error::other)?.read()) {
            // Whose connection has ended meanwhile gets another.
            Err(_) if !fresh && name != b"shutdown" && self.options.words.is_empty() => {
                self.connection = None;
                self.connect()?.ask(line)
            }
            other => other,
        };
        let said = match said {
            Ok(said) => said,
            Err(_) if name == b"shutdown" => {
                self.connection = None;
                return Ok(());
            }
            Err(e) => {
                self.connection = None;
                return Err(format!("Error: {}", plain(&e)));
            }
        };
        let went_well = !matches!(said, Said::Error(_));
        let is_text = matches!(&name[..], b"info" | b"lolwut")
            || name == b"client" && line.len() > 1 && matches!(&line[1].to_ascii_lowercase()[..], b"list" | b"info");
        let said = match said {
            Said::Bulk(bytes) if is_text => Said::Text(bytes),
            other => other,
        };
        if went_well {
            match &name[..] {
                b"select" => self.database = line.get(1).and_then(|word| number::int(word)).unwrap_or(0),
                b"multi" => self.in_transaction = true,
                b"exec" | b"discard" | b"reset" => self.in_transaction = false,
                _ => {}
            }
            if name == b"reset" {
                self.database = 0;
            }
        }
        if name == b"exec" {
            self.in_transaction = false;
        }
        if let (Said::Error(why), true) = (&said, self.options.tells_errors) {
            return Err(why.clone());
        }
        self.show(&said)?;
        if listens || name == b"monitor" && went_well {
            loop {
                let said = self.connect()?.read().map_err(|e| format!("Error: {}", plain(&e)))?;
                self.show(&said)?;
            }
        }
        Ok(())
    }

    fn show(&self, said: &Said) -> Result<(), String> {
        let mut out = io::stdout().lock();
        out.write_all(&shown(said, self.options.look)).and_then(|()| out.flush()).map_err(|e| plain(&e))
    }

    /// The same command again and again.
    fn repeated(&mut self, line: &[Bytes], times: i64) -> Result<(), String> {
        let mut left = times;
        while left != 0 {
            self.say(line)?;
            left -= i64::from(left > 0);
            if left != 0 {
                std::thread::sleep(self.options.interval);
            }
        }
        Ok(())
    }

    /// The command of the command line.
    fn arguments(&mut self) -> bool {
        let mut line = self.options.words.clone();
        if self.options.last_from_input {
            let mut last = vec![];
            if let Err(e) = io::stdin().lock().read_to_end(&mut last) {
                eprintln!("{}", plain(&e));
                return false;
            }
            line.push(last);
        }
        match self.repeated(&line, self.options.repeat) {
            Ok(()) => true,
            Err(message) => {
                eprintln!("{message}");
                false
            }
        }
    }

    /// Commands from standard input, a line each.
    fn lines(&mut self) -> bool {
        if let Err(message) = self.connect() {
            eprintln!("{message}");
            return false;
        }
        for line in io::stdin().lock().split(b'\n') {
            let Ok(line) = line else { return false };
            match self.line(&line) {
                Ok(Some(())) => {}
                Ok(None) => return true,
                Err(message) => {
                    eprintln!("{message}");
                    return false;
                }
            }
        }
        true
    }

    /// One line of commands; none where it ends the session.
    fn line(&mut self, line: &[u8]) -> Result<Option<()>, String> {
        let Some(mut line) = request::words(line) else {
            println!("Invalid argument(s)");
            return Ok(Some(()));
        };
        let times = if line.len() > 1 { number::int(&line[0]).filter(|times| *times > 0) } else { None };
        if times.is_some() {
            line.remove(0);
        }
        match line.first().map(|word| word.to_ascii_lowercase()).as_deref() {
            None => Ok(Some(())),
            Some(b"quit" | b"exit") => Ok(None),
            Some(b"clear") if line.len() == 1 => {
                print!("\x1b[H\x1b[2J");
                Ok(Some(()))
            }
            Some(b"help" | b"?") => {
                println!(
                    "redis-cli {}\nTo get help about a command type: COMMAND DOCS <command>\nTo quit: \"quit\" or <ctrl-d>",
                    start::version()
                );
                Ok(Some(()))
            }
            Some(b"connect") if line.len() == 3 => {
                self.options.host = String::from_utf8_lossy(&line[1]).into_owned();
                self.options.port = number::int(&line[2]).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid port")?;
                self.connection = None;
                self.connect().map(|_| Some(()))
            }
            Some(_) => {
                let begun = Instant::now();
                let done = self.repeated(&line, times.unwrap_or(self.options.repeat));
                let took = begun.elapsed();
                if self.options.look == Look::People && took >= Duration::from_millis(500) {
                    println!("({:.2}s)", took.as_secs_f64());
                }
                done.map(Some)
            }
        }
    }

    /// Asks for commands on a terminal.
    fn prompt(&mut self) -> bool {
        if let Err(message) = self.connect() {
            eprintln!("{message}");
        }
        let mut input = io::stdin().lock();
        loop {
            let Options { host, port, .. } = &self.options;
            let prompt = if self.connection.is_none() {
                "not connected> ".to_owned()
            } else {
                let database = if self.database == 0 { String::new() } else { format!("[{}]", self.database) };
                format!("{host}:{port}{database}{}> ", if self.in_transaction { "(TX)" } else { "" })
            };
            print!("{prompt}");
            let _ = io::stdout().flush();
            let mut line = vec![];
            match input.read_until(b'\n', &mut line) {
                Ok(0) => {
                    println!();
                    return true;
                }
                Ok(_) => {}
                Err(_) => return false,
            }
            match self.line(&line) {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(message) => eprintln!("{message}"),
            }
        }
    }

    /// All keys, one a line.
    fn scan(&mut self) -> bool {
        let mut cursor = b"0".to_vec();
        loop {
            let mut line = vec![b"SCAN".to_vec(), cursor.clone()];
            for (name, value) in [("MATCH", &self.options.pattern), ("COUNT", &self.options.count)] {
                if let Some(value) = value {
                    line.extend(words([name, value]));
                }
            }
            let said = self.connect().and_then(|connection| connection.ask(&line).map_err(|e| format!("Error: {}", plain(&e))));
            match said {
                Ok(Said::Array(two)) => match <[Said; 2]>::try_from(two) {
                    Ok([Said::Bulk(next), Said::Array(keys)]) => {
                        for key in &keys {
                            let _ = self.show(key);
                        }
                        cursor = next;
                    }
                    _ => return false,
                },
                Ok(Said::Error(why)) => {
                    eprintln!("ERROR: {why}");
                    return false;
                }
                Ok(_) => return false,
                Err(message) => {
                    eprintln!("{message}");
                    return false;
                }
            }
            if cursor == b"0" {
                return true;
            }
        }
    }

    /// Sends standard input as it is and counts the answers.
    fn pipe(&mut self) -> bool {
        const MARK: &str = "dockside-pipe-is-over";
        let opened = self.connect().and_then(|connection| connection.writer().map_err(|e| plain(&e)));
        let mut writer = match opened {
            Ok(writer) => writer,
            Err(message) => {
                eprintln!("{message}");
                return false;
            }
        };
        let sender = std::thread::spawn(move || {
            let copied = io::copy(&mut io::stdin().lock(), &mut writer);
            println!("All data transferred. Waiting for the last reply...");
            let mark = format!("\r\n*2\r\n$4\r\nECHO\r\n${}\r\n{MARK}\r\n", MARK.len());
            if copied.and_then(|_| writer.write_all(mark.as_bytes())).is_err() {
                // No last reply will come: the server is to hang up.
                let _ = writer.shutdown(std::net::Shutdown::Write);
            }
        });
        let (mut errors, mut replies) = (0_u64, 0_u64);
        let ended = loop {
            match self.connect().map_err(io::Error::other).and_then(Connection::read) {
                Ok(Said::Bulk(bytes)) if bytes == MARK.as_bytes() => {
                    println!("Last reply received from server.");
                    break true;
                }
                Ok(said) => {
                    replies += 1;
                    if let Said::Error(why) = said {
                        eprintln!("{why}");
                        errors += 1;
                    }
                }
                Err(e) => {
                    eprintln!("Error reading from the server: {}", plain(&e));
                    break false;
                }
            }
        };
        if ended {
            let _ = sender.join();
        }
        println!("errors: {errors}, replies: {replies}");
        ended && errors == 0
    }
}
