//! What Go calls a type that a value should have had: asked of what would read it, which tells by what it wants.

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::decode::Told;

/// Fields whose types have names of their own in Go, by the structure they are in.
const FIELDS: [(&str, &str, &str); 41] = [
    ("ContainerConfigWrapper", "ExposedPorts", "nat.PortSet"),
    ("ContainerConfigWrapper", "Volumes", "map[string]struct {}"),
    ("ContainerConfigWrapper", "StopTimeout", "int"),
    ("HealthConfig", "Interval", "time.Duration"),
    ("HealthConfig", "Timeout", "time.Duration"),
    ("HealthConfig", "StartPeriod", "time.Duration"),
    ("HealthConfig", "StartInterval", "time.Duration"),
    ("HealthConfig", "Retries", "int"),
    ("HostConfig", "NetworkMode", "container.NetworkMode"),
    ("HostConfig", "PortBindings", "nat.PortMap"),
    ("HostConfig", "CgroupnsMode", "container.CgroupnsMode"),
    ("HostConfig", "IpcMode", "container.IpcMode"),
    ("HostConfig", "Cgroup", "container.CgroupSpec"),
    ("HostConfig", "PidMode", "container.PidMode"),
    ("HostConfig", "UTSMode", "container.UTSMode"),
    ("HostConfig", "UsernsMode", "container.UsernsMode"),
    ("HostConfig", "Isolation", "container.Isolation"),
    ("HostConfig", "OomScoreAdj", "int"),
    ("HostConfig", "ConsoleSize", "[2]uint"),
    ("HostConfig", "Devices", "[]container.DeviceMapping"),
    ("HostConfig", "DeviceRequests", "[]container.DeviceRequest"),
    ("HostConfig", "Ulimits", "[]*units.Ulimit"),
    ("HostConfig", "BlkioWeightDevice", "[]*blkiodev.WeightDevice"),
    ("HostConfig", "BlkioDeviceReadBps", "[]*blkiodev.ThrottleDevice"),
    ("HostConfig", "BlkioDeviceWriteBps", "[]*blkiodev.ThrottleDevice"),
    ("HostConfig", "BlkioDeviceReadIOps", "[]*blkiodev.ThrottleDevice"),
    ("HostConfig", "BlkioDeviceWriteIOps", "[]*blkiodev.ThrottleDevice"),
    ("UpdateConfig", "Devices", "[]container.DeviceMapping"),
    ("UpdateConfig", "DeviceRequests", "[]container.DeviceRequest"),
    ("UpdateConfig", "Ulimits", "[]*units.Ulimit"),
    ("RestartPolicy", "Name", "container.RestartPolicyMode"),
    ("RestartPolicy", "MaximumRetryCount", "int"),
    ("Mount", "Type", "mount.Type"),
    ("Mount", "BindOptions", "mount.BindOptions"),
    ("Mount", "VolumeOptions", "mount.VolumeOptions"),
    ("Mount", "TmpfsOptions", "mount.TmpfsOptions"),
    ("NetworkingConfig", "EndpointsConfig", "map[string]*network.EndpointSettings"),
    ("EndpointSettings", "IPAMConfig", "network.EndpointIPAMConfig"),
    ("NetworkCreateRequest", "ConfigFrom", "network.ConfigReference"),
    ("ExecConfig", "ConsoleSize", "[2]uint"),
    ("ExecStartCheck", "ConsoleSize", "[2]uint"),
];

/// The name of a field's type, where it is no plain one.
pub fn of_field(structure: &str, field: &str) -> Option<&'static str> {
    FIELDS.iter().find(|(s, f, _)| *s == structure && *f == field).map(|(_, _, name)| *name)
}

/// A structure's name with that of its package.
pub fn of_structure(name: &str) -> String {
    let package = match name {
        "EndpointSettings" | "IPAM" | "IPAMConfig" | "NetworkingConfig" => "network",
        "PortBinding" => "nat",
        "Mount" => "mount",
        "Ulimit" => "units",
        "CreateOptions" => "volume",
        "ContainerConfigWrapper" => "runconfig",
        "AuthConfig" => "registry",
        "ExecConfig" | "ExecStartCheck" | "NetworkCreateRequest" | "NetworkConnect" | "NetworkDisconnect" => "types",
        _ => "container",
    };
    format!("{package}.{name}")
}

/// The name of the type of a list's or a map's elements; the visitor is asked to take one and says in its error what that would be.
pub fn of_element<'de, V: Visitor<'de>>(visitor: V, map: bool) -> String {
    let asked = if map { visitor.visit_map(One(true)) } else { visitor.visit_seq(One(true)) };
    asked.err().map_or_else(|| "interface {}".to_owned(), |told| told.0)
}

/// One element, which nobody gets.
struct One(bool);

impl<'de> SeqAccess<'de> for One {
    type Error = Told;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Told> {
        seed.deserialize(Name).map(Some)
    }
}

impl<'de> MapAccess<'de> for One {
    type Error = Told;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Told> {
        let first = std::mem::replace(&mut self.0, false);
        first.then(|| seed.deserialize(de::value::StrDeserializer::new("key"))).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Told> {
        seed.deserialize(Name)
    }
}

/// Gives nothing but the name of what was wanted, as an error.
struct Name;

impl<'de> de::Deserializer<'de> for Name {
    type Error = Told;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told("interface {}".to_owned()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told("bool".to_owned()))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told("int64".to_owned()))
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told("string".to_owned()))
    }

    fn deserialize_string<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told("string".to_owned()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        Err(Told(format!("[]{}", of_element(visitor, false))))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Told> {
        Err(Told(format!("map[string]{}", of_element(visitor, true))))
    }

    fn deserialize_struct<V: Visitor<'de>>(self, name: &'static str, _: &'static [&'static str], _: V) -> Result<V::Value, Told> {
        Err(Told(of_structure(name)))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct enum identifier
        ignored_any
    }
}
