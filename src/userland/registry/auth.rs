//! Who may come in: names and passwords in a file as `htpasswd -B` makes it, asked for as HTTP's basic authentication does.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use axum::http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use super::refusal::{Code, Refusal};
use super::route::Route;
use crate::base64;
use crate::engine::image::Digest;

/// The doorman.
pub struct Access {
    /// What the browser's question calls the place.
    pub realm: String,
    /// The file of names and hashes.
    path: PathBuf,
    /// Who has been found right, and by which hash: bcrypt takes its time, and a push makes a hundred requests.
    right: Mutex<HashMap<Digest, String>>,
}

impl Access {
    /// By the file at `path`, which has to be there.
    pub fn new(realm: &str, path: PathBuf) -> io::Result<Access> {
        fs::metadata(&path)?;
        Ok(Access { realm: realm.to_owned(), path, right: Mutex::default() })
    }

    /// Whether the request's name and password are right; gives the name. Everybody else is asked for them.
    pub fn check(&self, headers: &HeaderMap, method: &Method, route: &Route, from: Option<&str>) -> Result<String, Refusal> {
        match credentials(headers).filter(|(user, password)| self.knows(user, password)) {
            Some((user, _)) => Ok(user),
            None => {
                let mut refusal = Refusal::about(Code::Unauthorized, wanted(method, route, from));
                refusal.challenge = Some(format!("Basic realm=\"{}\"", self.realm.replace(['"', '\\'], "")));
                Err(refusal)
            }
        }
    }

    fn knows(&self, user: &str, password: &str) -> bool {
        // The file is read anew, for whoever has been taken out of it is to be known no more.
        let Ok(text) = fs::read_to_string(&self.path) else { return false };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let Some((_, hash)) = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| *name == user) else { return false };
        let key = Digest::of(format!("{user}:{password}").as_bytes());
        if self.right.lock().unwrap_or_else(PoisonError::into_inner).get(&key).is_some_and(|known| known == hash) {
            return true;
        }
        let right = tokio::task::block_in_place(|| bcrypt::verify(password, hash)).unwrap_or(false);
        if right {
            self.right.lock().unwrap_or_else(PoisonError::into_inner).insert(key, hash.to_owned());
        }
        right
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64::decode(rest.trim())?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

/// What a request wants to do, as the refusal tells it.
fn wanted(method: &Method, route: &Route, from: Option<&str>) -> Value {
    if *route == Route::Catalog {
        return json!([{ "Type": "registry", "Class": "", "Name": "catalog", "Action": "*" }]);
    }
    let Some(name) = route.repository() else { return Value::Null };
    let actions: &[&str] = match *method {
        Method::GET | Method::HEAD => &["pull"],
        Method::DELETE => &["delete"],
        _ => &["pull", "push"],
    };
    let on = |name: &str, action: &str| json!({ "Type": "repository", "Class": "", "Name": name, "Action": action });
    actions.iter().map(|action| on(name, action)).chain(from.map(|from| on(from, "pull"))).collect()
}
