//! The shell and commands of the teaching images, chosen by the name they are called under.
//!
//! [`applets::APPLETS`] leads from a name to its function, and `main.rs` asks it; the catalogue makes its links of
//! `engine::catalog::COMMANDS`, and a test holds the two together. Nothing here
//! knows of images, engines or Docker; each applet is a program that reads its arguments, its input and `/proc`.

pub mod applets;
mod awk;
mod busybox;
mod coreutils;
mod diff;
mod dns;
mod ending;
mod expr;
mod find;
mod gosu;
mod grep;
mod gzip;
mod httpd;
mod id;
mod ip;
mod kill;
mod mount;
mod naming;
mod nc;
mod netstat;
mod nodes;
mod nslookup;
mod options;
mod pager;
mod ping;
mod posix_regex;
mod proc;
mod ps;
mod redis;
mod registry;
mod ryuk;
mod shell;
mod small;
mod stty;
mod sums;
mod tar;
mod telnet;
mod top;
mod vi;
mod wget;
mod wrapping;
mod xargs;

pub use applets::{APPLETS, Applet, is_applet, main};
