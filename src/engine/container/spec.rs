//! What the engine tells a monitor to run, and what the two say to each other afterwards.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::network::{Attachment, Place6, Protocol, Published};
use crate::sys::seccomp::Filter;

/// The first message on a connection to a monitor. A stream for standard input may come with it as a descriptor.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// To a fresh monitor: make this container and run its process.
    Start(Box<ContainerSpec>),
    /// To a container's monitor: run a further process in the container; the connection is that process's from here on.
    Exec(Box<ProcessSpec>),
    /// To a container's monitor: an engine takes over from an earlier one.
    Attach,
}

/// What an engine may ask for once the process runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    Signal(i32),
    Resize {
        rows: u16,
        columns: u16,
    },
    Pause,
    Resume,
    /// Put the container on one more network.
    Connect(Box<Change>),
    /// Take it off the network whose interface has this name.
    Disconnect {
        interface: String,
        change: Box<Change>,
    },
}

/// What a change of networks leaves behind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// The interface that comes, if one does.
    pub new: Option<Interface>,
    /// Where the container sends what is for nowhere else from now on.
    pub gateway: Option<(String, Ipv4Addr)>,
    pub gateway6: Option<(String, Ipv6Addr)>,
    /// Where published ports lead to from now on.
    pub target: Option<Ipv4Addr>,
    pub resolver: Option<ResolverSpec>,
}

/// What a monitor says besides the output of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The program runs; its first process is `pid` outside the container.
    Started { pid: i32, ports: Vec<Published> },
    /// The program could not be started: nothing runs.
    Failed { message: String, code: i32 },
    /// A pause or its end, or a change of networks, is done or is not.
    Done(Result<(), String>),
    /// The process has ended; nothing follows.
    Exited { code: i32 },
}

/// The record that a monitor leaves in its container's folder when the process has ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExitRecord {
    pub code: i32,
    pub at: jiff::Timestamp,
}

/// The record in a container's folder of the processes that make it run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// The monitor's process and when it started (ticks since boot).
    pub monitor: (i32, u64),
    /// The container's first process, likewise.
    pub init: (i32, u64),
    pub at: jiff::Timestamp,
    /// Where it was put when it started.
    #[serde(default)]
    pub networks: Vec<Attachment>,
    #[serde(default)]
    pub ports: Vec<Published>,
}

/// A container to be made.
#[derive(Debug, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The container's folder, where logs and records go.
    pub dir: PathBuf,
    pub root: RootSpec,
    pub hostname: String,
    pub domainname: String,
    /// Namespaces of its own; what is false is shared with the engine.
    pub own_net: bool,
    /// What is in a network of its own besides the loopback interface. The engine's network namespace comes with it as a descriptor.
    pub net: Option<NetSpec>,
    pub own_pid: bool,
    pub own_ipc: bool,
    pub own_uts: bool,
    /// Namespaces of other containers that are joined; those are none of its own.
    pub join: Joined,
    /// Mounts in the order in which they are made.
    pub mounts: Vec<MountSpec>,
    /// The size of its shared memory in bytes; `None` for a container that shall have none.
    pub shm_size: Option<u64>,
    pub masked: Vec<String>,
    pub read_only_paths: Vec<String>,
    pub read_only_root: bool,
    pub sysctls: BTreeMap<String, String>,
    /// The container's control groups to be shown in it, by their names under /sys/fs/cgroup.
    pub group_views: Vec<(String, PathBuf)>,
    /// Every device of the machine that the engine may see is shown.
    pub all_devices: bool,
    /// Standard input closes for good when the client that wrote to it goes.
    pub stdin_once: bool,
    pub log: LogSpec,
    pub process: ProcessSpec,
}

/// The first processes of the containers whose namespaces are joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    pub net: Option<i32>,
    pub pid: Option<i32>,
    /// Its shared memory comes with it.
    pub ipc: Option<i32>,
}

/// How much of what a container says is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// How many files, the current one among them; none at all for 0.
    pub files: u32,
    /// A file that has this many bytes or more takes no further line.
    pub size: Option<u64>,
}

impl Default for LogSpec {
    /// One file, however long it becomes.
    fn default() -> Self {
        LogSpec { files: 1, size: None }
    }
}

/// A container's networks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NetSpec {
    pub interfaces: Vec<Interface>,
    pub ports: Vec<PortSpec>,
    /// The address that published ports lead to.
    pub target: Option<Ipv4Addr>,
    /// Whether somebody opens the ports that are the administrator's; the way to them comes as a descriptor after the namespace.
    #[serde(default)]
    pub porter: bool,
    /// Who answers questions for names, where it is not for the machine's servers.
    pub resolver: Option<ResolverSpec>,
    /// For the record of the run.
    pub networks: Vec<Attachment>,
}

/// An interface of the container, joined to a bridge in the engine's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    /// The other end's name.
    pub outside: String,
    pub bridge: String,
    pub mac: [u8; 6],
    pub mtu: Option<u32>,
    pub address: Ipv4Addr,
    pub bits: u8,
    /// Given where this interface leads to everywhere else.
    pub gateway: Option<Ipv4Addr>,
    pub six: Option<Place6>,
}

/// A port to be published: the first one in a range that is free at all the machine's addresses that are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSpec {
    pub container: u16,
    pub protocol: Protocol,
    pub hosts: Vec<IpAddr>,
    pub first: u16,
    pub last: u16,
}

/// What the answers to questions for names are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverSpec {
    /// The names on each network that the container is on.
    pub files: Vec<PathBuf>,
    /// Names that only this container has for others.
    pub links: Vec<(String, String)>,
}

/// Where the container's root file system comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RootSpec {
    /// Read-only layers, lowest first.
    pub lowers: Vec<PathBuf>,
    pub upper: PathBuf,
    pub work: PathBuf,
    /// The kernel has no overlay here: `upper` is a copy of everything.
    pub copied: bool,
}

/// Something mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountSpec {
    Bind(Bind),
    Tmpfs { target: String, options: String },
}

/// A file or folder of the machine, shown in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub source: PathBuf,
    /// What of the source is shown; links in it lead no further than the source. All of it where this is empty.
    pub subpath: String,
    pub target: String,
    pub read_only: bool,
    /// What is mounted below the source is shown, too, and is read-only, too.
    pub recursive: bool,
    pub recursively_read_only: bool,
}

impl MountSpec {
    /// `source` at `target`, with all that is mounted below it.
    pub fn bind(source: impl Into<PathBuf>, target: impl Into<String>, read_only: bool) -> MountSpec {
        MountSpec::Bind(Bind {
            source: source.into(),
            subpath: String::new(),
            target: target.into(),
            read_only,
            recursive: true,
            recursively_read_only: true,
        })
    }
}

/// Which system calls a process may make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Calls {
    Any,
    /// Those that the engine's own filter lets pass.
    Usual,
    /// Those that the user's filter lets pass.
    Chosen(Filter),
}

/// A process in a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessSpec {
    pub args: Vec<String>,
    pub env: Vec<String>,
    pub cwd: String,
    /// `user`, `uid`, `user:group` …, as the image's /etc/passwd has them; empty for root.
    pub user: String,
    pub groups: Vec<String>,
    pub tty: bool,
    /// Rows and columns of the terminal.
    pub size: (u16, u16),
    /// Whether standard input is open.
    pub stdin: bool,
    /// Capabilities, as bits.
    pub capabilities: u64,
    pub no_new_privileges: bool,
    pub calls: Calls,
    /// Resource number, soft and hard limit.
    pub limits: Vec<(u32, u64, u64)>,
    /// How much sooner than others it is killed where memory runs out, -1000 to 1000; 0 is as it comes.
    #[serde(default)]
    pub oom_score_adj: i16,
    /// The files through which it joins the container's control groups.
    pub group_doors: Vec<PathBuf>,
}
