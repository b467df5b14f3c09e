//! Exercises out of slides and labs, run in a shell, compared by meaning, reported. Speaks no HTTP.
//!
//! `load` makes a plan of paths, `run` gives a verdict for each of its steps, `report` and `bless` say and mend what was wrong.

pub mod bless;
pub mod engine;
pub mod extract;
mod load;
pub mod matching;
pub mod plan;
pub mod report;
pub mod run;
pub mod session;

pub use load::load;
