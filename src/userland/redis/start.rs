//! `redis-server`: from the command line to a server that runs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use super::{
    config::Config,
    log::{self, Level},
    server::{self, Server},
};
use crate::units::c_words;
use crate::userland::{
    applets::Args,
    dns,
    ending::{Meaning, on_signals},
};

/// The version, where the image does not say it.
const VERSION: &str = "7.4.3";

const USAGE: &str = "Usage: redis-server [/path/to/redis.conf] [options] [-]
       redis-server - (read config from stdin)
       redis-server -v or --version
       redis-server -h or --help

Examples:
       redis-server (run the server with default conf)
       redis-server /etc/redis/6379.conf
       redis-server --port 7777
       redis-server /etc/myredis.conf --loglevel verbose -
       redis-server --save \"\" --appendonly yes --requirepass secret";

/// The version of the image, or that of whom we know best.
pub fn version() -> String {
    let said = std::env::var("REDIS_VERSION").unwrap_or_default();
    let good = !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if good { said } else { VERSION.to_owned() }
}

/// Major and minor of a version.
pub fn number(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// `redis-server [FILE] [--NAME VALUE …]`.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let version = version();
    match words.first().map(String::as_str) {
        Some("-v" | "--version") => {
            println!("Redis server v={version} sha=00000000:0 malloc=libc bits=64 build=0");
            return ExitCode::SUCCESS;
        }
        Some("-h" | "--help") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let mut config = Config::default();
    if let Err(message) = config.arguments(&words) {
        eprintln!("{message}");
        return ExitCode::FAILURE;
    }
    match serve(config, &words, &version) {
        Ok(true) => ExitCode::SUCCESS,
        // The log has said why.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}", c_words(&error));
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is told to end; false where it could not begin or go on, of which the log tells.
fn serve(mut config: Config, args: &[String], version: &str) -> io::Result<bool> {
    let file = config.text("logfile").to_owned();
    let level = config.level();
    let tell = |level_of: Level, text: &str| {
        if level_of >= level {
            log::line(&file, 'C', level_of, text);
        }
    };
    let pid = std::process::id();
    // How much it matters that all goes well has changed with version 7.2.
    let all_is_well = if number(version) >= (7, 2) { Level::Notice } else { Level::Warning };
    tell(all_is_well, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    tell(all_is_well, &format!("Redis version={version}, bits=64, commit=00000000, modified=0, pid={pid}, just started"));
    if args.is_empty() {
        let text = "Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf";
        tell(Level::Warning, text);
    } else {
        tell(all_is_well, "Configuration loaded");
    }
    let signal = Arc::new(AtomicI32::new(0));
    let (bell, ringer) = UnixStream::pair()?;
    let told = Arc::clone(&signal);
    on_signals(move |number| {
        if number == libc::SIGTERM || number == libc::SIGINT {
            told.store(number, Ordering::SeqCst);
            let _ = io::Write::write(&mut &ringer, b"!");
        }
        Meaning::Nothing
    });
    let wished = config.number("maxclients");
    let most = descriptors().saturating_sub(32).max(1);
    if wished > most {
        let _ = config.change(&[("maxclients".to_owned(), most.to_string())], true);
    }
    let mut server = Server::new(version, config, signal, bell)?;
    if wished > most {
        server.log(Level::Warning, &format!("maxclients has been reduced to {most}: no more files may be open at a time."));
    }
    let port = server.config.number("port");
    if server.number >= (7, 0) {
        server.log(Level::Notice, "monotonic clock: POSIX clock_gettime");
    }
    server.log(Level::Notice, &format!("Running mode=standalone, port={port}."));
    if port == 0 {
        server.log(Level::Warning, "Configured to not listen anywhere, exiting.");
        return Ok(false);
    }
    if !listen(&mut server, u16::try_from(port).unwrap_or(0)) {
        let kind = if server.number >= (7, 2) { "tcp" } else { "TCP" };
        server.log(Level::Warning, &format!("Failed listening on port {port} ({kind}), aborting."));
        return Ok(false);
    }
    server.log(all_is_well, "Server initialized");
    if server.config.number("maxmemory") > 0 && server.config.text("maxmemory-policy") != "noeviction" {
        server.log(Level::Warning, "maxmemory is kept as a setting; this server takes no keys away to stay below it");
    }
    server.saving.last = server::now() / 1000;
    let loaded = if server.config.yes("appendonly") { server.open_aof() } else { server.load_dump() };
    if let Err(why) = loaded {
        server.log(Level::Warning, &why);
        return Ok(false);
    }
    let ready = match server.number {
        number if number >= (7, 2) => "Ready to accept connections tcp".to_owned(),
        number if number >= (4, 0) => "Ready to accept connections".to_owned(),
        _ => format!("The server is now ready to accept connections on port {port}"),
    };
    server.log(Level::Notice, &ready);
    Ok(server.run())
}

/// As many files may be open at a time, once the process has taken all that it may.
fn descriptors() -> i64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let most = if raised.is_ok() { limit.maximum } else { limit.current };
    most.and_then(|most| i64::try_from(most).ok()).unwrap_or(i64::MAX)
}

/// Binds to the addresses of `bind`, of which one that begins with `-` may be missing; whether somebody can be heard.
fn listen(server: &mut Server, port: u16) -> bool {
    let all = server.config.text("bind").to_owned();
    let mut bound = false;
    for word in all.split_whitespace() {
        let (name, may_fail) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
        let address = match name {
            "*" => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            "::*" => Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            name => name.parse().or_else(|_| dns::resolve(name).map(IpAddr::V4)),
        };
        let result = address.map_err(io::Error::other).and_then(|address| server.listen(SocketAddr::from((address, port))));
        match result {
            Ok(()) => bound = true,
            // The one for both protocols may have taken the port of the other.
            Err(_) if may_fail => {}
            Err(e) => {
                let why = c_words(&e);
                server.log(Level::Warning, &format!("Warning: Could not create server TCP listening socket {name}:{port}: bind: {why}"));
                return false;
            }
        }
    }
    bound
}
