//! Slides into HTML pages: tera, pulldown-cmark, highlighting, assets. Never touches the network.

mod assets;
mod bodies;
mod build;
pub mod console;
pub mod convert;
mod diagrams;
mod escape;
pub mod export;
pub mod highlight;
mod languages;
pub mod markdown;
mod math;
mod media;
mod page;
mod plan;
mod rendered;
mod reports;
mod rewrite;
mod site;
pub mod tags;
mod templates;
mod tex;

pub use assets::percent_decoded;
pub use build::{Body, Builder, Options, Site, sections};
pub use escape::unescaped;
pub use media::media_type;
pub use site::SiteError;
pub use templates::TemplateError;
