//! Creating a container: its config merged with the image's, its mounts decided, its folder made. Starts nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::check::check;
use super::host::HostConfig;
use super::record::{Record, State};
use super::store::{Container, Containers};
use super::{Connection, ContainerError, cgroup, mounts, names, networks, root, volumes};
use crate::image::{ResolvedImage, RunConfig};
use crate::network::Attachment;
use crate::sys::tree;

/// A container to be.
pub struct CreateRequest {
    /// Empty for a name that the engine makes up.
    pub name: String,
    pub config: RunConfig,
    pub host: HostConfig,
    pub image: ResolvedImage,
    /// Networks by name, and how to be on them; that of the network mode need not be among them.
    pub networks: Vec<(String, Connection)>,
    /// Whether mounts below a read-only bind stay as they are, unless it is said of the bind: the rule before API 1.44.
    pub read_only_itself: bool,
}

impl Containers {
    /// Creates a container; gives it, and what its user should know.
    pub fn create(&self, request: CreateRequest) -> Result<(Arc<Container>, Vec<String>), ContainerError> {
        let CreateRequest { name, mut config, mut host, image, networks, read_only_itself } = request;
        check(&config, &host)?;
        networks::check_ports(&host)?;
        self.settle_links(&mut host)?;
        self.settle_sharing(&mut host)?;
        merge(&mut config, &image.config.config);
        host.settle();
        if config.network_disabled {
            "none".clone_into(&mut host.network_mode);
        }
        let places = networks::attachments(self.networks(), &config, &host, networks)?;
        let words: Vec<String> = config.entrypoint.iter().chain(&config.cmd).flatten().cloned().collect();
        let Some((path, args)) = words.split_first() else {
            return Err(ContainerError::Invalid("no command specified".to_owned()));
        };
        let id = names::id();
        if config.hostname.is_empty() {
            config.hostname = if host.network_mode == "host" {
                rustix::system::uname().nodename().to_string_lossy().into_owned()
            } else {
                id[..12].to_owned()
            };
        }
        let mut warnings = warnings(&host);
        warnings.extend(self.network_warning(&host));
        let name = self.reserve(&name, &id)?;
        let dir = self.inner.root.join(&id);
        let made = self.furnish(&dir, &id, &name, (path, args), config, host, &image, places, read_only_itself);
        match made {
            Ok(container) => {
                if mounts::wants_propagation(&container.lock().mounts) {
                    let text = "This engine's mounts are its own: none is passed on between the machine and a container, whatever the propagation.";
                    warnings.push(text.to_owned());
                }
                self.insert(&container);
                self.tell(&container, "create", &[]);
                Ok((container, warnings))
            }
            Err(e) => {
                self.release(&name);
                let _ = tree::remove(&dir);
                Err(e)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record, put together here only")]
    fn furnish(
        &self,
        dir: &Path,
        id: &str,
        name: &str,
        (path, args): (&String, &[String]),
        config: RunConfig,
        host: HostConfig,
        image: &ResolvedImage,
        networks: Vec<Attachment>,
        read_only_itself: bool,
    ) -> Result<Arc<Container>, ContainerError> {
        let failed = |e| ContainerError::failed("cannot make the container's folder", e);
        let (upper, work) = (dir.join("diff"), dir.join("work"));
        for folder in [&upper, &work] {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::set_permissions(&upper, fs::Permissions::from_mode(root::ROOT_MODE)).map_err(failed)?;
        let mounts = mounts::plan(self, &config, &host, read_only_itself)?;
        let mut layers = image.layers.clone();
        let init = self.inner.state.join("init").join(layer_name(image));
        let copied = match root::init_layer(&layers, &init) {
            Ok(layer) => {
                layers.push(layer);
                false
            }
            Err(_) => {
                root::copy_layers(&layers, &upper).map_err(|e| ContainerError::failed("cannot copy the image", e))?;
                let opened = rustix::fs::open(&upper, rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty());
                let filled = opened.map_err(std::io::Error::from).and_then(|fd| root::fill(std::os::fd::AsFd::as_fd(&fd)));
                filled.map_err(|e| ContainerError::failed("cannot complete the image's copy", e))?;
                true
            }
        };
        let platform = if image.config.os.is_empty() { "linux".to_owned() } else { image.config.os.clone() };
        let record = Record {
            id: id.to_owned(),
            name: name.to_owned(),
            created: Timestamp::now(),
            image: image.id.to_string(),
            platform,
            path: path.clone(),
            args: args.to_vec(),
            config,
            host,
            state: State::default(),
            restart_count: 0,
            mounts,
            layers,
            copied,
            networks,
            ports: Vec::new(),
        };
        let container = Container::new(dir.to_owned(), record);
        let record = container.record();
        container.save(&record)?;
        volumes::populate(&container, &record).inspect_err(|_| volumes::remove_anonymous(&record))?;
        Ok(container)
    }
}

/// The engine's layer is named after the image's top one.
fn layer_name(image: &ResolvedImage) -> String {
    let top = image.layers.last().and_then(|l| l.parent()).and_then(|l| l.file_name());
    top.map_or_else(|| image.id.to_string().replace(':', "-"), |n| n.to_string_lossy().into_owned())
}

/// Lays the container's config over the image's, as Docker does.
fn merge(config: &mut RunConfig, image: &RunConfig) {
    if config.user.is_empty() {
        config.user.clone_from(&image.user);
    }
    if let Some(ports) = &image.exposed_ports {
        let all = config.exposed_ports.get_or_insert_default();
        for (port, value) in ports {
            all.entry(port.clone()).or_insert_with(|| value.clone());
        }
    }
    let key = |entry: &str| entry.split('=').next().unwrap_or_default().to_owned();
    if let Some(env) = &image.env {
        let own = config.env.get_or_insert_default();
        let set: Vec<String> = own.iter().map(|e| key(e)).collect();
        own.extend(env.iter().filter(|e| !set.contains(&key(e))).cloned());
    }
    if let Some(labels) = &image.labels {
        let all = config.labels.get_or_insert_default();
        for (label, value) in labels {
            all.entry(label.clone()).or_insert_with(|| value.clone());
        }
    }
    if config.entrypoint.as_ref().is_none_or(Vec::is_empty) {
        if config.cmd.as_ref().is_none_or(Vec::is_empty) {
            config.cmd.clone_from(&image.cmd);
        }
        if config.entrypoint.is_none() {
            config.entrypoint.clone_from(&image.entrypoint);
        }
    }
    // `--entrypoint ''` asks for none.
    if config.entrypoint.as_ref().is_some_and(|e| e.len() == 1 && e[0].is_empty()) {
        config.entrypoint = None;
    }
    if config.healthcheck.as_ref().is_none_or(|h| h.test.as_ref().is_none_or(Vec::is_empty)) && image.healthcheck.is_some() {
        config.healthcheck.clone_from(&image.healthcheck);
    }
    if config.working_dir.is_empty() {
        config.working_dir.clone_from(&image.working_dir);
    }
    if let Some(volumes) = &image.volumes {
        let all = config.volumes.get_or_insert_default();
        for (path, value) in volumes {
            all.entry(path.clone()).or_insert_with(|| value.clone());
        }
    }
    if config.volumes.as_ref().is_some_and(std::collections::BTreeMap::is_empty) {
        config.volumes = None;
    }
    if config.stop_signal.as_deref().is_none_or(str::is_empty) {
        config.stop_signal.clone_from(&image.stop_signal);
    }
    if config.shell.is_none() {
        config.shell.clone_from(&image.shell);
    }
}

/// What is asked for and cannot be done here, in Docker's words for a kernel without the support.
pub(super) fn warnings(host: &HostConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |asked: bool, text: &str| {
        if asked {
            warnings.push(text.to_owned());
        }
    };
    let discarded = "Your kernel does not support";
    let lacks = |controller| !cgroup::has(controller);
    warn(
        host.memory > 0 && lacks("memory"),
        &format!("{discarded} memory limit capabilities or the cgroup is not mounted. Limitation discarded."),
    );
    warn(
        (host.nano_cpus > 0 || host.cpu_quota > 0) && lacks("cpu"),
        &format!("{discarded} CPU CFS scheduler. CPU period/quota discarded."),
    );
    warn(host.cpu_shares > 0 && lacks("cpu"), &format!("{discarded} CPU shares. Shares discarded."));
    warn(!host.cpuset_cpus.is_empty() && lacks("cpuset"), &format!("{discarded} cpuset. Cpuset discarded."));
    warn(
        host.pids_limit.is_some_and(|p| p > 0) && lacks("pids"),
        &format!("{discarded} PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."),
    );
    warn(host.blkio_weight > 0, &format!("{discarded} Block I/O weight or the cgroup is not mounted. Weight discarded."));
    warnings
}
