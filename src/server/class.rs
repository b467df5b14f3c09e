//! Where the class is: one place that the presenter moves and all who follow are told of.
//!
//! Who knows the secret is the presenter. Place and secret are kept on disk, so that a server that starts again goes on where
//! it was and the presenter's address stays what it is. What a browser sends is checked here and trusted nowhere.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::events::frame;

/// A class that nobody has moved for so long is over; the next one starts where the presenter starts.
const OVER: Duration = Duration::from_secs(12 * 3600);

/// What the audience sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The page of the deck: `images.html`.
    pub page: String,
    /// The slide, as the page's address has it: `#tags`, `#12`, `#/2/1`.
    pub at: String,
    /// How many fragments of it are shown.
    pub shown: u32,
    pub black: bool,
    /// The address for followers is on the screen.
    pub invite: bool,
    pub zoom: Option<Spot>,
    pub pointer: Option<Spot>,
}

/// A point on an element of the slide, so that it is the same in windows of any shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    /// The way to the element: which child, and of that which child.
    pub path: Vec<u16>,
    pub x: f64,
    pub y: f64,
}

impl Place {
    /// Whether it can be a place in a course.
    pub fn is_sound(&self) -> bool {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let spot = |spot: &Option<Spot>| spot.as_ref().is_none_or(|s| s.path.len() <= 64 && s.x.is_finite() && s.y.is_finite());
        self.page.ends_with(".html")
            && self.page.len() <= 255
            && self.page.chars().all(plain)
            && self.at.starts_with('#')
            && self.at.len() <= 1024
            && !self.at.chars().any(char::is_control)
            && spot(&self.zoom)
            && spot(&self.pointer)
    }
}

/// A move, as the presenter's page sends it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    pub place: Place,
    /// The window that moved, which need not be told.
    pub from: String,
}

/// What followers are told, written once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Told {
    place: Option<Place>,
    /// As it is sent.
    pub(super) frame: Bytes,
}

impl Told {
    fn new(place: Option<Place>, from: &str) -> Self {
        #[derive(Serialize)]
        struct Message<'a> {
            place: &'a Option<Place>,
            from: &'a str,
        }
        let frame = frame("class", &Message { place: &place, from });
        Told { place, frame }
    }

    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }
}

/// On disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    secret: String,
    place: Option<Place>,
    /// Seconds since 1970.
    saved: u64,
}

/// The class of a course on show.
pub struct Class {
    secret: String,
    told: watch::Sender<Told>,
    listeners: AtomicUsize,
    file: Option<PathBuf>,
}

/// One who follows; counted as long as it lives.
pub struct Listener(Arc<Class>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A class that cannot be kept on disk; it works without.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep the place of the class in {}", path.display())]
pub struct KeepError {
    path: PathBuf,
    source: std::io::Error,
}

impl Class {
    /// The class that is kept in `file`, or a new one. `renew` makes a new secret in any case; without a file nothing is kept.
    pub fn open(file: Option<PathBuf>, renew: bool) -> Self {
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let kept: Option<Kept> = text.and_then(|text| serde_json::from_str(&text).ok());
        let now = now();
        let place = kept.as_ref().filter(|kept| now.saturating_sub(kept.saved) < OVER.as_secs()).and_then(|kept| kept.place.clone());
        let old =
            kept.map(|kept| kept.secret).filter(|secret| !renew && secret.len() == LENGTH && secret.bytes().all(|b| LETTERS.contains(&b)));
        let told = watch::Sender::new(Told::new(place.filter(Place::is_sound), ""));
        Class { secret: old.unwrap_or_else(new_secret), told, listeners: AtomicUsize::new(0), file }
    }

    /// What the presenter's address has to end in.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Compares in the same time however much of it is right.
    pub fn is_secret(&self, guess: &str) -> bool {
        let differences = self.secret.bytes().zip(guess.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        guess.len() == self.secret.len() && differences == 0
    }

    /// Follows the place.
    pub fn follow(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Counts one more who follows.
    pub fn listener(self: &Arc<Self>) -> Listener {
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Listener(self.clone())
    }

    /// How many follow it.
    pub fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Relaxed)
    }

    pub fn place(&self) -> Option<Place> {
        self.told.borrow().place.clone()
    }

    /// Moves the class. False: that is no place.
    pub fn go(&self, step: Move) -> bool {
        if !step.place.is_sound() || step.from.len() > 64 {
            return false;
        }
        self.told.send_replace(Told::new(Some(step.place), &step.from));
        true
    }

    /// Writes secret and place to disk, where there is a file for them. Blocks.
    pub fn save(&self) -> Result<(), KeepError> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut place = self.place();
        if let Some(place) = &mut place {
            // Where the presenter's hand was is of no use later.
            place.pointer = None;
        }
        let kept = Kept { secret: self.secret.clone(), place, saved: now() };
        write(file, &kept).map_err(|source| KeepError { path: file.clone(), source })
    }

    /// Saves after every move from now on, also one that is made before the future runs. Never ends.
    pub fn keep(self: Arc<Self>) -> impl Future<Output = ()> {
        let mut told = self.told.subscribe();
        async move {
            while told.changed().await.is_ok() {
                told.borrow_and_update();
                let class = self.clone();
                // A disk that is full keeps no one from presenting; the next move tries again.
                let _ = tokio::task::spawn_blocking(move || class.save()).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn write(file: &Path, kept: &Kept) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Readable by its owner alone, as temporary files are.
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut new, kept)?;
    new.flush()?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|e| e.error)?;
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Letters and digits that are not mistaken for one another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// 100 bits.
const LENGTH: usize = 20;

fn new_secret() -> String {
    let mut bytes = [0; LENGTH];
    let mut filled = 0;
    while filled < bytes.len() {
        // It is interrupted at most; there is always randomness once a system is up.
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes.iter().map(|b| char::from(LETTERS[usize::from(b & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at: &str) -> Move {
        let place = Place { page: "a.html".into(), at: at.into(), shown: 0, black: false, invite: false, zoom: None, pointer: None };
        Move { place, from: "me".into() }
    }

    #[test]
    fn a_class_goes_on_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("classes/one.json");
        let class = Class::open(Some(file.clone()), false);
        assert_eq!(class.place(), None);
        assert!(class.go(step("#3")));
        class.save().expect("saved");
        let again = Class::open(Some(file.clone()), false);
        assert_eq!(again.place(), class.place());
        assert!(again.is_secret(class.secret()) && !again.is_secret("") && !again.is_secret(&class.secret()[1..]));
        assert!(!Class::open(Some(file.clone()), true).is_secret(class.secret()));
        fs::write(&file, "{").expect("written");
        assert_eq!(Class::open(Some(file), false).place(), None);
    }

    #[test]
    fn only_places_are_taken() {
        let class = Class::open(None, false);
        assert!(!class.go(step("javascript:1")) && !class.go(step("#a\nb")));
        let mut elsewhere = step("#1");
        elsewhere.place.page = "//evil.example/x.html".into();
        assert!(!class.go(elsewhere));
        assert_eq!(class.place(), None);
    }
}
