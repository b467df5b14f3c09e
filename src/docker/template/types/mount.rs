//! The types of what is mounted in a container, as it is and as it was asked for, and of volumes.

use super::{ANY, Struct, TEXTS, Type, flag, int, labels, list, map, pointer, text};

/// A place where something is mounted.
pub static POINT: Struct = Struct::new(
    "container.MountPoint",
    &[
        text("Type").omitted(),
        text("Name").omitted(),
        text("Source"),
        text("Destination"),
        text("Driver").omitted(),
        text("Mode"),
        flag("RW"),
        text("Propagation"),
    ],
);

/// A mount that was asked for.
pub static MOUNT: Struct = Struct::new(
    "mount.Mount",
    &[
        text("Type").omitted(),
        text("Source").omitted(),
        text("Target").omitted(),
        flag("ReadOnly").omitted(),
        text("Consistency").omitted(),
        pointer("BindOptions", &Type::Struct(&BIND)).omitted(),
        pointer("VolumeOptions", &Type::Struct(&IN_VOLUME)).omitted(),
        pointer("ImageOptions", &Type::Struct(&IN_IMAGE)).omitted(),
        pointer("TmpfsOptions", &Type::Struct(&TMPFS)).omitted(),
        pointer("ClusterOptions", &Type::Struct(&CLUSTER)).omitted(),
    ],
);

static BIND: Struct = Struct::new(
    "mount.BindOptions",
    &[
        text("Propagation").omitted(),
        flag("NonRecursive").omitted(),
        flag("CreateMountpoint").omitted(),
        flag("ReadOnlyNonRecursive").omitted(),
        flag("ReadOnlyForceRecursive").omitted(),
    ],
);

static IN_VOLUME: Struct = Struct::new(
    "mount.VolumeOptions",
    &[
        flag("NoCopy").omitted(),
        labels("Labels").omitted(),
        text("Subpath").omitted(),
        pointer("DriverConfig", &Type::Struct(&DRIVER)).omitted(),
    ],
);

static DRIVER: Struct = Struct::new("mount.Driver", &[text("Name").omitted(), labels("Options").omitted()]);

static IN_IMAGE: Struct = Struct::new("mount.ImageOptions", &[text("Subpath").omitted()]);

static TMPFS: Struct =
    Struct::new("mount.TmpfsOptions", &[int("SizeBytes").omitted(), int("Mode").omitted(), list("Options", &TEXTS).omitted()]);

static CLUSTER: Struct = Struct::new("mount.ClusterOptions", &[]);

pub static VOLUME: Struct = Struct::new(
    "volume.Volume",
    &[
        pointer("ClusterVolume", &Type::Open("volume.ClusterVolume")).omitted(),
        text("CreatedAt").omitted(),
        text("Driver"),
        labels("Labels"),
        text("Mountpoint"),
        text("Name"),
        labels("Options"),
        text("Scope"),
        map("Status", &ANY).omitted(),
        pointer("UsageData", &Type::Struct(&USAGE)).omitted(),
    ],
);

static USAGE: Struct = Struct::new("volume.UsageData", &[int("RefCount"), int("Size")]);
