//! `/info`: the machine and the engine as `docker info` shows them.

use std::fs;
use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::json::Json;
use super::version::{ENGINE_VERSION, kernel_release};
use crate::Engine;
use crate::container::{LOG_DRIVERS, Status, cgroup};
use crate::image::Digest;

/// `GET /info`
pub async fn info(State(engine): State<Arc<Engine>>) -> impl IntoResponse {
    let uname = rustix::system::uname();
    let (operating_system, version) = operating_system();
    let version_of = |what: &str| json!({ "ID": what, "Expected": what });
    let (mut running, mut paused, mut stopped) = (0, 0, 0);
    for container in engine.containers.list() {
        match container.record().state.status {
            Status::Running | Status::Restarting => running += 1,
            Status::Paused => paused += 1,
            _ => stopped += 1,
        }
    }
    let mut info = json!({
        "ID": identity(&engine),
        "Containers": running + paused + stopped, "ContainersRunning": running, "ContainersPaused": paused, "ContainersStopped": stopped,
        "Images": engine.images.count(),
        "Driver": "overlay2",
        "DriverStatus": [["Supports d_type", "true"], ["Using metacopy", "false"], ["Native Overlay Diff", "false"], ["userxattr", "true"]],
        "Plugins": { "Volume": ["local"], "Network": ["bridge", "host", "null"], "Authorization": null, "Log": LOG_DRIVERS },
        "MemoryLimit": cgroup::has("memory"), "SwapLimit": cgroup::has("memory"), "CpuCfsPeriod": cgroup::has("cpu"),
        "CpuCfsQuota": cgroup::has("cpu"), "CPUShares": cgroup::has("cpu"), "CPUSet": cgroup::has("cpuset"),
        "PidsLimit": cgroup::has("pids"), "IPv4Forwarding": true, "BridgeNfIptables": false, "BridgeNfIp6tables": false, "Debug": false,
        "NFd": open_files(), "OomKillDisable": false, "NGoroutines": threads(), "SystemTime": jiff::Timestamp::now().to_string(),
        "LoggingDriver": "json-file", "CgroupDriver": if cgroup::has("memory") { "cgroupfs" } else { "none" }, "CgroupVersion": cgroup_version(),
        "NEventsListener": engine.events.listeners(),
    });
    let machine = json!({
        "KernelVersion": kernel_release(), "OperatingSystem": operating_system, "OSVersion": version, "OSType": "linux",
        "Architecture": uname.machine().to_string_lossy(),
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {
            "AllowNondistributableArtifactsCIDRs": null, "AllowNondistributableArtifactsHostnames": null,
            "InsecureRegistryCIDRs": ["127.0.0.0/8"],
            "IndexConfigs": { "docker.io": { "Name": "docker.io", "Mirrors": [], "Secure": true, "Official": true } },
            "Mirrors": null,
        },
        "NCPU": std::thread::available_parallelism().map_or(1, usize::from), "MemTotal": memory(),
        "GenericResources": null, "DockerRootDir": engine.state_dir(),
    });
    let settings = json!({
        "HttpProxy": "", "HttpsProxy": "", "NoProxy": "", "Name": uname.nodename().to_string_lossy(), "Labels": [],
        "ExperimentalBuild": false, "ServerVersion": ENGINE_VERSION,
        "Runtimes": { "dockside": { "path": "dockside" } }, "DefaultRuntime": "dockside",
        "Swarm": { "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false, "Error": "", "RemoteManagers": null },
        "LiveRestoreEnabled": true, "Isolation": "", "InitBinary": "dockside-init",
        "ContainerdCommit": version_of(""), "RuncCommit": version_of(""), "InitCommit": version_of(""),
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"], "CDISpecDirs": [], "Warnings": null,
    });
    if let (Value::Object(info), Value::Object(machine), Value::Object(settings)) = (&mut info, machine, settings) {
        info.extend(machine);
        info.extend(settings);
    }
    Json(info)
}

/// A name for this engine that stays the same.
fn identity(engine: &Engine) -> String {
    let digest = Digest::of(engine.state_dir().as_os_str().as_encoded_bytes());
    let hex = digest.hex();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

/// The distribution's name and version.
fn operating_system() -> (String, String) {
    let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release")).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    (field("PRETTY_NAME").unwrap_or_else(|| "Linux".to_owned()), field("VERSION_ID").unwrap_or_default())
}

fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    #[expect(clippy::useless_conversion, reason = "the fields' types differ from architecture to architecture")]
    u64::from(info.totalram).saturating_mul(u64::from(info.mem_unit))
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn cgroup_version() -> Value {
    if fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap_or(false) { "2".into() } else { "1".into() }
}
