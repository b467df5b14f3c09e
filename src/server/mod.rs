//! Slides on localhost: pages out of memory, rebuilt when a source changes, shown again without leaving the slide.
//!
//! Serves what the site is made of and nothing else, to nobody but this machine unless asked to. Prints nothing: the caller hears of
//! each build through a function of its own.

mod http;
mod live;
mod watch;

pub use http::{Access, serve};
pub use live::{Live, News};
pub use watch::watch;
