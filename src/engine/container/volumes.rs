//! What is mounted into a container: folders of the host, volumes (folders of the engine) and memory. Volumes are made when first named.

use std::fs;
use std::path::{Path, PathBuf};

use super::host::{HostConfig, MountRequest};
use super::record::{MountKind, MountPoint, Record};
use super::store::{Container, Containers};
use super::{ContainerError, names, root};
use crate::engine::image::RunConfig;

impl Containers {
    /// The folder with a volume's contents.
    pub fn volume_dir(&self, name: &str) -> PathBuf {
        self.inner.state.join("volumes").join(name).join("_data")
    }
}

/// Decides the mounts of a container to be; makes the volumes that are missing.
pub(super) fn plan(containers: &Containers, id: &str, config: &RunConfig, host: &HostConfig) -> Result<Vec<MountPoint>, ContainerError> {
    let mut mounts: Vec<MountPoint> = Vec::new();
    let mut add = |mount: MountPoint| {
        mounts.retain(|m| m.target != mount.target);
        mounts.push(mount);
    };
    for from in host.volumes_from.iter().flatten() {
        let (name, mode) = from.split_once(':').unwrap_or((from, ""));
        let source = containers.get(name)?;
        for mut mount in source.record().mounts {
            mount.writable &= mode != "ro";
            mount.anonymous = false;
            add(mount);
        }
    }
    for bind in host.binds.iter().flatten() {
        add(parse_bind(containers, bind)?);
    }
    for request in host.mounts.iter().flatten() {
        add(long_form(containers, request)?);
    }
    for target in config.volumes.iter().flatten().map(|(target, _)| target) {
        if mounts.iter().any(|m| &m.target == target) || host.tmpfs.iter().flatten().any(|(t, _)| t == target) {
            continue;
        }
        let name = names::id();
        let mut mount = volume(containers, &name, target, "")?;
        mount.anonymous = true;
        mounts.push(mount);
    }
    let _ = id;
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
    for option in mode.split(',').filter(|o| !o.is_empty()) {
        let known = [
            "ro",
            "rw",
            "z",
            "Z",
            "nocopy",
            "private",
            "rprivate",
            "shared",
            "rshared",
            "slave",
            "rslave",
            "cached",
            "delegated",
            "consistent",
        ];
        if !known.contains(&option) {
            return Err(invalid(format!("invalid volume specification: '{bind}': invalid mode: {mode}")));
        }
    }
    let writable = !mode.split(',').any(|o| o == "ro");
    if source.is_empty() {
        let mut mount = volume(containers, &names::id(), target, mode)?;
        mount.anonymous = true;
        return Ok(mount);
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
            propagation: "rprivate".to_owned(),
            anonymous: false,
        });
    }
    let mut mount = volume(containers, source, target, mode)?;
    mount.writable = writable;
    Ok(mount)
}

fn long_form(containers: &Containers, request: &MountRequest) -> Result<MountPoint, ContainerError> {
    let wrong = |what: String| ContainerError::Invalid(format!("invalid mount config for type \"{}\": {what}", request.kind));
    if request.target.is_empty() {
        return Err(wrong("field Target must not be empty".to_owned()));
    }
    if !request.target.starts_with('/') {
        return Err(wrong(format!("invalid mount path: '{}' mount path must be absolute", request.target)));
    }
    let mut mount = match request.kind.as_str() {
        "bind" => {
            if request.source.is_empty() {
                return Err(wrong("field Source must not be empty".to_owned()));
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
                propagation: "rprivate".to_owned(),
                anonymous: false,
            }
        }
        "volume" => {
            let anonymous = request.source.is_empty();
            let name = if anonymous { names::id() } else { request.source.clone() };
            let mut mount = volume(containers, &name, &request.target, "z")?;
            mount.anonymous = anonymous;
            mount
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
        other => return Err(ContainerError::Invalid(format!("mount type unknown: {other:?}"))),
    };
    mount.writable = !request.read_only;
    Ok(mount)
}

fn tmpfs_options(request: &MountRequest) -> String {
    let number = |field| request.tmpfs_options.as_ref().and_then(|o| o.get(field)).and_then(serde_json::Value::as_u64);
    let size = number("SizeBytes").map(|s| format!("size={s}"));
    let mode = number("Mode").map(|m| format!("mode={m:o}"));
    [size, mode].into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn volume(containers: &Containers, name: &str, target: &str, mode: &str) -> Result<MountPoint, ContainerError> {
    if !names::is_valid(name) {
        return Err(ContainerError::Invalid(format!(
            "create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
        )));
    }
    let source = containers.volume_dir(name);
    fs::create_dir_all(&source).map_err(|e| ContainerError::failed(format_args!("cannot make volume {name}"), e))?;
    Ok(MountPoint {
        kind: MountKind::Volume,
        name: name.to_owned(),
        source,
        target: target.to_owned(),
        mode: if mode.is_empty() { "z".to_owned() } else { mode.to_owned() },
        writable: true,
        propagation: String::new(),
        anonymous: false,
    })
}

/// Gives empty volumes what the image has at their place.
pub(super) fn populate(containers: &Containers, container: &Container, record: &Record) -> Result<(), ContainerError> {
    let _ = containers;
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
