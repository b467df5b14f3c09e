//! `registry`: the server of the image of this name. It takes images in and gives them out by the distribution specification, and keeps
//! them in the folders of the reference registry, so that the course's own `registry:2` is one.
//!
//! It knows nothing of engines; it fetches nothing, and speaks to whoever asks.

mod auth;
mod collect;
mod layout;
mod listing;
mod log;
mod manifests;
mod refusal;
mod route;
mod serve;
mod server;
mod settings;
mod uploads;

use std::path::Path;
use std::process::ExitCode;

use self::collect::Options;
use self::layout::Layout;
use self::settings::Settings;
use super::applets::Args;

/// The version of the reference registry whose manners these are.
const VERSION: &str = "2.8.3";

const HELP: &str = "`registry`

Usage:
  registry [flags]
  registry [command]

Available Commands:
  garbage-collect `garbage-collect` deletes layers not referenced by any manifests
  help            Help about any command
  serve           `serve` stores and distributes Docker images

Flags:
  -h, --help      help for registry
  -v, --version   show the version and exit

Use \"registry [command] --help\" for more information about a command.
";

const SERVE: &str = "Usage:
  registry serve <config> [flags]

Flags:
  -h, --help   help for serve
";

const COLLECT: &str = "Usage:
  registry garbage-collect <config> [flags]

Flags:
  -m, --delete-untagged   delete manifests that are not currently referenced via tag
  -d, --dry-run           do everything except remove the blobs
  -h, --help              help for garbage-collect
";

/// What the command line wants.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Text(String),
    Serve(Option<String>),
    Collect(Option<String>, Options),
}

/// `registry serve CONFIG`, `registry garbage-collect [-d] [-m] CONFIG`. The file may be named by `REGISTRY_CONFIGURATION_PATH` instead.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let wanted = match wanted(&words) {
        Ok(wanted) => wanted,
        Err(message) => {
            eprintln!("Error: {message}");
            return ExitCode::FAILURE;
        }
    };
    let done = match wanted {
        Wanted::Text(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Wanted::Serve(path) => configured(path, SERVE).and_then(|settings| serve::run(settings).map_err(|e| (e, ""))),
        Wanted::Collect(path, options) => configured(path, COLLECT).and_then(|settings| {
            let layout = Layout::new(&settings.root);
            collect::collect(&layout, options, &mut std::io::stdout().lock())
                .map_err(|e| (format!("failed to garbage collect: {}", crate::units::c_words(&e)), ""))
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((message, usage)) => {
            eprintln!("{message}");
            eprint!("{usage}");
            ExitCode::FAILURE
        }
    }
}

fn wanted(words: &[String]) -> Result<Wanted, String> {
    let Some((command, rest)) = words.split_first() else { return Ok(Wanted::Text(HELP.to_owned())) };
    let help = rest.iter().any(|word| word == "-h" || word == "--help");
    let mut options = Options::default();
    let mut path = None;
    let usage = match command.as_str() {
        "-v" | "--version" => return Ok(Wanted::Text(format!("registry github.com/docker/distribution {VERSION}\n"))),
        "-h" | "--help" | "help" => return Ok(Wanted::Text(HELP.to_owned())),
        "serve" => SERVE,
        "garbage-collect" => COLLECT,
        other => return Err(format!("unknown command {other:?} for \"registry\"\nRun 'registry --help' for usage.")),
    };
    if help {
        return Ok(Wanted::Text(usage.to_owned()));
    }
    let collects = command == "garbage-collect";
    for word in rest {
        match word.as_str() {
            "-d" | "--dry-run" if collects => options.dry_run = true,
            "-m" | "--delete-untagged" | "--delete-untagged=true" if collects => options.untagged = true,
            "-dm" | "-md" if collects => options = Options { dry_run: true, untagged: true },
            flag if flag.starts_with('-') => return Err(format!("unknown flag: {flag}\n{usage}")),
            one => path = path.or(Some(one.to_owned())),
        }
    }
    Ok(if collects { Wanted::Collect(path, options) } else { Wanted::Serve(path) })
}

/// The configuration, or what is wrong with it and how the command goes.
fn configured(path: Option<String>, usage: &'static str) -> Result<Settings, (String, &'static str)> {
    let path = path.or_else(|| std::env::var("REGISTRY_CONFIGURATION_PATH").ok().filter(|path| !path.is_empty()));
    let settings = path.ok_or_else(|| "configuration path unspecified".to_owned()).and_then(|path| Settings::read(Path::new(&path)));
    settings.map_err(|e| (format!("configuration error: {e}"), usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_the_reference_registrys() {
        let wants = |line: &str| wanted(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(wants("serve /c.yml"), Ok(Wanted::Serve(Some("/c.yml".into()))));
        let both = Options { dry_run: true, untagged: true };
        assert_eq!(wants("garbage-collect -d -m /c.yml"), Ok(Wanted::Collect(Some("/c.yml".into()), both)));
        assert_eq!(wants("serve"), Ok(Wanted::Serve(None)));
        assert!(wants("serve -d /c.yml").unwrap_err().starts_with("unknown flag: -d"));
        assert!(wants("push").unwrap_err().starts_with("unknown command \"push\" for \"registry\""));
        assert!(matches!(wants("--version"), Ok(Wanted::Text(text)) if text.ends_with("2.8.3\n")));
    }
}
