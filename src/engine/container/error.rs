//! What can go wrong with a container, in Docker's words where Docker has words for it.

/// Why an operation on a container failed. The kind decides the status of an HTTP answer.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// There is no such container, path or exec.
    #[error("{0}")]
    NotFound(String),
    /// The request contradicts the container's state or another container.
    #[error("{0}")]
    Conflict(String),
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// The container is in that state already.
    #[error("{0}")]
    NotModified(String),
    /// The engine or the machine failed.
    #[error("{0}")]
    Failed(String),
}

impl ContainerError {
    /// Docker's text for a name or id that stands for nothing.
    pub fn no_such_container(name: &str) -> Self {
        ContainerError::NotFound(format!("No such container: {name}"))
    }

    /// A failure of the machine: what was tried, and what it answered.
    pub fn failed(what: impl std::fmt::Display, source: impl std::fmt::Display) -> Self {
        ContainerError::Failed(format!("{what}: {source}"))
    }
}
