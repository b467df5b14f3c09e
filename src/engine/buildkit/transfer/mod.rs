//! A transfer of files: the sender tells of all files in order and numbers them, the receiver asks for the content of those that it
//! wants. Either side of a call may be either of them. What is sent comes from a disk (`sending`), what is received goes on as a tar
//! (`receiving`), so that it is unpacked as carefully as any archive.

mod receiving;
mod sending;

use std::pin::Pin;

use tokio::runtime::Handle;

use super::caller::Inbound;
use super::messages::session::{Packet, Stat, kind};
use super::status::Status;
use super::stream::{Outgoing, read};

pub use receiving::receive;
pub use sending::{Choice, Content, Everything, Owner, send_file, send_folder, send_folders};

/// As long as a piece of a file is.
pub const PIECE: usize = 32 << 10;

/// The kinds of files in Go's modes.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const OTHERS: u32 = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
/// Bits of Go's modes, and what they are elsewhere.
const SPECIAL: [(u32, u32); 3] = [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)];

type Over = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for calls on a thread that may wait, until all is over.
pub struct Waiter {
    runtime: Handle,
    over: Box<dyn Fn() -> Over + Send + Sync>,
}

impl Waiter {
    /// Waits within the present runtime; where the future of `over` ends, so does every wait.
    pub fn new(over: impl Fn() -> Over + Send + Sync + 'static) -> Waiter {
        Waiter { runtime: Handle::current(), over: Box::new(over) }
    }

    /// One that nobody ends but the other side.
    pub fn endless() -> Waiter {
        Waiter::new(|| Box::pin(std::future::pending()))
    }

    pub fn wait<T>(&self, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = (self.over)() => Err(Status::new(super::status::CANCELLED, crate::trace::CANCELLED)),
                done = work => done,
            }
        })
    }
}

/// One transfer, from either end.
pub struct Exchange<'a> {
    pub waiter: &'a Waiter,
    pub out: &'a mut Outgoing,
    pub inbound: &'a mut Inbound,
    /// Is told of the bytes so far, those of the side with the files.
    pub progress: &'a dyn Fn(u64),
}

impl Exchange<'_> {
    fn put(&mut self, packet: &Packet) -> Result<(), Status> {
        self.waiter.wait(self.out.message(packet))
    }

    /// The next packet with its length; `None` at the end.
    fn take(&mut self) -> Result<Option<(Packet, u64)>, Status> {
        let Some(bytes) = self.waiter.wait(self.inbound.bytes())? else { return Ok(None) };
        let length = bytes.len() as u64;
        Ok(Some((read(bytes)?, length)))
    }

    /// Reads what is left, which says whether all is well at the other end.
    fn end(&mut self) -> Result<(), Status> {
        while self.waiter.wait(self.inbound.bytes())?.is_some() {}
        Ok(())
    }
}

/// Whether it is a folder.
pub fn is_folder(stat: &Stat) -> bool {
    stat.mode & FOLDER != 0
}

/// Whether an extended attribute goes along: a user's own and capabilities, but not what file systems keep for themselves.
fn is_attribute(name: &str) -> bool {
    name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."))
}

fn of(kind: i32) -> Packet {
    Packet { kind, ..Packet::default() }
}

fn told(stat: Stat) -> Packet {
    Packet { stat: Some(stat), ..of(kind::STAT) }
}

fn too_early() -> Status {
    Status::unknown("the other side ended the transfer of files too early")
}
