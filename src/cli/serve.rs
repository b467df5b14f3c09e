//! `dockside serve`: Show the slides on localhost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use super::CliError;
use super::build::report;
use crate::server::{self, Access, Live};

#[derive(clap::Args)]
pub struct Args {
    /// A course.yml, a manifest, a Markdown deck, or a folder with a course.yml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The port to listen on; the first free one from 8000 on if not given, any free one if 0
    #[arg(short, long)]
    port: Option<u16>,
    /// The address to listen on; 0.0.0.0 shows the slides to the whole network
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Open the slides in the browser
    #[arg(long)]
    open: bool,
    /// Show code in one colour
    #[arg(long)]
    no_highlight: bool,
}

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    if !args.path.exists() {
        return Err(CliError::new(format!("there is no {}", args.path.display())).hint("name a course.yml, a Markdown deck or a folder"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = listen(args.bind, args.port).await?;
        let address = listener.local_addr()?;
        let (live, first) = Live::new(&args.path, !args.no_highlight);
        let live = Arc::new(live);
        report(&first.diagnostics, false);
        if let Some(error) = first.error.as_ref().filter(|_| first.diagnostics.iter().all(|d| !d.is_error())) {
            eprintln!("dockside: {error}");
        }
        let title = if first.title.is_empty() { args.path.display().to_string() } else { first.title.clone() };
        println!("{title}: {} slides at http://{address}/ (Ctrl-C stops)", first.slides);
        let watched = live.clone();
        std::thread::spawn(move || {
            let mut told = first.diagnostics;
            let result = server::watch(&watched, |outcome| {
                if outcome.diagnostics != told {
                    report(&outcome.diagnostics, false);
                    told.clone_from(&outcome.diagnostics);
                }
                if let Some(error) = outcome.error.as_ref().filter(|_| told.iter().all(|d| !d.is_error())) {
                    eprintln!("dockside: {error}");
                }
            });
            if let Err(e) = result {
                eprintln!("dockside: cannot watch for changes, so the page must be reloaded by hand: {e}");
            }
        });
        if args.open {
            open(&format!("http://{address}/"));
        }
        let access = if args.bind.is_loopback() { Access::Loopback } else { Access::Everyone };
        let stop = async {
            // Without a signal handler Ctrl-C ends the process all the same.
            let _ = tokio::signal::ctrl_c().await;
        };
        server::serve(live, listener, access, stop).await?;
        Ok(ExitCode::SUCCESS)
    })
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
    let (port, e) = last.map_or((0, "no port to try".to_owned()), |(port, e)| (port, e.to_string()));
    Err(CliError::new(format!("cannot listen on {bind} port {port}: {e}")).hint("choose another port with --port, or 0 for any free one"))
}

fn open(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(e) = started {
        eprintln!("dockside: cannot open a browser ({program}: {e}); open {address} yourself");
    }
}
