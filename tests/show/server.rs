//! A running `dockside serve`, and HTTP as plain as it gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; it ends with the test.
pub struct Server {
    process: Child,
    pub address: String,
    /// What the presenter's address ends in.
    pub secret: String,
    /// The address at which others follow.
    pub join: String,
    _out: BufReader<std::process::ChildStdout>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub fn start(folder: &Path, path: &str) -> Self {
        Server::start_with(folder, path, &[])
    }

    /// Its data is kept in the folder's `home`.
    pub fn start_with(folder: &Path, path: &str, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dockside"))
            .args(["serve", path, "--port", "0"])
            .args(more)
            .env("DOCKSIDE_HOME", folder.join("home"))
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dockside starts");
        let mut out = BufReader::new(process.stdout.take().expect("its output"));
        let mut after = |mark: &str| {
            let mut line = String::new();
            out.read_line(&mut line).expect("a line");
            let text = line.split(mark).nth(1).unwrap_or_else(|| panic!("{mark} in {line:?}"));
            text.split_whitespace().next().expect("an address").to_owned()
        };
        let address = after("http://").trim_end_matches('/').to_owned();
        let secret = after("/present/");
        let join = after("Follow at");
        Server { process, address, secret, join, _out: out }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server answers");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        stream
    }

    pub fn get_as(&self, host: &str, place: &str) -> String {
        self.ask(&format!("GET {place} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    pub fn get(&self, place: &str) -> String {
        self.get_as(&self.address, place)
    }

    /// The answer to a request as it stands.
    pub fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }
}
