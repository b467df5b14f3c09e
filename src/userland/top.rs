//! `top`: the processes by the share of the processor that they took, again and again until `q`.

use std::{
    collections::HashMap,
    fs,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::{
    applets::Args,
    ending::{Meaning, on_signals},
    proc::{Process, processes, user_name},
};

/// `top [-b] [-n COUNT] [-d SECONDS]`.
pub fn main(args: Args) -> ExitCode {
    let (mut batch, mut rounds, mut delay) = (false, None::<u64>, 5.0);
    let mut args = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        let (option, value) = arg.trim_start_matches('-').split_at_checked(1).unwrap_or_default();
        let mut value = || if value.is_empty() { args.next().unwrap_or_default() } else { value.to_owned() };
        let understood = match option {
            "b" => {
                batch = true;
                true
            }
            "n" => value().parse().map(|n| rounds = Some(n)).is_ok(),
            "d" => value().parse().map(|d: f64| delay = d.clamp(0.1, 86_400.0)).is_ok(),
            _ => false,
        };
        if !understood {
            eprintln!("top: cannot make sense of '{arg}'\nusage: top [-b] [-n COUNT] [-d SECONDS]");
            return ExitCode::FAILURE;
        }
    }
    let keys = Keys::take();
    end_on_signals(keys.old.clone());
    let screen = !batch && io::stdout().is_terminal();
    let mut before = HashMap::new();
    let mut last = machine_time();
    loop {
        let shown = processes();
        let now = machine_time();
        let text = page(&shown, &before, now.saturating_sub(last).max(1), screen);
        let start = if screen { "\x1b[H\x1b[J" } else { "" };
        if io::stdout().write_all(format!("{start}{text}").as_bytes()).and_then(|()| io::stdout().flush()).is_err() {
            return ExitCode::FAILURE;
        }
        before = shown.iter().map(|p| (p.pid, p.ticks)).collect();
        last = now;
        rounds = rounds.map(|n| n.saturating_sub(1));
        if rounds == Some(0) || keys.quit_within(Duration::from_secs_f64(delay)) {
            return ExitCode::SUCCESS;
        }
    }
}

fn page(processes: &[Process], before: &HashMap<i32, u64>, elapsed: u64, screen: bool) -> String {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = |key: &str| {
        let line = memory.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'));
        line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let (total, free) = (kilobytes("MemTotal"), kilobytes("MemFree"));
    let [shared, buffers, cached] = ["Shmem", "Buffers", "Cached"].map(kilobytes);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut lines = vec![
        format!("Mem: {}K used, {free}K free, {shared}K shrd, {buffers}K buff, {cached}K cached", total.saturating_sub(free)),
        format!("Load average: {}", load.trim()),
        "  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND".to_owned(),
    ];
    let share = |p: &Process| (p.ticks - before.get(&p.pid).copied().unwrap_or(p.ticks).min(p.ticks)) * 100 / elapsed;
    let mut rows: Vec<_> = processes.iter().map(|p| (share(p), p)).collect();
    rows.sort_by_key(|(share, p)| (std::cmp::Reverse(*share), std::cmp::Reverse(p.vsz), p.pid));
    lines.extend(rows.iter().map(|(share, p)| {
        let of_memory = p.vsz * 100 / total.max(1);
        let vsz = if p.vsz > 99_999 { format!("{}m", p.vsz / 1024) } else { p.vsz.to_string() };
        format!("{:>5} {:>5} {:<8} {:<4} {vsz:>5} {of_memory:>3}% {share:>3}% {}", p.pid, p.ppid, user_name(p.uid), p.state, p.args)
    }));
    if screen
        && let Ok(size) = tcgetwinsize(io::stdout())
        && size.ws_row > 0
        && size.ws_col > 0
    {
        lines.truncate(usize::from(size.ws_row).saturating_sub(1).max(4));
        for line in &mut lines {
            *line = line.chars().take(usize::from(size.ws_col)).collect();
        }
    }
    lines.into_iter().map(|l| l + "\n").collect()
}

/// Clock ticks of all processors together, busy or not.
fn machine_time() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    first.split_whitespace().skip(1).take(8).filter_map(|n| n.parse::<u64>().ok()).sum()
}

/// Ends the program on a signal that asks for its end. The terminal is as it was before.
fn end_on_signals(terminal: Option<Termios>) {
    use rustix::process::Signal;
    on_signals(move |number| {
        if ![Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].iter().any(|s| s.as_raw() == number) {
            return Meaning::Nothing;
        }
        if let Some(old) = &terminal {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, old);
        }
        Meaning::Death
    });
}

/// The keyboard, each key by itself, until it is dropped. ^C is a key too: a container's first process would not hear of it otherwise.
struct Keys {
    old: Option<Termios>,
}

impl Keys {
    fn take() -> Keys {
        let old = tcgetattr(io::stdin()).ok();
        if let Some(mut modes) = old.clone() {
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
        Keys { old }
    }

    /// Waits; whether `q` or ^C came meanwhile. Other keys ask for a new page at once.
    fn quit_within(&self, wait: Duration) -> bool {
        if self.old.is_none() {
            std::thread::sleep(wait);
            return false;
        }
        let (end, stdin) = (Instant::now() + wait, io::stdin());
        loop {
            let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut fds, left.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                Ok(0) | Err(_) => return false,
                Ok(_) => {
                    let mut key = [0];
                    return !matches!(rustix::io::read(io::stdin(), &mut key), Ok(1)) || matches!(key[0], b'q' | b'Q' | 3);
                }
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(old) = &self.old {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, old);
        }
    }
}
