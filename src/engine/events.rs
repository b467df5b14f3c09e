//! What happened in an engine: the last events, and those to come for whoever listens. Never waits for a listener.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::broadcast;

/// As many events are kept as Docker keeps.
const KEPT: usize = 256;

/// Something that happened to an image, a container, a network or a volume.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it happened to: `image`, `container`, `network`, `volume`, `builder`.
    pub kind: &'static str,
    /// What happened: `pull`, `start`, `die` …
    pub action: String,
    /// The id (of an image: its name where it has one).
    pub actor: String,
    /// `name`, `image`, `exitCode` and the labels.
    pub attributes: BTreeMap<String, String>,
    pub time: Timestamp,
}

/// The events of one engine; clones are the same events.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

struct Inner {
    past: Mutex<VecDeque<Event>>,
    sender: broadcast::Sender<Event>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Events { inner: Arc::new(Inner { past: Mutex::default(), sender: broadcast::Sender::new(1024) }) }
    }

    /// Tells everyone who listens that `action` happened to `actor` just now.
    pub fn emit(&self, kind: &'static str, action: impl Into<String>, actor: impl Into<String>, attributes: BTreeMap<String, String>) {
        let event = Event { kind, action: action.into(), actor: actor.into(), attributes, time: Timestamp::now() };
        let mut past = self.inner.past.lock().unwrap_or_else(PoisonError::into_inner);
        if past.len() == KEPT {
            past.pop_front();
        }
        past.push_back(event.clone());
        // No listener is no error; sent under the lock so that subscribers see each event once.
        let _ = self.inner.sender.send(event);
    }

    /// Tells them that all of a kind that nobody needed went away, even if that was none.
    pub fn pruned(&self, kind: &'static str, reclaimed: u64) {
        self.emit(kind, "prune", "", [("reclaimed".to_owned(), reclaimed.to_string())].into());
    }

    /// The events that are kept, oldest first, and a receiver of all that follow.
    pub fn subscribe(&self) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let past = self.inner.past.lock().unwrap_or_else(PoisonError::into_inner);
        (past.iter().cloned().collect(), self.inner.sender.subscribe())
    }

    /// How many listen now.
    pub fn listeners(&self) -> usize {
        self.inner.sender.receiver_count()
    }
}
