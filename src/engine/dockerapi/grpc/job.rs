//! Builds that are under way: what they have told so far, those who follow them, and how far the client has got with asking.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::Desk;
use super::awaited::{Awaited, PATIENCE};
use super::offers::Machine;
use super::questions::Question;
use super::request::Order;
use crate::build::{BuildError, Cancel, Made, Note, Output, build_buildkit};
use crate::buildkit::messages::control::{RpcStatus, SolveRequest};
use crate::buildkit::status::{self, Status};
use crate::trace::{self, News};

/// The builds by the names that their clients gave them.
#[derive(Default)]
pub struct Jobs(Awaited<Job>);

impl Jobs {
    /// A build begins; it is over when the answer is dropped. Gives too what the client will return.
    pub fn begin(self: &Arc<Self>, request: &SolveRequest) -> Result<(Begun, oneshot::Receiver<Returned>), Status> {
        let name = &request.reference;
        if name.is_empty() {
            return Err(Status::new(status::INVALID, "the build has no name"));
        }
        let (sender, receiver) = oneshot::channel();
        let job = Arc::new(Job {
            session: request.session.clone(),
            allowed: request.entitlements.clone(),
            inline: request.cache.iter().flat_map(|cache| &cache.exports).any(|export| export.kind == "inline"),
            news: Mutex::default(),
            told: watch::Sender::new(false),
            builds: Mutex::default(),
            returned: Mutex::new(Some(sender)),
        });
        if !self.0.put_new(name, Arc::clone(&job)) {
            return Err(Status::unknown(format!("job ID {name} exists")));
        }
        Ok((Begun { job, name: name.clone(), jobs: Arc::clone(self) }, receiver))
    }

    /// The build of this name, which may be about to begin.
    pub async fn get(&self, name: &str) -> Result<Arc<Job>, Status> {
        self.0.get(name).await.ok_or_else(|| Status::unknown(format!("no such job {name}")))
    }
}

/// A build from its beginning to its end.
pub struct Begun {
    pub job: Arc<Job>,
    name: String,
    jobs: Arc<Jobs>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.job.builds().clear();
        self.job.returned.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.job.told.send_replace(true);
        let (jobs, job, name) = (Arc::clone(&self.jobs), Arc::clone(&self.job), std::mem::take(&mut self.name));
        // One that is over can still be asked about for a while.
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            jobs.0.remove(&name, &job);
        });
    }
}

/// What a client makes of what it was given: the name of a part that shall be the result, nothing, or an error of its own.
pub type Returned = Result<Option<String>, RpcStatus>;

/// One build, which may have several parts.
pub struct Job {
    session: String,
    /// What its client lets it do beyond the usual.
    allowed: Vec<String>,
    /// Whether the image shall carry its cache.
    inline: bool,
    news: Mutex<Vec<Bytes>>,
    /// Whether it is over; changes with the news.
    told: watch::Sender<bool>,
    builds: Mutex<HashMap<String, Build>>,
    returned: Mutex<Option<oneshot::Sender<Returned>>>,
}

impl Job {
    fn builds(&self) -> MutexGuard<'_, HashMap<String, Build>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, news: &News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(trace::wire::encode(news).into());
        self.told.send_modify(|_| {});
    }

    /// The news from the number `from` on, once there are some; `None` when all has been told.
    pub async fn news(&self, from: usize) -> Option<Vec<Bytes>> {
        let mut told = self.told.subscribe();
        loop {
            // Looked at first: what is told before the end is not missed.
            let over = *told.borrow_and_update();
            let news: Vec<Bytes> = self.news.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(from).cloned().collect();
            if !news.is_empty() {
                return Some(news);
            }
            if over || told.changed().await.is_err() {
                return None;
            }
        }
    }

    /// The client says what shall become of it.
    pub fn return_with(&self, returned: Returned) -> Result<(), Status> {
        let sender = self.returned.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A build that nobody waits for is over.
        sender.and_then(|sender| sender.send(returned).ok()).ok_or_else(|| Status::unknown("the build has been returned already"))
    }

    /// Answers a question about the Dockerfile.
    pub async fn answer(self: &Arc<Self>, desk: &Desk, order: Order, question: Question) -> Result<HashMap<String, Vec<u8>>, Status> {
        let session = desk.sessions.get(&self.session).await?;
        let ending = Ending(Cancel::default());
        let machine = Machine::new(session, &ending.0);
        let (job, engine, cancel) = (Arc::clone(self), Arc::clone(&desk.engine), ending.0.clone());
        let answered = tokio::task::spawn_blocking(move || {
            let report = |note: Note| {
                if let Note::Trace(news) = note {
                    job.tell(&news);
                }
            };
            let context = order.context(&engine, Arc::new(machine), &report, &cancel)?;
            question.answer(&engine, &order.request, &context, &report)
        });
        Ok(answered.await.map_err(|_| Status::new(status::INTERNAL, "the engine failed within a build"))??)
    }

    /// Begins a part and waits until it is clear that it makes sense. Gives its name.
    pub async fn start(self: &Arc<Self>, desk: &Desk, mut order: Order) -> Result<String, Status> {
        let session = desk.sessions.get(&self.session).await?;
        let ending = Ending(Cancel::default());
        let machine = Machine::new(session, &ending.0);
        order.request.inline_cache |= self.inline;
        order.request.host_network = self.allowed.iter().any(|allowed| allowed == "network.host");
        let (first, begun) = oneshot::channel();
        let (go, going) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        let (job, engine, cancel) = (Arc::clone(self), Arc::clone(&desk.engine), ending.0.clone());
        tokio::task::spawn_blocking(move || {
            let (first, going) = (RefCell::new(Some(first)), RefCell::new(Some(going)));
            let report = |note: Note| {
                if let Note::Trace(news) = note {
                    job.tell(&news);
                }
            };
            let ready = || {
                let told = first.take().is_some_and(|first| first.send(Ok(())).is_ok());
                let going = going.take().filter(|_| told);
                let outputs: Option<Vec<Output>> = going.and_then(|going: oneshot::Receiver<Vec<Output>>| going.blocking_recv().ok());
                outputs.ok_or_else(|| BuildError::new(trace::CANCELLED))
            };
            let result = order
                .context(&engine, Arc::new(machine), &report, &cancel)
                .and_then(|context| build_buildkit(&engine, &order.request, &context, &report, &cancel, &ready));
            // Whoever does not listen any more needs no answer.
            match first.take() {
                Some(first) => drop(first.send(result.map(drop))),
                None => drop(finished.send(result)),
            }
        });
        let failed = |_| Status::new(status::INTERNAL, "the engine failed within a build");
        begun.await.map_err(failed)??;
        let id = name();
        self.builds().insert(id.clone(), Build { go, done, _ending: ending });
        Ok(id)
    }

    /// Goes on with a part to its end.
    pub async fn finish(&self, id: &str, outputs: Vec<Output>) -> Result<Made, Status> {
        let build = self.builds().remove(id).ok_or_else(|| Status::unknown(format!("no such reference: {id}")))?;
        let Build { go, done, _ending } = build;
        let failed = || Status::new(status::INTERNAL, "the engine failed within a build");
        go.send(outputs).map_err(|_| failed())?;
        Ok(done.await.map_err(|_| failed())??)
    }
}

/// A part that waits to be gone on with; it ends when this is dropped.
struct Build {
    go: oneshot::Sender<Vec<Output>>,
    done: oneshot::Receiver<Result<Made, BuildError>>,
    _ending: Ending,
}

struct Ending(Cancel);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A name that nobody else has.
fn name() -> String {
    let mut random = [0u8; 16];
    // Without randomness names are only less hard to guess.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
