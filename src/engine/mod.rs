//! The embedded image engine: images, layers, containers, the catalogue. Knows nothing of Docker's JSON or of HTTP.

pub mod catalog;
pub mod container;
pub mod image;
