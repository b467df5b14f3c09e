//! Signals: what a shell does with those it gets, and traps, which brush registers but never fires.
//!
//! A trapped signal is noted as it comes. It is acted on between two commands, through brush's DEBUG hook, and by `wait`,
//! which it ends early. brush keeps the handlers; nothing here runs in a signal handler.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use brush_core::{ExecutionControlFlow, traps::TrapSignal};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// Signals that came and have not been acted on, a bit each.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// Signals that are listened for already.
static LISTENING: Mutex<u64> = Mutex::new(0);
/// Wakes whoever waits for a signal.
static ARRIVED: Notify = Notify::const_new();

const INT: i32 = 2;

/// Sets the shell's own ways: an interrupt ends a script, and at a prompt only the line.
///
/// brush takes SIGINT for itself as soon as it waits for a command, so a script must be ended here.
pub fn prepare(interactive: bool) {
    listen(INT);
    if !interactive {
        tokio::spawn(async {
            loop {
                arrived().await;
                if PENDING.load(Ordering::SeqCst) & (1 << INT) != 0 && !is_trapped(INT) {
                    std::process::exit(128 + INT);
                }
            }
        });
    }
}

/// Signals with a trap set, a bit each: known here so that the listener need not borrow the shell.
static TRAPPED: AtomicU64 = AtomicU64::new(0);

fn is_trapped(number: i32) -> bool {
    TRAPPED.load(Ordering::SeqCst) & (1 << number) != 0
}

/// Notes that signal `number` has a trap (or has none any more).
pub fn set_trapped(number: i32, trapped: bool) {
    if trapped {
        TRAPPED.fetch_or(1 << number, Ordering::SeqCst);
        listen(number);
    } else {
        TRAPPED.fetch_and(!(1 << number), Ordering::SeqCst);
    }
}

/// Begins to note signal `number`, once.
fn listen(number: i32) {
    let Ok(mut listening) = LISTENING.lock() else { return };
    if *listening & (1 << number) != 0 {
        return;
    }
    // KILL, STOP and the machine's own faults cannot be listened for; a trap on them is kept and never fires.
    let Ok(mut stream) = signal(SignalKind::from_raw(number)) else { return };
    *listening |= 1 << number;
    tokio::spawn(async move {
        while stream.recv().await.is_some() {
            PENDING.fetch_or(1 << number, Ordering::SeqCst);
            ARRIVED.notify_waiters();
        }
    });
}

/// Waits until a signal comes.
async fn arrived() {
    ARRIVED.notified().await;
}

/// Waits for a signal that has a trap; gives its number and leaves it pending.
pub async fn trapped_arrived() -> i32 {
    loop {
        let notified = ARRIVED.notified();
        let pending = PENDING.load(Ordering::SeqCst) & TRAPPED.load(Ordering::SeqCst);
        if pending != 0 {
            return pending.trailing_zeros() as i32;
        }
        notified.await;
    }
}

/// Waits for an interrupt from the terminal and takes it.
pub async fn interrupted() {
    PENDING.fetch_and(!(1 << INT), Ordering::SeqCst);
    loop {
        let notified = ARRIVED.notified();
        if !is_trapped(INT) && PENDING.fetch_and(!(1 << INT), Ordering::SeqCst) & (1 << INT) != 0 {
            return;
        }
        notified.await;
    }
}

/// Runs the handlers of the trapped signals that came. Does not come back when one of them exits.
pub async fn run_pending<E: brush_core::ShellExtensions>(shell: &mut brush_core::Shell<E>) {
    if shell.is_subshell() {
        return;
    }
    loop {
        let pending = PENDING.load(Ordering::SeqCst) & TRAPPED.load(Ordering::SeqCst);
        if pending == 0 {
            return;
        }
        let number = pending.trailing_zeros() as i32;
        PENDING.fetch_and(!(1 << number), Ordering::SeqCst);
        let handler = TrapSignal::try_from(number).ok().and_then(|s| shell.traps().get_handler(s).cloned());
        let Some(handler) = handler.filter(|h| !h.command.is_empty()) else { continue };
        let status = shell.last_exit_status();
        let mut params = shell.default_exec_params();
        params.process_group_policy = brush_core::ProcessGroupPolicy::SameProcessGroup;
        let result = super::run_text(shell, handler.command, &handler.source_info, &params).await;
        if let Ok(result) = result
            && matches!(result.next_control_flow, ExecutionControlFlow::ExitShell)
        {
            let _ = shell.on_exit().await;
            std::process::exit(i32::from(u8::from(result.exit_code)));
        }
        shell.set_last_exit_status(status);
    }
}
