//! Chance for long runs: seeded by `FUZZ_SEED` or the clock, which is said, for `FUZZ_SECONDS` or a minute.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Random numbers that come again with the same seed.
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Chance {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_millis() as u64);
        let state = setting("FUZZ_SEED", clock) | 1;
        eprintln!("FUZZ_SEED={state}");
        Chance(state)
    }

    /// A number below `limit`; 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Hands `attempt` chance until the time is over; what it tries is what it returns, for the report.
pub fn keep_trying(mut attempt: impl FnMut(&mut Chance) -> usize) {
    let mut chance = Chance::new();
    let end = Instant::now() + Duration::from_secs(setting("FUZZ_SECONDS", 60));
    let (mut count, mut slowest) = (0_u64, (Duration::ZERO, 0));
    while Instant::now() < end {
        let start = Instant::now();
        let bytes = attempt(&mut chance);
        slowest = slowest.max((start.elapsed(), bytes));
        count += 1;
    }
    eprintln!("{count} tries; the slowest, of {} bytes, took {} ms", slowest.1, slowest.0.as_millis());
}

fn setting(name: &str, other: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(other)
}
