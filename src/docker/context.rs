//! What every command gets: the client (made when first needed), the terminal's facts and the ways to print. It takes no decisions of
//! its own about what to say.

use std::cell::OnceCell;
use std::io::{IsTerminal, Write};

use super::client::Client;
use super::failure::Failure;
use super::host::Host;

/// Where the engine is when neither `-H` nor `DOCKER_HOST` says so; the caller may start one.
pub type DefaultHost = Box<dyn Fn() -> Result<String, String>>;

/// The surroundings of one command.
pub struct Context {
    /// `-H` or `DOCKER_HOST`.
    pub given_host: Option<String>,
    default_host: DefaultHost,
    client: OnceCell<Client>,
    /// The folder of the configuration, `~/.docker`.
    pub config: String,
}

impl Context {
    pub fn new(given_host: Option<String>, config: String, default_host: DefaultHost) -> Context {
        Context { given_host, default_host, client: OnceCell::new(), config }
    }

    /// The client of the engine.
    pub fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let host = match &self.given_host {
            Some(host) => host.clone(),
            None => (self.default_host)().map_err(Failure::new)?,
        };
        let host = Host::parse(&host)?;
        let version = std::env::var("DOCKER_API_VERSION").ok();
        Ok(self.client.get_or_init(|| Client::new(host, version)))
    }

    /// Writes to standard output and ends quietly when nobody reads any more.
    pub fn print(&self, text: impl AsRef<[u8]>) {
        write_or_end(std::io::stdout().lock(), text.as_ref(), PIPE_CLOSED);
    }

    /// Writes a line to standard output.
    pub fn line(&self, text: impl AsRef<str>) {
        let mut text = text.as_ref().to_owned();
        text.push('\n');
        self.print(text);
    }

    /// Writes to standard error.
    pub fn warn(&self, text: impl AsRef<[u8]>) {
        let _ = std::io::stderr().lock().write_all(text.as_ref());
    }

    /// Writes a line to standard error.
    pub fn warn_line(&self, text: impl AsRef<str>) {
        self.warn(format!("{}\n", text.as_ref()));
    }

    pub fn stdin_is_terminal(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    pub fn stdout_is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
}

/// The status of a program that a closed pipe ends: 128 + SIGPIPE.
const PIPE_CLOSED: i32 = 141;

fn write_or_end(mut out: impl Write, bytes: &[u8], status: i32) {
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush())
        && error.kind() == std::io::ErrorKind::BrokenPipe
    {
        std::process::exit(status);
    }
}
