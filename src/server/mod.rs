//! Slides on localhost: pages out of memory, rebuilt when a source changes, shown again without leaving the slide; and a class
//! that follows its presenter.
//!
//! Serves what the site is made of and nothing else, to nobody but this machine unless asked to. Only who knows the secret moves the
//! class. Prints nothing: the caller hears of each build through a function of its own.

mod access;
mod class;
mod events;
mod http;
mod join;
mod live;
mod packed;
mod patch;
mod present;
mod watch;

pub use access::Access;
pub use class::{Class, KeepError, Move, Place, Spot};
pub use http::{Show, serve};
pub use live::{Live, News};
pub use packed::Pages;
pub use watch::watch;
