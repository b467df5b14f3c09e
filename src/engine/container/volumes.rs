//! What is mounted into a container: folders of the host, volumes (folders of the engine) and memory. Volumes are made when first named.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{MountKind, MountPoint, Record};
use super::store::{Container, Containers};
use super::{ContainerError, disk, names, root};

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
        if !names::is_valid(&name) {
            return Err(ContainerError::Invalid(format!(
                "create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
            )));
        }
        if let Ok(there) = self.volume(&name) {
            return Ok(there);
        }
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
        root::remove_tree(&self.inner.state.join("volumes").join(name))
            .map_err(|e| ContainerError::failed(format_args!("cannot remove volume {name}"), e))?;
        self.inner.events.emit("volume", "destroy", name, BTreeMap::from([("driver".to_owned(), "local".to_owned())]));
        Ok(())
    }

    /// The folder with a volume's contents.
    pub fn volume_dir(&self, name: &str) -> PathBuf {
        self.inner.state.join("volumes").join(name).join("_data")
    }
}

/// Gives empty volumes what the image has at their place.
pub(super) fn populate(container: &Container, record: &Record) -> Result<(), ContainerError> {
    for mount in record.mounts.iter().filter(|m| m.kind == MountKind::Volume) {
        let empty = fs::read_dir(&mount.source).is_ok_and(|mut d| d.next().is_none());
        if !empty || mount.mode.split(',').any(|o| o == "nocopy") {
            continue;
        }
        let failed = |e| ContainerError::failed(format_args!("cannot fill volume {}", mount.name), e);
        let rootfs = root::open(container.dir(), record).map_err(failed)?;
        let inside = crate::sys::mount::open_in(
            std::os::fd::AsFd::as_fd(&rootfs),
            &mount.target,
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY,
        );
        if let Ok(inside) = inside {
            let from = crate::sys::mount::path_of(std::os::fd::AsFd::as_fd(&inside));
            root::copy_folder(&from, &mount.source).map_err(failed)?;
        }
    }
    Ok(())
}

/// Deletes the volumes that were made for a container alone.
pub(super) fn remove_anonymous(record: &Record) {
    for mount in record.mounts.iter().filter(|m| m.anonymous) {
        if let Some(folder) = mount.source.parent() {
            let _ = root::remove_tree(folder);
        }
    }
}
