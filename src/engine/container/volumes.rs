//! What is mounted into a container: folders of the host, volumes (folders of the engine) and memory. Volumes are made when first named.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{MountKind, MountPoint, Record};
use super::store::{Container, Containers};
use super::{ContainerError, disk, names, root};
use crate::sys::tree;

/// The label of a volume that was made for one container.
pub const ANONYMOUS: &str = "com.docker.volume.anonymous";

/// A folder that outlives containers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Volume {
    pub name: String,
    pub created: Timestamp,
    pub labels: Option<BTreeMap<String, String>>,
    pub options: Option<BTreeMap<String, String>>,
    /// Where its contents lie.
    pub folder: PathBuf,
}

impl Volume {
    /// The bytes of its files.
    pub fn size(&self) -> u64 {
        root::size_of(&self.folder)
    }

    /// What its options put in the place of its folder.
    pub(super) fn device(&self) -> Option<Device> {
        let option = |name: &str| self.options.as_ref().and_then(|o| o.get(name)).map(String::as_str).unwrap_or_default();
        let (kind, device, data) = (option("type"), option("device"), option("o"));
        if device.is_empty() {
            return None;
        }
        if data.split(',').any(|o| matches!(o, "bind" | "rbind")) {
            return Some(Device::Folder(device.into()));
        }
        if kind == "tmpfs" {
            return Some(Device::Memory(data.to_owned()));
        }
        let data = if data.is_empty() { String::new() } else { format!(", data: {data}") };
        Some(Device::Other(format!("mount {device}:{}{data}", self.folder.display())))
    }
}

/// What is mounted where a volume with options is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Device {
    /// A folder of the machine.
    Folder(PathBuf),
    /// Memory, of each container its own, with these options.
    Memory(String),
    /// What an ordinary user cannot mount: the text says what it would be.
    Other(String),
}

/// The options that a volume may have, and those that each of them needs.
const OPTIONS: [(&str, &[&str]); 4] = [("device", &["type"]), ("o", &["device", "type"]), ("size", &[]), ("type", &["device"])];

/// Refuses options that make no sense, in Docker's words.
fn check_options(options: Option<&BTreeMap<String, String>>) -> Result<(), String> {
    let Some(options) = options else { return Ok(()) };
    if let Some(unknown) = options.keys().find(|name| OPTIONS.iter().all(|(known, _)| known != name)) {
        return Err(format!("invalid option: {unknown:?}"));
    }
    if options.contains_key("size") {
        return Err("quota size requested but no quota support".to_owned());
    }
    let needed = OPTIONS.iter().filter(|(name, _)| options.contains_key(*name)).flat_map(|(_, needs)| needs.iter());
    match needed.into_iter().find(|need| !options.contains_key(**need)) {
        Some(missing) => Err(format!("missing required option: {missing:?}")),
        None => Ok(()),
    }
}

impl Containers {
    /// All volumes, by name.
    pub fn volumes(&self) -> Vec<Volume> {
        let entries = fs::read_dir(self.inner.state.join("volumes")).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.filter_map(|e| self.volume(e.file_name().to_str()?).ok()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The volume of that name.
    pub fn volume(&self, name: &str) -> Result<Volume, ContainerError> {
        let known =
            if names::is_valid(name) { disk::read_json(&self.inner.state.join("volumes").join(name).join("volume.json")) } else { None };
        known.ok_or_else(|| ContainerError::NotFound(format!("get {name}: no such volume")))
    }

    /// Makes a volume; one that is there already is given as it is. An empty name is made up.
    pub fn create_volume(
        &self,
        name: &str,
        labels: Option<BTreeMap<String, String>>,
        options: Option<BTreeMap<String, String>>,
    ) -> Result<Volume, ContainerError> {
        let name = if name.is_empty() { names::id() } else { name.to_owned() };
        if name.len() == 1 {
            let text = "volume name is too short, names should be at least two alphanumeric characters";
            return Err(ContainerError::Invalid(format!("create {name}: {text}")));
        }
        if !names::is_valid(&name) {
            return Err(ContainerError::Invalid(format!(
                "create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
            )));
        }
        if let Ok(there) = self.volume(&name) {
            return Ok(there);
        }
        check_options(options.as_ref()).map_err(|text| ContainerError::Invalid(format!("create {name}: {text}")))?;
        let folder = self.volume_dir(&name);
        let failed = |e| ContainerError::failed(format_args!("cannot make volume {name}"), e);
        fs::create_dir_all(&folder).map_err(failed)?;
        let volume = Volume { name: name.clone(), created: Timestamp::now(), labels, options, folder: folder.clone() };
        disk::write_json(&folder.with_file_name("volume.json"), &volume).map_err(failed)?;
        self.inner.events.emit("volume", "create", name.clone(), BTreeMap::from([("driver".to_owned(), "local".to_owned())]));
        Ok(volume)
    }

    /// Tells the engine's listeners that a container has its volumes.
    pub(super) fn tell_mounted(&self, container: &Container) {
        let record = container.lock();
        for mount in record.mounts.iter().filter(|m| m.kind == MountKind::Volume) {
            let more = [
                ("destination", mount.target.clone()),
                ("propagation", mount.propagation.clone()),
                ("read/write", mount.writable.to_string()),
            ];
            self.tell_volume("mount", mount, &record.id, more);
        }
    }

    /// Tells them that it has them no more.
    pub(super) fn tell_unmounted(&self, container: &Container) {
        let record = container.lock();
        for mount in record.mounts.iter().filter(|m| m.kind == MountKind::Volume) {
            self.tell_volume("unmount", mount, &record.id, []);
        }
    }

    fn tell_volume<const N: usize>(&self, action: &str, mount: &MountPoint, container: &str, more: [(&str, String); N]) {
        let more = more.into_iter().chain([("container", container.to_owned()), ("driver", "local".to_owned())]);
        let attributes = more.map(|(key, value)| (key.to_owned(), value)).collect();
        self.inner.events.emit("volume", action, mount.name.clone(), attributes);
    }

    /// The ids of the containers that a volume is mounted in.
    pub fn volume_users(&self, name: &str) -> Vec<String> {
        self.list().iter().filter(|c| c.lock().mounts.iter().any(|m| m.name == name)).map(|c| c.id.clone()).collect()
    }

    /// Deletes a volume that no container has.
    pub fn remove_volume(&self, name: &str, force: bool) -> Result<(), ContainerError> {
        match self.volume(name) {
            Err(_) if force => return Ok(()),
            other => other?,
        };
        let users = self.volume_users(name);
        if !users.is_empty() {
            return Err(ContainerError::Conflict(format!("remove {name}: volume is in use - [{}]", users.join(", "))));
        }
        tree::remove(&self.inner.state.join("volumes").join(name))
            .map_err(|e| ContainerError::failed(format_args!("cannot remove volume {name}"), e))?;
        self.inner.events.emit("volume", "destroy", name, BTreeMap::from([("driver".to_owned(), "local".to_owned())]));
        Ok(())
    }

    /// The folder with a volume's contents.
    pub fn volume_dir(&self, name: &str) -> PathBuf {
        self.inner.state.join("volumes").join(name).join("_data")
    }
}

/// Refuses a volume whose options ask for what cannot be mounted.
pub(super) fn check_device(mount: &MountPoint) -> Result<(), String> {
    let (what, why) = match &mount.device {
        None | Some(Device::Memory(_)) => return Ok(()),
        Some(Device::Folder(folder)) => match fs::metadata(folder) {
            Ok(_) => return Ok(()),
            Err(e) => (format!("mount {}:{}, flags: 0x1000", folder.display(), mount.source.display()), crate::units::go_words(&e)),
        },
        Some(Device::Other(what)) => (what.clone(), "operation not permitted".to_owned()),
    };
    Err(format!("error while mounting volume '{}': failed to mount local volume: {what}: {why}", mount.source.display()))
}

/// Gives empty volumes what the image has at their place.
pub(super) fn populate(container: &Container, record: &Record) -> Result<(), ContainerError> {
    for mount in record.mounts.iter().filter(|m| m.kind == MountKind::Volume) {
        if matches!(mount.device, Some(Device::Memory(_))) {
            continue;
        }
        let filled = fs::read_dir(mount.place()).is_ok_and(|mut d| d.next().is_some());
        if filled || mount.mode.split(',').any(|o| o == "nocopy") {
            continue;
        }
        let failed = |e| ContainerError::failed(format_args!("cannot fill volume {}", mount.name), e);
        let rootfs = root::open(container.dir(), record).map_err(failed)?;
        let open = |flags| crate::sys::mount::open_in(std::os::fd::AsFd::as_fd(&rootfs), &mount.target, rustix::fs::OFlags::PATH | flags);
        let inside = open(rustix::fs::OFlags::DIRECTORY);
        if mount.anonymous && inside.is_err() && open(rustix::fs::OFlags::empty()).is_ok() {
            return Err(ContainerError::Failed(format!("cannot mount volume over existing file, file exists {}", mount.target)));
        }
        if let Ok(inside) = inside {
            check_device(mount).map_err(|text| ContainerError::Failed(format!("failed to populate volume: {text}")))?;
            let from = crate::sys::mount::path_of(std::os::fd::AsFd::as_fd(&inside));
            root::copy_folder(&from, mount.place()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Deletes the volumes that were made for a container alone.
pub(super) fn remove_anonymous(record: &Record) {
    for mount in record.mounts.iter().filter(|m| m.anonymous) {
        if let Some(folder) = mount.source.parent() {
            let _ = tree::remove(folder);
        }
    }
}
