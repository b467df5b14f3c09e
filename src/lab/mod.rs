//! Exercises out of slides and labs, run in a shell, compared by meaning, reported. Speaks no HTTP.
pub mod bless;
pub mod engine;
pub mod extract;
pub mod matching;
pub mod plan;
pub mod report;
pub mod run;
pub mod session;
