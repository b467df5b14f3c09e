//! The output of a process to everyone who is attached to it. Waits for the slowest: nothing that is attached loses a byte.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::frame::Kind;

/// Which stream output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Output as it comes.
pub type Output = mpsc::Receiver<(Stream, Bytes)>;

struct Subscriber {
    sender: mpsc::Sender<(Stream, Bytes)>,
    stdout: bool,
    stderr: bool,
}

#[derive(Default)]
pub(super) struct Fanout {
    subscribers: Mutex<Vec<Subscriber>>,
}

impl Fanout {
    /// Output from now on until the process ends.
    pub fn subscribe(&self, stdout: bool, stderr: bool) -> Output {
        let (sender, receiver) = mpsc::channel(32);
        self.lock().push(Subscriber { sender, stdout, stderr });
        receiver
    }

    pub async fn send(&self, kind: Kind, bytes: Bytes) {
        let stream = if kind == Kind::Stderr { Stream::Stderr } else { Stream::Stdout };
        let wanted: Vec<_> = {
            let mut subscribers = self.lock();
            subscribers.retain(|s| !s.sender.is_closed());
            let wants = |s: &&Subscriber| if stream == Stream::Stderr { s.stderr } else { s.stdout };
            subscribers.iter().filter(wants).map(|s| s.sender.clone()).collect()
        };
        for sender in wanted {
            let _ = sender.send((stream, bytes.clone())).await;
        }
    }

    /// The process has ended: so does everyone's output.
    pub fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
