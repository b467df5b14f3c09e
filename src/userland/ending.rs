//! Ends on signals for programs that are a container's first process: the kernel keeps from those what they have no handler for.

use crate::sys::signal;

/// What a signal means to a program.
pub enum Meaning {
    /// The program dies of it, with a shell's status for that where it cannot.
    Death,
    /// The program ends with this status.
    End(i32),
    Nothing,
}

/// Takes all signals from here on, in a thread of its own, and asks `meaning` about each. To be called before other threads are begun.
pub fn on_signals(meaning: impl Fn(i32) -> Meaning + Send + 'static) {
    signal::hold_all();
    std::thread::spawn(move || {
        loop {
            let number = signal::next_held();
            match meaning(number) {
                Meaning::Nothing => {}
                Meaning::End(status) => std::process::exit(status),
                Meaning::Death => {
                    signal::reset();
                    let _ = signal::send(rustix::process::getpid().as_raw_nonzero().get(), number);
                    std::process::exit(128 + number);
                }
            }
        }
    });
}
