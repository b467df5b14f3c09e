//! What is mounted into a container: folders of the host, volumes (folders of the engine) and memory. Volumes are made when first named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::host::{HostConfig, MountRequest};
use super::record::{MountKind, MountPoint, Record};
use super::store::{Container, Containers};
use super::{ContainerError, disk, names, root};
use crate::image::RunConfig;

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

/// Decides the mounts of a container to be; makes the volumes that are missing.
pub(super) fn plan(containers: &Containers, config: &RunConfig, host: &HostConfig) -> Result<Vec<MountPoint>, ContainerError> {
    let mut mounts: Vec<MountPoint> = Vec::new();
    let mut add = |mount: MountPoint| {
        mounts.retain(|m| m.target != mount.target);
        mounts.push(mount);
    };
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut twice = |mount: &MountPoint| {
        let taken = !asked.insert(mount.target.clone());
        if taken { Err(ContainerError::Invalid(format!("Duplicate mount point: {}", mount.target))) } else { Ok(()) }
    };
    for from in host.volumes_from.iter().flatten() {
        let (name, mode) = from.split_once(':').unwrap_or((from, ""));
        if !is_mode(mode) {
            return Err(ContainerError::Invalid(format!("invalid mode: {mode}")));
        }
        let source = containers.get(name)?;
        for mut mount in source.record().mounts {
            mount.writable &= mode != "ro";
            mount.anonymous = false;
            add(mount);
        }
    }
    for bind in host.binds.iter().flatten() {
        let mount = parse_bind(containers, bind)?;
        twice(&mount)?;
        add(mount);
    }
    for request in host.mounts.iter().flatten() {
        let mount = long_form(containers, request)?;
        twice(&mount)?;
        add(mount);
    }
    for target in config.volumes.iter().flatten().map(|(target, _)| target) {
        if mounts.iter().any(|m| &m.target == target) || host.tmpfs.iter().flatten().any(|(t, _)| t == target) {
            continue;
        }
        mounts.push(anonymous(containers, target, "")?);
    }
    Ok(mounts)
}

fn parse_bind(containers: &Containers, bind: &str) -> Result<MountPoint, ContainerError> {
    let invalid = |text: String| ContainerError::Invalid(text);
    let parts: Vec<&str> = bind.split(':').collect();
    let (source, target, mode) = match parts[..] {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, mode] => (source, target, mode),
        _ => return Err(invalid(format!("invalid volume specification: '{bind}'"))),
    };
    if target.is_empty() || !target.starts_with('/') {
        return Err(invalid(format!(
            "invalid volume specification: '{bind}': invalid mount config for type \"{}\": invalid mount path: '{target}' mount path must be absolute",
            if source.starts_with('/') { "bind" } else { "volume" }
        )));
    }
    if Path::new(target) == Path::new("/") {
        return Err(invalid(format!(
            "invalid volume specification: '{bind}': invalid mount config for type \"bind\": invalid specification: destination can't be '/'"
        )));
    }
    if !is_mode(mode) {
        return Err(invalid(format!("invalid volume specification: '{bind}': invalid mode: {mode}")));
    }
    let writable = !mode.split(',').any(|o| o == "ro");
    if source.is_empty() {
        return anonymous(containers, target, mode);
    }
    if source.starts_with('/') {
        // A missing folder is made, as for Docker's short form.
        if fs::symlink_metadata(source).is_err() {
            fs::create_dir_all(source).map_err(|e| {
                ContainerError::failed(
                    format_args!("error while creating mount source path '{source}': mkdir {source}"),
                    super::child::plain(&e),
                )
            })?;
        }
        return Ok(MountPoint {
            kind: MountKind::Bind,
            name: String::new(),
            source: source.into(),
            target: target.to_owned(),
            mode: mode.to_owned(),
            writable,
            propagation: propagation(mode.split(',')).to_owned(),
            anonymous: false,
        });
    }
    let mut mount = volume(containers, source, target, mode)?;
    mount.writable = writable;
    Ok(mount)
}

/// Whether every word of a mount's mode is known.
fn is_mode(mode: &str) -> bool {
    let known = "ro rw z Z nocopy private rprivate shared rshared slave rslave cached delegated consistent";
    mode.split(',').filter(|o| !o.is_empty()).all(|option| known.split(' ').any(|k| k == option))
}

fn long_form(containers: &Containers, request: &MountRequest) -> Result<MountPoint, ContainerError> {
    let wrong = |what: String| ContainerError::Invalid(format!("invalid mount config for type \"{}\": {what}", request.kind));
    if request.target.is_empty() {
        return Err(wrong("field Target must not be empty".to_owned()));
    }
    if !request.target.starts_with('/') {
        return Err(wrong(format!("invalid mount path: '{}' mount path must be absolute", request.target)));
    }
    if Path::new(&request.target) == Path::new("/") {
        return Err(wrong("invalid specification: destination can't be '/'".to_owned()));
    }
    let option = |name: &str| request.volume_options.as_ref().and_then(|o| o.get(name));
    let driver = option("DriverConfig").and_then(|d| d.get("Name")?.as_str()).filter(|d| !["", "local"].contains(d));
    if let Some(driver) = driver {
        return Err(ContainerError::NotFound(format!("error looking up volume plugin {driver}: plugin \"{driver}\" not found")));
    }
    if option("Subpath").and_then(serde_json::Value::as_str).is_some_and(|s| !s.is_empty()) {
        return Err(wrong("this engine mounts volumes whole: leave out volume-subpath".to_owned()));
    }
    let mut mount = match request.kind.as_str() {
        "bind" => {
            if request.source.is_empty() {
                return Err(wrong("field Source must not be empty".to_owned()));
            }
            if !request.source.starts_with('/') {
                return Err(wrong(format!("invalid mount path: '{}' mount path must be absolute", request.source)));
            }
            if fs::metadata(&request.source).is_err() {
                return Err(wrong(format!("bind source path does not exist: {}", request.source)));
            }
            MountPoint {
                kind: MountKind::Bind,
                name: String::new(),
                source: PathBuf::from(&request.source),
                target: request.target.clone(),
                mode: String::new(),
                writable: true,
                propagation: propagation(request.bind_options.iter().filter_map(|o| o.get("Propagation")?.as_str())).to_owned(),
                anonymous: false,
            }
        }
        "volume" => {
            let mode = if option("NoCopy").and_then(serde_json::Value::as_bool) == Some(true) { "z,nocopy" } else { "z" };
            if request.source.is_empty() {
                anonymous(containers, &request.target, mode)?
            } else {
                volume(containers, &request.source, &request.target, mode)?
            }
        }
        "tmpfs" => MountPoint {
            kind: MountKind::Tmpfs,
            name: tmpfs_options(request),
            source: PathBuf::new(),
            target: request.target.clone(),
            mode: String::new(),
            writable: true,
            propagation: String::new(),
            anonymous: false,
        },
        _ => return Err(wrong("mount type unknown".to_owned())),
    };
    mount.writable = !request.read_only;
    Ok(mount)
}

/// How mounts below a bind are to be passed on, which is shown and no more: [`wants_propagation`].
fn propagation<'a>(mut options: impl Iterator<Item = &'a str>) -> &'a str {
    options.find(|o| ["private", "rprivate", "shared", "rshared", "slave", "rslave"].contains(o)).unwrap_or("rprivate")
}

/// Whether some mount is to be passed on between the machine and the container. The engine's mounts are its own, so none is.
pub(super) fn wants_propagation(mounts: &[MountPoint]) -> bool {
    mounts.iter().any(|m| m.propagation.ends_with("shared") || m.propagation.ends_with("slave"))
}

fn tmpfs_options(request: &MountRequest) -> String {
    let number = |field| request.tmpfs_options.as_ref().and_then(|o| o.get(field)).and_then(serde_json::Value::as_u64);
    let size = number("SizeBytes").map(|s| format!("size={s}"));
    let mode = number("Mode").map(|m| format!("mode={m:o}"));
    [size, mode].into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn volume(containers: &Containers, name: &str, target: &str, mode: &str) -> Result<MountPoint, ContainerError> {
    let volume = containers.create_volume(name, None, None)?;
    Ok(mount_of(volume, target, mode))
}

fn anonymous(containers: &Containers, target: &str, mode: &str) -> Result<MountPoint, ContainerError> {
    let labels = BTreeMap::from([(ANONYMOUS.to_owned(), String::new())]);
    let volume = containers.create_volume("", Some(labels), None)?;
    Ok(MountPoint { anonymous: true, ..mount_of(volume, target, mode) })
}

fn mount_of(volume: Volume, target: &str, mode: &str) -> MountPoint {
    MountPoint {
        kind: MountKind::Volume,
        name: volume.name,
        source: volume.folder,
        target: target.to_owned(),
        mode: if mode.is_empty() { "z".to_owned() } else { mode.to_owned() },
        writable: true,
        propagation: String::new(),
        anonymous: false,
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
