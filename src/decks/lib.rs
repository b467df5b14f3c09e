//! Courses, their slides and their pages: what an author writes, read and turned into HTML. A crate of its own so that it is
//! compiled while the rest of Dockside is still being read; `dockside` gives its rooms on under their own names.
//! Never speaks to an engine or to the network.

pub mod course;
pub mod deck;
pub mod diag;
pub mod slides;
pub mod yaml;
