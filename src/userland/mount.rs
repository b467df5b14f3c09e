//! `mount`: lists what is mounted. It mounts nothing: a container may not.

use std::process::ExitCode;

use super::applets::Args;

/// `mount`, `mount -t TYPE`: the lines of `/proc/self/mounts` in mount's own words.
pub fn main(args: Args) -> ExitCode {
    let args: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let kind = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["-l"] => None,
        ["-t", kind] => Some(kind.to_string()),
        _ => {
            eprintln!("mount: permission denied (are you root?)");
            return ExitCode::from(32);
        }
    };
    let mounts = match std::fs::read_to_string("/proc/self/mounts") {
        Ok(mounts) => mounts,
        Err(error) => {
            eprintln!("mount: /proc/self/mounts: {error}");
            return ExitCode::FAILURE;
        }
    };
    for line in mounts.lines() {
        let fields: Vec<String> = line.split(' ').map(|f| f.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")).collect();
        if let [device, target, filesystem, options, ..] = fields.as_slice()
            && kind.as_ref().is_none_or(|k| k == filesystem)
        {
            println!("{device} on {target} type {filesystem} ({options})");
        }
    }
    ExitCode::SUCCESS
}
