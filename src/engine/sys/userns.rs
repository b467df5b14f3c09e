//! The user namespace in which the engine is root: entered once, by root and by an ordinary user alike.
//!
//! Root gets an identity map, which is root over its files without power over the machine. An ordinary user becomes
//! user 0, with the ranges of /etc/subuid and /etc/subgid behind it where there are any. Never raises a limit.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::process::{Command, Stdio};

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Pid, PidfdFlags, WaitOptions, getgid, getpid, getuid, pidfd_open, waitpid};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};

use super::process::{self, Fork};

/// Names the namespace that the process entered, so that a program it starts knows that it is inside.
const MARK: &str = "DOCKSIDE_USERNS";

/// Why the namespace could not be entered; the text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum UsernsError {
    #[error(
        "this machine forbids user namespaces to ordinary users (kernel.{setting}); an administrator allows them with: sysctl -w kernel.{setting}={allow}"
    )]
    Forbidden { setting: &'static str, allow: u8 },
    #[error(
        "this machine allows no user namespaces (user.max_user_namespaces is 0); an administrator allows them with: sysctl -w user.max_user_namespaces=10000"
    )]
    None,
    #[error("cannot {what}: {source}")]
    Failed { what: &'static str, source: io::Error },
}

/// Enters a user and mount namespace in which the process is root; does nothing when it is inside already.
///
/// Takes a process of an earlier engine whose namespaces are to be joined (its containers live there), if there is one.
/// Must be called before the process starts a thread.
pub fn enter(join: Option<i32>) -> Result<(), UsernsError> {
    if is_inside() {
        return Ok(());
    }
    process::require_single_thread().map_err(failed("enter a user namespace"))?;
    let joined = join.is_some_and(|pid| join_process(pid).is_ok());
    if !joined {
        create()?;
    }
    let inside = fs::read_link("/proc/self/ns/user").map_err(failed("read /proc/self/ns/user"))?;
    // SAFETY: the process has a single thread, as checked above, so nothing reads the environment meanwhile.
    unsafe { std::env::set_var(MARK, inside) };
    Ok(())
}

/// Whether this process, or the one that started it, has entered the engine's namespace.
pub fn is_inside() -> bool {
    match (std::env::var_os(MARK), fs::read_link("/proc/self/ns/user")) {
        (Some(mark), Ok(here)) => mark == here,
        _ => false,
    }
}

/// Whether user `id` exists in this process's user namespace.
pub fn has_uid(id: u32) -> bool {
    maps("/proc/self/uid_map", id)
}

/// Whether group `id` exists in this process's user namespace.
pub fn has_gid(id: u32) -> bool {
    maps("/proc/self/gid_map", id)
}

/// Whether supplementary groups may be set in this process's user namespace.
pub fn can_set_groups() -> bool {
    fs::read_to_string("/proc/self/setgroups").is_ok_and(|s| s.trim() == "allow")
}

fn maps(file: &str, id: u32) -> bool {
    read_map(file).is_ok_and(|map| map.iter().any(|&(first, count)| id >= first && u64::from(id) < u64::from(first) + u64::from(count)))
}

/// The ids that exist here, as (first, count).
fn read_map(file: &str) -> io::Result<Vec<(u32, u32)>> {
    let text = fs::read_to_string(file)?;
    Ok(text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let first = fields.next()?.parse().ok()?;
            fields.next()?;
            Some((first, fields.next()?.parse().ok()?))
        })
        .collect())
}

fn join_process(pid: i32) -> io::Result<()> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    let here = std::env::current_dir();
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    move_into_thread_name_spaces(rustix::fd::AsFd::as_fd(&process), ThreadNameSpaceType::USER | ThreadNameSpaceType::MOUNT)?;
    // Joining a mount namespace moves the process to its root directory.
    if let Ok(here) = here {
        let _ = std::env::set_current_dir(here);
    }
    Ok(())
}

fn create() -> Result<(), UsernsError> {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let plan = if uid == 0 { identity() } else { subordinate(uid) };
    let mut mapper = match plan {
        Some(plan) => Some(Mapper::start(plan)?),
        None => None,
    };
    // SAFETY: file descriptors stay shared; only namespaces are left.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }
        .map_err(|e| explain("create a user namespace", e.into()))?;
    let mapped = match mapper.as_mut() {
        Some(mapper) => mapper.finish().map_err(|e| explain("map users into the namespace", e))?,
        None => false,
    };
    if !mapped {
        fs::write("/proc/self/uid_map", format!("0 {uid} 1\n")).map_err(|e| explain("map the user into the namespace", e))?;
        // A tool that mapped the groups and then failed to map the users leaves nothing to do here.
        if read_map("/proc/self/gid_map").is_ok_and(|map| map.is_empty()) {
            fs::write("/proc/self/setgroups", "deny").map_err(|e| explain("deny setgroups in the namespace", e))?;
            fs::write("/proc/self/gid_map", format!("0 {gid} 1\n")).map_err(|e| explain("map the group into the namespace", e))?;
        }
    }
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|e| explain("make the mounts of the namespace private", e.into()))
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> UsernsError {
    move |source| UsernsError::Failed { what, source }
}

/// Finds the setting of the machine behind a refusal.
fn explain(what: &'static str, source: io::Error) -> UsernsError {
    let setting = |file: &str| fs::read_to_string(file).unwrap_or_default().trim().to_owned();
    if setting("/proc/sys/user/max_user_namespaces") == "0" {
        return UsernsError::None;
    }
    if getuid().as_raw() != 0 && matches!(source.raw_os_error(), Some(libc::EPERM | libc::EACCES)) {
        if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
            return UsernsError::Forbidden { setting: "apparmor_restrict_unprivileged_userns", allow: 0 };
        }
        if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
            return UsernsError::Forbidden { setting: "unprivileged_userns_clone", allow: 1 };
        }
    }
    UsernsError::Failed { what, source }
}

/// How ids are mapped by a process outside the new namespace.
enum Plan {
    /// Every id that exists here, as itself.
    Identity { uids: String, gids: String },
    /// 0 is the user, the rest is the user's subordinate range; by the setuid tools newuidmap and newgidmap.
    Tools { uids: Vec<String>, gids: Vec<String> },
}

fn identity() -> Option<Plan> {
    let lines = |file| {
        let map = read_map(file).ok()?;
        Some(map.iter().map(|(first, count)| format!("{first} {first} {count}\n")).collect::<String>())
    };
    Some(Plan::Identity { uids: lines("/proc/self/uid_map")?, gids: lines("/proc/self/gid_map")? })
}

fn subordinate(uid: u32) -> Option<Plan> {
    let gid = getgid().as_raw();
    let user = user_name(uid);
    let (uids, gids) = (ranges("/etc/subuid", uid, user.as_deref()), ranges("/etc/subgid", uid, user.as_deref()));
    if uids.is_empty() || gids.is_empty() {
        return None;
    }
    let arguments = |own: u32, ranges: Vec<(u32, u32)>| {
        let mut arguments = vec!["0".to_owned(), own.to_string(), "1".to_owned()];
        let mut next = 1;
        for (first, count) in ranges {
            arguments.extend([next.to_string(), first.to_string(), count.to_string()]);
            next += count;
        }
        arguments
    };
    Some(Plan::Tools { uids: arguments(uid, uids), gids: arguments(gid, gids) })
}

/// The name of user `uid`, if /etc/passwd has one.
pub fn user_name(uid: u32) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid)).then(|| fields[0].to_owned())
    })
}

fn ranges(file: &str, uid: u32, user: Option<&str>) -> Vec<(u32, u32)> {
    let Ok(text) = fs::read_to_string(file) else { return Vec::new() };
    text.lines()
        .filter_map(|line| {
            let mut fields = line.trim().split(':');
            let owner = fields.next()?;
            let range = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            (Some(owner) == user || owner == uid.to_string()).then_some(range)
        })
        .filter(|&(_, count)| count > 0)
        .collect()
}

/// A child that stays outside and writes the maps once the parent is in its new namespace.
struct Mapper {
    child: Pid,
    go: Option<PipeWriter>,
    answer: PipeReader,
}

impl Mapper {
    fn start(plan: Plan) -> Result<Mapper, UsernsError> {
        let parent = getpid().as_raw_nonzero().get();
        let (mut wait, go) = io::pipe().map_err(failed("make a pipe"))?;
        let (answer, mut say) = io::pipe().map_err(failed("make a pipe"))?;
        match process::fork().map_err(failed("fork"))? {
            Fork::Parent(child) => Ok(Mapper { child, go: Some(go), answer }),
            Fork::Child => {
                drop((go, answer));
                // Nothing comes when the parent failed or died: then there is nothing to map.
                let told = wait.read_exact(&mut [0]).is_ok();
                if told {
                    let result = plan.write(parent).map_or_else(|e| e.raw_os_error().unwrap_or(libc::EIO), |()| 0);
                    let _ = say.write_all(&result.to_le_bytes());
                }
                process::exit_now(0)
            }
        }
    }

    /// Whether the ids are mapped; `false` leaves it to the single map that needs no help.
    fn finish(&mut self) -> io::Result<bool> {
        if let Some(mut go) = self.go.take() {
            go.write_all(&[1])?;
        }
        let mut result = [0; 4];
        self.answer.read_exact(&mut result)?;
        Ok(i32::from_le_bytes(result) == 0)
    }
}

impl Drop for Mapper {
    fn drop(&mut self) {
        self.go = None;
        let _ = waitpid(Some(self.child), WaitOptions::empty());
    }
}

impl Plan {
    fn write(&self, pid: i32) -> io::Result<()> {
        match self {
            Plan::Identity { uids, gids } => {
                fs::write(format!("/proc/{pid}/uid_map"), uids)?;
                fs::write(format!("/proc/{pid}/gid_map"), gids)
            }
            Plan::Tools { uids, gids } => {
                // Groups first: when that tool is missing nothing is mapped yet and the single map still can be.
                run("newgidmap", pid, gids)?;
                run("newuidmap", pid, uids)
            }
        }
    }
}

fn run(tool: &str, pid: i32, arguments: &[String]) -> io::Result<()> {
    let status = Command::new(tool)
        .arg(pid.to_string())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EPERM)) }
}
