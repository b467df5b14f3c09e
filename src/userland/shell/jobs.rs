//! Background jobs as processes of their own, with a pid: `X &`, `$!`, `wait`, `jobs`, and what `kill %N` needs.
//!
//! A command is started as it is; anything more is handed, with the shell's variables, functions and options, to another
//! shell of ours. Only jobs begun here are known here; those that a person stops with `^Z` are brush's.

use std::{
    io::Write,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
};

use brush_core::{
    CommandArg, Error, ExecutionContext, ExecutionResult, ShellExtensions, ShellValue, ShellVariable, commands::compose_std_command,
    openfiles::OpenFiles,
};

use super::{rewrite, signals};

/// A job, running or ended and not yet waited for.
struct Job {
    number: usize,
    pid: u32,
    text: String,
    child: Option<tokio::process::Child>,
    status: Option<u8>,
}

static JOBS: Mutex<Vec<Job>> = Mutex::new(Vec::new());

fn with_jobs<T>(act: impl FnOnce(&mut Vec<Job>) -> T) -> T {
    act(&mut JOBS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The shell's exit status for a process's.
fn status_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => 128 + signal as u8,
        (None, None) => 1,
    }
}

/// The pid of job `%N`, `%%` or `%+` (the latest), `%-` (the one before).
pub fn pid_of(spec: &str) -> Option<u32> {
    with_jobs(|jobs| match spec.strip_prefix('%')? {
        "" | "%" | "+" => jobs.last().map(|j| j.pid),
        "-" => jobs.iter().rev().nth(1).map(|j| j.pid),
        number => jobs.iter().find(|j| j.number.to_string() == number).map(|j| j.pid),
    })
}

/// `__background COMMAND ARGUMENT…`: starts a command; a function or builtin gets a shell of its own.
pub async fn background<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, args: Vec<CommandArg>) -> Result<ExecutionResult, Error> {
    let words: Vec<String> = args.iter().skip(1).map(ToString::to_string).collect();
    let Some(name) = words.first().cloned() else { return Ok(ExecutionResult::success()) };
    let inner = context.shell.funcs().get(&name).is_some() || context.shell.builtins().get(&name).is_some_and(|b| !b.disabled);
    let shown = words.join(" ");
    if inner {
        let text = words.iter().map(|w| rewrite::quoted(w)).collect::<Vec<_>>().join(" ");
        return start_shell(context, &text, shown);
    }
    let path = match name.contains('/') {
        true => name.clone(),
        false => match context.shell.find_first_executable_in_path_using_cache(&name) {
            Some(path) => path.to_string_lossy().into_owned(),
            None => name.clone(),
        },
    };
    let command = compose_std_command(&context, &path, &name, &words[1..], false)?;
    start(context, command, &name, shown)
}

/// `__background_shell TEXT`: starts a shell that runs the text with this shell's state.
pub async fn background_shell<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> Result<ExecutionResult, Error> {
    let text = args.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
    start_shell(context, &text, shown)
}

fn start_shell<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, text: &str, shown: String) -> Result<ExecutionResult, Error> {
    let shell = &context.shell;
    let name = if shell.options().posix_mode { "sh" } else { "bash" };
    let zero = shell.current_shell_name().map_or_else(|| name.to_owned(), |n| n.into_owned());
    let flags: String = shell.options().option_flags().chars().filter(|c| "efuxC".contains(*c)).collect();
    let mut words = if flags.is_empty() { vec![] } else { vec![format!("-{flags}")] };
    // `$$` is the shell that a person started, whichever does the work.
    let own = shell.env_str(rewrite::SHELL_PID).map_or_else(|| std::process::id().to_string(), |pid| pid.into_owned());
    words.extend(["-c".to_owned(), format!("{}={own}\n{}{text}", rewrite::SHELL_PID, state(shell)), zero]);
    words.extend(shell.current_shell_args().iter().cloned());
    let command = compose_std_command(&context, "/proc/self/exe", name, &words, false)?;
    start(context, command, name, shown)
}

/// What a shell needs to know beyond its environment to be this one: plain and array variables, functions.
fn state<SE: ShellExtensions>(shell: &brush_core::Shell<SE>) -> String {
    let mut text = String::new();
    for (name, variable) in shell.env().iter() {
        let ours = name.starts_with(char::is_lowercase) || name == rewrite::LAST || !is_the_shells(name);
        if variable.is_exported() || variable.is_readonly() || !ours {
            continue;
        }
        match variable.value() {
            ShellValue::String(value) => text.push_str(&format!("{name}={}\n", rewrite::quoted(value))),
            ShellValue::IndexedArray(values) => {
                let items: Vec<String> = values.iter().map(|(i, v)| format!("[{i}]={}", rewrite::quoted(v))).collect();
                text.push_str(&format!("{name}=({})\n", items.join(" ")));
            }
            _ => {}
        }
    }
    for (_, function) in shell.funcs().iter() {
        text.push_str(&format!("{}\n", function.definition()));
    }
    text
}

/// Variables that every shell sets for itself.
fn is_the_shells(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "COLUMNS",
        "COMP_WORDBREAKS",
        "DIRSTACK",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "EUID",
        "FUNCNAME",
        "GROUPS",
        "HISTCMD",
        "HISTFILE",
        "HISTFILESIZE",
        "HISTSIZE",
        "HOSTNAME",
        "HOSTTYPE",
        "LINENO",
        "LINES",
        "MACHTYPE",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "OSTYPE",
        "PIPESTATUS",
        "PPID",
        "PS1",
        "PS2",
        "PS4",
        "PWD",
        "RANDOM",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "UID",
        "_",
    ];
    NAMES.contains(&name) || name.starts_with("BASH") || name.starts_with("BRUSH")
}

fn start<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    mut command: std::process::Command,
    name: &str,
    shown: String,
) -> Result<ExecutionResult, Error> {
    let interactive = context.shell.options().interactive;
    if interactive {
        command.process_group(0);
    }
    // A background command must not take what the shell is to read, unless it was told to.
    let redirected = context.params.try_fd(context.shell, OpenFiles::STDIN_FD).is_some_and(|file| !is_the_shells_input(&file));
    if !interactive && !redirected {
        command.stdin(Stdio::null());
    }
    let child = match tokio::process::Command::from(command).spawn() {
        Ok(child) => child,
        Err(error) => {
            let text = if error.kind() == std::io::ErrorKind::NotFound { "not found".into() } else { crate::units::c_words(&error) };
            writeln!(context.stderr(), "{name}: {text}")?;
            return Ok(ExecutionResult::success());
        }
    };
    let pid = child.id().unwrap_or_default();
    let number = with_jobs(|jobs| {
        let number = jobs.last().map_or(1, |job| job.number + 1);
        jobs.push(Job { number, pid, text: shown, child: Some(child), status: None });
        number
    });
    if interactive {
        writeln!(context.stderr(), "[{number}] {pid}")?;
    }
    context.shell.set_env_global(rewrite::LAST, ShellVariable::new(pid.to_string()))?;
    Ok(ExecutionResult::success())
}

/// Whether the file is the input that the shell itself was started with.
fn is_the_shells_input(file: &brush_core::openfiles::OpenFile) -> bool {
    use rustix::fs::fstat;
    let same = |a: rustix::fs::Stat, b: rustix::fs::Stat| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
    match (file.try_borrow_as_fd().ok().and_then(|f| fstat(f).ok()), fstat(std::io::stdin()).ok()) {
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    }
}

/// Notes which jobs have ended.
fn poll(jobs: &mut [Job]) {
    for job in jobs {
        if let Some(Ok(Some(status))) = job.child.as_mut().map(tokio::process::Child::try_wait) {
            job.status = Some(status_code(status));
            job.child = None;
        }
    }
}

/// The lines that `jobs` prints, or only those of jobs that have ended, which are then forgotten.
pub fn report(ended_only: bool) -> Vec<String> {
    with_jobs(|jobs| {
        poll(jobs);
        let current = jobs.last().map(|j| j.number);
        let lines = jobs
            .iter()
            .filter(|job| !ended_only || job.status.is_some())
            .map(|job| {
                let mark = if Some(job.number) == current { '+' } else { '-' };
                let state = match job.status {
                    None => "Running".to_owned(),
                    Some(0) => "Done".to_owned(),
                    Some(143) => "Terminated".to_owned(),
                    Some(137) => "Killed".to_owned(),
                    Some(code) => format!("Exit {code}"),
                };
                format!("[{}]{mark}  {state:<23} {}{}", job.number, job.text, if job.status.is_none() { " &" } else { "" })
            })
            .collect();
        if ended_only {
            jobs.retain(|job| job.status.is_none());
        }
        lines
    })
}

/// `jobs`.
pub async fn jobs<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, _: Vec<CommandArg>) -> Result<ExecutionResult, Error> {
    let stopped: Vec<String> = context.shell.jobs().jobs.iter().map(ToString::to_string).collect();
    for line in report(false).into_iter().chain(stopped) {
        writeln!(context.stdout(), "{line}")?;
    }
    with_jobs(|jobs| jobs.retain(|job| job.status.is_none()));
    Ok(ExecutionResult::success())
}

/// `wait [%JOB | PID]…`: ends early, with 128 and its number, when a trapped signal comes.
pub async fn wait<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, args: Vec<CommandArg>) -> Result<ExecutionResult, Error> {
    let ids: Vec<String> = args.iter().skip(1).map(ToString::to_string).filter(|a| !a.starts_with('-')).collect();
    let mut code = 0;
    if ids.is_empty() {
        let all: Vec<u32> = with_jobs(|jobs| jobs.iter().map(|job| job.pid).collect());
        for pid in all {
            if let Waited::Interrupted(signal) = wait_for(pid).await {
                return Ok(ExecutionResult::new(128 + signal as u8));
            }
        }
        tokio::select! {
            done = context.shell.jobs_mut().wait_all() => { done?; }
            signal = signals::trapped_arrived() => return Ok(ExecutionResult::new(128 + signal as u8)),
        }
        return Ok(ExecutionResult::success());
    }
    for id in ids {
        let pid = if id.starts_with('%') { pid_of(&id) } else { id.parse().ok() };
        match wait_for(pid.unwrap_or(0)).await {
            Waited::Ended(status) => code = status,
            Waited::Interrupted(signal) => return Ok(ExecutionResult::new(128 + signal as u8)),
            Waited::Unknown => {
                let what =
                    if id.starts_with('%') { format!("{id}: no such job") } else { format!("pid {id} is not a child of this shell") };
                writeln!(context.stderr(), "wait: {what}")?;
                code = 127;
            }
        }
    }
    Ok(ExecutionResult::new(code))
}

enum Waited {
    Ended(u8),
    Interrupted(i32),
    Unknown,
}

/// Waits for one job and forgets it.
async fn wait_for(pid: u32) -> Waited {
    let taken = with_jobs(|jobs| {
        let job = jobs.iter_mut().find(|job| job.pid == pid)?;
        Some((job.child.take(), job.status))
    });
    let forget = || with_jobs(|jobs| jobs.retain(|job| job.pid != pid));
    match taken {
        None => Waited::Unknown,
        Some((None, status)) => {
            forget();
            Waited::Ended(status.unwrap_or(127))
        }
        Some((Some(mut child), _)) => tokio::select! {
            ended = child.wait() => {
                forget();
                Waited::Ended(ended.map_or(127, status_code))
            }
            signal = signals::trapped_arrived() => {
                with_jobs(|jobs| {
                    if let Some(job) = jobs.iter_mut().find(|job| job.pid == pid) {
                        job.child = Some(child);
                    }
                });
                Waited::Interrupted(signal)
            }
        },
    }
}
