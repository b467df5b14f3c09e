//! The messages of BuildKit's protocol, with those fields of them that are read or written here; prost passes over the others.

pub mod control;
pub mod gateway;
pub mod session;
