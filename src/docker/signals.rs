//! What ends a command before its time: an interrupt, or the request to terminate. Most commands then end with a status that tells of it;
//! those that pass signals on to a container stay until the third.

use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::context::Context;
use super::failure::{Failure, Outcome};

/// What a shell adds to the number of a signal that ended a program.
const BY_SIGNAL: u8 = 128;

/// How many signals end a command that bears with them.
const PATIENCE: u32 = 3;

/// What a command does when the user ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It ends, and its status tells of the signal.
    Ends,
    /// It ends as if all were well: what it began goes on in the engine.
    Leaves,
    /// It goes on, for it concerns a container that hears of the signal.
    Stays,
}

/// The signals that end programs, by the user's wish.
pub struct Ending(Vec<(Signal, u8)>);

impl Ending {
    /// Catches them from now on.
    pub fn new() -> Ending {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Ending(kinds.into_iter().filter_map(|kind| Some((signal(kind).ok()?, kind.as_raw_value() as u8))).collect())
    }

    /// The number of the next one.
    pub async fn next(&mut self) -> u8 {
        std::future::poll_fn(|cx| {
            let came = self.0.iter_mut().find_map(|(signal, number)| signal.poll_recv(cx).is_ready().then_some(*number));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Runs a command until it ends, or is ended; what it holds, the terminal's state above all, is given back in either case.
pub async fn until_ended(c: &Context, running: impl Future<Output = Outcome>) -> Outcome {
    let mut running = std::pin::pin!(running);
    let mut ending = Ending::new();
    let mut came = 0;
    loop {
        tokio::select! {
            biased;
            outcome = &mut running => return outcome,
            number = ending.next() => {
                came += 1;
                match c.manner.get() {
                    Manner::Ends => return Err(Failure::silent(BY_SIGNAL + number)),
                    Manner::Leaves => return Ok(0),
                    Manner::Stays => {}
                }
                if came == PATIENCE {
                    // A process that takes no signal must not hold the terminal for ever.
                    c.warn(format!("\ngot {PATIENCE} SIGTERM/SIGINTs, forcefully exiting\n"));
                    return Err(Failure::silent(1));
                }
            }
        }
    }
}
