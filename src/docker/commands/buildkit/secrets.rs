//! `--secret`: files and variables that single steps of a build may see.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;

use super::csv::fields;
use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;
use crate::units::go_words;

/// As long as a secret may be.
const MAX: usize = 500 << 10;

/// The secrets, by id.
pub fn read(m: &Matches) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    m.all("secret").map(one).collect()
}

fn one(text: &str) -> Result<(String, Vec<u8>), Failure> {
    let (mut id, mut src, mut env, mut kind) = (String::new(), String::new(), String::new(), String::new());
    for field in fields(text) {
        let (key, value) =
            field.split_once('=').ok_or_else(|| Failure::new(format!("invalid field '{field}' must be a key=value pair")))?;
        let value = value.to_owned();
        match key.to_lowercase().as_str() {
            "id" => id = value,
            "source" | "src" => src = value,
            "env" => env = value,
            "type" if ["file", "env"].contains(&value.as_str()) => kind = value,
            "type" => return Err(Failure::new(format!("unsupported secret type \"{value}\""))),
            _ => return Err(Failure::new(format!("unexpected key '{key}' in '{field}'"))),
        }
    }
    if id.is_empty() {
        return Err(Failure::new("secret missing ID"));
    }
    if kind == "env" && env.is_empty() {
        (env, src) = (src, String::new());
    }
    // Without a source it is the variable of that name, or else the file.
    let by_name = src.is_empty() && env.is_empty() && std::env::var_os(&id).is_some();
    let variable = if by_name { &id } else { &env };
    let secret = if variable.is_empty() {
        let path = if src.is_empty() { &id } else { &src };
        std::fs::read(path).map_err(|e| Failure::new(format!("failed to stat {path}: stat {path}: {}", go_words(&e))))?
    } else {
        std::env::var_os(variable).unwrap_or_default().into_vec()
    };
    if secret.len() > MAX {
        return Err(Failure::new(format!("invalid secret size {}: a secret may be {} kB", secret.len(), MAX >> 10)));
    }
    Ok((id, secret))
}
