//! What the engine knows of one container, as it stands in `container.json`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::health::Health;
use super::host::HostConfig;
use super::volumes::Device;
use crate::image::RunConfig;
use crate::network::{Attachment, Published};

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    #[default]
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

impl Status {
    /// Docker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Restarting => "restarting",
            Status::Removing => "removing",
            Status::Exited => "exited",
            Status::Dead => "dead",
        }
    }

    /// Whether the container has processes.
    pub fn is_running(self) -> bool {
        matches!(self, Status::Running | Status::Paused)
    }
}

/// The state of a container's process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub status: Status,
    pub pid: i32,
    pub exit_code: i32,
    /// The kernel ended one of its processes for want of memory.
    pub oom_killed: bool,
    pub error: String,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// The last end was asked for (`stop`, `kill`): no restart policy acts on it.
    pub stopped_by_hand: bool,
    /// What its health check says; nothing where it has none.
    pub health: Option<Health>,
}

/// A volume, folder or file of the host in the container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MountPoint {
    pub kind: MountKind,
    /// The volume's name.
    pub name: String,
    pub source: PathBuf,
    /// What a volume's options put in the place of its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// What of the volume is mounted; all of it where this is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    pub target: String,
    pub mode: String,
    pub writable: bool,
    pub propagation: String,
    /// What is mounted below the source is not shown.
    #[serde(default)]
    pub itself_alone: bool,
    /// What is mounted below it stays writable where this is not.
    #[serde(default)]
    pub read_only_itself: bool,
    /// A volume that was made for this container alone and goes with `rm -v`.
    pub anonymous: bool,
}

impl MountPoint {
    /// Where what it shows lies on the machine.
    pub fn place(&self) -> &Path {
        match &self.device {
            Some(Device::Folder(folder)) => folder,
            _ => &self.source,
        }
    }
}

/// What a mount point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountKind {
    Bind,
    Volume,
    Tmpfs,
}

/// One container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub name: String,
    pub created: Timestamp,
    /// The image's id.
    pub image: String,
    /// `os` of the image.
    pub platform: String,
    /// The program and its arguments.
    pub path: String,
    pub args: Vec<String>,
    /// The run config, merged with the image's.
    pub config: RunConfig,
    pub host: HostConfig,
    pub state: State,
    pub restart_count: u32,
    pub mounts: Vec<MountPoint>,
    /// The image's layers, lowest first, and the engine's own on top.
    pub layers: Vec<PathBuf>,
    /// The kernel has no overlay here: the container's own folder holds a copy of everything.
    pub copied: bool,
    /// The networks that it is to be on, that of its network mode first.
    #[serde(default)]
    pub networks: Vec<Attachment>,
    /// The machine's ports that lead to it while it runs.
    #[serde(default)]
    pub ports: Vec<Published>,
}
