//! As much of what a step's command writes as is kept and shown, by BuildKit's measure: whoever asks for a build's news late gets all of
//! them, and a command may write for ever. What is over is told once.

use std::sync::OnceLock;
use std::time::Instant;

/// The usual limits, as BuildKit has them: bytes of one stream, and bytes a second. -1 in the environment stands for none.
const SIZE: i64 = 2 << 20;
const SPEED: i64 = 200 << 10;

/// One stream of a step's.
pub struct Clip {
    since: Instant,
    limits: (i64, i64),
    /// The bytes that came, shown or not.
    seen: i64,
    clipping: bool,
}

impl Clip {
    /// A stream that begins now.
    pub fn new() -> Clip {
        static LIMITS: OnceLock<(i64, i64)> = OnceLock::new();
        let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<i32>().ok()).map(i64::from);
        let limits = LIMITS
            .get_or_init(|| (read("BUILDKIT_STEP_LOG_MAX_SIZE").unwrap_or(SIZE), read("BUILDKIT_STEP_LOG_MAX_SPEED").unwrap_or(SPEED)));
        Clip { since: Instant::now(), limits: *limits, seen: 0, clipping: false }
    }

    /// What is shown of `bytes`, which came next.
    pub fn cut(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (room, limit) = self.room();
        let count = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let shown = room.map_or(bytes.len(), |room| usize::try_from(room.saturating_sub(self.seen)).unwrap_or(0).min(bytes.len()));
        self.seen = self.seen.saturating_add(count);
        let mut out = bytes[..shown].to_vec();
        let clips = shown < bytes.len();
        if clips && !self.clipping {
            out.extend(format!("\n[output clipped, log limit {limit} reached]\n").bytes());
        }
        self.clipping = clips;
        out
    }

    /// How many bytes may have been shown by now, and what limits them.
    fn room(&self) -> (Option<i64>, String) {
        let (size, speed) = self.limits;
        let seconds = i64::try_from(self.since.elapsed().as_secs() + 1).unwrap_or(i64::MAX);
        let by_now = (speed != -1).then(|| seconds.saturating_mul(speed));
        match by_now {
            Some(by_now) if size == -1 || by_now <= size => (Some(by_now), format!("{}/s", bytes(speed))),
            _ if size == -1 => (None, String::new()),
            _ => (Some(size), bytes(size)),
        }
    }
}

/// A number of bytes in powers of 1024.
fn bytes(number: i64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| number >= 1 << shift) {
        Some((shift, unit)) => format!("{}{unit}", number as f64 / f64::from(1 << shift)),
        None => format!("{number}B"),
    }
}
