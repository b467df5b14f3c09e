//! The types of networks, and of a container's ends in them.

use super::{Struct, TEXT, Type, flag, int, labels, list, map, object, pointer, text, texts, time};

pub static NETWORK: Struct = Struct::new(
    "network.Inspect",
    &[
        text("Name"),
        text("ID").json("Id"),
        time("Created"),
        text("Scope"),
        text("Driver"),
        flag("EnableIPv4"),
        flag("EnableIPv6"),
        object("IPAM", &IPAM),
        flag("Internal"),
        flag("Attachable"),
        flag("Ingress"),
        object("ConfigFrom", &CONFIG_FROM),
        flag("ConfigOnly"),
        map("Containers", &Type::Struct(&RESOURCE)),
        labels("Options"),
        labels("Labels"),
        list("Peers", &Type::Struct(&PEER)).omitted(),
        map("Services", &Type::Struct(&SERVICE)).omitted(),
    ],
);

static IPAM: Struct = Struct::new("network.IPAM", &[text("Driver"), labels("Options"), list("Config", &Type::Struct(&RANGE))]);

static RANGE: Struct = Struct::new(
    "network.IPAMConfig",
    &[
        text("Subnet").omitted(),
        text("IPRange").omitted(),
        text("Gateway").omitted(),
        map("AuxAddress", &TEXT).json("AuxiliaryAddresses").omitted(),
    ],
);

static CONFIG_FROM: Struct = Struct::new("network.ConfigReference", &[text("Network")]);

static RESOURCE: Struct = Struct::new(
    "network.EndpointResource",
    &[text("Name"), text("EndpointID"), text("MacAddress"), text("IPv4Address"), text("IPv6Address")],
);

static PEER: Struct = Struct::new("network.PeerInfo", &[text("Name"), text("IP")]);

static SERVICE: Struct =
    Struct::new("network.ServiceInfo", &[text("VIP"), texts("Ports"), int("LocalLBIndex"), list("Tasks", &Type::Struct(&TASK))]);

static TASK: Struct = Struct::new("network.Task", &[text("Name"), text("EndpointID"), text("EndpointIP"), labels("Info")]);

/// A container's end in a network.
pub static ENDPOINT: Struct = Struct::new(
    "network.EndpointSettings",
    &[
        pointer("IPAMConfig", &Type::Struct(&ENDPOINT_IPAM)),
        texts("Links"),
        texts("Aliases"),
        text("MacAddress"),
        labels("DriverOpts"),
        int("GwPriority"),
        text("NetworkID"),
        text("EndpointID"),
        text("Gateway"),
        text("IPAddress"),
        int("IPPrefixLen"),
        text("IPv6Gateway"),
        text("GlobalIPv6Address"),
        int("GlobalIPv6PrefixLen"),
        texts("DNSNames"),
    ],
);

static ENDPOINT_IPAM: Struct = Struct::new(
    "network.EndpointIPAMConfig",
    &[text("IPv4Address").omitted(), text("IPv6Address").omitted(), texts("LinkLocalIPs").omitted()],
);

pub static ADDRESS: Struct = Struct::new("network.Address", &[text("Addr"), int("PrefixLen")]);
