//! What can go wrong with a network, in Docker's words where Docker has words for it.

/// Why an operation on a network failed. The kind decides the status of an HTTP answer.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// There is no such network or container.
    #[error("{0}")]
    NotFound(String),
    /// The networks or containers that are there do not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// There is one of that name already.
    #[error("{0}")]
    Conflict(String),
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// The engine or the machine failed.
    #[error("{0}")]
    Failed(String),
}

impl NetworkError {
    /// Docker's text for a name or id that stands for nothing.
    pub fn no_such_network(name: &str) -> Self {
        NetworkError::NotFound(format!("network {name} not found"))
    }
}
