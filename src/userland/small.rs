//! Commands of a few lines: `true`, `false`, `clear`, `which`, `realpath`, `free`, `uptime`.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path, process::ExitCode};

use super::applets::Args;

/// `true`.
pub fn yes(_: Args) -> ExitCode {
    ExitCode::SUCCESS
}

/// `false`.
pub fn no(_: Args) -> ExitCode {
    ExitCode::FAILURE
}

/// `clear`: empties the terminal's screen and puts the cursor home.
pub fn clear(_: Args) -> ExitCode {
    print!("\x1b[H\x1b[2J\x1b[3J");
    ExitCode::from(u8::from(std::io::stdout().flush().is_err()))
}

/// `which [-a] NAME…`: where a command is found along `PATH`. Fails when one is not.
pub fn which(args: Args) -> ExitCode {
    let mut all = false;
    let mut missing = false;
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    for name in args.iter().skip(1) {
        if name == "-a" {
            all = true;
            continue;
        }
        let dirs: Vec<_> = if name.as_encoded_bytes().contains(&b'/') { vec!["".into()] } else { std::env::split_paths(&path).collect() };
        let mut found = dirs.iter().map(|dir| dir.join(name)).filter(|file| is_executable(file)).peekable();
        missing |= found.peek().is_none();
        for file in found.take(if all { usize::MAX } else { 1 }) {
            println!("{}", file.display());
        }
    }
    ExitCode::from(u8::from(missing))
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// `realpath FILE…`: where a path leads, all links followed.
pub fn realpath(args: Args) -> ExitCode {
    let mut missing = args.len() < 2;
    if missing {
        eprintln!("Usage: realpath FILE...\n\nPrint absolute pathnames of FILEs");
    }
    for name in args.iter().skip(1) {
        // What is not there may still be named, in a folder that is.
        let path = Path::new(name);
        let folder = || {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(fs::canonicalize(parent).ok()?.join(path.file_name()?))
        };
        match fs::canonicalize(path).or_else(|error| folder().ok_or(error)) {
            Ok(found) => println!("{}", found.display()),
            Err(error) => {
                eprintln!("realpath: {}: {}", path.display(), crate::units::c_words(&error));
                missing = true;
            }
        }
    }
    ExitCode::from(u8::from(missing))
}

/// `free [-b|-k|-m|-g|-h]`: memory and swap, from `/proc/meminfo`.
pub fn free(args: Args) -> ExitCode {
    let info = match fs::read_to_string("/proc/meminfo") {
        Ok(info) => info,
        Err(error) => {
            eprintln!("free: /proc/meminfo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let kib = |key: &str| -> u64 {
        info.lines()
            .find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))
            .and_then(|v| v.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    let unit = args.iter().skip(1).filter_map(|a| a.to_str()).find(|a| a.starts_with('-')).unwrap_or("-k").to_owned();
    let show = |kib: u64| match unit.as_str() {
        "-b" => (kib * 1024).to_string(),
        "-m" => (kib / 1024).to_string(),
        "-g" => (kib / 1024 / 1024).to_string(),
        "-h" => human(kib * 1024),
        _ => kib.to_string(),
    };
    let (total, unused, available) = (kib("MemTotal"), kib("MemFree"), kib("MemAvailable"));
    let cache = kib("Buffers") + kib("Cached") + kib("SReclaimable");
    let used = total.saturating_sub(unused + cache);
    println!("{:>19} {:>11} {:>11} {:>11} {:>11} {:>11}", "total", "used", "free", "shared", "buff/cache", "available");
    let row: Vec<String> = [total, used, unused, kib("Shmem"), cache, available].map(|v| format!("{:>11}", show(v))).to_vec();
    println!("Mem:    {}", row.join(" "));
    let (swap, swap_free) = (kib("SwapTotal"), kib("SwapFree"));
    let row: Vec<String> = [swap, swap.saturating_sub(swap_free), swap_free].map(|v| format!("{:>11}", show(v))).to_vec();
    println!("Swap:   {}", row.join(" "));
    ExitCode::SUCCESS
}

fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "Ki", "Mi", "Gi", "Ti"] {
        if value < 1024.0 {
            return if value < 10.0 && unit != "B" { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.0}Pi")
}

/// `uptime`: how long the machine has been up, and its load.
pub fn uptime(_: Args) -> ExitCode {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let seconds = read("/proc/uptime").split('.').next().and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
    let load = read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(", ");
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        n => format!("{n} days, "),
    };
    let time = if hours > 0 { format!("{hours:2}:{minutes:02}") } else { format!("{minutes} min") };
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
    println!(" {now} up {days}{time},  0 users,  load average: {load}");
    ExitCode::SUCCESS
}
