//! Things by name that may be about to come: clients send the calls that belong together side by side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How long one waits for what is to come.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What is there, by its names.
pub struct Awaited<T> {
    there: Mutex<HashMap<String, Arc<T>>>,
    changed: Notify,
}

impl<T> Default for Awaited<T> {
    fn default() -> Self {
        Awaited { there: Mutex::default(), changed: Notify::new() }
    }
}

impl<T> Awaited<T> {
    fn there(&self) -> MutexGuard<'_, HashMap<String, Arc<T>>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something there, in place of what had the name before.
    pub fn put(&self, name: &str, thing: Arc<T>) {
        self.there().insert(name.to_owned(), thing);
        self.changed.notify_waiters();
    }

    /// Puts something there if nothing has the name.
    pub fn put_new(&self, name: &str, thing: Arc<T>) -> bool {
        let mut there = self.there();
        if there.contains_key(name) {
            return false;
        }
        there.insert(name.to_owned(), thing);
        drop(there);
        self.changed.notify_waiters();
        true
    }

    /// Takes a thing away, unless another one has the name by now.
    pub fn remove(&self, name: &str, thing: &Arc<T>) {
        let mut there = self.there();
        if there.get(name).is_some_and(|held| Arc::ptr_eq(held, thing)) {
            there.remove(name);
        }
    }

    /// What has the name, now or before patience ends.
    pub async fn get(&self, name: &str) -> Option<Arc<T>> {
        let found = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(thing) = self.there().get(name).cloned() {
                    return thing;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok()
    }
}
