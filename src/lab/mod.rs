//! Exercises out of slides and labs, run in a shell, compared by meaning, reported. Speaks no HTTP.

pub mod extract;
pub mod plan;
pub mod session;
