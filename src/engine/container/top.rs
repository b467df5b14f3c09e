//! The processes of a container, as `ps` on the machine shows them, read from /proc.

use std::fs;

use super::ContainerError;
use super::lifecycle::not_running;
use super::store::{Container, Containers};

/// One process.
#[derive(Clone, Debug)]
pub struct ProcessInfo {
    pub pid: i32,
    pub parent: i32,
    pub uid: u32,
    pub tty: i32,
    /// Clock ticks of CPU time, and of the machine's clock at the start.
    pub cpu: u64,
    pub start: u64,
    pub nice: i64,
    pub state: char,
    pub threads: u64,
    /// Bytes.
    pub virtual_size: u64,
    pub resident: u64,
    pub name: String,
    pub command: String,
}

impl Containers {
    /// The processes of a running container, by number.
    pub fn processes(&self, container: &Container) -> Result<Vec<ProcessInfo>, ContainerError> {
        let (running, pid, alone) = {
            let record = container.lock();
            (record.state.status.is_running(), record.state.pid, record.host.pid_mode.is_empty())
        };
        if !running {
            return Err(not_running(container));
        }
        let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let wanted = namespace(pid).ok_or_else(|| not_running(container))?;
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
        let mut all: Vec<_> = numbers.filter(|p| namespace(*p).as_ref() == Some(&wanted)).filter_map(read).collect();
        all.sort_by_key(|p| p.pid);
        if alone {
            // Those of containers that share its namespace are theirs.
            let shared = format!("container:{}", container.id);
            let guest = |other: &std::sync::Arc<Container>| {
                let record = other.lock();
                (record.host.pid_mode == shared && record.state.status.is_running()).then(|| parent(record.state.pid))
            };
            let guests: Vec<i32> = self.list().iter().filter_map(guest).collect();
            all.retain(|p| !guests.iter().any(|monitor| stems_from(p.pid, *monitor)));
        } else {
            // Others are in its namespace: its own ones stem from its first, or from what the engine ran in it.
            all.retain(|p| stems_from(p.pid, parent(pid)));
        }
        Ok(all)
    }
}

fn parent(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind = stat.rfind(')').and_then(|close| stat.get(close + 1..)).unwrap_or_default();
    behind.split_ascii_whitespace().nth(1).and_then(|p| p.parse().ok()).unwrap_or(0)
}

fn stems_from(pid: i32, ancestor: i32) -> bool {
    std::iter::successors(Some(parent(pid)), |p| Some(parent(*p))).take_while(|p| *p > 1).take(1000).any(|p| p == ancestor)
}

fn read(pid: i32) -> Option<ProcessInfo> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let name = stat[open + 1..close].to_owned();
    let fields: Vec<&str> = stat[close + 1..].split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok());
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let uid = status.lines().find_map(|l| l.strip_prefix("Uid:"))?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let state = fields.first()?.chars().next()?;
    let line = command_line(pid, state)?;
    if state != 'Z' && line.starts_with(super::monitor::NAME.as_bytes()) {
        // In a namespace that it shares a container's monitors are seen, too.
        return None;
    }
    let words: Vec<_> = line.split(|b| *b == 0).filter(|w| !w.is_empty()).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    Some(ProcessInfo {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        uid,
        tty: fields.get(4)?.parse().ok()?,
        cpu: number(11)? + number(12)?,
        start: number(19)?,
        nice: fields.get(16)?.parse().ok()?,
        state,
        threads: number(17)?,
        virtual_size: number(20)?,
        resident: number(21)? * 4096,
        command: if words.is_empty() { format!("[{name}]") } else { words.join(" ") },
        name,
    })
}

/// A process that is about to be the container's program still has its monitor's arguments, and then none for a moment; one that has
/// ended has none any more.
fn command_line(pid: i32, state: char) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    for _ in 0..50 {
        line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let begun = !line.is_empty() && !line.starts_with(super::monitor::NAME.as_bytes());
        if begun || state == 'Z' {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Some(line)
}
