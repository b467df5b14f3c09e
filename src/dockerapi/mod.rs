//! The Docker Engine API over HTTP: routes, Docker's JSON, errors, hijacked streams. Holds no state of its own.

pub mod containers;
