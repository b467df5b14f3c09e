//! Fields that an engine leaves out of its objects where they are empty. Go's types have them all the same, with their zero values; a field
//! of another type is an error, so each list here belongs to one kind of object.

use serde_json::{Map, Value as Json};

/// A field's name and what Go's zero value is, as JSON.
type Fields = &'static [(&'static str, Zero)];

#[derive(Clone, Copy)]
enum Zero {
    Nil,
    False,
    Number,
    Text,
}

use Zero::{False, Nil, Number, Text};

/// Kinds of objects: a key that engines always send with one of this kind and with no other, and the fields that they may leave out.
const KINDS: &[(&str, Fields)] = &[
    // A container.
    ("HostConfig", &[("SizeRw", Nil), ("SizeRootFs", Nil), ("Mounts", Nil), ("ImageManifestDescriptor", Nil)]),
    // Its state.
    ("OOMKilled", &[("Health", Nil)]),
    // How it is run.
    (
        "PortBindings",
        &[
            ("Annotations", Nil),
            ("Init", Nil),
            ("KernelMemory", Number),
            ("KernelMemoryTCP", Number),
            ("Mounts", Nil),
            ("Runtime", Text),
            ("StorageOpt", Nil),
            ("Sysctls", Nil),
            ("Tmpfs", Nil),
        ],
    ),
    // What is in its configuration and not in that of an image.
    ("AttachStdin", &[("MacAddress", Text), ("NetworkDisabled", False), ("StopTimeout", Nil)]),
    // A place where something is mounted in it, and one that was asked for.
    ("Propagation", &[("Driver", Text), ("Name", Text), ("Type", Text)]),
    (
        "Target",
        &[
            ("BindOptions", Nil),
            ("ClusterOptions", Nil),
            ("Consistency", Text),
            ("ImageOptions", Nil),
            ("ReadOnly", False),
            ("Source", Text),
            ("TmpfsOptions", Nil),
            ("Type", Text),
            ("VolumeOptions", Nil),
        ],
    ),
    // A check of its health.
    ("Test", &[("Interval", Number), ("Retries", Number), ("StartInterval", Number), ("StartPeriod", Number), ("Timeout", Number)]),
    // An image.
    (
        "RootFS",
        &[
            ("Author", Text),
            ("Comment", Text),
            ("Container", Text),
            ("ContainerConfig", Nil),
            ("Created", Text),
            ("Descriptor", Nil),
            ("DockerVersion", Text),
            ("Manifests", Nil),
            ("OsVersion", Text),
            ("Parent", Text),
            ("Variant", Text),
            ("VirtualSize", Number),
        ],
    ),
    // A network, and one of its ranges of addresses.
    ("IPAM", &[("EnableIPv4", False), ("Peers", Nil), ("Services", Nil)]),
    ("Subnet", &[("AuxAddress", Nil), ("Gateway", Text), ("IPRange", Text)]),
    // A volume.
    ("Mountpoint", &[("ClusterVolume", Nil), ("CreatedAt", Text), ("Status", Nil), ("UsageData", Nil)]),
    // What `docker version` and `docker info` tell.
    ("ApiVersion", &[("Experimental", False)]),
    (
        "ClientInfo",
        &[
            ("ClientErrors", Nil),
            ("Containerd", Nil),
            ("DefaultAddressPools", Nil),
            ("DiscoveredDevices", Nil),
            ("FirewallBackend", Nil),
            ("HTTPProxy", Text),
            ("HTTPSProxy", Text),
            ("KernelMemory", False),
            ("NoProxy", Text),
            ("ProductLicense", Text),
            ("ServerErrors", Nil),
            ("SystemStatus", Nil),
        ],
    ),
];

/// The configuration of a container or an image, which may be left without any field.
const CONFIG: Fields = &[
    ("ArgsEscaped", False),
    ("Cmd", Nil),
    ("Entrypoint", Nil),
    ("Env", Nil),
    ("ExposedPorts", Nil),
    ("Healthcheck", Nil),
    ("Labels", Nil),
    ("OnBuild", Nil),
    ("Shell", Nil),
    ("StopSignal", Text),
    ("User", Text),
    ("Volumes", Nil),
    ("WorkingDir", Text),
];

/// Whether a field of an object is the configuration of a container or an image.
pub(super) fn is_config(object: &Map<String, Json>, name: &str) -> bool {
    matches!(name, "Config" | "ContainerConfig") && (object.contains_key("HostConfig") || object.contains_key("RootFS"))
}

/// The zero value of a field that an object was sent without; nothing if its type has no such field. `config` says that it is a
/// configuration.
pub(super) fn zero(object: &Map<String, Json>, config: bool, name: &str) -> Option<Json> {
    let of_kind = KINDS.iter().filter(|(key, _)| object.contains_key(*key)).flat_map(|(_, fields)| *fields);
    let (_, zero) = of_kind.chain(if config { CONFIG } else { &[] }).find(|(field, _)| *field == name)?;
    Some(match zero {
        Nil => Json::Null,
        False => Json::Bool(false),
        Number => Json::from(0),
        Text => Json::from(""),
    })
}
