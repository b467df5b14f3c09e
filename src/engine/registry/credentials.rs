//! What a user proves with to a registry, or to its token server, who he is. Kept nowhere, and shown to nobody else.

use crate::base64;

/// What a user logs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A name with its password.
    Password { username: String, password: String },
    /// A token that the token server has handed out instead of a password (`identitytoken`): good for further tokens alone.
    Identity(String),
    /// A token for the registry itself (`registrytoken`), which no token server is asked about.
    Token(String),
}

impl Credentials {
    /// Whatever of the three is there, as Docker ranks them; `None` where none is.
    pub fn of(username: String, password: String, identity: String, token: String) -> Option<Credentials> {
        match (token.is_empty(), identity.is_empty(), username.is_empty()) {
            (false, _, _) => Some(Credentials::Token(token)),
            (true, false, _) => Some(Credentials::Identity(identity)),
            (true, true, false) => Some(Credentials::Password { username, password }),
            (true, true, true) => None,
        }
    }

    /// The user's name, where there is one.
    pub fn username(&self) -> Option<&str> {
        match self {
            Credentials::Password { username, .. } => Some(username),
            Credentials::Identity(_) | Credentials::Token(_) => None,
        }
    }

    /// The name and the password as an `Authorization` header has them.
    pub fn basic(&self) -> Option<String> {
        match self {
            Credentials::Password { username, password } => {
                Some(format!("Basic {}", base64::encode(format!("{username}:{password}").as_bytes())))
            }
            Credentials::Identity(_) | Credentials::Token(_) => None,
        }
    }

    /// The `Authorization` header that a registry gets to see of it before any token server was asked.
    pub fn authorization(&self) -> Option<String> {
        match self {
            Credentials::Token(token) => Some(format!("Bearer {token}")),
            other => other.basic(),
        }
    }
}
