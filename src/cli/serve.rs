//! `dockside serve`: Show the slides on localhost, and let a class follow.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use super::build::{plural, report};
use super::output::{complain, say};
use super::{CliError, exit, readable};
use crate::server::{self, Access, Class, Live, Show};

#[derive(clap::Args)]
#[command(after_help = exit::status(STATUS))]
pub struct Args {
    /// A course.yml, a manifest, a Markdown deck, or a folder with a course.yml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The port to listen on; the first free one from 8000 on if not given, any free one if 0
    #[arg(short, long)]
    port: Option<u16>,
    /// The address to listen on; 0.0.0.0 lets others on the network follow
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Where others reach this server if not at its own address: behind a proxy, or by a name
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Make a new presenter's address; the old one moves the class no more
    #[arg(long)]
    new_address: bool,
    /// Show what this audience is shown: a name under `variants:` in the manifest
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Open the slides in the browser
    #[arg(long)]
    open: bool,
    /// Show code in one colour
    #[arg(long)]
    no_highlight: bool,
}

const STATUS: &[(u8, &str)] = &[
    (exit::OK, "^C or SIGTERM has ended it"),
    (exit::ERROR, "nothing can be shown: there is no such course, it cannot be read, or the port is taken"),
];

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    crate::sys::heap::keep_freed();
    readable(&args.path)?;
    let outside = args.url.as_deref().map(Outside::parse).transpose()?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = listen(args.bind, args.port).await?;
        let address = listener.local_addr()?;
        let (live, first) = Live::new(&args.path, args.variant.as_deref(), !args.no_highlight);
        let live = Arc::new(live);
        report(&first.diagnostics, false);
        if let Some(error) = first.error.as_ref().filter(|_| first.diagnostics.iter().all(|d| !d.is_error())) {
            complain(format_args!("dockside: {error}"));
        }
        let title = if first.title.is_empty() { args.path.display().to_string() } else { first.title.clone() };
        tell(format_args!("{title}: {} at http://{address}/ (Ctrl-C stops)", plural(first.slides, "slide")));
        let class = Arc::new(Class::open(Some(class_file(&args.path)), args.new_address));
        if let Err(e) = class.save() {
            complain(format_args!("dockside: {}: the presenter's address will be another one next time", chain(&e)));
        }
        tell(format_args!("Present at http://{}/present/{}", local(address), class.secret()));
        let join = match &outside {
            Some(outside) => format!("{}/join", outside.origin),
            None => format!("http://{}/join", seen_at(address)),
        };
        let alone = if args.bind.is_loopback() && outside.is_none() { " (on this machine; --bind 0.0.0.0 lets others in)" } else { "" };
        tell(format_args!("Follow at  {join}{alone}"));
        let watched = live.clone();
        std::thread::spawn(move || {
            let mut told = first.diagnostics;
            let result = server::watch(&watched, |outcome| {
                if outcome.diagnostics != told {
                    report(&outcome.diagnostics, false);
                    told.clone_from(&outcome.diagnostics);
                }
                if let Some(error) = outcome.error.as_ref().filter(|_| told.iter().all(|d| !d.is_error())) {
                    complain(format_args!("dockside: {error}"));
                }
            });
            if let Err(e) = result {
                complain(format_args!("dockside: cannot watch for changes, so the page must be reloaded by hand: {e}"));
            }
        });
        if args.open {
            open(&format!("http://{address}/"));
        }
        let mut access = match args.bind.is_loopback() {
            true => Access::loopback(),
            false => Access::network(&rustix::system::uname().nodename().to_string_lossy()),
        };
        if let Some(outside) = &outside {
            access = access.with_name(&outside.host);
        }
        let stop = async {
            use tokio::signal::unix::{SignalKind, signal};
            // Without a signal handler the signal ends the process all the same.
            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return drop(tokio::signal::ctrl_c().await) };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        };
        server::serve(Show { live, class, join: join.into(), pages: Arc::default() }, listener, access, stop).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Whoever does not read where the server is, and a disk that is full, keep nobody from it.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = say(line);
}

async fn listen(bind: IpAddr, port: Option<u16>) -> Result<tokio::net::TcpListener, CliError> {
    let ports = port.map_or(8000..=8019, |port| port..=port);
    let mut last = None;
    for port in ports {
        match tokio::net::TcpListener::bind(SocketAddr::new(bind, port)).await {
            Ok(listener) => return Ok(listener),
            Err(e) => last = Some((port, e)),
        }
    }
    let (port, why, hint) = match last {
        Some((port, e)) if e.kind() == ErrorKind::AddrNotAvailable => (port, e.to_string(), "name an address of this machine with --bind"),
        Some((port, e)) => (port, e.to_string(), "choose another port with --port, or 0 for any free one"),
        None => (0, "no port to try".to_owned(), "choose one with --port"),
    };
    Err(CliError::new(format!("cannot listen on {bind} port {port}: {why}")).hint(hint))
}

fn open(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(e) = started {
        complain(format_args!("dockside: cannot open a browser ({program}: {e}); open {address} yourself"));
    }
}

/// The address under which a server is reached from outside.
struct Outside {
    /// Without a slash at the end.
    origin: String,
    host: String,
}

impl Outside {
    fn parse(url: &str) -> Result<Self, CliError> {
        let origin = url.trim_end_matches('/');
        let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let host =
            place.filter(|place| !place.contains(['/', '?', '#', '@', '"', '<', '&', ' '])).map(|place| match place.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
                _ => place,
            });
        match host.map(|host| host.trim_matches(['[', ']'])) {
            Some(host) if !host.is_empty() => Ok(Outside { origin: origin.to_owned(), host: host.to_owned() }),
            _ => Err(CliError::new(format!("{url} is no address of a server"))
                .code(exit::USAGE)
                .hint("it looks like https://slides.example.org")),
        }
    }
}

/// Where the place of a course's class is kept.
fn class_file(course: &Path) -> PathBuf {
    use sha2::Digest;
    let path = course.canonicalize().unwrap_or_else(|_| course.to_owned());
    let digest = sha2::Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    crate::engine::home().join("classes").join(format!("{name}.json"))
}

/// An address that this machine's browser can use.
fn local(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The address at which others see this server: where it listens, or where the way out of this machine begins.
fn seen_at(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    // Connecting a datagram socket sends nothing; it only looks up the way. The addresses are those kept for examples.
    let towards = |own: IpAddr, other: IpAddr| {
        let socket = UdpSocket::bind(SocketAddr::new(own, 0)).ok()?;
        socket.connect(SocketAddr::new(other, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let v4 = towards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let v6 = || towards(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()).filter(|_| address.is_ipv6());
    v4.or_else(v6).map_or_else(|| local(address), |ip| SocketAddr::new(ip, address.port()))
}

/// Each follower is an open connection; the usual limit is about a thousand.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised it stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
