//! The standing limit on what builds keep. After a build, what has not been used for long goes, as by BuildKit's policy where nobody
//! sets one: short-lived things first, then what was used longest ago, until the rest is within the limit.
//!
//! Nothing goes while a build runs, for it may be about to use it; the last build to end sees to it. The work is done on a thread of its
//! own, and seldom enough to cost nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::usage::{Going, kept, remove};
use crate::Engine;

/// What is as easily made again as kept, and after how many hours it may go.
const SHORT_LIVED: [&str; 2] = ["source.local", "exec.cachemount"];
const SHORT_LIVED_HOURS: i64 = 48;
/// As much of that stays at least.
const SHORT_LIVED_LEAST: u64 = 512_000_000;
/// After so many hours everything may go that is over the limit, before what is younger.
const LONG_UNUSED_HOURS: i64 = 60 * 24;
/// The limit is this part of the disk, or so much where its size is not to be found out.
const PART_OF_DISK: u64 = 10;
const UNKNOWN_DISK: u64 = 2_000_000_000;
/// The pause after each time, and what of the time it may take.
const PAUSE: Duration = Duration::from_secs(1);
const SHARE: u32 = 20;

/// When an engine last saw to its limit, and whether it is building.
#[derive(Default)]
pub struct Upkeep {
    building: RwLock<()>,
    due: Mutex<Option<Instant>>,
    waiting: AtomicBool,
}

impl Upkeep {
    /// Held by a build as long as it may use what is kept.
    pub fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.building.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> Option<Instant> {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to the limit of an engine soon.
pub fn soon(engine: &Arc<Engine>) {
    if engine.upkeep.waiting.swap(true, Ordering::AcqRel) {
        return;
    }
    let weak = Arc::downgrade(engine);
    let wait = engine.upkeep.due().map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
    let begun = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        std::thread::sleep(wait);
        // One that is gone needs none.
        let Some(engine) = weak.upgrade() else { return };
        engine.upkeep.waiting.store(false, Ordering::Release);
        let began = Instant::now();
        tend(&engine);
        let pause = PAUSE.max(began.elapsed() * SHARE);
        *engine.upkeep.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
    });
    if begun.is_err() {
        engine.upkeep.waiting.store(false, Ordering::Release);
    }
}

fn tend(engine: &Engine) {
    let limit = engine.build_cache().unwrap_or_else(|| part_of_disk(engine.state_dir()));
    for going in rules(limit, Timestamp::now()) {
        let chosen = going.choose(kept(engine));
        if chosen.is_empty() {
            continue;
        }
        // Whoever builds now comes here when it is done.
        let Ok(_alone) = engine.upkeep.building.try_write() else { return };
        remove(engine, chosen);
    }
}

/// What may go, in the order in which it goes.
fn rules(limit: u64, now: Timestamp) -> [Going; 4] {
    let before = |hours| now.checked_sub(SignedDuration::from_hours(hours)).ok();
    let short_lived = (limit / PART_OF_DISK).max(SHORT_LIVED_LEAST).min(limit);
    [
        Going {
            kinds: SHORT_LIVED.map(str::to_owned).to_vec(),
            until: before(SHORT_LIVED_HOURS),
            keep: Some(short_lived),
            ..Going::default()
        },
        Going { until: before(LONG_UNUSED_HOURS), keep: Some(limit), ..Going::default() },
        Going { keep: Some(limit), ..Going::default() },
        Going { all: true, keep: Some(limit), ..Going::default() },
    ]
}

fn part_of_disk(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(UNKNOWN_DISK, |disk| disk.f_blocks.saturating_mul(disk.f_frsize) / PART_OF_DISK)
}
