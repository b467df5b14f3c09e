//! What every command gets: the client (made when first needed), the terminal's facts and the ways to print. It takes no decisions of
//! its own about what to say.

use std::cell::{Cell, OnceCell};
use std::io::{IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use serde_json::Value as Json;

use super::client::{self, Client};
use super::cmdline::Matches;
use super::contexts::{self, DEFAULT, DOCKER, Store};
use super::failure::Failure;
use super::host::Host;
use super::signals::Manner;
use super::{config, tls};
use crate::tls::ClientConfig;

/// Where the engine is when neither `-H` nor `DOCKER_HOST` says so; the caller may start one.
pub type DefaultHost = Box<dyn Fn() -> Result<Found, String>>;

/// The default engine.
pub struct Found {
    /// `unix://…`
    pub address: String,
    /// The connection by which it was found, over which nothing has been said: the first request may as well take it.
    pub connection: UnixStream,
}

/// The surroundings of one command.
pub struct Context {
    /// `-H` or `DOCKER_HOST`.
    pub given_host: Option<String>,
    default_host: DefaultHost,
    client: OnceCell<Client>,
    /// The folder of the configuration, `~/.docker`.
    pub config: String,
    /// The name of the context in use.
    pub name: String,
    pub contexts: Store,
    /// `-D`: more is told.
    pub debug: bool,
    /// What the command does when the user ends it.
    pub manner: Cell<Manner>,
    /// How to speak to the default context's engine, where TLS is asked for.
    tls: Option<Arc<ClientConfig>>,
}

impl Context {
    pub fn new(
        given_host: Option<String>,
        config: String,
        name: String,
        tls: Option<Arc<ClientConfig>>,
        default_host: DefaultHost,
    ) -> Context {
        let contexts = Store::new(&config);
        Context {
            given_host,
            default_host,
            client: OnceCell::new(),
            config,
            name,
            contexts,
            debug: false,
            manner: Cell::new(Manner::Ends),
            tls,
        }
    }

    /// The address of the default context's engine.
    pub fn default_address(&self) -> Result<String, Failure> {
        match &self.given_host {
            Some(host) => Host::parse(host).map(|host| host.text),
            None => self.found().map(|found| found.address),
        }
    }

    fn found(&self) -> Result<Found, Failure> {
        (self.default_host)().map_err(Failure::new)
    }

    /// The client of the engine.
    pub fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut connection = None;
        let (host, tls) = match (self.name.as_str(), &self.given_host) {
            (DEFAULT, Some(given)) => (Host::parse(given)?, self.tls.clone()),
            (DEFAULT, None) => {
                let found = self.found()?;
                connection = Some(found.connection);
                (Host::parse(&found.address)?, self.tls.clone())
            }
            (name, _) => self.named(name)?,
        };
        let settings = config::load(&self.config);
        let headers = settings.get("HttpHeaders").and_then(Json::as_object).into_iter().flatten();
        let headers = headers.filter(|(key, _)| !key.eq_ignore_ascii_case("user-agent"));
        let headers = headers.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        Ok(self.client.get_or_init(|| Client::new(host, client::asked_version(), tls, headers, connection)))
    }

    /// Where a context's engine is, and how to speak to it.
    fn named(&self, name: &str) -> Result<(Host, Option<Arc<ClientConfig>>), Failure> {
        let unresolved = |text: &str| Failure::new(format!("Failed to initialize: unable to resolve docker endpoint: {text}"));
        let meta = self.contexts.get(name).map_err(|e| unresolved(&e.text))?;
        let host = Host::of_context(if meta.host().is_empty() { contexts::NOWHERE } else { meta.host() })?;
        let key = |file: &str| self.contexts.tls(name, DOCKER, file);
        let (ca, certificate, own) = (key("ca.pem"), key("cert.pem"), key("key.pem"));
        let safe = ca.is_some() || certificate.is_some() || own.is_some() || meta.skips_verification() || host.text.starts_with("https:");
        let tls = safe.then(|| tls::config(ca.as_deref(), certificate.as_deref(), own.as_deref(), meta.skips_verification()));
        let said = |e| Failure::new(format!("Failed to initialize: failed to retrieve context tls info: {e}"));
        Ok((host, tls.transpose().map_err(said)?))
    }

    /// The command line with the configuration's proxies as if they had been given by `flag`, unless others were.
    pub fn with_proxies(&self, m: &Matches, flag: &'static str) -> Result<Matches, Failure> {
        let mut all = m.clone();
        for (name, value) in config::proxies(&self.config, &self.client()?.host.text) {
            if m.all(flag).all(|given| given.split('=').next() != Some(&name)) {
                all.push(flag, format!("{name}={value}"));
            }
        }
        Ok(all)
    }

    /// The keys that detach: those of the command line, else those of the configuration.
    pub fn detach_keys(&self, m: &Matches) -> String {
        m.get("detach-keys")
            .filter(|keys| !keys.is_empty())
            .map(str::to_owned)
            .or_else(|| config::text(&self.config, "detachKeys"))
            .unwrap_or_default()
    }

    /// `--format`, or where it is not given and not only names are wanted, the configuration's `key`.
    pub fn format(&self, m: &Matches, key: &str) -> String {
        match m.text("format") {
            "" if !m.on("quiet") => config::text(&self.config, key).unwrap_or_default(),
            given => given.to_owned(),
        }
    }

    /// Writes to standard output. Ends quietly when nobody reads any more, and says so when it cannot be written: a result that got lost
    /// is no success.
    pub fn print(&self, text: impl AsRef<[u8]>) {
        let mut out = std::io::stdout().lock();
        let Err(error) = out.write_all(text.as_ref()).and_then(|()| out.flush()) else { return };
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(PIPE_CLOSED);
        }
        self.warn_line(Failure::unwritten("stdout", &error).text);
        std::process::exit(1);
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
