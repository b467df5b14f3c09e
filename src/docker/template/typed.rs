//! Docker's objects as its client has them once it has read them into its types: all fields of a type, in the type's order. That is what
//! a template prints of an object as a whole and what `json` gives of it, and not what an engine has sent. It knows the types where the
//! two differ, and leaves all others as they came.

use serde_json::{Map, Value as Json};

use super::value::{Shape, shape_in, sorted_json};

/// What a field is when nothing was sent of it, and whether JSON leaves it out then.
#[derive(Clone, Copy)]
enum Zero {
    Nil,
    False,
    Number,
    Text,
    /// Left out of JSON.
    NoNil,
    NoFalse,
    NoText,
}

use Zero::{False, Nil, NoFalse, NoNil, NoText, Number, Text};

impl Zero {
    fn value(self) -> Json {
        match self {
            Nil | NoNil => Json::Null,
            False | NoFalse => Json::Bool(false),
            Number => Json::from(0),
            Text | NoText => Json::from(""),
        }
    }

    fn may_go(self) -> bool {
        matches!(self, NoNil | NoFalse | NoText)
    }
}

type Fields = &'static [(&'static str, Zero)];

/// The types, each by fields that engines always send with it and with no other.
const TYPES: &[(&[&str], Fields)] = &[
    // A container's end in a network.
    (
        &["IPAMConfig", "NetworkID"],
        &[
            ("IPAMConfig", Nil),
            ("Links", Nil),
            ("Aliases", Nil),
            ("MacAddress", Text),
            ("DriverOpts", Nil),
            ("GwPriority", Number),
            ("NetworkID", Text),
            ("EndpointID", Text),
            ("Gateway", Text),
            ("IPAddress", Text),
            ("IPPrefixLen", Number),
            ("IPv6Gateway", Text),
            ("GlobalIPv6Address", Text),
            ("GlobalIPv6PrefixLen", Number),
            ("DNSNames", Nil),
        ],
    ),
    // Its state.
    (
        &["OOMKilled", "Status"],
        &[
            ("Status", Text),
            ("Running", False),
            ("Paused", False),
            ("Restarting", False),
            ("OOMKilled", False),
            ("Dead", False),
            ("Pid", Number),
            ("ExitCode", Number),
            ("Error", Text),
            ("StartedAt", Text),
            ("FinishedAt", Text),
            ("Health", NoNil),
        ],
    ),
    // A place where something is mounted in it.
    (
        &["Destination", "RW"],
        &[
            ("Type", NoText),
            ("Name", NoText),
            ("Source", Text),
            ("Destination", Text),
            ("Driver", NoText),
            ("Mode", Text),
            ("RW", False),
            ("Propagation", Text),
        ],
    ),
    // A network, and one of its ranges of addresses.
    (
        &["IPAM", "ConfigOnly"],
        &[
            ("Name", Text),
            ("Id", Text),
            ("Created", Text),
            ("Scope", Text),
            ("Driver", Text),
            ("EnableIPv4", False),
            ("EnableIPv6", False),
            ("IPAM", Nil),
            ("Internal", False),
            ("Attachable", False),
            ("Ingress", False),
            ("ConfigFrom", Nil),
            ("ConfigOnly", False),
            ("Containers", Nil),
            ("Options", Nil),
            ("Labels", Nil),
            ("Peers", NoNil),
            ("Services", NoNil),
        ],
    ),
    (&["Subnet"], &[("Subnet", NoText), ("IPRange", NoText), ("Gateway", NoText), ("AuxiliaryAddresses", NoNil)]),
    // A volume.
    (
        &["Mountpoint", "Scope"],
        &[
            ("ClusterVolume", NoNil),
            ("CreatedAt", NoText),
            ("Driver", Text),
            ("Labels", Nil),
            ("Mountpoint", Text),
            ("Name", Text),
            ("Options", Nil),
            ("Scope", Text),
            ("Status", NoNil),
            ("UsageData", NoNil),
        ],
    ),
    // The commit of a program that the engine uses.
    (&["ID", "Expected"], &[("ID", Text), ("Expected", NoText)]),
];

/// How a container is run.
const CONFIG: Fields = &[
    ("Hostname", Text),
    ("Domainname", Text),
    ("User", Text),
    ("AttachStdin", False),
    ("AttachStdout", False),
    ("AttachStderr", False),
    ("ExposedPorts", NoNil),
    ("Tty", False),
    ("OpenStdin", False),
    ("StdinOnce", False),
    ("Env", Nil),
    ("Cmd", Nil),
    ("Healthcheck", NoNil),
    ("ArgsEscaped", NoFalse),
    ("Image", Text),
    ("Volumes", Nil),
    ("WorkingDir", Text),
    ("Entrypoint", Nil),
    ("NetworkDisabled", NoFalse),
    ("MacAddress", NoText),
    ("OnBuild", Nil),
    ("Labels", Nil),
    ("StopSignal", NoText),
    ("StopTimeout", NoNil),
    ("Shell", NoNil),
];

/// How containers of an image are run: an image has no more than this, whatever an engine sends.
const IMAGE_CONFIG: Fields = &[
    ("User", NoText),
    ("ExposedPorts", NoNil),
    ("Env", NoNil),
    ("Entrypoint", NoNil),
    ("Cmd", NoNil),
    ("Volumes", NoNil),
    ("WorkingDir", NoText),
    ("Labels", NoNil),
    ("StopSignal", NoText),
    ("ArgsEscaped", NoFalse),
    ("Healthcheck", NoNil),
    ("OnBuild", NoNil),
    ("Shell", NoNil),
];

/// How many of an image's are those of the OCI's standard.
pub(super) const OCI_FIELDS: usize = 10;

/// Whether an object's type is one of those that are known here.
pub(super) fn knows(object: &Map<String, Json>, shape: Shape) -> bool {
    fields(object, shape).is_some()
}

fn fields(object: &Map<String, Json>, shape: Shape) -> Option<Fields> {
    match shape {
        Shape::ImageConfig => Some(IMAGE_CONFIG),
        Shape::Config if object.contains_key("AttachStdin") => Some(CONFIG),
        Shape::Struct => {
            let is = |marks: &[&str]| marks.iter().all(|mark| object.contains_key(*mark));
            TYPES.iter().find(|(marks, _)| is(marks)).map(|(_, fields)| *fields)
        }
        _ => None,
    }
}

/// All fields of such an object with their values.
pub(super) fn values(object: &Map<String, Json>, shape: Shape) -> impl Iterator<Item = (&'static str, Json)> {
    let fields = fields(object, shape).unwrap_or_default();
    fields.iter().map(|(name, zero)| (*name, object.get(*name).cloned().unwrap_or_else(|| zero.value())))
}

/// A value as JSON.
pub(super) fn json(value: &Json, shape: Shape) -> Json {
    match value {
        Json::Array(list) => Json::Array(list.iter().map(|item| json(item, Shape::Struct)).collect()),
        Json::Object(map) if shape.is_struct() => match fields(map, shape) {
            Some(fields) => {
                let whole = fields.iter().zip(values(map, shape));
                let left = whole.filter(|((_, zero), (_, value))| !zero.may_go() || !is_empty(value));
                Json::Object(left.map(|(_, (name, value))| (name.to_owned(), json(&value, shape_in(map, name)))).collect())
            }
            None => Json::Object(map.iter().map(|(name, value)| (name.clone(), json(value, shape_in(map, name)))).collect()),
        },
        // Go sorts the keys of maps.
        Json::Object(map) if shape == Shape::Map => {
            sorted_json(map.iter().map(|(name, value)| (name.as_str(), json(value, Shape::Struct))))
        }
        other => other.clone(),
    }
}

/// What JSON leaves out.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(b) => !b,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(s) => s.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
    }
}
