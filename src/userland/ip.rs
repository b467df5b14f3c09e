//! `ip addr`, `ip link`, `ip route`: the container's interfaces, read from `/sys` and `/proc`. It changes nothing.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    process::ExitCode,
};

use super::applets::Args;

/// `ip [-o] [-4|-6] addr|link|route [show] [[dev] NAME]`.
pub fn main(args: Args) -> ExitCode {
    let args: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let flag = |name: &str| args.iter().any(|a| a == name);
    let mut words = args.iter().map(String::as_str).filter(|a| !a.starts_with('-') && !matches!(*a, "show" | "list" | "ls" | "dev"));
    let object = words.next().unwrap_or("");
    let device = words.next();
    match object {
        _ if !object.is_empty() && "address".starts_with(object) => interfaces(device, true, flag("-o"), flag("-4"), flag("-6")),
        _ if !object.is_empty() && "link".starts_with(object) => interfaces(device, false, flag("-o"), false, false),
        _ if !object.is_empty() && "route".starts_with(object) => routes(),
        _ => {
            eprintln!("Usage: ip [-o|-4|-6] address|link|route [ show ] [ DEVICE ]");
            ExitCode::FAILURE
        }
    }
}

fn interfaces(device: Option<&str>, addresses: bool, oneline: bool, only4: bool, only6: bool) -> ExitCode {
    let mut names: Vec<(u32, String)> = fs::read_to_string("/proc/net/dev")
        .unwrap_or_default()
        .lines()
        .filter_map(|l| Some(l.split_once(':')?.0.trim().to_owned()))
        .map(|name| (attribute(&name, "ifindex").parse().unwrap_or(0), name))
        .filter(|(_, name)| device.is_none_or(|d| d == name))
        .collect();
    names.sort();
    if names.is_empty() {
        eprintln!("Device \"{}\" does not exist.", device.unwrap_or("lo"));
        return ExitCode::FAILURE;
    }
    for (index, name) in names {
        let flags = u32::from_str_radix(attribute(&name, "flags").trim_start_matches("0x"), 16).unwrap_or(0);
        let loopback = flags & 8 != 0;
        let words: Vec<&str> = [(8, "LOOPBACK"), (2, "BROADCAST"), (0x1000, "MULTICAST"), (1, "UP"), (0x10000, "LOWER_UP")]
            .into_iter()
            .filter(|(bit, _)| flags & bit != 0 || (*bit == 0x10000 && attribute(&name, "carrier") == "1"))
            .map(|(_, word)| word)
            .collect();
        let kind = if loopback { "loopback" } else { "ether" };
        // An interface whose other end is elsewhere.
        let link = attribute(&name, "iflink");
        let shown = if link.is_empty() || link == index.to_string() { name.clone() } else { format!("{name}@if{link}") };
        if !oneline || !addresses {
            let state = attribute(&name, "operstate").to_uppercase();
            let queue = if loopback || index > 1 { "noqueue" } else { "noop" };
            println!("{index}: {shown}: <{}> mtu {} qdisc {queue} state {state} qlen 1000", words.join(","), attribute(&name, "mtu"));
            println!("    link/{kind} {} brd {}", attribute(&name, "address"), attribute(&name, "broadcast"));
        }
        if !addresses {
            continue;
        }
        let found = ipv4(&name).into_iter().filter(|_| !only6).chain(ipv6(&name).into_iter().filter(|_| !only4));
        for (family, address) in found {
            let scope = if loopback {
                "host"
            } else if address.starts_with("fe80") {
                "link"
            } else {
                "global"
            };
            let label = if family == "inet" { name.as_str() } else { "" };
            if oneline {
                println!("{index}: {name}    {family} {address} scope {scope} {label}\\       valid_lft forever preferred_lft forever");
            } else {
                println!("    {family} {address} scope {scope} {label}\n       valid_lft forever preferred_lft forever");
            }
        }
    }
    ExitCode::SUCCESS
}

fn attribute(device: &str, name: &str) -> String {
    fs::read_to_string(format!("/sys/class/net/{device}/{name}")).unwrap_or_default().trim().to_owned()
}

/// A device's addresses: the local routing table knows each, and the main one its network's width.
fn ipv4(device: &str) -> Vec<(&'static str, String)> {
    if device == "lo" {
        return vec![("inet", "127.0.0.1/8".into())];
    }
    let networks: Vec<(Ipv4Addr, u32)> =
        route_lines().into_iter().filter(|r| r.device == device && r.mask != 0).map(|r| (r.destination, r.mask.count_ones())).collect();
    let trie = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let lines: Vec<&str> = trie.lines().map(str::trim).collect();
    let mut found: Vec<(&'static str, String)> = vec![];
    for pair in lines.windows(2) {
        let Some(address) = pair[0].strip_prefix("|-- ").and_then(|a| a.parse::<Ipv4Addr>().ok()) else { continue };
        if !pair[1].starts_with("/32 host LOCAL") || address.is_loopback() {
            continue;
        }
        let within = |(network, width): &&(Ipv4Addr, u32)| {
            let mask = u32::MAX.checked_shl(32 - width).unwrap_or(0);
            u32::from(address) & mask == u32::from(*network)
        };
        if let Some((_, width)) = networks.iter().find(within) {
            let broadcast = Ipv4Addr::from(u32::from(address) | u32::MAX.checked_shr(*width).unwrap_or(0));
            let entry = ("inet", format!("{address}/{width} brd {broadcast}"));
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    found
}

fn ipv6(device: &str) -> Vec<(&'static str, String)> {
    let table = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [address, _, width, _, _, name] = fields.as_slice() else { return None };
            let address = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?);
            (*name == device).then(|| ("inet6", format!("{address}/{}", u32::from_str_radix(width, 16).unwrap_or(128))))
        })
        .collect()
}

struct Route {
    device: String,
    destination: Ipv4Addr,
    gateway: Ipv4Addr,
    mask: u32,
}

fn route_lines() -> Vec<Route> {
    let address = |hex: &str| u32::from_str_radix(hex, 16).map(|n| Ipv4Addr::from(n.swap_bytes()));
    let table = fs::read_to_string("/proc/net/route").unwrap_or_default();
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let f: Vec<&str> = line.split_whitespace().collect();
            Some(Route {
                device: (*f.first()?).to_owned(),
                destination: address(f.get(1)?).ok()?,
                gateway: address(f.get(2)?).ok()?,
                mask: u32::from(address(f.get(7)?).ok()?),
            })
        })
        .collect()
}

fn routes() -> ExitCode {
    for route in route_lines() {
        if route.mask == 0 {
            println!("default via {} dev {}", route.gateway, route.device);
        } else {
            println!("{}/{} dev {} scope link", route.destination, route.mask.count_ones(), route.device);
        }
    }
    ExitCode::SUCCESS
}
