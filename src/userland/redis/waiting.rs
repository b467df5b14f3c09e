//! Clients that wait for a key to have something: `BLPOP` and its like.

use std::time::Instant;

use super::{
    Bytes,
    commands::{self, Call},
    reply::Reply,
    server::{self, Server},
    value::Value,
};

/// What a client waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    pub db: usize,
    pub keys: Vec<Bytes>,
    /// For ever where there is no end.
    pub until: Option<Instant>,
    pub want: Want,
}

/// What is done with the key that has something.
#[derive(Clone, Debug)]
pub enum Want {
    Pop { left: bool },
    Move { to: Bytes, from_left: bool, to_left: bool },
    Several { left: bool, count: usize },
    Score { least: bool },
    Scores { least: bool, count: usize },
}

impl Want {
    /// Whether a value is of the kind that is waited for.
    fn is_in(&self, value: &Value) -> bool {
        match self {
            Want::Pop { .. } | Want::Move { .. } | Want::Several { .. } => matches!(value, Value::List(_)),
            Want::Score { .. } | Want::Scores { .. } => matches!(value, Value::ZSet(_)),
        }
    }
}

impl Server {
    /// Lets a client wait.
    pub fn wait(&mut self, id: u64, wait: Wait) {
        for key in &wait.keys {
            self.waiting.entry((wait.db, key.clone())).or_default().push_back(id);
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.wait = Some(wait);
        }
    }

    pub fn no_longer_waits(&mut self, id: u64, wait: &Wait) {
        for key in &wait.keys {
            let name = (wait.db, key.clone());
            if let Some(queue) = self.waiting.get_mut(&name) {
                queue.retain(|one| *one != id);
                if queue.is_empty() {
                    self.waiting.remove(&name);
                }
            }
        }
    }

    /// Tells that a key has got something.
    pub fn has_come(&mut self, db: usize, key: &[u8]) {
        if !self.waiting.is_empty() {
            let name = (db, key.to_vec());
            if self.waiting.contains_key(&name) && !self.ready.contains(&name) {
                self.ready.push_back(name);
            }
        }
    }

    /// Gives those who wait what has come.
    pub fn serve_waiting(&mut self) {
        while let Some((db, key)) = self.ready.pop_front() {
            let queue: Vec<u64> = self.waiting.get(&(db, key.clone())).into_iter().flatten().copied().collect();
            for id in queue {
                let Some(wait) = self.clients.get(&id).and_then(|client| client.wait.clone()) else { continue };
                // What has come may be of another kind than what this one waits for, or gone to those before.
                if !self.databases[db].keys.get(&key).is_some_and(|value| wait.want.is_in(value)) {
                    continue;
                }
                let mut call = Call::new(self, id, db, &[]);
                let given = commands::take(&mut call, &key, &wait.want);
                let instead = call.instead.take();
                match given {
                    Ok(None) => continue,
                    Ok(Some(reply)) => self.wake(id, &reply),
                    Err(wrong) => self.wake(id, &Reply::Error(wrong.0.into_owned())),
                }
                for words in instead.into_iter().flatten() {
                    self.write_down(db, &words);
                }
            }
        }
    }

    /// Ends a client's wait with an answer.
    pub fn wake(&mut self, id: u64, reply: &Reply) {
        if let Some(wait) = self.clients.get_mut(&id).and_then(|client| client.wait.take()) {
            self.no_longer_waits(id, &wait);
            self.reply(id, reply);
            // What it has said meanwhile is done when this command is over.
            self.woken.push_back(id);
        }
    }

    /// Tells those who have waited long enough that nothing came.
    pub fn time_out(&mut self) {
        let now = Instant::now();
        let over = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let ids: Vec<u64> = self
            .clients
            .values()
            .filter(|client| client.wait.as_ref().is_some_and(|wait| over(wait.until)))
            .map(|client| client.id)
            .collect();
        self.now = server::now();
        for id in ids {
            self.wake(id, &Reply::NilArray);
        }
    }
}
