//! Slides into HTML pages: tera, pulldown-cmark, highlighting, assets. Never touches the network.

pub mod markdown;
