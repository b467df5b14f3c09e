//! What a container uses: its processes' time, memory and transfers, summed up from /proc.

use std::fs;

use jiff::Timestamp;

use super::ContainerError;
use super::cgroup::Group;
use super::store::{Container, Containers};

/// What a container has used up to a moment; times in nanoseconds, amounts in bytes.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    pub at: Option<Timestamp>,
    pub user: u64,
    pub system: u64,
    /// Of all processors of the machine, busy or not.
    pub machine: u64,
    pub processors: u64,
    pub memory: u64,
    pub memory_limit: u64,
    pub tasks: u64,
    pub tasks_limit: Option<u64>,
    pub read: u64,
    pub written: u64,
    pub networks: Vec<Interface>,
}

/// A network interface and what has passed through it.
#[derive(Clone, Debug)]
pub struct Interface {
    pub name: String,
    /// Bytes, packets, errors and drops.
    pub received: [u64; 4],
    pub sent: [u64; 4],
}

/// Nanoseconds in a clock tick, as /proc counts them on every Linux that we know.
const TICK: u64 = 10_000_000;

impl Containers {
    /// What a container uses now; nothing at all when it does not run.
    pub fn usage(&self, container: &Container) -> Result<Usage, ContainerError> {
        let (running, pid, host) = {
            let record = container.lock();
            (record.state.status.is_running(), record.state.pid, record.host.clone())
        };
        if !running {
            return Ok(Usage::default());
        }
        let machine = machine();
        let mut usage = Usage {
            at: Some(Timestamp::now()),
            machine: machine.time,
            processors: machine.processors,
            memory_limit: u64::try_from(host.memory).ok().filter(|m| *m > 0).unwrap_or(machine.memory),
            tasks_limit: host.pids_limit.and_then(|p| u64::try_from(p).ok()).filter(|p| *p > 0),
            networks: interfaces(pid),
            ..Usage::default()
        };
        for process in self.processes(container)? {
            usage.tasks += process.threads;
            usage.add_process(process.pid);
        }
        if let Some(memory) = Group::of(container.id()).and_then(|g| g.memory()) {
            usage.memory = memory;
        }
        Ok(usage)
    }
}

impl Usage {
    fn add_process(&mut self, pid: i32) {
        let text = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let stat = text("stat");
        let after = stat.rfind(')').map_or("", |at| &stat[at + 1..]);
        // Its own time and that of its children which have ended: 14th to 17th of the fields.
        let times: Vec<u64> = after.split_ascii_whitespace().skip(11).take(4).map(|f| f.parse().unwrap_or(0)).collect();
        if let [user, system, children_user, children_system] = times[..] {
            self.user += (user + children_user) * TICK;
            self.system += (system + children_system) * TICK;
        }
        let status = text("status");
        let kilobytes = |key: &str| number_after(&status, key).unwrap_or(0) * 1024;
        // Pages of the program's file are not its own.
        self.memory += kilobytes("RssAnon:") + kilobytes("RssShmem:");
        let io = text("io");
        self.read += number_after(&io, "read_bytes:").unwrap_or(0);
        self.written += number_after(&io, "\nwrite_bytes:").unwrap_or(0);
    }
}

/// The first number behind `key`.
fn number_after(text: &str, key: &str) -> Option<u64> {
    text.split_once(key)?.1.split_ascii_whitespace().next()?.parse().ok()
}

struct Machine {
    time: u64,
    processors: u64,
    memory: u64,
}

fn machine() -> Machine {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    // The first eight: guests' time is counted in users' already.
    let ticks: u64 = stat.lines().next().unwrap_or("").split_ascii_whitespace().skip(1).take(8).filter_map(|n| n.parse::<u64>().ok()).sum();
    let processors = stat.lines().filter(|l| l.starts_with("cpu") && !l.starts_with("cpu ")).count().max(1);
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|m| number_after(&m, "MemTotal:")).unwrap_or(0) * 1024;
    Machine { time: ticks * TICK, processors: processors as u64, memory }
}

/// The interfaces in the network of process `pid`, without loopback.
fn interfaces(pid: i32) -> Vec<Interface> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default();
    let rows = table.lines().skip(2).filter_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
        let four = |from: usize| numbers.get(from..from + 4)?.try_into().ok();
        Some(Interface { name: name.trim().to_owned(), received: four(0)?, sent: four(8)? })
    });
    rows.filter(|i| i.name != "lo").collect()
}
