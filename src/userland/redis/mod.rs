//! `redis-server` and `redis-cli` of the image redis: a server that keeps strings, lists, hashes, sets and sorted sets, and its client.
//!
//! The server is one thread around one `epoll`: a command sees nothing half done, and no lock is needed. It speaks RESP2 and RESP3 and
//! keeps its data in files of Redis' own form (`dump.rdb`, append-only files), which a real Redis reads and writes, too. Streams,
//! scripts, clusters and modules are not there: their commands are unknown. Whatever comes in has a limit, and none of it is trusted.

mod aof;
mod client;
mod commands;
mod config;
mod glob;
mod info;
mod log;
mod number;
mod rdb;
mod redis_cli;
mod reply;
mod request;
mod server;
mod settings;
mod start;
mod value;
mod waiting;
mod zset;

pub use redis_cli::main as cli_main;
pub use start::main as server_main;

/// A key, a value, a word of a command: any bytes.
type Bytes = Vec<u8>;
