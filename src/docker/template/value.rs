//! What templates work on: JSON as the engine sent it, or a row with named methods. It knows which of Docker's JSON objects are maps and
//! which are structs, because Go prints the two differently.

use std::rc::Rc;

use serde_json::Value as Json;

use super::{optional, typed};

/// A row whose fields are computed, such as one line of `docker ps`.
pub trait Subject {
    /// Go's name of the type, for messages: `*formatter.ContainerContext`.
    fn type_name(&self) -> &str;
    /// A field or method; `None` if there is none of this name, an error (`wrong number of args …`) if it was called wrongly.
    fn call(&self, name: &str, args: &[Json]) -> Result<Option<Json>, String>;
    /// The whole as JSON.
    fn json(&self) -> Json;
}

/// What Go's type of a JSON value is: it decides how the value prints and whether a missing key is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Struct,
    /// The struct of a container's or an image's configuration, which nothing in it need tell.
    Config,
    ImageConfig,
    Map,
    List,
    /// A time, which JSON has as a text and Go prints in another form.
    Time,
    /// Decoded without a type, as a template's second attempt sees it.
    Plain,
}

impl Shape {
    /// Whether it has fields, and not keys.
    pub(super) fn is_struct(self) -> bool {
        matches!(self, Shape::Struct | Shape::Config | Shape::ImageConfig)
    }
}

/// A value in a template.
#[derive(Clone)]
pub enum Value {
    /// No value at all: prints `<no value>`.
    Missing,
    Json(Json, Shape),
    Subject(Rc<dyn Subject>),
}

/// Fields that are maps in Docker's types.
const MAPS: &[&str] = &[
    "Annotations",
    "Attributes",
    "AuxiliaryAddresses",
    "Config.Labels",
    "Containers",
    "Endpoints",
    "TLSMaterial",
    "Data",
    "DriverOpts",
    "ExposedPorts",
    "Labels",
    "LogOpts",
    "Networks",
    "Options",
    "PortBindings",
    "Ports",
    "Runtimes",
    "Services",
    "Status",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
    "Volumes",
    "EndpointsConfig",
    "IndexConfigs",
    "Details",
    "AuxAddress",
];

/// Fields that are lists in Docker's types, where the engine may send `null`.
const LISTS: &[&str] = &[
    "Args",
    "Aliases",
    "Authorization",
    "ClientErrors",
    "ServerErrors",
    "Warnings",
    "Binds",
    "BlkioWeightDevice",
    "CapAdd",
    "CapDrop",
    "Cmd",
    "DNSNames",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "Entrypoint",
    "Env",
    "ExecIDs",
    "ExtraHosts",
    "GroupAdd",
    "Layers",
    "LinkLocalIPs",
    "Links",
    "Log",
    "MaskedPaths",
    "Mounts",
    "OnBuild",
    "Manifests",
    "Peers",
    "ReadonlyPaths",
    "RepoDigests",
    "RepoTags",
    "SecurityOpt",
    "Shell",
    "Ulimits",
    "VolumesFrom",
    "SecondaryIPAddresses",
    "SecondaryIPv6Addresses",
    "SecurityOptions",
    "SystemStatus",
    "GenericResources",
    "DefaultAddressPools",
    "DiscoveredDevices",
];

/// Words that Go's names write in capitals and Docker's JSON may not.
const INITIALS: &[(&str, &str)] = &[
    ("Id", "ID"),
    ("Api", "API"),
    ("Ip", "IP"),
    ("Cpus", "CPUs"),
    ("Cpu", "CPU"),
    ("Dns", "DNS"),
    ("Uts", "UTS"),
    ("IOps", "IOps"),
    ("Fs", "FS"),
    ("Oom", "OOM"),
    ("Https", "HTTPS"),
    ("Http", "HTTP"),
];

pub(super) fn shape_of(name: &str) -> Shape {
    match name {
        n if MAPS.contains(&n) => Shape::Map,
        n if LISTS.contains(&n) => Shape::List,
        "LastTagTime" => Shape::Time,
        _ => Shape::Struct,
    }
}

/// The same for a field of an object, by which it may be told apart from others of its name.
pub(super) fn shape_in(object: &serde_json::Map<String, Json>, name: &str) -> Shape {
    match name {
        // That of containers and images is a text.
        "Created" if object.contains_key("IPAM") => Shape::Time,
        name if optional::is_config(object, name) && object.contains_key("RootFS") => Shape::ImageConfig,
        name if optional::is_config(object, name) => Shape::Config,
        // Of how a container's log is kept.
        "Config" if object.contains_key("Type") => Shape::Map,
        name => shape_of(name),
    }
}

/// The value of `name` in an object: by its JSON name, by Go's name, or the zero value of a field that is left out when empty.
pub(super) fn lookup(object: &serde_json::Map<String, Json>, shape: Shape, name: &str) -> Option<Json> {
    if let Some(value) = object.get(name) {
        return Some(value.clone());
    }
    let capital = |key: &str| match key.chars().next() {
        Some(first) => first.to_uppercase().chain(key.chars().skip(1)).collect(),
        None => String::new(),
    };
    let as_go = |key: &str| INITIALS.iter().fold(capital(key), |key, (json, go)| key.replace(json, go));
    if let Some((_, value)) = object.iter().find(|(key, _)| as_go(key) == name) {
        return Some(value.clone());
    }
    optional::zero(object, matches!(shape, Shape::Config | Shape::ImageConfig), name)
}

impl Value {
    /// A value decoded from the engine's JSON.
    pub fn engine(json: Json) -> Value {
        Value::Json(json, Shape::Struct)
    }

    pub(super) fn plain(json: Json) -> Value {
        Value::Json(json, Shape::Plain)
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Missing => Json::Null,
            Value::Json(json, _) => json.clone(),
            Value::Subject(subject) => subject.json(),
        }
    }

    /// The value as the function `json` writes it.
    pub(super) fn typed_json(&self) -> Json {
        match self {
            Value::Json(json, shape) => typed::json(json, *shape),
            other => other.to_json(),
        }
    }

    /// Whether `if` takes it.
    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Missing => false,
            Value::Subject(_) => true,
            Value::Json(json, shape) => match json {
                Json::Null => false,
                Json::Bool(b) => *b,
                Json::Number(n) => n.as_f64() != Some(0.0),
                Json::String(s) => !s.is_empty(),
                Json::Array(list) => !list.is_empty(),
                Json::Object(map) => shape.is_struct() || !map.is_empty(),
            },
        }
    }

    /// `%v` of Go.
    pub(super) fn print(&self) -> String {
        match self {
            Value::Missing => "<no value>".to_owned(),
            Value::Subject(subject) => json_text(&subject.json(), false),
            Value::Json(json, shape) => print_json(json, *shape),
        }
    }

    /// Go's name of its type, for messages.
    pub(super) fn type_name(&self) -> String {
        match self {
            Value::Missing => "<nil>".to_owned(),
            Value::Subject(subject) => subject.type_name().to_owned(),
            Value::Json(json, _) => match json {
                Json::Null => "<nil>",
                Json::Bool(_) => "bool",
                Json::Number(n) if n.is_f64() => "float64",
                Json::Number(_) => "int",
                Json::String(_) => "string",
                Json::Array(_) => "[]interface {}",
                Json::Object(_) => "map[string]interface {}",
            }
            .to_owned(),
        }
    }
}

fn print_json(json: &Json, shape: Shape) -> String {
    match json {
        Json::Null => match shape {
            Shape::Map => "map[]".to_owned(),
            Shape::List => "[]".to_owned(),
            _ => "<nil>".to_owned(),
        },
        Json::Bool(b) => b.to_string(),
        Json::Number(n) => number_text(n),
        Json::String(s) if shape == Shape::Time => time_text(s),
        Json::String(s) => s.clone(),
        Json::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| print_json(item, Shape::Struct)).collect();
            format!("[{}]", items.join(" "))
        }
        Json::Object(map) if shape.is_struct() && typed::knows(map, shape) => {
            let text = |(key, value): (&'static str, Json)| print_json(&value, shape_in(map, key));
            let items: Vec<String> = typed::values(map, shape).map(text).collect();
            match items.split_at_checked(typed::OCI_FIELDS) {
                // A struct of one standard's fields and one of Docker's.
                Some((first, second)) if shape == Shape::ImageConfig => format!("{{{{{}}} {{{}}}}}", first.join(" "), second.join(" ")),
                _ => format!("{{{}}}", items.join(" ")),
            }
        }
        Json::Object(map) if shape.is_struct() && !map.is_empty() => {
            let items: Vec<String> = map.iter().map(|(key, value)| print_json(value, shape_in(map, key))).collect();
            format!("{{{}}}", items.join(" "))
        }
        Json::Object(map) if map.is_empty() && shape.is_struct() => "{}".to_owned(),
        Json::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by(|a, b| a.0.cmp(b.0));
            let items: Vec<String> = keys.into_iter().map(|(key, value)| format!("{key}:{}", print_json(value, Shape::Struct))).collect();
            format!("map[{}]", items.join(" "))
        }
    }
}

/// A time of JSON as Go prints it: `2026-11-22 03:09:30.5 +0000 UTC`.
pub fn time_text(text: &str) -> String {
    let Some((day, rest)) = text.split_once('T') else { return text.to_owned() };
    let Some(zone) = rest.find(['Z', '+', '-']) else { return text.to_owned() };
    let (time, zone) = rest.split_at(zone);
    let offset = zone.replace(':', "");
    let (offset, name) = if zone == "Z" { ("+0000", "UTC") } else { (offset.as_str(), offset.as_str()) };
    format!("{day} {time} {offset} {name}")
}

pub(super) fn number_text(n: &serde_json::Number) -> String {
    match n.as_f64() {
        Some(f) if n.is_f64() => {
            // %v of a float64 is the shortest form, in exponents from 21 on.
            if f != 0.0 && (f.abs() >= 1e21 || f.abs() < 1e-4) { format!("{f:e}") } else { format!("{f}") }
        }
        _ => n.to_string(),
    }
}

/// JSON as Go encodes it, on one line; `html` writes `<`, `>` and `&` as escapes.
pub fn json_text(json: &Json, html: bool) -> String {
    let text = json.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    if html { text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") } else { text }
}

/// An object whose keys are sorted, as Go encodes maps.
pub fn sorted_json<'a>(entries: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
