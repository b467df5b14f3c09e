//! The subset of Go's text/template that people use with `--format`: fields, methods, functions, pipes, variables, `if`, `range`,
//! `with`, `define`, `block` and `template`. Errors read as Go's. It never prints and never reads anything but its value.

mod exec;
mod funcs;
mod lex;
mod parse;
mod printf;
pub mod types;
mod value;

pub use exec::{execute, execute_far};
pub use parse::{Template, parse};
pub use value::{Subject, Value, json_text, sorted_json, time_text};

#[cfg(test)]
mod tests;
