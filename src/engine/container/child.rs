//! The last steps of a container's process before its program: who it is, what it may do, where it stands, what it runs.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use rustix::{fs::Gid, fs::Uid};

use super::accounts::{self, Identity};
use super::spec::{Calls, ProcessSpec};
use crate::sys::{caps, process, seccomp, signal, userns};
use crate::units::go_words;

/// Why a process could not be started: the text, and the status that its container gets.
#[derive(Debug)]
pub struct StartError {
    pub message: String,
    pub code: i32,
}

impl StartError {
    pub fn new(message: impl Into<String>) -> Self {
        StartError { message: message.into(), code: 128 }
    }

    /// For `map_err`: what was tried.
    pub fn doing(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> StartError {
        move |e| StartError::new(runtime(&format!("{what}: {}", go_words(&e))))
    }
}

fn runtime(what: &str) -> String {
    format!("unable to start container process: {what}")
}

/// Turns the calling process, which stands in the container's namespaces and root, into the container's program.
///
/// `ready` is called when nothing can fail any more but the execution itself. Comes back only with an error.
pub fn run(spec: &ProcessSpec, stdio_owner: impl FnOnce(&Identity), ready: impl FnOnce()) -> StartError {
    match prepare(spec, stdio_owner) {
        Err(e) => e,
        Ok((program, args, env)) => {
            ready();
            let error = process::execute(&program, &args, &env);
            // The engine believes that the program runs, so the reason goes where its output goes.
            let _ = rustix::io::write(
                std::io::stderr().as_fd(),
                format!("exec {}: {}\n", program.to_string_lossy(), go_words(&error)).as_bytes(),
            );
            process::exit_now(255)
        }
    }
}

type Program = (CString, Vec<CString>, Vec<CString>);

fn prepare(spec: &ProcessSpec, stdio_owner: impl FnOnce(&Identity)) -> Result<Program, StartError> {
    let who = accounts::resolve(&spec.user, &spec.groups, Path::new("/etc")).map_err(StartError::new)?;
    stdio_owner(&who);
    for &(resource, soft, hard) in &spec.limits {
        set_limit(resource, soft, hard)?;
    }
    if spec.oom_score_adj != 0 {
        // To be spared needs a capability on the machine, which an ordinary user's engine lacks: then it stays as it is, as rootless
        // runtimes have it.
        let _ = std::fs::write("/proc/self/oom_score_adj", spec.oom_score_adj.to_string());
    }
    let env = environment(&spec.env, &who.home);
    let args = c_strings(&spec.args)?;
    let filter = match &spec.calls {
        Calls::Any => None,
        Calls::Usual => Some(seccomp::default_filter(spec.capabilities).map_err(StartError::doing("make the seccomp filter"))?),
        Calls::Chosen(filter) => Some(filter.clone()),
    };
    enter_cwd(&spec.cwd)?;
    become_identity(&who, spec, filter)?;
    let path = env.iter().rev().find_map(|e| e.strip_prefix("PATH=")).unwrap_or_default();
    let name = spec.args.first().map(String::as_str).unwrap_or_default();
    let program = look_up(name, path)?;
    let program =
        CString::new(program.into_os_string().into_encoded_bytes()).map_err(|_| StartError::new("the program's name holds a NUL"))?;
    signal::reset();
    if spec.args.first().is_some_and(|program| program == super::init::PATH) {
        // A first process ignores what it has no handler for, but not what is held back: so a signal that comes before the init is
        // ready waits for it.
        signal::hold_all();
    }
    process::close_on_exec_from(3).map_err(StartError::doing("close what the container must not see"))?;
    Ok((program, args, c_strings(&env)?))
}

fn c_strings(texts: &[String]) -> Result<Vec<CString>, StartError> {
    texts.iter().map(|t| CString::new(t.as_str()).map_err(|_| StartError::new(runtime("an argument or variable holds a NUL")))).collect()
}

/// The variables, with `HOME` where it is missing.
fn environment(given: &[String], home: &str) -> Vec<String> {
    let mut env: Vec<String> = given.to_vec();
    if !env.iter().any(|e| e.starts_with("HOME=") && e.len() > 5) {
        env.retain(|e| e != "HOME=");
        env.push(format!("HOME={home}"));
    }
    env
}

fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<(), StartError> {
    let known = [
        Resource::Cpu,
        Resource::Fsize,
        Resource::Data,
        Resource::Stack,
        Resource::Core,
        Resource::Rss,
        Resource::Nproc,
        Resource::Nofile,
        Resource::Memlock,
        Resource::As,
        Resource::Locks,
        Resource::Sigpending,
        Resource::Msgqueue,
        Resource::Nice,
        Resource::Rtprio,
        Resource::Rttime,
    ];
    let Some(kind) = known.into_iter().find(|r| *r as u32 == resource) else { return Ok(()) };
    let value = |v: u64| if v == u64::MAX { None } else { Some(v) };
    let limit = Rlimit { current: value(soft), maximum: value(hard) };
    rustix::process::setrlimit(kind, limit).map_err(|e| {
        StartError::doing(format_args!("error setting rlimits for ready process: error setting rlimit type {resource}"))(e.into())
    })
}

fn enter_cwd(cwd: &str) -> Result<(), StartError> {
    let cwd = if cwd.is_empty() { "/" } else { cwd };
    rustix::process::chdir(cwd).map_err(|e| StartError::doing(format_args!("chdir to cwd (\"{cwd}\") set in config.json failed"))(e.into()))
}

fn become_identity(who: &Identity, spec: &ProcessSpec, filter: Option<seccomp::Filter>) -> Result<(), StartError> {
    let doing = |what: &'static str| StartError::doing(what);
    // Where only one user is mapped, another user is that one under another number, in a namespace of its own.
    let foreign = !userns::has_uid(who.uid) || !userns::has_gid(who.gid);
    if foreign {
        process::become_user(who.uid, who.gid).map_err(doing("become the user"))?;
    }
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before that goes.
    if let (Some(filter), false) = (&filter, spec.no_new_privileges) {
        filter.install().map_err(doing("install the seccomp filter"))?;
    }
    caps::bound(spec.capabilities).map_err(doing("bound the capabilities"))?;
    if !foreign {
        caps::keep_over_setuid().map_err(doing("keep the capabilities"))?;
        if userns::can_set_groups() {
            let groups: Vec<Gid> = std::iter::once(&who.gid).chain(&who.groups).map(|g| Gid::from_raw(*g)).collect();
            set_thread_groups(&groups).map_err(|e| StartError::doing("setgroups")(e.into()))?;
        }
        let (gid, uid) = (Gid::from_raw(who.gid), Uid::from_raw(who.uid));
        set_thread_res_gid(gid, gid, gid).map_err(|e| StartError::doing("setgid")(e.into()))?;
        set_thread_res_uid(uid, uid, uid).map_err(|e| StartError::doing("setuid")(e.into()))?;
    }
    // Another user than root has no capability but may gain what the bounding set allows.
    caps::limit(if who.uid == 0 { spec.capabilities } else { 0 }).map_err(doing("limit the capabilities"))?;
    if spec.no_new_privileges {
        set_no_new_privs(true).map_err(|e| StartError::doing("set no_new_privs")(e.into()))?;
        if let Some(filter) = &filter {
            filter.install().map_err(doing("install the seccomp filter"))?;
        }
    }
    // Asked for last: a change of credentials forgets it. Without its monitor a container is to end.
    let kill = Some(rustix::process::Signal::KILL);
    rustix::process::set_parent_process_death_signal(kill).map_err(|e| StartError::doing("ask for the death signal")(e.into()))
}

/// Finds the program as runc does, with its words for what is wrong.
fn look_up(name: &str, path: &str) -> Result<PathBuf, StartError> {
    let fail = |what: String, code| Err(StartError { message: runtime(&format!("exec: {}: {what}", crate::units::quote(name))), code });
    if name.contains('/') {
        return match check(Path::new(name)) {
            Ok(()) => Ok(PathBuf::from(name)),
            Err(Unusable::Missing(text)) => fail(format!("stat {name}: {text}"), 127),
            Err(Unusable::Directory) => fail("is a directory".to_owned(), 126),
            Err(Unusable::Forbidden) => fail("permission denied".to_owned(), 126),
        };
    }
    if !name.is_empty() {
        let mut candidates = path.split(':').map(|dir| Path::new(if dir.is_empty() { "." } else { dir }).join(name));
        if let Some(found) = candidates.find(|candidate| check(candidate).is_ok()) {
            return Ok(found);
        }
    }
    fail("executable file not found in $PATH".to_owned(), 127)
}

enum Unusable {
    Missing(String),
    Directory,
    Forbidden,
}

fn check(path: &Path) -> Result<(), Unusable> {
    let metadata = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => Unusable::Forbidden,
        _ => Unusable::Missing(go_words(&e)),
    })?;
    if metadata.is_dir() {
        return Err(Unusable::Directory);
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(Unusable::Forbidden);
    }
    match rustix::fs::access(path, rustix::fs::Access::EXEC_OK) {
        Err(rustix::io::Errno::ACCESS) => Err(Unusable::Forbidden),
        _ => Ok(()),
    }
}
