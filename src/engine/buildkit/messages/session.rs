//! What a client offers in its session: files (`fsutil.types`, `moby.filesync.v1`), uploads, secrets, logins and content.

use std::collections::HashMap;

use prost::Message;

/// A message of a transfer of files.
#[derive(Clone, PartialEq, Message)]
pub struct Packet {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub stat: Option<Stat>,
    #[prost(uint32, tag = "3")]
    pub id: u32,
    #[prost(bytes = "bytes", tag = "4")]
    pub data: bytes::Bytes,
}

/// The kinds of a `Packet`.
pub mod kind {
    /// A file or folder; without one: there are no more.
    pub const STAT: i32 = 0;
    /// Asks for the content of the file with this number.
    pub const REQUEST: i32 = 1;
    /// A piece of content; an empty one ends it.
    pub const DATA: i32 = 2;
    /// All is there.
    pub const END: i32 = 3;
    /// What went wrong.
    pub const ERROR: i32 = 4;
}

/// A file or folder. `mode` is Go's: permissions as usual, the kind in the upper bits.
#[derive(Clone, PartialEq, Message)]
pub struct Stat {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(uint32, tag = "2")]
    pub mode: u32,
    #[prost(uint32, tag = "3")]
    pub uid: u32,
    #[prost(uint32, tag = "4")]
    pub gid: u32,
    #[prost(int64, tag = "5")]
    pub size: i64,
    /// In nanoseconds since 1970.
    #[prost(int64, tag = "6")]
    pub modified: i64,
    #[prost(string, tag = "7")]
    pub link: String,
    #[prost(int64, tag = "8")]
    pub device_major: i64,
    #[prost(int64, tag = "9")]
    pub device_minor: i64,
    #[prost(map = "string, bytes", tag = "10")]
    pub attributes: HashMap<String, Vec<u8>>,
}

/// A piece of a stream that is no transfer of files.
#[derive(Clone, PartialEq, Message)]
pub struct Piece {
    #[prost(bytes = "bytes", tag = "1")]
    pub data: bytes::Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub struct SecretRequest {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Secret {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LoginRequest {
    #[prost(string, tag = "1")]
    pub host: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Login {
    #[prost(string, tag = "1")]
    pub username: String,
    #[prost(string, tag = "2")]
    pub secret: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct AgentRequest {
    #[prost(string, tag = "1")]
    pub id: String,
}

/// Asks for content by its digest (`containerd.services.content.v1`); all of it where `size` is 0.
#[derive(Clone, PartialEq, Message)]
pub struct ContentRequest {
    #[prost(string, tag = "1")]
    pub digest: String,
    #[prost(int64, tag = "2")]
    pub offset: i64,
    #[prost(int64, tag = "3")]
    pub size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContentPiece {
    #[prost(int64, tag = "1")]
    pub offset: i64,
    #[prost(bytes = "bytes", tag = "2")]
    pub data: bytes::Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContentInfoRequest {
    #[prost(string, tag = "1")]
    pub digest: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContentInfoResponse {
    #[prost(message, optional, tag = "1")]
    pub info: Option<ContentInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContentInfo {
    #[prost(string, tag = "1")]
    pub digest: String,
    #[prost(int64, tag = "2")]
    pub size: i64,
}

/// Whether a session is well (`grpc.health.v1`).
#[derive(Clone, PartialEq, Message)]
pub struct Health {
    #[prost(int32, tag = "1")]
    pub status: i32,
}
