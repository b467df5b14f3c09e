//! Control groups: limits on a container's memory, processors and processes, where this machine lets the engine make groups.
//!
//! Both layouts: one tree for all controllers (v2), or one each (v1 and hybrid). Where a controller is out of reach its limits are
//! not kept, which who asks for them is told. Groups are made for containers with limits alone, since each costs time; the last one to go
//! takes the group of all with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::host::HostConfig;
use crate::sys::signal;

/// The controllers that are used.
const CONTROLLERS: [&str; 4] = ["memory", "cpu", "pids", "cpuset"];
/// The group of all engines' groups.
const OURS: &str = "dockside";

/// What of the controllers is within reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survey {
    All,
    /// Those that are not, and whether the machine has the old layout.
    Missing(Vec<&'static str>, bool),
}

/// The groups that the engine may make, looked for once.
struct Layout {
    /// Controller and the folder for its groups; in the one tree all have the same.
    bases: Vec<(&'static str, PathBuf)>,
    unified: bool,
}

/// The groups of one container.
#[derive(Clone, Debug)]
pub struct Group {
    folders: Vec<(&'static str, PathBuf)>,
    unified: bool,
}

/// Whether there is a way to limit what a controller is for.
pub fn has(controller: &str) -> bool {
    layout().bases.iter().any(|(name, _)| *name == controller)
}

/// What is within reach and what is not.
pub fn survey() -> Survey {
    let missing: Vec<_> = CONTROLLERS[..3].iter().copied().filter(|c| !has(c)).collect();
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    if missing.is_empty() { Survey::All } else { Survey::Missing(missing, !unified) }
}

fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    LAYOUT.get_or_init(|| {
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let bases = if unified { one_tree() } else { CONTROLLERS.iter().filter_map(|c| Some((*c, own_tree(c)?))).collect() };
        Layout { bases, unified }
    })
}

/// The path of this process's group in the tree whose line in /proc/self/cgroup names `controller` (empty for the one tree).
fn own_path(controller: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let names = fields.next()?;
        let here = if controller.is_empty() { names.is_empty() } else { names.split(',').any(|n| n == controller) };
        fields.next().filter(|_| here).map(str::to_owned)
    })
}

/// v1: below the group that this process is in.
fn own_tree(controller: &'static str) -> Option<PathBuf> {
    let base = Path::new("/sys/fs/cgroup").join(controller);
    let own = base.join(own_path(controller)?.trim_start_matches('/'));
    // In a container the path is one of the machine's.
    let parent = if own.is_dir() { own } else { base };
    may_have_groups(&parent).then(|| parent.join(OURS))
}

fn may_have_groups(parent: &Path) -> bool {
    use rustix::fs::Access;
    rustix::fs::access(parent, Access::WRITE_OK | Access::EXEC_OK).is_ok() && writable(&parent.join("cgroup.procs"))
}

/// v1's cpusets begin empty, and nothing can run in them then.
fn inherit_cpuset(folder: &Path) -> io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if fs::read_to_string(folder.join(file))?.trim().is_empty() {
            let parent = folder.parent().unwrap_or(folder);
            fs::write(folder.join(file), fs::read_to_string(parent.join(file))?.trim())?;
        }
    }
    Ok(())
}

/// v2: at the root of the tree, where root may; else in the nearest group above this process that passes most controllers on.
fn one_tree() -> Vec<(&'static str, PathBuf)> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let own = own_path("").map(|path| root.join(path.trim_start_matches('/')));
    let above = own.iter().flat_map(|own| own.ancestors()).take_while(|group| group.starts_with(&root)).map(Path::to_owned);
    // Each once; the first of the best wins.
    let candidates: Vec<PathBuf> = std::iter::once(root.clone()).chain(above.filter(|group| *group != root)).collect();
    let mut best: Vec<(&'static str, PathBuf)> = Vec::new();
    for parent in candidates.iter().filter(|group| may_pass_on(group, **group == root)) {
        let there = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
        let offered = CONTROLLERS.iter().copied().filter(|c| there.split_whitespace().any(|t| t == *c)).count();
        if offered > best.len() {
            let usable = CONTROLLERS.iter().copied().filter(|c| pass_on(parent, c)).map(|c| (c, parent.join(OURS)));
            best = Some(usable.collect::<Vec<_>>()).filter(|usable| usable.len() > best.len()).unwrap_or(best);
        }
    }
    best
}

/// v2: a group that holds processes passes nothing on, but for the root of the tree. The one that this process is in is such a group, as
/// a rule: in a user's session only one above it will do.
fn may_pass_on(group: &Path, root: bool) -> bool {
    may_have_groups(group) && (root || processes(group).is_empty())
}

/// v2: a controller must be passed on by each group above. Whether it is now.
fn pass_on(group: &Path, controller: &str) -> bool {
    let file = group.join("cgroup.subtree_control");
    let on = || fs::read_to_string(&file).is_ok_and(|t| t.split_whitespace().any(|c| c == controller));
    on() || fs::write(&file, format!("+{controller}")).is_ok() && on()
}

fn writable(file: &Path) -> bool {
    fs::OpenOptions::new().write(true).open(file).is_ok()
}

fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// What a host config asks for, by controller.
fn wants(host: &HostConfig, controller: &str) -> bool {
    match controller {
        "memory" => host.memory > 0 || host.memory_reservation > 0 || host.memory_swap > 0,
        "cpu" => host.nano_cpus > 0 || host.cpu_quota > 0 || host.cpu_shares > 0,
        "pids" => host.pids_limit.is_some_and(|p| p > 0),
        _ => !host.cpuset_cpus.is_empty() || !host.cpuset_mems.is_empty(),
    }
}

/// The processes of a group.
fn processes(folder: &Path) -> Vec<i32> {
    fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
}

impl Group {
    /// Makes the groups for a container with these limits; `None` when it has none, or none that can be kept. Where its processes are
    /// among others' the groups tell which they are.
    pub fn make(id: &str, host: &HostConfig) -> io::Result<Option<Group>> {
        let wanted = |controller| wants(host, controller) || !host.pid_mode.is_empty();
        if !CONTROLLERS.iter().any(|c| wanted(c)) {
            return Ok(None);
        }
        let group = Group::named(id);
        if !group.folders.iter().any(|(c, _)| wanted(c)) {
            return Ok(None);
        }
        // The group above may be going with another container at this very moment.
        group.make_folders().or_else(|_| group.make_folders())?;
        group.limit(host)?;
        Ok(Some(group))
    }

    fn make_folders(&self) -> io::Result<()> {
        for (controller, folder) in &self.folders {
            let above = folder.parent().unwrap_or(folder);
            for each in [above, folder] {
                make(each)?;
                if *controller == "cpuset" && !self.unified {
                    inherit_cpuset(each)?;
                }
            }
            if self.unified {
                pass_on(above, controller);
            }
        }
        Ok(())
    }

    /// The groups that a container has, or would have.
    fn named(id: &str) -> Group {
        let layout = layout();
        Group { folders: layout.bases.iter().map(|(c, base)| (*c, base.join(id))).collect(), unified: layout.unified }
    }

    /// The groups that a container has.
    pub fn of(id: &str) -> Option<Group> {
        let group = Group::named(id);
        group.folders.iter().any(|(_, folder)| folder.is_dir()).then_some(group)
    }

    /// Each of the group's folders once.
    fn distinct(&self) -> Vec<&PathBuf> {
        let mut all: Vec<_> = self.folders.iter().map(|(_, folder)| folder).collect();
        all.dedup();
        all
    }

    /// The files into which a process writes 0 to be in the group.
    pub fn doors(&self) -> Vec<PathBuf> {
        self.distinct().into_iter().map(|f| f.join("cgroup.procs")).collect()
    }

    /// The folders to show in the container, by the name under /sys/fs/cgroup; an empty one is that itself.
    pub fn views(&self) -> Vec<(String, PathBuf)> {
        if self.unified {
            return self.folders.first().map(|(_, folder)| (String::new(), folder.clone())).into_iter().collect();
        }
        self.folders.iter().map(|(controller, folder)| ((*controller).to_owned(), folder.clone())).collect()
    }

    /// Moves a process that runs already.
    pub fn take(&self, pid: i32) -> io::Result<()> {
        self.doors().iter().try_for_each(|door| fs::write(door, pid.to_string()))
    }

    fn folder(&self, controller: &str) -> Option<&Path> {
        self.folders.iter().find(|(c, _)| *c == controller).map(|(_, folder)| folder.as_path())
    }

    /// Sets the limits.
    pub fn limit(&self, host: &HostConfig) -> io::Result<()> {
        if let Some(folder) = self.folder("memory") {
            self.limit_memory(folder, host)?;
        }
        if let Some(folder) = self.folder("cpu") {
            self.limit_cpu(folder, host)?;
        }
        if let (Some(folder), Some(limit)) = (self.folder("pids"), host.pids_limit) {
            fs::write(folder.join("pids.max"), if limit > 0 { limit.to_string() } else { "max".to_owned() })?;
        }
        if let Some(folder) = self.folder("cpuset") {
            for (file, value) in [("cpuset.cpus", &host.cpuset_cpus), ("cpuset.mems", &host.cpuset_mems)] {
                if !value.is_empty() {
                    fs::write(folder.join(file), value)?;
                }
            }
        }
        Ok(())
    }

    fn limit_memory(&self, folder: &Path, host: &HostConfig) -> io::Result<()> {
        // Docker's rule: as much swap again as memory, where nothing is said; -1 for no limit.
        let both = match host.memory_swap {
            0 if host.memory > 0 => host.memory.saturating_mul(2),
            other => other,
        };
        if self.unified {
            if host.memory > 0 {
                fs::write(folder.join("memory.max"), host.memory.to_string())?;
                let swap = if both < 0 { "max".to_owned() } else { (both - host.memory).max(0).to_string() };
                // A kernel without swap accounting has no such file.
                let _ = fs::write(folder.join("memory.swap.max"), swap);
            }
            if host.memory_reservation > 0 {
                fs::write(folder.join("memory.low"), host.memory_reservation.to_string())?;
            }
            return Ok(());
        }
        let (memory, with_swap) = (folder.join("memory.limit_in_bytes"), folder.join("memory.memsw.limit_in_bytes"));
        if host.memory > 0 {
            // The greater one may never be below the smaller one, on the way up or down.
            let first = fs::write(&memory, host.memory.to_string());
            let _ = fs::write(&with_swap, both.to_string());
            if first.is_err() {
                fs::write(&memory, host.memory.to_string())?;
            }
        }
        if host.memory_reservation > 0 {
            fs::write(folder.join("memory.soft_limit_in_bytes"), host.memory_reservation.to_string())?;
        }
        Ok(())
    }

    fn limit_cpu(&self, folder: &Path, host: &HostConfig) -> io::Result<()> {
        const PERIOD: i64 = 100_000;
        let period = if host.cpu_period > 0 { host.cpu_period } else { PERIOD };
        let quota = if host.nano_cpus > 0 { host.nano_cpus / (1_000_000_000 / PERIOD) } else { host.cpu_quota };
        let period = if host.nano_cpus > 0 { PERIOD } else { period };
        if quota != 0 {
            if self.unified {
                let quota = if quota < 0 { "max".to_owned() } else { quota.to_string() };
                fs::write(folder.join("cpu.max"), format!("{quota} {period}"))?;
            } else {
                fs::write(folder.join("cpu.cfs_period_us"), period.to_string())?;
                fs::write(folder.join("cpu.cfs_quota_us"), quota.to_string())?;
            }
        }
        if host.cpu_shares > 0 {
            let shares = host.cpu_shares.clamp(2, 262_144);
            if self.unified {
                fs::write(folder.join("cpu.weight"), (1 + (shares - 2) * 9999 / 262_142).to_string())?;
            } else {
                fs::write(folder.join("cpu.shares"), shares.to_string())?;
            }
        }
        Ok(())
    }

    /// Whether the kernel has ended a process of the group for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        let Some(folder) = self.folder("memory") else { return false };
        let text = fs::read_to_string(folder.join(if self.unified { "memory.events" } else { "memory.oom_control" })).unwrap_or_default();
        text.lines().filter_map(|l| l.strip_prefix("oom_kill ")).any(|n| n.trim() != "0")
    }

    /// The bytes of memory in use, without the files that the kernel could drop at any time.
    pub fn memory(&self) -> Option<u64> {
        let folder = self.folder("memory")?;
        let (usage, key) =
            if self.unified { ("memory.current", "inactive_file ") } else { ("memory.usage_in_bytes", "total_inactive_file ") };
        let usage: u64 = fs::read_to_string(folder.join(usage)).ok()?.trim().parse().ok()?;
        let stat = fs::read_to_string(folder.join("memory.stat")).ok()?;
        let cached = stat.lines().find_map(|l| l.strip_prefix(key)?.trim().parse().ok()).unwrap_or(0);
        Some(usage.saturating_sub(cached))
    }

    /// Ends the processes that a container left behind, and those that they make meanwhile.
    pub fn kill_rest(&self) {
        for _ in 0..100 {
            let left: Vec<i32> = self.folders.iter().flat_map(|(_, folder)| processes(folder)).collect();
            if left.is_empty() {
                return;
            }
            for pid in left {
                let _ = signal::send(pid, libc::SIGKILL);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Removes the groups of a container that has ended. What still has a process stays, for the next who asks.
    pub fn remove(&self) {
        for folder in self.distinct() {
            let _ = fs::remove_dir(folder);
            // Of all engines' containers the last one.
            let _ = folder.parent().map(fs::remove_dir);
        }
    }
}
