//! Slides into HTML pages: tera, pulldown-cmark, highlighting, assets. Never touches the network.

mod assets;
mod build;
pub mod console;
mod escape;
pub mod highlight;
mod languages;
pub mod markdown;
mod page;
mod rewrite;
mod site;
mod tags;
mod templates;

pub(crate) use assets::percent_decoded;
pub use build::{Body, Builder, Options, Site};
pub use site::SiteError;
pub use templates::TemplateError;
