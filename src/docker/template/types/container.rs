//! The types of a container: what `docker container inspect` sees.

use serde_json::{Map, Value as Json};

use super::image::DESCRIPTOR;
use super::mount::{MOUNT, POINT};
use super::network::{ADDRESS, ENDPOINT};
use super::{BOOL, INT, Struct, TEXTS, Type, field, flag, int, labels, list, map, object, pointer, text, texts, time, word};

pub static CONTAINER: Struct = Struct::new(
    "container.InspectResponse",
    &[
        pointer("ContainerJSONBase", &Type::Struct(&BASE)).inlined(),
        list("Mounts", &Type::Struct(&POINT)),
        pointer("Config", &Type::Struct(&CONFIG)),
        pointer("NetworkSettings", &Type::Struct(&NETWORK_SETTINGS)),
        pointer("ImageManifestDescriptor", &Type::Struct(&DESCRIPTOR)).omitted(),
    ],
);

static BASE: Struct = Struct::new(
    "container.ContainerJSONBase",
    &[
        text("ID").json("Id"),
        text("Created"),
        text("Path"),
        texts("Args"),
        pointer("State", &Type::Struct(&STATE)),
        text("Image"),
        text("ResolvConfPath"),
        text("HostnamePath"),
        text("HostsPath"),
        text("LogPath"),
        text("Name"),
        int("RestartCount"),
        text("Driver"),
        text("Platform"),
        text("MountLabel"),
        text("ProcessLabel"),
        text("AppArmorProfile"),
        texts("ExecIDs"),
        pointer("HostConfig", &Type::Struct(&HOST_CONFIG)),
        object("GraphDriver", &GRAPH_DRIVER),
        pointer("SizeRw", &INT).omitted(),
        pointer("SizeRootFs", &INT).omitted(),
    ],
);

/// Where the files of a container or an image are.
pub static GRAPH_DRIVER: Struct = Struct::new("storage.DriverData", &[labels("Data"), text("Name")]);

static STATE: Struct = Struct::new(
    "container.State",
    &[
        text("Status"),
        flag("Running"),
        flag("Paused"),
        flag("Restarting"),
        flag("OOMKilled"),
        flag("Dead"),
        int("Pid"),
        int("ExitCode"),
        text("Error"),
        text("StartedAt"),
        text("FinishedAt"),
        pointer("Health", &Type::Struct(&HEALTH)).omitted(),
    ],
);

static HEALTH: Struct =
    Struct::new("container.Health", &[text("Status"), int("FailingStreak"), list("Log", &Type::Pointer(&Type::Struct(&CHECKED)))]);

static CHECKED: Struct = Struct::new("container.HealthcheckResult", &[time("Start"), time("End"), int("ExitCode"), text("Output")]);

/// What `ExposedPorts` and `Volumes` have for each key.
pub static NOTHING: Type = Type::Struct(&EMPTY);

static EMPTY: Struct = Struct::new("struct {}", &[]);

/// A check of a container's health.
pub static HEALTHCHECK: Struct = Struct::new(
    "v1.HealthcheckConfig",
    &[
        texts("Test").omitted(),
        field("Interval", Type::Duration).omitted(),
        field("Timeout", Type::Duration).omitted(),
        field("StartPeriod", Type::Duration).omitted(),
        field("StartInterval", Type::Duration).omitted(),
        int("Retries").omitted(),
    ],
);

/// What is run.
pub static CONFIG: Struct = Struct::new(
    "container.Config",
    &[
        text("Hostname"),
        text("Domainname"),
        text("User"),
        flag("AttachStdin"),
        flag("AttachStdout"),
        flag("AttachStderr"),
        field("ExposedPorts", Type::Keyed("nat.PortSet", "nat.Port", &NOTHING)).omitted(),
        flag("Tty"),
        flag("OpenStdin"),
        flag("StdinOnce"),
        texts("Env"),
        texts("Cmd"),
        pointer("Healthcheck", &Type::Struct(&HEALTHCHECK)).omitted(),
        flag("ArgsEscaped").omitted(),
        text("Image"),
        map("Volumes", &NOTHING),
        text("WorkingDir"),
        texts("Entrypoint"),
        flag("NetworkDisabled").omitted(),
        text("MacAddress").omitted(),
        texts("OnBuild"),
        labels("Labels"),
        text("StopSignal").omitted(),
        pointer("StopTimeout", &INT).omitted(),
        texts("Shell").omitted(),
    ],
);

/// How it is run.
static HOST_CONFIG: Struct = Struct::new(
    "container.HostConfig",
    &[
        texts("Binds"),
        text("ContainerIDFile"),
        object("LogConfig", &LOG_CONFIG),
        word("NetworkMode", "container.NetworkMode"),
        field("PortBindings", PORTS),
        object("RestartPolicy", &RESTART_POLICY),
        flag("AutoRemove"),
        text("VolumeDriver"),
        texts("VolumesFrom"),
        list("ConsoleSize", &INT),
        labels("Annotations").omitted(),
        texts("CapAdd"),
        texts("CapDrop"),
        word("CgroupnsMode", "container.CgroupnsMode"),
        texts("DNS").json("Dns"),
        texts("DNSOptions").json("DnsOptions"),
        texts("DNSSearch").json("DnsSearch"),
        texts("ExtraHosts"),
        texts("GroupAdd"),
        word("IpcMode", "container.IpcMode"),
        word("Cgroup", "container.CgroupSpec"),
        texts("Links"),
        int("OomScoreAdj"),
        word("PidMode", "container.PidMode"),
        flag("Privileged"),
        flag("PublishAllPorts"),
        flag("ReadonlyRootfs"),
        texts("SecurityOpt"),
        labels("StorageOpt").omitted(),
        labels("Tmpfs").omitted(),
        word("UTSMode", "container.UTSMode"),
        word("UsernsMode", "container.UsernsMode"),
        int("ShmSize"),
        labels("Sysctls").omitted(),
        text("Runtime").omitted(),
        word("Isolation", "container.Isolation"),
        object("Resources", &RESOURCES).inlined(),
        list("Mounts", &Type::Struct(&MOUNT)).omitted(),
        texts("MaskedPaths"),
        texts("ReadonlyPaths"),
        pointer("Init", &BOOL).omitted(),
    ],
);

static LOG_CONFIG: Struct = Struct::new("container.LogConfig", &[text("Type"), labels("Config")]);

static RESTART_POLICY: Struct =
    Struct::new("container.RestartPolicy", &[word("Name", "container.RestartPolicyMode"), int("MaximumRetryCount")]);

const PORTS: Type = Type::Keyed("nat.PortMap", "nat.Port", &Type::List(&Type::Struct(&PORT)));

static PORT: Struct = Struct::new("nat.PortBinding", &[text("HostIP").json("HostIp"), text("HostPort")]);

static RESOURCES: Struct = Struct::new(
    "container.Resources",
    &[
        int("CPUShares").json("CpuShares"),
        int("Memory"),
        int("NanoCPUs").json("NanoCpus"),
        text("CgroupParent"),
        int("BlkioWeight"),
        list("BlkioWeightDevice", &Type::Pointer(&Type::Struct(&WEIGHT))),
        list("BlkioDeviceReadBps", &THROTTLES),
        list("BlkioDeviceWriteBps", &THROTTLES),
        list("BlkioDeviceReadIOps", &THROTTLES),
        list("BlkioDeviceWriteIOps", &THROTTLES),
        int("CPUPeriod").json("CpuPeriod"),
        int("CPUQuota").json("CpuQuota"),
        int("CPURealtimePeriod").json("CpuRealtimePeriod"),
        int("CPURealtimeRuntime").json("CpuRealtimeRuntime"),
        text("CpusetCpus"),
        text("CpusetMems"),
        list("Devices", &Type::Struct(&DEVICE)),
        texts("DeviceCgroupRules"),
        list("DeviceRequests", &Type::Struct(&DEVICE_REQUEST)),
        int("KernelMemory").omitted(),
        int("KernelMemoryTCP").omitted(),
        int("MemoryReservation"),
        int("MemorySwap"),
        pointer("MemorySwappiness", &INT),
        pointer("OomKillDisable", &BOOL),
        pointer("PidsLimit", &INT),
        list("Ulimits", &Type::Pointer(&Type::Struct(&ULIMIT))),
        int("CPUCount").json("CpuCount"),
        int("CPUPercent").json("CpuPercent"),
        int("IOMaximumIOps"),
        int("IOMaximumBandwidth"),
    ],
);

static WEIGHT: Struct = Struct::new("blkiodev.WeightDevice", &[text("Path"), int("Weight")])
    .shown(|device| format!("{}:{}", text_of(device, "Path"), number(device, "Weight")));

static THROTTLE: Struct = Struct::new("blkiodev.ThrottleDevice", &[text("Path"), int("Rate")])
    .shown(|device| format!("{}:{}", text_of(device, "Path"), number(device, "Rate")));

static THROTTLES: Type = Type::Pointer(&Type::Struct(&THROTTLE));

static DEVICE: Struct = Struct::new("container.DeviceMapping", &[text("PathOnHost"), text("PathInContainer"), text("CgroupPermissions")]);

static DEVICE_REQUEST: Struct = Struct::new(
    "container.DeviceRequest",
    &[text("Driver"), int("Count"), texts("DeviceIDs"), list("Capabilities", &TEXTS), labels("Options")],
);

static ULIMIT: Struct = Struct::new("units.Ulimit", &[text("Name"), int("Hard"), int("Soft")])
    .shown(|limit| format!("{}={}:{}", text_of(limit, "Name"), number(limit, "Soft"), number(limit, "Hard")));

fn text_of<'a>(object: &'a Map<String, Json>, key: &str) -> &'a str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn number(object: &Map<String, Json>, key: &str) -> i64 {
    object.get(key).and_then(Json::as_i64).unwrap_or_default()
}

static NETWORK_SETTINGS: Struct = Struct::new(
    "container.NetworkSettings",
    &[
        object("NetworkSettingsBase", &SETTINGS_BASE).inlined(),
        object("DefaultNetworkSettings", &DEFAULT_SETTINGS).inlined(),
        map("Networks", &Type::Pointer(&Type::Struct(&ENDPOINT))),
    ],
);

static SETTINGS_BASE: Struct = Struct::new(
    "container.NetworkSettingsBase",
    &[
        text("Bridge"),
        text("SandboxID"),
        text("SandboxKey"),
        field("Ports", PORTS),
        flag("HairpinMode"),
        text("LinkLocalIPv6Address"),
        int("LinkLocalIPv6PrefixLen"),
        list("SecondaryIPAddresses", &Type::Struct(&ADDRESS)),
        list("SecondaryIPv6Addresses", &Type::Struct(&ADDRESS)),
    ],
);

static DEFAULT_SETTINGS: Struct = Struct::new(
    "container.DefaultNetworkSettings",
    &[
        text("EndpointID"),
        text("Gateway"),
        text("GlobalIPv6Address"),
        int("GlobalIPv6PrefixLen"),
        text("IPAddress"),
        int("IPPrefixLen"),
        text("IPv6Gateway"),
        text("MacAddress"),
    ],
);
