//! What shall be mounted into a container, read from the two forms of a request (`-v`, `--mount`) by Docker's rules. Mounts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::ContainerError;
use super::check::mount_target;
use super::host::{HostConfig, MountRequest};
use super::record::{MountKind, MountPoint};
use super::store::Containers;
use super::volumes::{ANONYMOUS, Volume};
use crate::image::RunConfig;
use crate::sys::mount;

const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// The words of a mode; of each row one at the most.
const MODES: [&[&str]; 5] = [&["ro", "rw"], &["z", "Z"], &PROPAGATIONS, &["nocopy"], &["consistent", "cached", "delegated"]];

/// Decides the mounts of a container to be; makes the volumes that are missing.
///
/// A read-only bind is `read_only_itself` alone, without the mounts below it, for clients to whom it always was.
pub(super) fn plan(
    containers: &Containers,
    config: &RunConfig,
    host: &HostConfig,
    read_only_itself: bool,
) -> Result<Vec<MountPoint>, ContainerError> {
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
        if name.is_empty() {
            return Err(ContainerError::Invalid("volumes-from specification cannot be an empty string".to_owned()));
        }
        // How the other one's mounts are passed on or filled is that one's affair.
        if !is_mode(mode) || mode.split(',').any(|o| o == "nocopy" || PROPAGATIONS.contains(&o)) {
            return Err(ContainerError::Invalid(format!("invalid mode: {mode}")));
        }
        // A client that reads "not found" would look for the image.
        let source = containers.get(name).map_err(|e| ContainerError::Invalid(e.to_string()))?;
        for mut mount in source.record().mounts {
            mount.writable &= !mode.split(',').any(|o| o == "ro");
            mount.anonymous = false;
            add(mount);
        }
    }
    for bind in host.binds.iter().flatten() {
        let mut mount = short_form(containers, bind)?;
        mount.read_only_itself |= read_only_itself;
        twice(&mount)?;
        add(mount);
    }
    for request in host.mounts.iter().flatten() {
        let mut mount = long_form(containers, request)?;
        mount.read_only_itself |= read_only_itself;
        twice(&mount)?;
        add(mount);
    }
    for target in config.volumes.iter().flatten().map(|(target, _)| clean(Path::new(target))) {
        let there = |other: &str| clean(Path::new(other)) == target;
        if !mounts.iter().any(|m| there(&m.target)) && !host.tmpfs.iter().flatten().any(|(t, _)| there(t)) {
            mounts.push(anonymous(containers, &target.to_string_lossy(), "")?);
        }
    }
    Ok(mounts)
}

/// `SOURCE:TARGET:MODE`, `SOURCE:TARGET` or `TARGET`.
fn short_form(containers: &Containers, bind: &str) -> Result<MountPoint, ContainerError> {
    let invalid = || ContainerError::Invalid(format!("invalid volume specification: '{bind}'"));
    let parts: Vec<&str> = bind.split(':').collect();
    let (source, target, mode) = match parts[..] {
        ["", ..] => return Err(invalid()),
        [target] => ("", target, ""),
        // A place and a mode, but nothing to put there.
        [_, mode] if is_mode(mode) => return Err(invalid()),
        [source, target] => (source, target, ""),
        [source, target, mode] => (source, target, mode),
        _ => return Err(invalid()),
    };
    if !is_mode(mode) {
        return Err(ContainerError::Invalid(format!("invalid mode: {mode}")));
    }
    let kind = if source.starts_with('/') { "bind" } else { "volume" };
    let target_error = if target.is_empty() { Err("field Target must not be empty".to_owned()) } else { mount_target(target) };
    target_error.map_err(|text| ContainerError::Invalid(format!("{}: invalid mount config for type \"{kind}\": {text}", invalid())))?;
    let writable = !mode.split(',').any(|o| o == "ro");
    if source.is_empty() {
        return anonymous(containers, target, mode);
    }
    if source.starts_with('/') {
        // A missing folder is made, as for Docker's short form.
        make_source(Path::new(source))?;
        return Ok(MountPoint {
            mode: mode.to_owned(),
            writable,
            propagation: propagation(mode.split(',')).to_owned(),
            ..MountPoint::new(MountKind::Bind, source, target)
        });
    }
    Ok(MountPoint { writable, ..volume(containers, source, target, mode)? })
}

fn make_source(source: &Path) -> Result<(), ContainerError> {
    if fs::symlink_metadata(source).is_ok() {
        return Ok(());
    }
    let path = source.display();
    fs::create_dir_all(source).map_err(|e| {
        ContainerError::failed(format_args!("error while creating mount source path '{path}': mkdir {path}"), crate::units::go_words(&e))
    })
}

/// Whether a mode is one (Docker's `linuxValidMountMode`).
fn is_mode(mode: &str) -> bool {
    let words: Vec<&str> = if mode.is_empty() { Vec::new() } else { mode.split(',').collect() };
    words.iter().all(|word| MODES.iter().any(|row| row.contains(word)))
        && MODES.iter().all(|row| words.iter().filter(|word| row.contains(word)).count() < 2)
}

fn long_form(containers: &Containers, request: &MountRequest) -> Result<MountPoint, ContainerError> {
    let wrong = |what: String| ContainerError::Invalid(format!("invalid mount config for type \"{}\": {what}", request.kind));
    if request.target.is_empty() {
        return Err(wrong("field Target must not be empty".to_owned()));
    }
    mount_target(&request.target).map_err(wrong)?;
    let bind = |name: &str| request.bind_options.as_ref().and_then(|o| o.get(name));
    let set = |name: &str| bind(name).and_then(Value::as_bool) == Some(true);
    let volume_option = |name: &str| request.volume_options.as_ref().and_then(|o| o.get(name));
    let extra = |field: &str, there: bool| if there { Err(wrong(format!("field {field} must not be specified"))) } else { Ok(()) };
    let mut mount = match request.kind.as_str() {
        "bind" => {
            if request.source.is_empty() {
                return Err(wrong("field Source must not be empty".to_owned()));
            }
            let passed_on = bind("Propagation").and_then(Value::as_str).filter(|p| !p.is_empty());
            if let Some(unknown) = passed_on.filter(|p| !PROPAGATIONS.contains(p)) {
                return Err(wrong(format!("invalid propagation mode: {unknown}")));
            }
            extra("VolumeOptions", request.volume_options.is_some())?;
            if !request.source.starts_with('/') {
                return Err(wrong(format!("invalid mount path: '{}' mount path must be absolute", request.source)));
            }
            if set("CreateMountpoint") {
                make_source(Path::new(&request.source))?;
            } else if fs::metadata(&request.source).is_err() {
                return Err(wrong(format!("bind source path does not exist: {}", request.source)));
            }
            if request.read_only && set("ReadOnlyNonRecursive") && set("ReadOnlyForceRecursive") {
                let text = "mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive";
                return Err(ContainerError::Invalid(text.to_owned()));
            }
            MountPoint {
                propagation: passed_on.unwrap_or("rprivate").to_owned(),
                itself_alone: set("NonRecursive"),
                read_only_itself: set("ReadOnlyNonRecursive"),
                ..MountPoint::new(MountKind::Bind, &request.source, &request.target)
            }
        }
        "volume" => {
            extra("BindOptions", request.bind_options.is_some())?;
            let subpath = volume_option("Subpath").and_then(Value::as_str).unwrap_or_default();
            if !subpath.is_empty() && request.source.is_empty() {
                return Err(wrong("must not set Subpath when using anonymous volumes".to_owned()));
            }
            if !subpath.is_empty() && !stays_inside(subpath) {
                return Err(wrong("subpath must be a relative path within the volume".to_owned()));
            }
            if request.read_only && request.source.is_empty() {
                return Err(wrong("must not set ReadOnly mode when using anonymous volumes".to_owned()));
            }
            let driver = volume_option("DriverConfig").and_then(|d| d.get("Name")?.as_str()).filter(|d| !["", "local"].contains(d));
            if let Some(driver) = driver {
                let text = format!("error looking up volume plugin {driver}: plugin \"{driver}\" not found");
                return Err(ContainerError::NotFound(text));
            }
            let mode = if volume_option("NoCopy").and_then(Value::as_bool) == Some(true) { "z,nocopy" } else { "z" };
            let made = if request.source.is_empty() {
                anonymous(containers, &request.target, mode)?
            } else {
                volume(containers, &request.source, &request.target, mode)?
            };
            MountPoint { subpath: subpath.to_owned(), ..made }
        }
        "tmpfs" => {
            extra("BindOptions", request.bind_options.is_some())?;
            extra("Source", !request.source.is_empty())?;
            MountPoint { name: tmpfs_options(request).map_err(wrong)?, ..MountPoint::new(MountKind::Tmpfs, "", &request.target) }
        }
        _ => return Err(wrong("mount type unknown".to_owned())),
    };
    mount.writable = !request.read_only;
    Ok(mount)
}

/// Go's `path.Clean` of a path that is absolute or empty.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// Go's `filepath.IsLocal`: by its text a path leads nowhere but down.
fn stays_inside(path: &str) -> bool {
    let mut depth = 0i32;
    Path::new(path).components().all(|part| {
        match part {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            _ => return false,
        }
        depth >= 0
    })
}

/// How mounts below a bind are to be passed on, which is shown and no more: [`wants_propagation`].
fn propagation<'a>(mut options: impl Iterator<Item = &'a str>) -> &'a str {
    options.find(|o| PROPAGATIONS.contains(o)).unwrap_or("rprivate")
}

/// Whether some mount is to be passed on between the machine and the container. The engine's mounts are its own, so none is.
pub(super) fn wants_propagation(mounts: &[MountPoint]) -> bool {
    mounts.iter().any(|m| m.propagation.ends_with("shared") || m.propagation.ends_with("slave"))
}

/// The options of a file system in memory, as `mount` takes them.
fn tmpfs_options(request: &MountRequest) -> Result<String, String> {
    let option = |field| request.tmpfs_options.as_ref().and_then(|o| o.get(field));
    let number = |field| option(field).and_then(Value::as_u64).filter(|n| *n > 0);
    let mut all: Vec<String> = number("Mode").map(|m| format!("mode={m:o}")).into_iter().collect();
    all.extend(number("SizeBytes").map(|s| format!("size={s}")));
    for given in option("Options").and_then(Value::as_array).into_iter().flatten() {
        let words: Vec<&str> = given.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match words[..] {
            [name] | [name, _] if !matches!(name, "exec" | "noexec") => return Err(format!("invalid option: {name}")),
            [_] | [_, _] => all.push(words.join("=")),
            _ => return Err("invalid option array length".to_owned()),
        }
    }
    Ok(all.join(","))
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
        device: volume.device(),
        name: volume.name,
        mode: if mode.is_empty() { "z".to_owned() } else { mode.to_owned() },
        ..MountPoint::new(MountKind::Volume, volume.folder, target)
    }
}

impl MountPoint {
    fn new(kind: MountKind, source: impl Into<PathBuf>, target: &str) -> MountPoint {
        MountPoint {
            kind,
            name: String::new(),
            source: clean(&source.into()),
            device: None,
            subpath: String::new(),
            target: clean(Path::new(target)).to_string_lossy().into_owned(),
            mode: String::new(),
            writable: true,
            propagation: String::new(),
            anonymous: false,
            itself_alone: false,
            read_only_itself: false,
        }
    }

    /// Whether the part of a volume that is to be mounted is there; the error is Docker's text.
    pub(super) fn check_subpath(&self) -> Result<(), String> {
        if self.subpath.is_empty() {
            return Ok(());
        }
        let there = mount::open_below(&self.source, &self.subpath);
        let path = self.source.join(&self.subpath);
        there.map(drop).map_err(|e| format!("cannot access path {}: {}", path.display(), crate::units::go_words(&e)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_a_mode_has_one_word() {
        for mode in ["", "ro", "rw,z", "ro,Z,rshared,nocopy,cached"] {
            assert!(is_mode(mode), "{mode}");
        }
        for mode in ["ro,rw", "z,Z", "nope", "ro,", "private,slave", "cached,delegated"] {
            assert!(!is_mode(mode), "{mode}");
        }
    }

    #[test]
    fn a_subpath_leads_down() {
        for path in ["a", "a/b", "a/../b", "./a", "a/.."] {
            assert!(stays_inside(path), "{path}");
        }
        for path in ["/a", "..", "../a", "a/../../b"] {
            assert!(!stays_inside(path), "{path}");
        }
    }
}
