//! Wishes that are looked at when a container starts, not when it is made: they are about the machine. Refused in Docker's words.

use std::fs;
use std::path::Path;

use super::host::HostConfig;
use super::record::Record;

/// The options that a file system in memory takes with a value (`size=…`).
const TMPFS_VALUES: [&str; 7] = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

/// The options that any mount takes, none of them with a value.
const MOUNT_FLAGS: [&str; 33] = [
    "defaults",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "remount",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "bind",
    "rbind",
    "unbindable",
    "runbindable",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
];

/// Refuses what this machine does not have or the kernel would not take; the error is Docker's text.
pub(super) fn check(record: &Record) -> Result<(), String> {
    let host = &record.host;
    if let Some(wish) = host.device_requests.iter().flatten().next() {
        return Err(no_driver(wish));
    }
    devices(host)?;
    host.tmpfs.iter().flatten().try_for_each(|(_, options)| tmpfs(options))?;
    record.mounts.iter().try_for_each(super::record::MountPoint::check_subpath)
}

fn devices(host: &HostConfig) -> Result<(), String> {
    for device in &host.devices {
        let why = match fs::metadata(&device.path_on_host) {
            Err(e) => crate::units::go_words(&e),
            Ok(_) if has_device(Path::new(&device.path_on_host)) => continue,
            Ok(_) => "not a device node".to_owned(),
        };
        return Err(format!("error gathering device information while adding custom device {:?}: {why}", device.path_on_host));
    }
    Ok(())
}

/// Whether a path is a device, or a folder with one somewhere in it.
fn has_device(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let Ok(kind) = fs::metadata(path).map(|found| found.file_type()) else { return false };
    let below = |entry: fs::DirEntry| !entry.file_type().is_ok_and(|kind| kind.is_symlink()) && has_device(&entry.path());
    kind.is_char_device() || kind.is_block_device() || (kind.is_dir() && fs::read_dir(path).into_iter().flatten().flatten().any(below))
}

fn tmpfs(options: &str) -> Result<(), String> {
    for option in options.split(',').filter(|o| !o.is_empty()) {
        match option.split_once('=') {
            None if MOUNT_FLAGS.contains(&option) => {}
            Some((name, _)) if TMPFS_VALUES.contains(&name) => {}
            None => return Err(format!("Invalid tmpfs option [{option:?}]")),
            Some((name, value)) => return Err(format!("Invalid tmpfs option [{name:?} {value:?}]")),
        }
    }
    Ok(())
}

/// What Docker says of devices that no driver gives, such as the machine's graphics processors.
fn no_driver(wish: &serde_json::Value) -> String {
    let words = |list: &serde_json::Value| {
        let words: Vec<_> = list.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        format!("[{}]", words.join(" "))
    };
    let sets: Vec<_> = wish["Capabilities"].as_array().into_iter().flatten().map(words).collect();
    let driver = wish["Driver"].as_str().unwrap_or_default();
    format!("could not select device driver {driver:?} with capabilities: [{}]", sets.join(" "))
}
