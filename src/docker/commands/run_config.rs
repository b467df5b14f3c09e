//! What the flags of `run` and `create` mean, and the body of `POST /containers/create` in Docker's order of fields.

use serde_json::{Map, Value as Json, json};

use super::{run_mounts, run_network, run_ports};
use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;
use crate::docker::terminal;
use crate::docker::units;
use crate::units::go_words;

/// A container to be.
pub struct Spec {
    pub config: Config,
    host: Map<String, Json>,
    endpoints: Json,
}

/// The container's own configuration, as far as the client itself needs it, with its JSON.
pub struct Config {
    pub tty: bool,
    pub attach_stdin: bool,
    pub attach_stdout: bool,
    pub attach_stderr: bool,
    json: Map<String, Json>,
}

impl Spec {
    /// The body of the request.
    pub fn to_json(&self) -> Json {
        let mut body = self.config.json.clone();
        body.insert("HostConfig".to_owned(), Json::Object(self.host.clone()));
        body.insert("NetworkingConfig".to_owned(), json!({"EndpointsConfig": self.endpoints}));
        Json::Object(body)
    }
}

/// Builds a JSON object in order.
struct Fields(Map<String, Json>);

impl Fields {
    fn new() -> Fields {
        Fields(Map::new())
    }

    fn set(&mut self, key: &str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn set_if(&mut self, on: bool, key: &str, value: impl Into<Json>) {
        if on {
            self.set(key, value);
        }
    }
}

/// Reads the flags; `detach` says that nothing is attached.
pub fn read(m: &Matches, detach: bool) -> Result<Spec, Failure> {
    let mounts = run_mounts::read(m)?;
    let ports = run_ports::read(m)?;
    let networks = run_network::read(m)?;
    let interactive = m.on("interactive");
    let streams: Vec<String> = m.all("attach").map(str::to_lowercase).collect();
    let attached = |name: &str, default: bool| !detach && (streams.iter().any(|s| s == name) || streams.is_empty() && default);
    let attach_stdin = !detach && (interactive || streams.iter().any(|s| s == "stdin"));
    let config = Config {
        tty: m.on("tty"),
        attach_stdin,
        attach_stdout: attached("stdout", true),
        attach_stderr: attached("stderr", true),
        json: Map::new(),
    };
    let json = config_json(m, &config, &mounts, &ports)?;
    let host = host_json(m, &mounts, &ports, &networks)?;
    Ok(Spec { config: Config { json, ..config }, host, endpoints: networks.endpoints })
}

fn config_json(m: &Matches, config: &Config, mounts: &run_mounts::Mounts, ports: &run_ports::Ports) -> Result<Map<String, Json>, Failure> {
    let mut f = Fields::new();
    let interactive = m.on("interactive");
    let (image, command) = m.args.split_first().ok_or_else(|| Failure::new("no image"))?;
    f.set("Hostname", m.text("hostname"));
    f.set("Domainname", m.text("domainname"));
    f.set("User", m.text("user"));
    f.set("AttachStdin", config.attach_stdin);
    f.set("AttachStdout", config.attach_stdout);
    f.set("AttachStderr", config.attach_stderr);
    f.set_if(!ports.exposed.is_empty(), "ExposedPorts", ports.exposed.clone());
    f.set("Tty", config.tty);
    f.set("OpenStdin", interactive);
    f.set("StdinOnce", interactive && config.attach_stdin);
    f.set("Env", or_null(environment(m)?));
    f.set("Cmd", or_null(command.to_vec()));
    if let Some(check) = health(m)? {
        f.set("Healthcheck", check);
    }
    f.set("Image", image.as_str());
    f.set("Volumes", mounts.volumes.clone());
    f.set("WorkingDir", m.text("workdir"));
    f.set(
        "Entrypoint",
        match m.get("entrypoint") {
            Some(entrypoint) => json!([entrypoint]),
            None => Json::Null,
        },
    );
    f.set("OnBuild", Json::Null);
    f.set("Labels", labels(m)?);
    f.set_if(!m.text("stop-signal").is_empty(), "StopSignal", m.text("stop-signal"));
    if let Some(seconds) = m.int("stop-timeout") {
        f.set("StopTimeout", seconds);
    }
    Ok(f.0)
}

fn host_json(
    m: &Matches,
    mounts: &run_mounts::Mounts,
    ports: &run_ports::Ports,
    networks: &run_network::Networks,
) -> Result<Map<String, Json>, Failure> {
    let mut f = Fields::new();
    let texts = |name| m.all(name).map(str::to_owned).collect::<Vec<_>>();
    let list = |name| Json::from(texts(name));
    let nullable = |name| or_null(texts(name));
    let (security, masked) = security(m)?;
    f.set("Binds", or_null(mounts.binds.clone()));
    f.set("ContainerIDFile", m.text("cidfile"));
    f.set("LogConfig", json!({"Type": m.text("log-driver"), "Config": pairs(m.all("log-opt"))}));
    f.set("NetworkMode", networks.mode.as_str());
    f.set("PortBindings", ports.bindings.clone());
    modes(m)?;
    if m.text("log-driver") == "none" && m.given("log-opt") {
        return Err(Failure::new("invalid logging opts for driver none"));
    }
    if m.all("storage-opt").any(|option| !option.contains('=')) {
        return Err(Failure::new("invalid storage option"));
    }
    let policy = restart(m)?;
    if m.on("rm") && !matches!(policy["Name"].as_str(), Some("" | "no")) {
        return Err(Failure::new("conflicting options: cannot specify both --restart and --rm"));
    }
    f.set("RestartPolicy", policy);
    f.set("AutoRemove", m.on("rm"));
    f.set("VolumeDriver", m.text("volume-driver"));
    f.set("VolumesFrom", nullable("volumes-from"));
    let (rows, columns) = if m.path.ends_with("run") { terminal::output_size() } else { (0, 0) };
    f.set("ConsoleSize", json!([rows, columns]));
    f.set_if(m.given("annotation"), "Annotations", pairs(m.all("annotation")));
    let (added, dropped) = capabilities(m);
    f.set("CapAdd", or_null(added));
    f.set("CapDrop", or_null(dropped));
    f.set("CgroupnsMode", m.text("cgroupns"));
    f.set("Dns", list("dns"));
    f.set("DnsOptions", list("dns-option"));
    f.set("DnsSearch", list("dns-search"));
    let hosts: Vec<String> = m.all("add-host").map(run_network::extra_host).collect();
    f.set("ExtraHosts", or_null(hosts));
    f.set("GroupAdd", nullable("group-add"));
    f.set("IpcMode", m.text("ipc"));
    f.set("Cgroup", "");
    f.set("Links", nullable("link"));
    f.set("OomScoreAdj", m.int("oom-score-adj").unwrap_or(0));
    f.set("PidMode", m.text("pid"));
    f.set("Privileged", m.on("privileged"));
    f.set("PublishAllPorts", m.on("publish-all"));
    f.set("ReadonlyRootfs", m.on("read-only"));
    f.set("SecurityOpt", or_null(security));
    f.set_if(m.given("storage-opt"), "StorageOpt", pairs(m.all("storage-opt")));
    f.set_if(!mounts.tmpfs.is_empty(), "Tmpfs", mounts.tmpfs.clone());
    f.set("UTSMode", m.text("uts"));
    f.set("UsernsMode", m.text("userns"));
    f.set("ShmSize", m.bytes("shm-size").unwrap_or(0));
    f.set_if(m.given("sysctl"), "Sysctls", pairs(m.all("sysctl")));
    f.set_if(!m.text("runtime").is_empty(), "Runtime", m.text("runtime"));
    f.set("Isolation", m.text("isolation"));
    resources(m, &mut f)?;
    f.set_if(!mounts.mounts.is_empty(), "Mounts", mounts.mounts.clone());
    f.set("MaskedPaths", masked.clone());
    f.set("ReadonlyPaths", masked);
    f.set_if(m.given("init"), "Init", m.on("init"));
    Ok(f.0)
}

fn resources(m: &Matches, f: &mut Fields) -> Result<(), Failure> {
    let texts = |name| m.all(name).map(str::to_owned).collect::<Vec<_>>();
    let int = |name| m.int(name).unwrap_or(0);
    let swappiness = m.int("memory-swappiness").unwrap_or(-1);
    if swappiness != -1 && !(0..=100).contains(&swappiness) {
        return Err(Failure::new(format!("invalid value: {swappiness}. Valid memory swappiness range is 0-100")));
    }
    let rates = |name: &str, bytes: bool| -> Result<Json, Failure> {
        let all: Result<Vec<Json>, Failure> = m.all(name).map(|text| rate(text, bytes)).collect();
        Ok(Json::from(all?))
    };
    f.set("CpuShares", int("cpu-shares"));
    f.set("Memory", m.bytes("memory").unwrap_or(0));
    f.set("NanoCpus", m.get("cpus").and_then(units::parse_decimal).unwrap_or(0));
    f.set("CgroupParent", m.text("cgroup-parent"));
    f.set("BlkioWeight", int("blkio-weight"));
    let weights: Result<Vec<Json>, Failure> = m
        .all("blkio-weight-device")
        .map(|text| {
            let (path, weight) = text.split_once(':').ok_or_else(|| Failure::new(format!("bad format: {text}")))?;
            Ok(json!({"Path": path, "Weight": units::parse_int(weight).ok_or_else(|| Failure::new(format!("invalid weight for device: {text}")))?}))
        })
        .collect();
    f.set("BlkioWeightDevice", weights?);
    f.set("BlkioDeviceReadBps", rates("device-read-bps", true)?);
    f.set("BlkioDeviceWriteBps", rates("device-write-bps", true)?);
    f.set("BlkioDeviceReadIOps", rates("device-read-iops", false)?);
    f.set("BlkioDeviceWriteIOps", rates("device-write-iops", false)?);
    f.set("CpuPeriod", int("cpu-period"));
    f.set("CpuQuota", int("cpu-quota"));
    f.set("CpuRealtimePeriod", int("cpu-rt-period"));
    f.set("CpuRealtimeRuntime", int("cpu-rt-runtime"));
    f.set("CpusetCpus", m.text("cpuset-cpus"));
    f.set("CpusetMems", m.text("cpuset-mems"));
    let (vendors, devices): (Vec<&str>, Vec<&str>) = m.all("device").partition(|device| is_vendors(device));
    f.set("Devices", devices.into_iter().map(run_mounts::device).collect::<Result<Vec<_>, _>>()?);
    f.set("DeviceCgroupRules", or_null(texts("device-cgroup-rule")));
    f.set(
        "DeviceRequests",
        match m.get("gpus") {
            None if vendors.is_empty() => Json::Null,
            None => json!([{"Driver": "cdi", "Count": 0, "DeviceIDs": vendors, "Capabilities": null, "Options": null}]),
            Some(wanted) => Json::from(vec![crate::docker::flagvalues::gpus(wanted).map_err(Failure::new)?]),
        },
    );
    f.set("MemoryReservation", m.bytes("memory-reservation").unwrap_or(0));
    f.set("MemorySwap", m.bytes("memory-swap").unwrap_or(0));
    f.set("MemorySwappiness", swappiness);
    f.set("OomKillDisable", m.on("oom-kill-disable"));
    f.set("PidsLimit", int("pids-limit"));
    f.set("Ulimits", ulimits(m));
    f.set("CpuCount", int("cpu-count"));
    f.set("CpuPercent", int("cpu-percent"));
    f.set("IOMaximumIOps", int("io-maxiops"));
    f.set("IOMaximumBandwidth", m.bytes("io-maxbandwidth").unwrap_or(0));
    Ok(())
}

/// Whether a device is called by its vendor's name, `vendor.com/class=name`.
fn is_vendors(text: &str) -> bool {
    let name = |part: &str, more: &[u8]| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    let parts = text.split_once('=').and_then(|(kind, device)| kind.split_once('/').map(|(vendor, class)| (vendor, class, device)));
    parts.is_some_and(|(vendor, class, device)| name(vendor, b"_-.") && name(class, b"_-") && name(device, b"_-.:"))
}

fn rate(text: &str, bytes: bool) -> Result<Json, Failure> {
    let wrong = || Failure::new(format!("invalid rate for device: {text}"));
    let (path, rate) = text.split_once(':').ok_or_else(wrong)?;
    let rate = if bytes { units::parse_bytes(rate) } else { units::parse_int(rate) };
    Ok(json!({"Path": path, "Rate": rate.ok_or_else(wrong)?}))
}

/// `--ulimit` values; flags were checked when they were read. The last for a name counts, and names are sorted.
pub fn ulimits(m: &Matches) -> Json {
    let mut all: std::collections::BTreeMap<&str, Json> = std::collections::BTreeMap::new();
    for text in m.all("ulimit") {
        let (name, limits) = text.split_once('=').unwrap_or((text, ""));
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        let number = |t: &str| t.parse::<i64>().unwrap_or(0);
        all.insert(name, json!({"Name": name, "Hard": number(hard), "Soft": number(soft)}));
    }
    Json::from(all.into_values().collect::<Vec<_>>())
}

fn or_null(list: Vec<String>) -> Json {
    if list.is_empty() { Json::Null } else { Json::from(list) }
}

/// `key=value` texts as an object; a key alone has the empty value.
pub fn pairs<'a>(texts: impl Iterator<Item = &'a str>) -> Json {
    let mut all = std::collections::BTreeMap::new();
    for text in texts {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        all.insert(key.to_owned(), Json::from(value));
    }
    Json::Object(all.into_iter().collect())
}

/// The variables of files and flags; a name alone takes the value that it has here.
pub fn environment(m: &Matches) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for path in m.all("env-file") {
        for line in lines_of(path)? {
            check_line(path, &line)?;
            if line.contains('=') {
                all.push(line);
            } else if let Ok(value) = std::env::var(&line) {
                all.push(format!("{line}={value}"));
            }
        }
    }
    for text in m.all("env") {
        match std::env::var(text) {
            Ok(value) if !text.contains('=') => all.push(format!("{text}={value}")),
            _ => all.push(text.to_owned()),
        }
    }
    Ok(all)
}

/// Refuses a line of a file that names no variable.
fn check_line(path: &str, line: &str) -> Result<(), Failure> {
    let wrong = |why: String| Err(Failure::new(format!("invalid env file ({path}): {why}")));
    match line.split('=').next().unwrap_or_default() {
        "" => wrong(format!("no variable name on line '{line}'")),
        name if name.contains([' ', '\t']) => wrong(format!("variable '{name}' contains whitespaces")),
        _ => Ok(()),
    }
}

/// The lines of a file that are neither empty nor comments.
fn lines_of(path: &str) -> Result<Vec<String>, Failure> {
    let wrong = |why: String| Failure::new(format!("invalid env file ({path}): {why}"));
    let bytes = std::fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::IsADirectory => wrong(format!("read {path}: {}", go_words(&e))),
        _ => Failure::new(format!("open {path}: {}", go_words(&e))),
    })?;
    if let Some((at, line)) = bytes.split(|b| *b == b'\n').enumerate().find(|(_, line)| std::str::from_utf8(line).is_err()) {
        return Err(wrong(format!(
            "invalid utf8 bytes at line {}: [{}]",
            at + 1,
            line.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
        )));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.lines().map(str::trim_start).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect())
}

fn labels(m: &Matches) -> Result<Json, Failure> {
    let mut all = Vec::new();
    for path in m.all("label-file") {
        for line in lines_of(path)? {
            check_line(path, &line)?;
            all.push(line);
        }
    }
    all.extend(m.all("label").map(str::to_owned));
    if all.iter().any(|l| l.starts_with('=') || l.is_empty()) {
        return Err(Failure::new("invalid label '': empty name"));
    }
    Ok(pairs(all.iter().map(String::as_str)))
}

/// Capabilities by their full names, sorted; what is added is not dropped.
fn capabilities(m: &Matches) -> (Vec<String>, Vec<String>) {
    let read = |flag: &'static str| {
        let all: std::collections::BTreeSet<String> = m
            .all(flag)
            .flat_map(|text| text.split(','))
            .map(|name| name.trim().to_uppercase())
            .filter(|name| !name.is_empty())
            .map(|name| if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") })
            .collect();
        if all.contains("ALL") { std::collections::BTreeSet::from(["ALL".to_owned()]) } else { all }
    };
    let (added, dropped) = (read("cap-add"), read("cap-drop"));
    let dropped = dropped.iter().filter(|name| !added.contains(*name)).cloned().collect();
    (added.into_iter().collect(), dropped)
}

/// Refuses modes of namespaces that there are not.
fn modes(m: &Matches) -> Result<(), Failure> {
    let is_container = |text: &str| text.strip_prefix("container:").is_some_and(|name| !name.is_empty());
    for (flag, words, own) in [("pid", "PID", true), ("uts", "UTS", false), ("userns", "USER", false), ("cgroupns", "CGROUP", false)] {
        let text = m.text(flag);
        let known = matches!(text, "" | "host") || own && is_container(text) || flag == "cgroupns" && text == "private";
        if !known {
            return Err(Failure::new(format!("--{flag}: invalid {words} mode")));
        }
    }
    Ok(())
}

fn restart(m: &Matches) -> Result<Json, Failure> {
    let text = m.get("restart").unwrap_or("no");
    let (name, count) = text.split_once(':').map_or((text, None), |(name, count)| (name, Some(count)));
    if name.is_empty() && count.is_some() {
        return Err(Failure::new("invalid restart policy format: no policy provided before colon"));
    }
    let count = match count {
        None => 0,
        Some(count) => {
            count.parse::<i64>().map_err(|_| Failure::new("invalid restart policy format: maximum retry count must be an integer"))?
        }
    };
    Ok(json!({"Name": name, "MaximumRetryCount": count}))
}

fn health(m: &Matches) -> Result<Option<Json>, Failure> {
    let durations = ["health-interval", "health-timeout", "health-start-period", "health-start-interval"];
    let has = |name: &&str| m.given(name);
    let has_check = m.given("health-cmd") || m.given("health-retries") || durations.iter().any(has);
    if m.on("no-healthcheck") {
        if has_check {
            return Err(Failure::new("--no-healthcheck conflicts with --health-* options"));
        }
        return Ok(Some(json!({"Test": ["NONE"]})));
    }
    if !has_check {
        return Ok(None);
    }
    let nanos = |name: &str| m.get(name).and_then(units::parse_duration).unwrap_or(0);
    let mut f = Fields::new();
    f.set_if(!m.text("health-cmd").is_empty(), "Test", json!(["CMD-SHELL", m.text("health-cmd")]));
    for (flag, key) in [
        ("health-interval", "Interval"),
        ("health-timeout", "Timeout"),
        ("health-start-period", "StartPeriod"),
        ("health-start-interval", "StartInterval"),
    ] {
        if nanos(flag) < 0 {
            return Err(Failure::new(format!("--{flag} cannot be negative")));
        }
        f.set_if(nanos(flag) != 0, key, nanos(flag));
    }
    let retries = m.int("health-retries").unwrap_or(0);
    if retries < 0 {
        return Err(Failure::new("--health-retries cannot be negative"));
    }
    f.set_if(retries != 0, "Retries", retries);
    Ok(Some(Json::Object(f.0)))
}

/// Security options, and what `systempaths=unconfined` makes of the masked and read-only paths.
fn security(m: &Matches) -> Result<(Vec<String>, Json), Failure> {
    let mut masked = Json::Null;
    let mut all = Vec::new();
    for text in m.all("security-opt") {
        if text == "systempaths=unconfined" {
            masked = json!([]);
            continue;
        }
        let Some((key, value)) = text.split_once('=').or_else(|| text.split_once(':')) else {
            if text != "no-new-privileges" {
                return Err(Failure::new(format!("Invalid --security-opt: {}", units::quote(text))));
            }
            all.push(text.to_owned());
            continue;
        };
        if key == "seccomp" && !matches!(value, "unconfined" | "builtin") {
            let profile = std::fs::read(value)
                .map_err(|e| Failure::new(format!("opening seccomp profile ({value}) failed: open {value}: {}", go_words(&e))))?;
            let json: Json = serde_json::from_slice(&profile)
                .map_err(|e| Failure::new(format!("compacting json for seccomp profile ({value}) failed: {e}")))?;
            all.push(format!("seccomp={json}"));
            continue;
        }
        all.push(text.to_owned());
    }
    Ok((all, masked))
}
