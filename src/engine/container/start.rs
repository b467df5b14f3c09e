//! Starting a container: what its monitor is told, and what becomes of the record as the monitor answers.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::cgroup::Group;
use super::fanout::Fanout;
use super::health::{self, Health, HealthStatus};
use super::host::HostConfig;
use super::live::{self, News};
use super::networks::{self, Plan};
use super::record::{MountKind, Record, Status};
use super::spec::{Bind, ContainerSpec, ExitRecord, Joined, MountSpec, ProcessSpec, Reply, Request, RunRecord};
use super::store::{Container, Containers};
use super::volumes::{self, Device};
use super::{ContainerError, disk, init, root, wishes};
use crate::image::RunConfig;
use crate::network::{BRIDGE, Published, porter};
use crate::sys::{caps, process, signal, tree};

const NO_NEW_PRIVILEGES: &str = "no-new-privileges";
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Containers {
    /// Starts a container that does not run. [`ContainerError::NotModified`] when it runs already.
    pub async fn start(&self, container: &Arc<Container>) -> Result<(), ContainerError> {
        let _held = container.operation.lock().await;
        self.start_by_hand(container).await
    }

    pub(super) async fn start_held(&self, container: &Arc<Container>) -> Result<(), ContainerError> {
        let record = container.record();
        match record.state.status {
            Status::Paused => {
                return Err(ContainerError::Conflict("cannot start a paused container, try unpause instead".to_owned()));
            }
            Status::Running => return Err(ContainerError::NotModified(String::new())),
            Status::Removing | Status::Dead => {
                return Err(ContainerError::Conflict("container is marked for removal and cannot be started".to_owned()));
            }
            Status::Created | Status::Exited | Status::Restarting => {}
        }
        let launched = match self.enter(container) {
            Ok(plan) => self.launch(container, plan).await,
            Err(refused) => Err(refused),
        };
        match launched {
            Ok((live, news, pid, ports)) => {
                container.set_live(Some(Arc::new(live)));
                container.update(|r| {
                    r.ports = ports;
                    r.state.status = Status::Running;
                    r.state.pid = pid;
                    r.state.exit_code = 0;
                    r.state.oom_killed = false;
                    r.state.error.clear();
                    r.state.started_at = Some(Timestamp::now());
                    r.state.stopped_by_hand = false;
                    r.state.health = health::command(&r.config).is_some().then(Health::starting);
                })?;
                container.phase.send_modify(|p| {
                    p.running = true;
                    p.starts += 1;
                });
                self.tell_networks(container);
                self.tell_mounted(container);
                self.tell(container, "start", &[]);
                self.follow(Arc::clone(container), news);
                self.watch_health(container);
                Ok(())
            }
            Err((message, code)) => {
                self.leave(container, false);
                container.fanout.close();
                let kept = message.strip_prefix("failed to create task for container: ").unwrap_or(&message).to_owned();
                container.update(|r| {
                    r.state.exit_code = code;
                    r.state.error = kept;
                    r.state.finished_at = None;
                })?;
                container.phase.send_modify(|p| {
                    p.exits += 1;
                    p.exit_code = code;
                });
                if record.host.auto_remove {
                    let _ = self.remove_held(container, true).await;
                }
                if message.starts_with("network ") {
                    return Err(ContainerError::NotFound(message));
                }
                // A wish that cannot be met leaves the container as it was created.
                Err(if code == 128 { ContainerError::Failed(message) } else { ContainerError::Invalid(message) })
            }
        }
    }

    async fn launch(&self, container: &Container, plan: Plan) -> Result<(live::Live, News, i32, Vec<Published>), (String, i32)> {
        let io = |e: std::io::Error| (format!("cannot start the container's monitor: {e}"), 128);
        for left in [disk::EXIT, disk::RUN] {
            let _ = fs::remove_file(container.dir.join(left));
        }
        let mut record = container.record();
        wishes::check(&record).map_err(|text| (text, 128))?;
        record.mounts.iter().try_for_each(volumes::check_device).map_err(|text| (text, 128))?;
        // The machine as containers see it: the default network's end of the bridge.
        if let Some(gateway) = self.networks().get(BRIDGE).ok().and_then(|network| network.gateway) {
            for extra in record.host.extra_hosts.iter_mut().flatten() {
                *extra = extra.replace("host-gateway", &gateway.to_string());
            }
        }
        let Plan { hub, .. } = &plan;
        let hub = hub.clone();
        let joined = self.joined(&record.host).map_err(|text| (text, 128))?;
        let mut spec = spec(container, &record, plan, joined).map_err(|e| (e.to_string(), 128))?;
        let group = Group::make(&container.id, &record.host).map_err(|e| (format!("cannot set the container's limits: {e}"), 128))?;
        if let Some(group) = group {
            (spec.process.group_doors, spec.group_views) = (group.doors(), group.views());
        }
        let porter = porter::connection().filter(|_| spec.net.as_ref().is_some_and(|net| net.porter));
        let net: Vec<_> = hub.as_ref().map(|h| h.namespace()).into_iter().chain(porter).collect();
        let (live, mut news) = live::spawn(&Request::Start(Box::new(spec)), record.config.open_stdin, &net).map_err(io)?;
        match news.next(&container.fanout, || ()).await {
            Some(Reply::Started { pid, ports }) => {
                // Only now, so as not to compete with the start for the processor.
                tokio::task::spawn_blocking(live::keep_spare);
                Ok((live, news, pid, ports))
            }
            Some(Reply::Failed { message, code }) => {
                news.finish();
                // What the runtime says comes through three others in Docker, and each leaves its mark.
                let message = if message.starts_with("unable to start container process") {
                    format!(
                        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: {message}: unknown"
                    )
                } else if message.starts_with("Error starting userland proxy") {
                    let endpoint = record.networks.first().and_then(|p| p.lease.as_ref()).map(|l| l.endpoint.clone()).unwrap_or_default();
                    networks::not_published(&record, &endpoint, &message)
                } else {
                    message
                };
                Err((message, code))
            }
            _ => {
                news.finish();
                Err(("the container's monitor ended before it said anything".to_owned(), 128))
            }
        }
    }

    /// Listens to a container's monitor until it ends.
    fn follow(&self, container: Arc<Container>, mut news: News) {
        let containers = self.clone();
        tokio::spawn(async move {
            let fanout: Arc<Fanout> = Arc::clone(&container.fanout);
            let logged = container.logged.clone();
            let code = loop {
                match news.next(&fanout, || logged.send_modify(|n| *n += 1)).await {
                    Some(Reply::Exited { code }) => break Some(code),
                    Some(_) => {}
                    None => break None,
                }
            };
            containers.ended(&container, code).await;
            news.finish();
        });
    }

    /// Writes down that a container has ended. Without a status its monitor was killed.
    async fn ended(&self, container: &Arc<Container>, code: Option<i32>) {
        let record: Option<ExitRecord> = disk::read_json(&container.dir.join(disk::EXIT));
        let at = record.as_ref().map_or_else(Timestamp::now, |r| r.at);
        let code = code.or(record.map(|r| r.code)).unwrap_or_else(|| {
            kill_rest(&container.dir);
            137
        });
        container.set_live(None);
        let group = Group::of(&container.id);
        let out_of_memory = group.as_ref().is_some_and(Group::ran_out_of_memory);
        if let Some(group) = group {
            if !container.lock().host.pid_mode.is_empty() {
                // In a namespace of its own they would have gone with its first process.
                group.kill_rest();
            }
            group.remove();
        }
        let mut lasted = 0;
        let leaves = container.lock().host.auto_remove;
        let again = self.restart_due(container, code);
        let mut change = |r: &mut Record| {
            r.state.status = Status::Exited;
            if again {
                // Written down: should the engine go before the wait is over, the next one starts it.
                r.restarts();
            }
            r.state.pid = 0;
            r.state.exit_code = code;
            r.state.oom_killed = out_of_memory;
            // Nobody asks any more.
            if let Some(health) = &mut r.state.health {
                health.status = HealthStatus::Unhealthy;
            }
            lasted = r.state.started_at.map_or(0, |start| at.duration_since(start).as_secs());
            r.state.finished_at = Some(at);
        };
        if leaves {
            // Its files go in a moment. Should the engine go before them, the monitor's record tells the next one.
            change(&mut container.lock());
        } else {
            let _ = container.update(change);
            let _ = fs::remove_file(container.dir.join(disk::RUN));
        }
        container.fanout.close();
        container.logged.send_modify(|n| *n += 1);
        self.leave(container, true);
        self.tell_unmounted(container);
        if out_of_memory {
            self.tell(container, "oom", &[]);
        }
        self.tell(container, "die", &[("execDuration", lasted.to_string()), ("exitCode", code.to_string())]);
        container.phase.send_modify(|p| {
            p.running = false;
            p.exits += 1;
            p.exit_code = code;
        });
        if again {
            self.restart_later(Arc::clone(container), lasted);
            return;
        }
        if leaves {
            let held = container.operation.lock().await;
            let _ = self.remove_held(container, true).await;
            drop(held);
        }
    }

    /// Finds out what became of a container while no engine ran.
    pub(super) fn recover(&self, container: &Arc<Container>) {
        let record = container.record();
        let run: Option<RunRecord> = disk::read_json(&container.dir.join(disk::RUN));
        let marked = record.state.status.is_running() || record.state.status == Status::Restarting;
        if !marked && run.is_none() {
            return;
        }
        let alive = run.as_ref().is_some_and(|r| process::start_time(r.monitor.0) == Some(r.monitor.1));
        if alive
            && tokio::runtime::Handle::try_current().is_ok()
            && let Ok((live, news)) = live::connect(&container.dir, &Request::Attach, record.config.open_stdin)
        {
            container.set_live(Some(Arc::new(live)));
            let monitor = run.as_ref().map_or(0, |r| r.monitor.0);
            let _ = container.update(|r| {
                r.state.pid = run.as_ref().map_or(0, |r| r.init.0);
                if let (false, Some(run)) = (r.state.status.is_running(), run) {
                    r.state.status = Status::Running;
                    r.state.started_at = Some(run.at);
                    (r.networks, r.ports) = (run.networks, run.ports);
                }
            });
            self.resume_networks(container, monitor);
            container.phase.send_modify(|p| p.running = true);
            self.follow(Arc::clone(container), news);
            self.watch_health(container);
            return;
        }
        let exit: Option<ExitRecord> = disk::read_json(&container.dir.join(disk::EXIT));
        kill_rest(&container.dir);
        if let Some(group) = Group::of(&container.id) {
            group.remove();
        }
        let _ = fs::remove_file(container.dir.join(disk::RUN));
        self.leave(container, false);
        let _ = container.update(|r| {
            r.state.status = Status::Exited;
            r.state.pid = 0;
            // Docker's status for a container whose end nobody saw.
            r.state.exit_code = exit.as_ref().map_or(if run.is_some() { 137 } else { 255 }, |e| e.code);
            r.state.finished_at = Some(exit.map_or_else(Timestamp::now, |e| e.at));
            if let Some(health) = &mut r.state.health {
                health.status = HealthStatus::Unhealthy;
            }
        });
        let code = container.lock().state.exit_code;
        container.phase.send_modify(|p| p.exit_code = code);
        if tokio::runtime::Handle::try_current().is_ok() && self.restart_due(container, code) {
            let _ = container.update(Record::restarts);
            self.restart_later(Arc::clone(container), 0);
            return;
        }
        if record.host.auto_remove {
            self.forget(&container.id);
            super::volumes::remove_anonymous(&record);
            let _ = tree::remove(&container.dir);
        }
    }
}

/// Ends the first process of a container whose monitor is gone.
fn kill_rest(dir: &Path) {
    if let Some(run) = disk::read_json::<RunRecord>(&dir.join(disk::RUN))
        && process::start_time(run.init.0) == Some(run.init.1)
    {
        let _ = signal::send(run.init.0, libc::SIGKILL);
    }
}

/// What the monitor is told.
fn spec(container: &Container, record: &Record, plan: Plan, joined: Joined) -> std::io::Result<ContainerSpec> {
    let Record { config, host, .. } = record;
    let host_net = host.network_mode == "host";
    let mut mounts = match &plan.join {
        Some((_, other)) => super::netfiles::of_other(&other.dir, record),
        None => {
            let named = plan.net.as_ref().is_some_and(|n| n.resolver.is_some());
            super::netfiles::write(&container.dir, record, &plan.hosts, named)?
        }
    };
    let hostname = plan.join.as_ref().map_or_else(|| config.hostname.clone(), |(_, other)| other.record().config.hostname);
    for mount in &record.mounts {
        if let Some(Device::Memory(options)) = &mount.device {
            mounts.push(MountSpec::Tmpfs { target: mount.target.clone(), options: options.clone() });
            continue;
        }
        mounts.push(match mount.kind {
            MountKind::Tmpfs => MountSpec::Tmpfs { target: mount.target.clone(), options: mount.name.clone() },
            MountKind::Bind | MountKind::Volume => MountSpec::Bind(Bind {
                source: mount.place().to_owned(),
                subpath: mount.subpath.clone(),
                target: mount.target.clone(),
                read_only: !mount.writable,
                recursive: !mount.itself_alone,
                recursively_read_only: !mount.read_only_itself,
            }),
        });
    }
    for device in &host.devices {
        mounts.push(MountSpec::bind(&device.path_on_host, &device.path_in_container, false));
    }
    mounts.extend(host.tmpfs.iter().flatten().map(|(t, o)| MountSpec::Tmpfs { target: t.clone(), options: o.clone() }));
    let mut process = process_spec(config, host).map_err(std::io::Error::other)?;
    for entry in plan.env {
        let name = entry.split('=').next().unwrap_or_default();
        // The container's own variables win.
        if !process.env.iter().any(|e| e.split('=').next() == Some(name)) {
            process.env.push(entry);
        }
    }
    process.args = std::iter::once(&record.path).chain(&record.args).cloned().collect();
    if host.init == Some(true) {
        mounts.push(MountSpec::bind(std::env::current_exe()?, init::PATH, true));
        process.args.splice(0..0, [init::PATH.to_owned(), "--".to_owned()]);
    }
    Ok(ContainerSpec {
        dir: container.dir.clone(),
        root: root::spec_of(&container.dir, record),
        hostname,
        domainname: config.domainname.clone(),
        own_net: !host_net && !host.network_mode.starts_with("container:"),
        net: plan.net,
        own_pid: host.pid_mode.is_empty(),
        own_ipc: host.ipc_mode != "host" && joined.ipc.is_none(),
        join: Joined { net: plan.join.map(|(pid, _)| pid), ..joined },
        own_uts: host.uts_mode != "host",
        mounts,
        shm_size: u64::try_from(host.shm_size).ok().filter(|_| host.ipc_mode != "none"),
        masked: host.masked_paths.clone().unwrap_or_default(),
        read_only_paths: host.readonly_paths.clone().unwrap_or_default(),
        read_only_root: host.readonly_rootfs,
        sysctls: host.sysctls.clone().unwrap_or_default(),
        group_views: Vec::new(),
        all_devices: host.privileged,
        stdin_once: config.stdin_once,
        log: host.log_config.spec().map_err(std::io::Error::other)?,
        process,
    })
}

/// A process as the container's configs want it, or what Docker says of one that cannot be; the arguments are left to the caller.
pub(super) fn process_spec(config: &RunConfig, host: &HostConfig) -> Result<ProcessSpec, String> {
    let unprivileged = host.security_opt.iter().flatten().rev().find_map(|option| match option.split_once(['=', ':']) {
        None => (option == NO_NEW_PRIVILEGES).then_some(true),
        Some((name, value)) => (name == NO_NEW_PRIVILEGES).then(|| value.starts_with(['1', 't', 'T'])),
    });
    let capabilities = capabilities(host);
    Ok(ProcessSpec {
        args: Vec::new(),
        env: environment(config),
        cwd: config.working_dir.clone(),
        user: config.user.clone(),
        groups: host.group_add.clone().unwrap_or_default(),
        tty: config.tty,
        size: (host.console_size[0], host.console_size[1]),
        stdin: config.open_stdin,
        capabilities,
        no_new_privileges: unprivileged == Some(true),
        calls: super::profile::calls(host, capabilities)?,
        limits: host.ulimits.iter().filter_map(|u| Some((limit_number(&u.name)?, limit(u.soft), limit(u.hard)))).collect(),
        oom_score_adj: i16::try_from(host.oom_score_adj).unwrap_or_default(),
        group_doors: Vec::new(),
    })
}

/// The container's environment: Docker's own variables, then the config's.
fn environment(config: &RunConfig) -> Vec<String> {
    let mut env = vec![DEFAULT_PATH.to_owned(), format!("HOSTNAME={}", config.hostname)];
    if config.tty {
        env.push("TERM=xterm".to_owned());
    }
    override_env(&mut env, config.env.as_deref().unwrap_or_default());
    env
}

/// Lays variables over others: `A=b` replaces, `A` removes.
pub(super) fn override_env(env: &mut Vec<String>, over: &[String]) {
    let key = |entry: &str| entry.split('=').next().unwrap_or_default().to_owned();
    for entry in over {
        let name = key(entry);
        let place = env.iter().position(|e| key(e) == name);
        match (place, entry.contains('=')) {
            (Some(at), true) => env[at].clone_from(entry),
            (None, true) => env.push(entry.clone()),
            (Some(at), false) => drop(env.remove(at)),
            (None, false) => {}
        }
    }
}

fn capabilities(host: &HostConfig) -> u64 {
    let all = caps::bits(&caps::NAMES);
    if host.privileged {
        return all;
    }
    let is_all = |list: &Option<Vec<String>>| list.iter().flatten().any(|c| c.eq_ignore_ascii_case("ALL"));
    let bits = |list: &Option<Vec<String>>| list.iter().flatten().filter_map(|c| caps::bit(c)).fold(0, |all, bit| all | bit);
    let base = match (is_all(&host.cap_add), is_all(&host.cap_drop)) {
        (true, _) => all & !bits(&host.cap_drop),
        (false, true) => 0,
        (false, false) => caps::bits(&caps::DEFAULT) & !bits(&host.cap_drop),
    };
    base | bits(&host.cap_add)
}

fn limit(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn limit_number(name: &str) -> Option<u32> {
    const NAMES: [&str; 16] = [
        "cpu",
        "fsize",
        "data",
        "stack",
        "core",
        "rss",
        "nproc",
        "nofile",
        "memlock",
        "as",
        "locks",
        "sigpending",
        "msgqueue",
        "nice",
        "rtprio",
        "rttime",
    ];
    NAMES.iter().position(|n| *n == name).and_then(|i| u32::try_from(i).ok())
}
