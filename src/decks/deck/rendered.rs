//! Slides rendered before, by what they were made of: an edit changes one slide of many, and the next build renders that one.
//!
//! Keeps what the last build used and no more, so that it is never larger than the course.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// Remembers values of `T` from one build to the next.
pub struct Rendered<T> {
    hasher: RandomState,
    shelves: Mutex<Shelves<T>>,
}

struct Shelves<T> {
    /// What this build has used so far.
    new: HashMap<u64, Arc<T>>,
    /// What the last one used.
    old: HashMap<u64, Arc<T>>,
}

impl<T> Default for Rendered<T> {
    fn default() -> Self {
        Rendered { hasher: RandomState::new(), shelves: Mutex::new(Shelves { new: HashMap::new(), old: HashMap::new() }) }
    }
}

impl<T> Rendered<T> {
    /// A build begins: what the one before the last used is let go.
    pub fn begin(&self) {
        let mut shelves = self.lock();
        shelves.old = std::mem::take(&mut shelves.new);
    }

    /// A number for all that a value is made of.
    pub fn digest(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    /// The value that was made of what `key` was made of, if it was used lately.
    pub fn get(&self, key: u64) -> Option<Arc<T>> {
        let mut shelves = self.lock();
        if let Some(known) = shelves.new.get(&key) {
            return Some(known.clone());
        }
        let known = shelves.old.remove(&key)?;
        shelves.new.insert(key, known.clone());
        Some(known)
    }

    /// Keeps a value in the place of the one that there may be.
    pub fn put(&self, key: u64, value: T) -> Arc<T> {
        let value = Arc::new(value);
        self.lock().new.insert(key, value.clone());
        value
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelves<T>> {
        // It is whole whatever happened to the thread that held it.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_kept_while_it_is_used() {
        let rendered = Rendered::default();
        let (a, b) = (rendered.digest("a"), rendered.digest("b"));
        rendered.put(a, 1);
        rendered.put(b, 2);
        rendered.begin();
        assert_eq!(rendered.get(a).as_deref(), Some(&1));
        rendered.begin();
        assert_eq!((rendered.get(a).as_deref(), rendered.get(b)), (Some(&1), None), "what the last build did not use is gone");
    }
}
