//! The image side of the engine from outside: in process, through the API, with the real docker client, and killed in the middle.

mod crash;
mod docker;
mod hostile;
mod https;
mod layers;
mod store;
mod support;
