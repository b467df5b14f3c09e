//! Slides into HTML pages: tera, pulldown-cmark, highlighting, assets. Never touches the network.

mod assets;
pub mod console;
mod escape;
pub mod highlight;
pub mod markdown;
mod tags;
