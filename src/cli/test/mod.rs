//! `dockside test`: Run the exercises of a course.

mod engines;
mod progress;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::build::{plural, write};
use super::output::{complain, say, wants_color};
use super::{CliError, exit, readable};
use rustix::process::Signal;

use crate::diag::{self, Diagnostic, Severity};
use crate::lab::bless;
use crate::lab::engine::EngineProvider;
use crate::lab::plan::{Chapter, Plan};
use crate::lab::report::{self, Counts, Paint};
use crate::lab::run::{self, ChapterReport, RunOptions};
use engines::{Pool, RealEngine};
use progress::Progress;

#[derive(clap::Args)]
#[command(after_help = exit::status(STATUS))]
pub struct Args {
    /// Courses (folders with a course.yml), manifests, Markdown decks or labs/*.yml [default: the course in this folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write what was printed into the files, where it is not what they say
    #[arg(long)]
    bless: bool,
    /// How to print the verdicts
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Write a JUnit report as well
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Chapters at a time [default: the number of processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Seconds that an exercise may take if it does not say otherwise
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    /// Which engine: embedded, docker (the one of DOCKER_HOST, else the machine's), or an address such as unix:///run/podman.sock
    #[arg(long, value_name = "ENGINE", default_value = "embedded")]
    engine: String,
    /// Only exercises whose command, slide, chapter or FILE:LINE contains TEXT; those before them in their chapter run unreported
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Take what this audience is shown: a name under `variants:` in the manifest
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Print the exercises and run none
    #[arg(long)]
    list: bool,
}

const STATUS: &[(u8, &str)] = &[
    (exit::OK, "every exercise did what its slide says"),
    (exit::ERROR, "something could not be done: a file that cannot be read, no exercise, no bash, no engine"),
    (exit::MISMATCH, "an exercise did something else"),
    (exit::INTERRUPTED, "interrupted with ^C; 143 and 129 with SIGTERM and SIGHUP"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Pretty,
    Json,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| "write a number of seconds".to_owned())?;
    if seconds > 0.0 && seconds <= 86_400.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("write more than 0 and at most 86400 seconds".into())
    }
}

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    let started = Instant::now();
    let paths = if args.paths.is_empty() { vec![PathBuf::from("course.yml")] } else { args.paths.clone() };
    paths.iter().try_for_each(|path| readable(path))?;
    let plan = crate::lab::load(&paths, args.variant.as_deref());
    let stderr = Paint { color: wants_color(&std::io::stderr()) };
    for diagnostic in &plan.diagnostics {
        complain(diag::render(diagnostic, stderr.color));
    }
    let broken = plan.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let selected = |chapter: &Chapter| run::selection(chapter, args.filter.as_deref());
    let stdout = Paint { color: wants_color(&std::io::stdout()) };
    if args.list {
        let text = if args.format == Format::Json { list_json(&plan, &selected) } else { report::list(&plan, &selected, stdout) };
        if !text.is_empty() {
            say(text)?;
        }
        return Ok(ExitCode::from(if broken > 0 { exit::ERROR } else { exit::OK }));
    }
    let chapters = plan.chapters.iter().filter(|c| selected(c).is_some()).count();
    if chapters == 0 && broken == 0 {
        return Err(nothing_to_run(&args, &paths));
    }
    let cancelled = Arc::<Cancelled>::default();
    cancel_on_signals(cancelled.clone());
    let base = short_temporary_folder();
    sweep(&base);
    let folder = tempfile::Builder::new().prefix(FOLDER).tempdir_in(&base)?;
    let _lock = lock(folder.path())?;
    let options = RunOptions {
        timeout: args.timeout,
        jobs: args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(2, usize::from), usize::from),
        filter: args.filter.clone(),
        folder: folder.path().to_owned(),
        bash: bash()?,
        cancelled: cancelled.now.clone(),
    };
    let engines: Box<dyn EngineProvider> = match args.engine.as_str() {
        "embedded" => Box::new(Pool::new()),
        other => Box::new(RealEngine::new(other)?),
    };
    let progress = Progress::new(&plan, &options, args.format == Format::Pretty, stdout);
    let reports = run::run(&plan, &options, engines.as_ref(), &progress);
    let printed = progress.finish();
    drop(engines);
    folder.close()?;
    let counts = Counts::of(&reports);
    // What cannot be printed is told in the end; the rest is done all the same.
    let printed = match args.format {
        Format::Pretty if chapters == 0 => Ok(()),
        Format::Pretty => printed.and(say(report::summary(counts, chapters, started.elapsed(), stdout))),
        Format::Json => say(serde_json::to_string_pretty(&report::json(&plan, &reports))?),
    };
    if let Some(path) = &args.junit {
        write(path, report::junit(&plan, &reports)?.as_bytes())?;
    }
    let signal = cancelled.signal.load(Ordering::Relaxed);
    if signal != 0 {
        return Err(CliError::new("interrupted; everything that was started is gone").code(exit::SIGNALLED + signal));
    }
    if chapters == 0 {
        return Err(CliError::new(format!("no exercise was run because of {}", plural(broken, "error"))));
    }
    printed?;
    let mended = if args.bless { bless(&plan, &reports)? } else { 0 };
    Ok(ExitCode::from(verdict(counts, mended, broken)))
}

/// The exit status: errors before mismatches, since they hide some.
fn verdict(counts: Counts, mended: usize, broken: usize) -> u8 {
    if broken > 0 || counts.errors > 0 {
        exit::ERROR
    } else if counts.failed > mended {
        exit::MISMATCH
    } else {
        exit::OK
    }
}

/// Rewrites the files and says so. Gives the number of exercises that are all right now.
fn bless(plan: &Plan, reports: &[ChapterReport]) -> Result<usize, CliError> {
    let blessed = bless::bless(plan, reports)?;
    let mut mended = 0;
    for (path, count) in &blessed.files {
        complain(format_args!("rewrote the output of {} in {}", plural(*count, "exercise"), path.display()));
        mended += count;
    }
    for (path, line) in &blessed.left {
        complain(format_args!("left {}:{line} as it is: its output is not what is wrong, or cannot be written there", path.display()));
    }
    Ok(mended)
}

fn nothing_to_run(args: &Args, paths: &[PathBuf]) -> CliError {
    match &args.filter {
        Some(filter) => CliError::new(format!("no exercise contains {filter:?}")).hint("See them all with --list."),
        None => {
            let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            CliError::new(format!("there are no exercises in {}", paths.join(", ")))
                .hint("An exercise is a code block whose lines begin with `$ `; see docs/labs.md.")
        }
    }
}

fn bash() -> Result<PathBuf, CliError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/bin", "/usr/bin", "/usr/local/bin"].iter().map(PathBuf::from));
    let executable = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let found = folders.filter(|f| f.is_absolute()).map(|f| f.join("bash")).find(|p| executable(p));
    found.ok_or_else(|| CliError::new("there is no bash on this machine; exercises run in bash").hint("Install it: apt-get install bash."))
}

/// Sockets have short names, so deep temporary folders do not do.
fn short_temporary_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    if folder.as_os_str().len() <= 40 { folder } else { PathBuf::from("/tmp") }
}

/// Runs' folders, and the file in each that its run holds locked.
const FOLDER: &str = "dockside-test-";
const LOCK: &str = "lock";

/// Marks a folder as one that is used, until what is returned is dropped.
fn lock(folder: &Path) -> std::io::Result<std::fs::File> {
    // Locked before it has the name by which other runs look for it: between the two they would take the folder for a dead one's.
    let fresh = folder.join("lock.new");
    let lock = std::fs::File::create(&fresh)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
    std::fs::rename(fresh, folder.join(LOCK))?;
    Ok(lock)
}

/// Removes the folders of runs that were killed.
fn sweep(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(FOLDER)) {
        // One that has no lock yet is just being made; one that is not ours cannot be opened for writing.
        let Ok(lock) = std::fs::File::options().write(true).open(entry.path().join(LOCK)) else { continue };
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the run is to end, and the number of the signal that wants it.
#[derive(Default)]
struct Cancelled {
    now: Arc<AtomicBool>,
    signal: AtomicU8,
}

/// ^C ends what runs and lets everything be cleaned up; a second one ends at once.
fn cancel_on_signals(cancelled: Arc<Cancelled>) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
            else {
                return;
            };
            for count in 0.. {
                let number = tokio::select! {
                    _ = interrupt.recv() => Signal::INT,
                    _ = terminate.recv() => Signal::TERM,
                    _ = hangup.recv() => Signal::HUP,
                };
                let number = u8::try_from(number.as_raw()).unwrap_or_default();
                if count > 0 {
                    std::process::exit(i32::from(exit::SIGNALLED + number));
                }
                cancelled.signal.store(number, Ordering::Relaxed);
                cancelled.now.store(true, Ordering::Relaxed);
            }
        });
    });
}

fn list_json(plan: &Plan, selected: &dyn Fn(&Chapter) -> Option<Vec<bool>>) -> String {
    let chapters: Vec<serde_json::Value> = plan
        .chapters
        .iter()
        .filter_map(|c| Some((c, selected(c)?)))
        .map(|(chapter, chosen)| {
            let steps = chapter.steps.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(step, _)| {
                serde_json::json!({
                    "file": step.spot.file, "line": step.spot.line, "column": step.spot.column, "prompt": step.prompt, "command": step.command,
                    "slide": step.slide.as_ref().map(|s| serde_json::json!({"number": s.number, "heading": s.heading})),
                    "expected": step.expected.iter().map(|l| serde_json::json!({"line": l.spot.line, "text": l.text})).collect::<Vec<_>>(),
                    "skip": step.options.skip,
                })
            });
            let steps: Vec<serde_json::Value> = steps.collect();
            serde_json::json!({"name": chapter.name, "title": chapter.title, "file": chapter.file, "images": chapter.images, "exercises": steps})
        })
        .collect();
    let diagnostics: Vec<serde_json::Value> = plan.diagnostics.iter().map(diagnostic_json).collect();
    serde_json::to_string_pretty(&serde_json::json!({"title": plan.title, "chapters": chapters, "diagnostics": diagnostics}))
        .unwrap_or_default()
}

fn diagnostic_json(d: &Diagnostic) -> serde_json::Value {
    serde_json::json!({"severity": d.severity.as_str(), "code": d.code, "message": d.message, "file": d.file, "line": d.line, "column": d.column})
}
