//! The types of what an engine tells of itself: `docker info`, `docker version`, `docker events`.

use super::client::{INFO as CLIENT_INFO, VERSION as CLIENT_VERSION};
use super::{ANY, Struct, TEXTS, Type, flag, int, labels, list, map, object, pointer, text, texts, word};

/// All that `docker info` knows.
pub static WHOLE_INFO: Struct = Struct::new(
    "system.dockerInfo",
    &[
        pointer("Info", &Type::Struct(&INFO)).inlined(),
        texts("ServerErrors").omitted(),
        text("UserName").hidden(),
        pointer("ClientInfo", &Type::Struct(&CLIENT_INFO)).omitted(),
        texts("ClientErrors").omitted(),
    ],
);

/// What `docker info` knows without an engine.
pub static CLIENT_ONLY: Struct =
    Struct::new("system.sparseInfo", &[pointer("ClientInfo", &Type::Struct(&CLIENT_INFO)).omitted(), texts("ClientErrors").omitted()]);

static INFO: Struct = Struct::new(
    "system.Info",
    &[
        text("ID"),
        int("Containers"),
        int("ContainersRunning"),
        int("ContainersPaused"),
        int("ContainersStopped"),
        int("Images"),
        text("Driver"),
        list("DriverStatus", &TEXTS),
        list("SystemStatus", &TEXTS).omitted(),
        object("Plugins", &PLUGINS),
        flag("MemoryLimit"),
        flag("SwapLimit"),
        flag("KernelMemory").omitted(),
        flag("KernelMemoryTCP").omitted(),
        flag("CPUCfsPeriod").json("CpuCfsPeriod"),
        flag("CPUCfsQuota").json("CpuCfsQuota"),
        flag("CPUShares"),
        flag("CPUSet"),
        flag("PidsLimit"),
        flag("IPv4Forwarding"),
        flag("Debug"),
        int("NFd"),
        flag("OomKillDisable"),
        int("NGoroutines"),
        text("SystemTime"),
        text("LoggingDriver"),
        text("CgroupDriver"),
        text("CgroupVersion").omitted(),
        int("NEventsListener"),
        text("KernelVersion"),
        text("OperatingSystem"),
        text("OSVersion"),
        text("OSType"),
        text("Architecture"),
        text("IndexServerAddress"),
        pointer("RegistryConfig", &Type::Struct(&REGISTRIES)),
        int("NCPU"),
        int("MemTotal"),
        list("GenericResources", &Type::Struct(&RESOURCE)),
        text("DockerRootDir"),
        text("HTTPProxy").json("HttpProxy"),
        text("HTTPSProxy").json("HttpsProxy"),
        text("NoProxy"),
        text("Name"),
        texts("Labels"),
        flag("ExperimentalBuild"),
        text("ServerVersion"),
        map("Runtimes", &Type::Struct(&RUNTIME_WITH_STATUS)),
        text("DefaultRuntime"),
        object("Swarm", &SWARM),
        flag("LiveRestoreEnabled"),
        word("Isolation", "container.Isolation"),
        text("InitBinary"),
        object("ContainerdCommit", &COMMIT),
        object("RuncCommit", &COMMIT),
        object("InitCommit", &COMMIT),
        texts("SecurityOptions"),
        text("ProductLicense").omitted(),
        list("DefaultAddressPools", &Type::Struct(&POOL)).omitted(),
        pointer("FirewallBackend", &Type::Struct(&FIREWALL)).omitted(),
        texts("CDISpecDirs"),
        list("DiscoveredDevices", &Type::Struct(&DEVICE)).omitted(),
        pointer("Containerd", &Type::Struct(&CONTAINERD)).omitted(),
        texts("Warnings"),
    ],
);

static PLUGINS: Struct = Struct::new("system.PluginsInfo", &[texts("Volume"), texts("Network"), texts("Authorization"), texts("Log")]);

static REGISTRIES: Struct = Struct::new(
    "registry.ServiceConfig",
    &[
        // Networks, of which JSON has a text.
        texts("AllowNondistributableArtifactsCIDRs").omitted(),
        texts("AllowNondistributableArtifactsHostnames").omitted(),
        texts("InsecureRegistryCIDRs"),
        map("IndexConfigs", &Type::Pointer(&Type::Struct(&INDEX))),
        texts("Mirrors"),
        map("ExtraFields", &ANY).rest(),
    ],
)
.sorted();

static INDEX: Struct = Struct::new("registry.IndexInfo", &[text("Name"), texts("Mirrors"), flag("Secure"), flag("Official")]).sorted();

static RESOURCE: Struct = Struct::new(
    "swarm.GenericResource",
    &[
        pointer("NamedResourceSpec", &Type::Open("swarm.NamedGenericResource")).omitted(),
        pointer("DiscreteResourceSpec", &Type::Open("swarm.DiscreteGenericResource")).omitted(),
    ],
);

static RUNTIME_WITH_STATUS: Struct =
    Struct::new("system.RuntimeWithStatus", &[object("Runtime", &RUNTIME).inlined(), labels("Status").json("status").omitted()]);

static RUNTIME: Struct = Struct::new(
    "system.Runtime",
    &[
        text("Path").json("path").omitted(),
        texts("Args").json("runtimeArgs").omitted(),
        text("Type").json("runtimeType").omitted(),
        map("Options", &ANY).json("options").omitted(),
    ],
);

static SWARM: Struct = Struct::new(
    "swarm.Info",
    &[
        text("NodeID"),
        text("NodeAddr"),
        word("LocalNodeState", "swarm.LocalNodeState"),
        flag("ControlAvailable"),
        text("Error"),
        list("RemoteManagers", &Type::Struct(&PEER)),
        int("Nodes").omitted(),
        int("Managers").omitted(),
        pointer("Cluster", &Type::Open("swarm.ClusterInfo")).omitted(),
        texts("Warnings").omitted(),
    ],
);

static PEER: Struct = Struct::new("swarm.Peer", &[text("NodeID"), text("Addr")]);

/// Of which sources a program that the engine uses is made.
static COMMIT: Struct = Struct::new("system.Commit", &[text("ID"), text("Expected").omitted()]);

static POOL: Struct = Struct::new("system.NetworkAddressPool", &[text("Base"), int("Size")]);

static FIREWALL: Struct = Struct::new("system.FirewallInfo", &[text("Driver"), list("Info", &TEXTS).omitted()]);

static DEVICE: Struct = Struct::new("system.DeviceInfo", &[text("Source"), text("ID")]);

static CONTAINERD: Struct = Struct::new("system.ContainerdInfo", &[text("Address").omitted(), object("Namespaces", &NAMESPACES)]);

static NAMESPACES: Struct = Struct::new("system.ContainerdNamespaces", &[text("Containers"), text("Plugins")]);

/// All that `docker version` knows.
pub static WHOLE_VERSION: Struct =
    Struct::new("system.versionInfo", &[object("Client", &CLIENT_VERSION), pointer("Server", &Type::Struct(&VERSION))]);

static VERSION: Struct = Struct::new(
    "types.Version",
    &[
        object("Platform", &PLATFORM),
        list("Components", &Type::Struct(&COMPONENT)).omitted(),
        text("Version"),
        text("APIVersion").json("ApiVersion"),
        text("MinAPIVersion").omitted(),
        text("GitCommit"),
        text("GoVersion"),
        text("Os"),
        text("Arch"),
        text("KernelVersion").omitted(),
        flag("Experimental").omitted(),
        text("BuildTime").omitted(),
    ],
);

static PLATFORM: Struct = Struct::new("struct { Name string }", &[text("Name")]);

static COMPONENT: Struct = Struct::new("types.ComponentVersion", &[text("Name"), text("Version"), labels("Details").omitted()]);

/// A line of `docker events`.
pub static EVENT: Struct = Struct::new(
    "events.Message",
    &[
        text("Status").json("status").omitted(),
        text("ID").json("id").omitted(),
        text("From").json("from").omitted(),
        word("Type", "events.Type"),
        word("Action", "events.Action"),
        object("Actor", &ACTOR),
        text("Scope").json("scope").omitted(),
        int("Time").json("time").omitted(),
        int("TimeNano").json("timeNano").omitted(),
    ],
);

static ACTOR: Struct = Struct::new("events.Actor", &[text("ID"), labels("Attributes")]);
