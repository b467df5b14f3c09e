//! The containers of one engine: found by id, name or the beginning of an id, kept one folder a container.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::exec::Exec;
use super::fanout::Fanout;
use super::live::Live;
use super::record::{Record, Status};
use super::spec::RunRecord;
use super::{ContainerError, disk, names};
use crate::Events;
use crate::network::Networks;
use crate::sys::{process, tree};

/// A container that stands in the way of an image's removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    pub id: String,
    pub name: String,
    pub running: bool,
}

/// All containers of one engine; clones are the same containers.
#[derive(Clone)]
pub struct Containers {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// `containers` in the engine's state folder.
    pub root: PathBuf,
    pub state: PathBuf,
    pub events: Events,
    table: Mutex<Table>,
    pub execs: Mutex<HashMap<String, Arc<Exec>>>,
    pub networks: Arc<Networks>,
    /// Whether the engine's listeners hear of who joins and leaves a network.
    pub told: bool,
    /// Held by whoever writes the names of a network.
    pub naming: Mutex<()>,
}

#[derive(Default)]
struct Table {
    containers: HashMap<String, Arc<Container>>,
    /// Names, also those of containers that are being created.
    names: HashMap<String, String>,
}

/// One container.
pub struct Container {
    pub(super) id: String,
    pub(super) dir: PathBuf,
    record: Mutex<Record>,
    /// How often it has started and ended, for those who wait.
    pub(super) phase: watch::Sender<Phase>,
    /// Moves with every piece of output that is in the log.
    pub(super) logged: watch::Sender<u64>,
    pub(super) fanout: Arc<Fanout>,
    pub(super) live: Mutex<Option<Arc<Live>>>,
    /// How long it waited before it was last started again by its policy.
    pub(super) waited: Mutex<std::time::Duration>,
    /// Held by whoever starts, stops or removes it.
    pub(super) operation: tokio::sync::Mutex<()>,
}

/// How far a container has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Phase {
    pub running: bool,
    pub starts: u64,
    pub exits: u64,
    pub exit_code: i32,
    pub removed: bool,
}

impl Container {
    pub(super) fn new(dir: PathBuf, record: Record) -> Arc<Container> {
        let phase = Phase { exit_code: record.state.exit_code, ..Phase::default() };
        Arc::new(Container {
            id: record.id.clone(),
            dir,
            record: Mutex::new(record),
            phase: watch::Sender::new(phase),
            logged: watch::Sender::new(0),
            fanout: Arc::default(),
            live: Mutex::default(),
            waited: Mutex::default(),
            operation: tokio::sync::Mutex::default(),
        })
    }

    /// What the engine knows of the container now.
    pub fn record(&self) -> Record {
        self.lock().clone()
    }

    /// The container's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder of its files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_live(&self, live: Option<Arc<Live>>) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// Changes the record, on disk too.
    pub(super) fn update(&self, change: impl FnOnce(&mut Record)) -> Result<(), ContainerError> {
        let mut record = self.lock();
        change(&mut record);
        self.save(&record)
    }

    pub(super) fn save(&self, record: &Record) -> Result<(), ContainerError> {
        disk::write_json(&self.dir.join(disk::RECORD), record)
            .map_err(|e| ContainerError::failed(format_args!("cannot write the record of container {}", self.id), e))
    }
}

impl Containers {
    /// Opens the containers kept under `state`, with what an earlier engine left there: running containers are found again, dead ones
    /// get their exit status. Where there are running ones, it must be called within a tokio runtime.
    pub fn open(state: &Path, events: Events) -> Result<Containers, ContainerError> {
        let whole = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let networks = Networks::open(&whole, events.clone()).map_err(|e| ContainerError::Failed(e.to_string()))?;
        Containers::on(state, events, Arc::new(networks), true)
    }

    /// Opens other containers, kept under `state`, on the networks of these. Nobody is told of them.
    pub fn beside(&self, state: &Path) -> Result<Containers, ContainerError> {
        Containers::on(state, Events::new(), Arc::clone(&self.inner.networks), false)
    }

    fn on(state: &Path, events: Events, networks: Arc<Networks>, told: bool) -> Result<Containers, ContainerError> {
        let root = state.join("containers");
        fs::create_dir_all(&root).map_err(|e| ContainerError::failed(format_args!("cannot make {}", root.display()), e))?;
        let root = root.canonicalize().unwrap_or(root);
        let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let (table, execs, naming) = Default::default();
        let inner = Inner { root, state, events, table, execs, networks, told, naming };
        let containers = Containers { inner: Arc::new(inner) };
        containers.load();
        if told {
            containers.refresh_names();
        }
        Ok(containers)
    }

    fn load(&self) {
        for entry in fs::read_dir(&self.inner.root).into_iter().flatten().flatten() {
            let dir = entry.path();
            let Some(record) = disk::read_json::<Record>(&dir.join(disk::RECORD)) else {
                // Half made or half removed when an engine was killed.
                let _ = tree::remove(&dir);
                continue;
            };
            if record.state.status == Status::Removing {
                let _ = tree::remove(&dir);
                continue;
            }
            let container = Container::new(dir, record);
            let name = container.lock().name.clone();
            let mut table = self.table();
            table.names.insert(name, container.id.clone());
            table.containers.insert(container.id.clone(), Arc::clone(&container));
            drop(table);
            self.recover(&container);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a container by its id, its name (a leading slash is allowed) or the beginning of its id.
    pub fn get(&self, name: &str) -> Result<Arc<Container>, ContainerError> {
        if name.is_empty() {
            return Err(ContainerError::Invalid("invalid container name or ID: value is empty".to_owned()));
        }
        let table = self.table();
        let plain = name.strip_prefix('/').unwrap_or(name);
        if let Some(found) = table.containers.get(plain).or_else(|| table.containers.get(table.names.get(plain)?)) {
            return Ok(Arc::clone(found));
        }
        let mut matching = table.containers.values().filter(|c| c.id.starts_with(plain));
        match (matching.next(), matching.next()) {
            (Some(found), None) => Ok(Arc::clone(found)),
            (Some(_), Some(_)) => Err(ContainerError::Invalid(format!("Multiple IDs found with provided prefix: {name}"))),
            (None, _) => Err(ContainerError::no_such_container(name)),
        }
    }

    /// All containers, newest first.
    pub fn list(&self) -> Vec<Arc<Container>> {
        let mut all: Vec<_> = self.table().containers.values().cloned().collect();
        all.sort_by_cached_key(|c| std::cmp::Reverse(c.lock().created));
        all
    }

    /// The containers made of `image`.
    pub fn using_image(&self, image: &(impl Display + ?Sized)) -> Vec<ImageUse> {
        let image = image.to_string();
        let used = self.list().into_iter().filter_map(|c| {
            let record = c.lock();
            let running = record.state.status.is_running();
            (record.image == image).then(|| ImageUse { id: record.id.clone(), name: record.name.clone(), running })
        });
        used.collect()
    }

    /// Takes a name for a container that is being created; makes one up where none is given.
    pub(super) fn reserve(&self, name: &str, id: &str) -> Result<String, ContainerError> {
        let mut table = self.table();
        if name.is_empty() {
            for attempt in 0.. {
                let made = names::random(attempt);
                if !table.names.contains_key(&made) {
                    table.names.insert(made.clone(), id.to_owned());
                    return Ok(made);
                }
            }
        }
        let name = name.strip_prefix('/').unwrap_or(name);
        if !names::is_valid(name) {
            return Err(ContainerError::Invalid(format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")));
        }
        if let Some(owner) = table.names.get(name) {
            return Err(ContainerError::Conflict(format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{owner}\". You have to remove (or rename) that container to be able to reuse that name."
            )));
        }
        table.names.insert(name.to_owned(), id.to_owned());
        Ok(name.to_owned())
    }

    pub(super) fn release(&self, name: &str) {
        self.table().names.remove(name);
    }

    pub(super) fn insert(&self, container: &Arc<Container>) {
        self.table().containers.insert(container.id.clone(), Arc::clone(container));
    }

    /// Forgets a container that is gone.
    pub(super) fn forget(&self, id: &str) {
        let mut table = self.table();
        table.containers.remove(id);
        table.names.retain(|_, owner| owner != id);
    }

    /// Tells the engine's listeners what happened to a container.
    pub(crate) fn tell(&self, container: &Container, action: &str, more: &[(&str, String)]) {
        let record = container.lock();
        let mut attributes = record.config.labels.clone().unwrap_or_default();
        attributes.insert("image".to_owned(), record.config.image.clone());
        attributes.insert("name".to_owned(), record.name.clone());
        attributes.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        self.inner.events.emit("container", action, record.id.clone(), attributes);
    }
}

/// A living process of a container of an earlier engine with this state, if there is one.
pub(super) fn surviving_process(state: &Path) -> Option<i32> {
    fs::read_dir(state.join("containers")).ok()?.flatten().find_map(|entry| {
        let run: RunRecord = disk::read_json(&entry.path().join(disk::RUN))?;
        let (pid, start) = run.monitor;
        (process::start_time(pid) == Some(start)).then_some(pid)
    })
}
