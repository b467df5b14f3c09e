//! `moby.buildkit.v1.frontend`: how a client that has its own idea of a build asks for the parts of it.

use std::collections::HashMap;

use prost::{Message, Oneof};

use super::control::{Definition, RpcStatus, Worker};

#[derive(Clone, PartialEq, Message)]
pub struct Capability {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(bool, tag = "2")]
    pub enabled: bool,
    #[prost(bool, tag = "3")]
    pub deprecated: bool,
    #[prost(string, tag = "5")]
    pub disabled_reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Pong {
    #[prost(message, repeated, tag = "1")]
    pub frontend: Vec<Capability>,
    #[prost(message, repeated, tag = "2")]
    pub graph: Vec<Capability>,
    #[prost(message, repeated, tag = "3")]
    pub workers: Vec<Worker>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SolveRequest {
    #[prost(message, optional, tag = "1")]
    pub definition: Option<Definition>,
    #[prost(string, tag = "2")]
    pub frontend: String,
    #[prost(map = "string, string", tag = "3")]
    pub attributes: HashMap<String, String>,
    #[prost(map = "string, message", tag = "13")]
    pub inputs: HashMap<String, Definition>,
    #[prost(bool, tag = "14")]
    pub evaluate: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct SolveResponse {
    #[prost(message, optional, tag = "3")]
    pub result: Option<Outcome>,
}

/// What a part came to: a reference that only the engine can follow, and what is known of it.
#[derive(Clone, PartialEq, Message)]
pub struct Outcome {
    #[prost(oneof = "Reference", tags = "1, 2, 3, 4")]
    pub reference: Option<Reference>,
    #[prost(map = "string, bytes", tag = "10")]
    pub metadata: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Reference {
    #[prost(string, tag = "1")]
    Old(String),
    #[prost(message, tag = "2")]
    OldMany(OldMap),
    #[prost(message, tag = "3")]
    One(Ref),
    #[prost(message, tag = "4")]
    Many(RefMap),
}

#[derive(Clone, PartialEq, Message)]
pub struct OldMap {
    #[prost(map = "string, string", tag = "1")]
    pub references: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Ref {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(message, optional, tag = "2")]
    pub definition: Option<Definition>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RefMap {
    #[prost(map = "string, message", tag = "1")]
    pub references: HashMap<String, Ref>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReturnRequest {
    #[prost(message, optional, tag = "1")]
    pub result: Option<Outcome>,
    #[prost(message, optional, tag = "2")]
    pub error: Option<RpcStatus>,
}
