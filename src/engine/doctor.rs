//! What a machine has for the engine and what it lacks, found out by trying it; with each lack, what mends it. Prints nothing.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::container::cgroup;
use crate::sys::{mount, tree, userns};

/// How grave something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// The engine works, something in it does not.
    Lacking,
    /// The engine cannot work.
    Broken,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    pub name: &'static str,
    pub verdict: Verdict,
    pub text: String,
    /// Commands or settings that mend it, one a line.
    pub fix: Vec<String>,
}

/// The oldest kernel with all calls that the engine makes (`mount_setattr`, and an overlay for ordinary users before that).
const KERNEL: (u32, u32) = (5, 12);
/// Less room than this is soon used up.
const ROOM: u64 = 2 << 30;

fn fine(name: &'static str, text: impl Into<String>) -> Finding {
    Finding { name, verdict: Verdict::Fine, text: text.into(), fix: Vec::new() }
}

fn lacking<const N: usize>(name: &'static str, text: impl Into<String>, fix: [String; N]) -> Finding {
    Finding { name, verdict: Verdict::Lacking, text: text.into(), fix: fix.into() }
}

fn broken<const N: usize>(name: &'static str, text: impl Into<String>, fix: [String; N]) -> Finding {
    Finding { name, verdict: Verdict::Broken, text: text.into(), fix: fix.into() }
}

/// Looks at everything that the engine with its data in `home` needs. To be called before the process starts a thread: it enters the
/// engine's user namespace for good.
pub fn examine(home: &Path) -> Vec<Finding> {
    let user = Who::am_i();
    let mut findings = vec![kernel(), data(home)];
    let limits = cgroup::survey();
    let subordinate = subordinate_ids(&user);
    let namespaces = user_namespaces(&user);
    let inside = namespaces.verdict == Verdict::Fine;
    findings.extend([namespaces, subordinate]);
    if inside {
        findings.extend([overlay(home), proc_mount()]);
    }
    findings.extend([resource_limits(limits), tunnel()]);
    findings.extend(others(!inside));
    findings
}

struct Who {
    uid: u32,
    name: String,
}

impl Who {
    fn am_i() -> Who {
        let uid = rustix::process::getuid().as_raw();
        Who { uid, name: userns::user_name(uid).unwrap_or_else(|| uid.to_string()) }
    }
}

fn kernel() -> Finding {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|n| n.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= KERNEL {
        return fine("kernel", release);
    }
    let (major, minor) = KERNEL;
    broken(
        "kernel",
        format!("Linux {release} is too old: the engine needs {major}.{minor}"),
        ["install a newer kernel, or run labs on another engine (see below)".to_owned()],
    )
}

/// The folder of the engine's data: whose file system it is on, and how much room there is.
fn data(home: &Path) -> Finding {
    const NAME: &str = "data folder";
    let elsewhere = "export DOCKSIDE_HOME=/var/tmp/dockside-$USER   # a folder on a disk of this machine".to_owned();
    if let Err(e) = fs::create_dir_all(home) {
        return broken(NAME, format!("cannot make {}: {e}", home.display()), [elsewhere]);
    }
    if let Err(e) = tempfile::tempfile_in(home) {
        return broken(NAME, format!("cannot write in {}: {e}", home.display()), [elsewhere]);
    }
    let Ok(system) = rustix::fs::statfs(home) else { return fine(NAME, home.display().to_string()) };
    let network = match system.f_type as u32 {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9p"),
        0x5346_414f => Some("AFS"),
        _ => None,
    };
    if let Some(network) = network {
        return lacking(
            NAME,
            format!("{} is on {network}, where layers cannot be stacked: each container is a copy", home.display()),
            [elsewhere],
        );
    }
    #[expect(clippy::unnecessary_cast, reason = "the field's type differs from architecture to architecture")]
    let room = (system.f_bavail as u64).saturating_mul(system.f_bsize as u64);
    let gigabytes = room >> 30;
    if room < ROOM {
        return lacking(
            NAME,
            format!("{} has {} MB of room left", home.display(), room >> 20),
            ["dockside docker system prune -a   # removes what no container uses".to_owned(), elsewhere],
        );
    }
    fine(NAME, format!("{}, {gigabytes} GB of room", home.display()))
}

fn user_namespaces(user: &Who) -> Finding {
    const NAME: &str = "user namespaces";
    let sysctl = |setting: &str, value: &str| {
        [
            format!("sudo sysctl -w {setting}={value}"),
            format!("echo {setting}={value} | sudo tee /etc/sysctl.d/60-dockside.conf   # to keep it"),
        ]
    };
    match userns::enter(None) {
        Ok(()) => fine(NAME, if user.uid == 0 { "allowed, and used as root too" } else { "allowed to ordinary users" }),
        Err(e @ userns::UsernsError::Forbidden { setting, allow }) => {
            broken(NAME, e.to_string().split(';').next().unwrap_or_default(), sysctl(&format!("kernel.{setting}"), &allow.to_string()))
        }
        Err(userns::UsernsError::None) => {
            broken(NAME, "none may be made on this machine (user.max_user_namespaces is 0)", sysctl("user.max_user_namespaces", "10000"))
        }
        Err(e) => broken(NAME, e.to_string(), ["run as root, or in a container that allows user namespaces".to_owned()]),
    }
}

fn subordinate_ids(user: &Who) -> Finding {
    const NAME: &str = "subordinate ids";
    if user.uid == 0 {
        return fine(NAME, "not needed by root");
    }
    let has = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().any(|l| l.split(':').next().is_some_and(|owner| owner == user.name || owner == user.uid.to_string()))
    };
    if !has("/etc/subuid") || !has("/etc/subgid") {
        return lacking(
            NAME,
            format!("{} has none: in containers all files belong to one user, and chown to others fails", user.name),
            [format!("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {}", user.name)],
        );
    }
    let found = |tool: &str| std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|d| d.join(tool).is_file()));
    if found("newuidmap") && found("newgidmap") {
        fine(NAME, "there")
    } else {
        lacking(
            NAME,
            "there, but newuidmap and newgidmap are not installed",
            ["sudo apt-get install uidmap   # Debian, Ubuntu; shadow-utils on Fedora".to_owned()],
        )
    }
}

fn overlay(home: &Path) -> Finding {
    const NAME: &str = "overlay";
    let tried = tempfile::Builder::new().prefix(".doctor").tempdir_in(home).and_then(|folder| {
        let parts: Vec<PathBuf> = ["lower", "upper", "work"].iter().map(|p| folder.path().join(p)).collect();
        parts.iter().try_for_each(fs::create_dir)?;
        let mounted = mount::overlay(&parts[..1], Some((&parts[1], &parts[2])));
        // What the kernel leaves in the work folder has no permissions.
        let _ = tree::remove(&parts[2]);
        mounted.map(drop)
    });
    match tried {
        Ok(()) => fine(NAME, "layers can be stacked"),
        Err(e) => lacking(
            NAME,
            format!(
                "layers cannot be stacked ({}): each container is a copy of its image, which takes time and room",
                crate::units::c_words(&e)
            ),
            [
                "sudo modprobe overlay".to_owned(),
                "export DOCKSIDE_HOME=/var/tmp/dockside-$USER   # where the data lies on a file system without".to_owned(),
            ],
        ),
    }
}

/// Containers in containers: a /proc that is covered in part may not be mounted anew.
fn proc_mount() -> Finding {
    const NAME: &str = "/proc";
    let tried = mount::filesystem("sysfs", "sysfs", &[], mount::Attr::empty()).map(drop);
    let covered = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let covered = covered.lines().filter_map(|l| l.split(' ').nth(4)).filter(|at| at.starts_with("/proc/")).count();
    // Only inside a new process namespace can it really be tried; covers are what would be in its way.
    if covered == 0 || tried.is_ok() {
        fine(NAME, "whole")
    } else {
        lacking(
            NAME,
            format!("{covered} places in it are covered: this is a container itself, and may not let others be made in it"),
            ["start the outer container with --privileged, or with --security-opt systempaths=unconfined".to_owned()],
        )
    }
}

fn resource_limits(survey: cgroup::Survey) -> Finding {
    const NAME: &str = "limits";
    match survey {
        cgroup::Survey::All => fine(NAME, "--memory, --cpus and --pids-limit are kept"),
        cgroup::Survey::Missing(names, hybrid) => {
            let fix = if hybrid {
                "boot with systemd.unified_cgroup_hierarchy=1, or run as root"
            } else {
                "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf, then log in anew; or run as root"
            };
            lacking(
                NAME,
                format!("no cgroup for {}: such limits are taken with a warning and not kept", names.join(", ")),
                [fix.to_owned()],
            )
        }
    }
}

fn tunnel() -> Finding {
    const NAME: &str = "/dev/net/tun";
    match fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => fine(NAME, "can be opened"),
        Err(e) => lacking(
            NAME,
            format!("cannot be opened ({}): no tunnels (VPNs) in containers", crate::units::c_words(&e)),
            ["sudo modprobe tun && sudo chmod 0666 /dev/net/tun".to_owned()],
        ),
    }
}

/// Docker or Podman on this machine: another way to run labs, `needed` where the embedded engine cannot.
fn others(needed: bool) -> Vec<Finding> {
    const NAME: &str = "other engines";
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock"), PathBuf::from("/run/podman/podman.sock")];
    if let Some(runtime) = runtime {
        sockets.extend([runtime.join("docker.sock"), runtime.join("podman/podman.sock")]);
    }
    let mut found: Vec<String> = Vec::new();
    if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty()) {
        found.push(host);
    }
    found.extend(sockets.iter().filter(|s| UnixStream::connect(s).is_ok()).map(|s| format!("unix://{}", s.display())));
    let usage = |host: &str| match host {
        "unix:///var/run/docker.sock" => "dockside test --engine docker".to_owned(),
        other => format!("dockside test --engine {other}"),
    };
    match (found.as_slice(), needed) {
        ([], false) => Vec::new(),
        ([], true) => vec![lacking(
            NAME,
            "no Docker and no Podman answers here",
            ["install one; labs run on it with: dockside test --engine docker".to_owned()],
        )],
        (hosts, _) => hosts
            .iter()
            .map(|host| Finding {
                name: NAME,
                verdict: Verdict::Fine,
                text: format!("{host}; labs run on it with: {}", usage(host)),
                fix: Vec::new(),
            })
            .collect(),
    }
}
