//! What the engine tells a monitor to run, and what the two say to each other afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Command {
    Signal(i32),
    Resize { rows: u16, columns: u16 },
    Pause,
    Resume,
}

/// What a monitor says besides the output of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The program runs; its first process is `pid` outside the container.
    Started { pid: i32 },
    /// The program could not be started: nothing runs.
    Failed { message: String, code: i32 },
    /// A pause or its end is done, or is not.
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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// The monitor's process and when it started (ticks since boot).
    pub monitor: (i32, u64),
    /// The container's first process, likewise.
    pub init: (i32, u64),
    pub at: jiff::Timestamp,
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
    /// Another container's first process, whose network is joined.
    pub join_net: Option<i32>,
    pub own_pid: bool,
    pub own_ipc: bool,
    pub own_uts: bool,
    /// Mounts in the order in which they are made.
    pub mounts: Vec<MountSpec>,
    pub shm_size: u64,
    pub masked: Vec<String>,
    pub read_only_paths: Vec<String>,
    pub read_only_root: bool,
    pub sysctls: BTreeMap<String, String>,
    /// Every device of the machine that the engine may see is shown.
    pub all_devices: bool,
    /// Standard input closes for good when the client that wrote to it goes.
    pub stdin_once: bool,
    pub process: ProcessSpec,
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
    Bind { source: PathBuf, target: String, read_only: bool },
    Tmpfs { target: String, options: String },
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
    pub seccomp: bool,
    /// Resource number, soft and hard limit.
    pub limits: Vec<(u32, u64, u64)>,
}
