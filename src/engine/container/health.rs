//! Health checks: the command that a container is asked with, again and again while it runs, and what came of it. Docker's rules.
//!
//! The answers are kept in the container's record, so that the next engine goes on from there.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::exec::ExecRequest;
use super::record::{Record, Status};
use super::store::{Container, Containers};
use crate::image::{HealthConfig, RunConfig};
use crate::units::go_duration;

/// As many answers are kept, and so much of each.
const KEPT: usize = 5;
const OUTPUT_MAX: usize = 4096;

const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const START_INTERVAL: Duration = Duration::from_secs(5);
const RETRIES: u32 = 3;

/// What is known of a container's health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    pub status: HealthStatus,
    pub failing_streak: u32,
    pub log: Vec<Probe>,
}

/// Docker's three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthStatus {
    Starting,
    Healthy,
    Unhealthy,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub start: Timestamp,
    pub end: Timestamp,
    /// 0 for healthy; -1 when the command could not be run or took too long.
    pub exit_code: i32,
    pub output: String,
}

impl HealthStatus {
    /// Docker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Starting => "starting",
            HealthStatus::Healthy => "healthy",
            HealthStatus::Unhealthy => "unhealthy",
        }
    }
}

impl Health {
    pub(super) fn starting() -> Health {
        Health { status: HealthStatus::Starting, failing_streak: 0, log: Vec::new() }
    }

    /// Takes an answer. A failure within the start period is none, as long as the container has never been healthy.
    fn take(&mut self, probe: Probe, retries: u32, in_start_period: bool) {
        if probe.exit_code == 0 {
            self.failing_streak = 0;
            self.status = HealthStatus::Healthy;
        } else if self.status != HealthStatus::Starting || !in_start_period {
            self.failing_streak += 1;
            if self.failing_streak >= retries {
                self.status = HealthStatus::Unhealthy;
            }
        }
        if self.log.len() >= KEPT {
            self.log.drain(..=self.log.len() - KEPT);
        }
        self.log.push(probe);
    }
}

/// The command of a check, if the container has one.
pub(super) fn command(config: &RunConfig) -> Option<Vec<String>> {
    let test = config.healthcheck.as_ref()?.test.as_ref()?;
    match test.first().map(String::as_str)? {
        "CMD" => Some(test[1..].to_vec()).filter(|words| !words.is_empty()),
        "CMD-SHELL" => {
            let shell = config.shell.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into()]);
            Some(shell.into_iter().chain(test[1..].iter().cloned()).collect())
        }
        _ => None,
    }
}

struct Plan {
    interval: Duration,
    timeout: Duration,
    start_period: Duration,
    start_interval: Duration,
    retries: u32,
}

impl Plan {
    fn of(config: &HealthConfig) -> Plan {
        let or = |nanoseconds: i64, default: Duration| match u64::try_from(nanoseconds) {
            Ok(0) | Err(_) => default,
            Ok(n) => Duration::from_nanos(n),
        };
        Plan {
            interval: or(config.interval, INTERVAL),
            timeout: or(config.timeout, TIMEOUT),
            start_period: or(config.start_period, Duration::ZERO),
            start_interval: or(config.start_interval, START_INTERVAL),
            retries: u32::try_from(config.retries).ok().filter(|r| *r > 0).unwrap_or(RETRIES),
        }
    }

    fn starting(&self, record: &Record, at: Timestamp) -> bool {
        let started = record.state.started_at.unwrap_or(at);
        at.duration_since(started).unsigned_abs() < self.start_period
    }

    fn next(&self, record: &Record) -> Duration {
        let fresh = record.state.health.as_ref().is_some_and(|h| h.status == HealthStatus::Starting);
        if fresh && self.starting(record, Timestamp::now()) { self.start_interval } else { self.interval }
    }
}

impl Containers {
    /// Asks a container how it is, from now until this run of it ends.
    pub(super) fn watch_health(&self, container: &Arc<Container>) {
        let (args, plan) = {
            let record = container.lock();
            let (Some(args), Some(config)) = (command(&record.config), &record.config.healthcheck) else { return };
            (args, Plan::of(config))
        };
        let (containers, container) = (self.clone(), Arc::clone(container));
        tokio::spawn(async move {
            let mut phase = container.phase.subscribe();
            let run = phase.borrow_and_update().starts;
            loop {
                let wait = plan.next(&container.lock());
                let over = phase.wait_for(|p| !p.running || p.starts != run || p.removed);
                if tokio::time::timeout(wait, over).await.is_ok() {
                    return;
                }
                // Who is paused cannot answer.
                if container.lock().state.status != Status::Running {
                    continue;
                }
                let over = phase.wait_for(|p| !p.running || p.starts != run || p.removed);
                tokio::select! {
                    probe = containers.probe(&container, &args, plan.timeout) => containers.judge(&container, probe, &plan),
                    _ = over => return,
                }
            }
        });
    }

    async fn probe(&self, container: &Arc<Container>, args: &[String], timeout: Duration) -> Probe {
        let start = Timestamp::now();
        let done = |exit_code, output| Probe { start, end: Timestamp::now(), exit_code, output };
        let request = ExecRequest { args: args.to_vec(), attach_stdout: true, attach_stderr: true, ..ExecRequest::default() };
        let exec = match self.exec_create(container, request).and_then(|id| self.exec(&id)) {
            Ok(exec) => exec,
            Err(e) => return done(-1, e.to_string()),
        };
        let mut output = Vec::new();
        let answer = async {
            let mut stream = self.exec_start(&exec, None).await?;
            while let Some((_, bytes)) = stream.recv().await {
                let room = OUTPUT_MAX.saturating_sub(output.len());
                output.extend_from_slice(&bytes[..bytes.len().min(room + 1)]);
            }
            Ok::<_, super::ContainerError>(())
        };
        let answered = tokio::time::timeout(timeout, answer).await;
        let mut text = String::from_utf8_lossy(&output[..output.len().min(OUTPUT_MAX)]).into_owned();
        if output.len() > OUTPUT_MAX {
            text.push_str("...");
        }
        let probe = match answered {
            Ok(Ok(())) => done(exec.ended().await, text),
            Ok(Err(e)) => done(-1, e.to_string()),
            Err(_) => {
                exec.kill().await;
                let said = if text.is_empty() { text } else { format!(": {text}") };
                let timeout = go_duration(i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX));
                done(-1, format!("Health check exceeded timeout ({timeout}){said}"))
            }
        };
        self.forget_exec(&exec.id);
        probe
    }

    fn judge(&self, container: &Arc<Container>, probe: Probe, plan: &Plan) {
        let mut news = None;
        let _ = container.update(|record| {
            if record.state.status != Status::Running {
                return;
            }
            let in_start_period = plan.starting(record, probe.start);
            let health = record.state.health.get_or_insert_with(Health::starting);
            let before = health.status;
            health.take(probe, plan.retries, in_start_period);
            news = (health.status != before).then_some(health.status);
        });
        if let Some(status) = news {
            self.tell(container, &format!("health_status: {}", status.as_str()), &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(exit_code: i32) -> Probe {
        Probe { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH, exit_code, output: String::new() }
    }

    #[test]
    fn health_is_lost_after_so_many_failures_and_comes_back_with_one_success() {
        let mut health = Health::starting();
        for (code, in_start, status, streak) in [
            (1, true, HealthStatus::Starting, 0),
            (1, false, HealthStatus::Starting, 1),
            (-1, false, HealthStatus::Unhealthy, 2),
            (0, false, HealthStatus::Healthy, 0),
            (1, true, HealthStatus::Healthy, 1),
            (1, true, HealthStatus::Unhealthy, 2),
        ] {
            health.take(probe(code), 2, in_start);
            assert_eq!((health.status, health.failing_streak), (status, streak));
        }
        assert_eq!(health.log.iter().map(|p| p.exit_code).collect::<Vec<_>>(), [1, -1, 0, 1, 1]);
    }

    #[test]
    fn a_check_is_a_program_a_shell_line_or_none() {
        let with = |test: &[&str], shell: Option<&[&str]>| {
            let words = |w: &[&str]| w.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
            let healthcheck = Some(HealthConfig { test: Some(words(test)), ..HealthConfig::default() });
            command(&RunConfig { healthcheck, shell: shell.map(words), ..RunConfig::default() })
        };
        assert_eq!(with(&["CMD", "a", "b c"], None).unwrap(), ["a", "b c"]);
        assert_eq!(with(&["CMD-SHELL", "a b"], None).unwrap(), ["/bin/sh", "-c", "a b"]);
        assert_eq!(with(&["CMD-SHELL", "a b"], Some(&["/bin/bash", "-c"])).unwrap(), ["/bin/bash", "-c", "a b"]);
        for none in [&["NONE"][..], &["CMD"], &[]] {
            assert_eq!(with(none, None), None);
        }
    }
}
