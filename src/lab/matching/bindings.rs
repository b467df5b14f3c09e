//! What the values on the slides stand for in this run: bound where they first come, the same ever after.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::token::{Class, is_ephemeral, normal_name, placeholder};

/// Values of a chapter, expected to actual.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// Ids and digests without `sha256:`, each as long as it is known.
    ids: Vec<(String, String)>,
    others: HashMap<(Class, String), String>,
    placeholders: HashMap<String, String>,
}

/// How an actual value stands to an expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    Same,
    /// Another value, and that is all right.
    Volatile,
    /// Not what the expected value stood for before, or not of its meaning; says why.
    Wrong(String),
}

impl Bindings {
    /// Gives a placeholder a value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.placeholders.insert(normal_name(name), value.to_owned());
    }

    /// Whether `word` is the start of exactly one id that was bound.
    pub fn knows_id(&self, word: &str) -> bool {
        self.id(word).is_some()
    }

    /// The actual id, as long as it is known, of an expected id or its start.
    fn id(&self, expected: &str) -> Option<&(String, String)> {
        let mut found = self.ids.iter().filter(|(e, _)| e.starts_with(expected) || expected.starts_with(e.as_str()));
        let first = found.next()?;
        found.all(|other| other.1 == first.1).then_some(first)
    }

    /// Compares two values of a class without binding anything.
    pub fn check(&self, class: &Class, expected: &str, actual: &str) -> Check {
        let bound = |known: Option<&String>| match known {
            Some(known) if known == actual => Check::Volatile,
            Some(known) => Check::Wrong(format!("{expected} was {known} before")),
            None => Check::Volatile,
        };
        match class {
            Class::Literal | Class::Wild => Check::Same,
            Class::Id(_) | Class::Digest | Class::IdPrefix => {
                let (e, a) = (bare(expected), bare(actual));
                match self.id(e) {
                    Some((_, known)) if known.starts_with(a) || a.starts_with(known.as_str()) => {
                        if e == a {
                            Check::Same
                        } else {
                            Check::Volatile
                        }
                    }
                    Some((_, known)) => Check::Wrong(format!("{} was {} before", short(e), short(known))),
                    None if e == a => Check::Same,
                    None => Check::Volatile,
                }
            }
            Class::Size if is_zero(expected) != is_zero(actual) => Check::Wrong("nothing is not something".into()),
            Class::Age | Class::Size | Class::Date | Class::Clock | Class::Duration | Class::Temporary if expected == actual => Check::Same,
            Class::Age | Class::Size | Class::Date | Class::Clock | Class::Duration | Class::Temporary => Check::Volatile,
            Class::Port if expected == actual => Check::Same,
            Class::Port if !is_ephemeral(actual) => Check::Wrong("this port is not one that an engine chooses".into()),
            Class::Pid if (expected == "1") != (actual == "1") => Check::Wrong("process 1 is the container's first".into()),
            Class::Pid if expected == actual => Check::Same,
            Class::Placeholder(_) => Check::Volatile,
            _ => match bound(self.others.get(&(class.clone(), expected.to_owned()))) {
                Check::Volatile if expected == actual => Check::Same,
                other => other,
            },
        }
    }

    /// Remembers that `expected` stands for `actual`.
    pub fn bind(&mut self, class: &Class, expected: &str, actual: &str) {
        match class {
            Class::Id(_) | Class::Digest => self.bind_id(bare(expected), bare(actual)),
            Class::IdPrefix => {}
            Class::Placeholder(name) => {
                self.placeholders.insert(name.clone(), actual.to_owned());
            }
            Class::Address | Class::Port | Class::Mac | Class::Uuid | Class::Name | Class::Pid => {
                self.others.insert((class.clone(), expected.to_owned()), actual.to_owned());
            }
            Class::Literal | Class::Wild | Class::Age | Class::Size | Class::Date | Class::Clock | Class::Duration | Class::Temporary => {}
        }
    }

    fn bind_id(&mut self, expected: &str, actual: &str) {
        let related = |(e, _): &&mut (String, String)| e.starts_with(expected) || expected.starts_with(e.as_str());
        if let Some((e, a)) = self.ids.iter_mut().find(related) {
            if expected.len() > e.len() && actual.starts_with(a.as_str()) {
                *e = expected.to_owned();
                *a = actual.to_owned();
            }
            return;
        }
        self.ids.push((expected.to_owned(), actual.to_owned()));
    }

    /// Whether `actual` already stands for another id than `expected`.
    pub fn id_taken(&self, expected: &str, actual: &str) -> Option<&str> {
        let (expected, actual) = (bare(expected), bare(actual));
        let same = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        self.ids.iter().find(|(e, a)| same(a, actual) && !same(e, expected)).map(|(e, _)| e.as_str())
    }

    /// Puts what was bound in the place of ids, addresses, ports, names and placeholders of a command. The second value lists
    /// placeholders that stand for nothing yet.
    pub fn substitute(&self, command: &str, resolve: &mut dyn FnMut(&str) -> Option<String>) -> (String, Vec<String>) {
        let mut unknown = Vec::new();
        let with_values = PLACEHOLDER.replace_all(command, |found: &Captures| {
            let whole = &found[0];
            let bare = whole.trim_matches('`');
            if let Some(value) = self.placeholders.get(&normal_name(bare)) {
                return value.clone();
            }
            let Some(name) = placeholder(bare) else { return whole.to_owned() };
            match resolve(&name) {
                Some(value) => value,
                None => {
                    unknown.push(bare.to_owned());
                    whole.to_owned()
                }
            }
        });
        if !with_values.contains("docker") && self.others.is_empty() {
            return (with_values.into_owned(), unknown);
        }
        let docker = with_values.contains("docker");
        let replaced = WORD.replace_all(&with_values, |found: &Captures| {
            let word = &found[0];
            if docker
                && word.len() >= 3
                && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                && let Some((_, actual)) = self.id(word)
            {
                return actual[..actual.len().min(word.len().max(12))].to_owned();
            }
            for class in [Class::Address, Class::Port, Class::Name] {
                if let Some(value) = self.others.get(&(class, word.to_owned())) {
                    return value.clone();
                }
            }
            word.to_owned()
        });
        (replaced.into_owned(), unknown)
    }
}

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`?<[A-Za-z][A-Za-z0-9_ -]*>`?").expect("a constant pattern"));
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[A-Za-z0-9_]+").expect("a constant pattern"));

fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn short(id: &str) -> &str {
    &id[..id.len().min(12)]
}

fn is_zero(size: &str) -> bool {
    size.trim_end_matches(|c: char| !c.is_ascii_digit()).bytes().all(|b| matches!(b, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "47d677dcfba4277c6cc68fcaa51f932b544cab1a187c853b7d0caf4e8debe5ad";
    const REAL: &str = "9c3f00000000277c6cc68fcaa51f932b544cab1a187c853b7d0caf4e8debe5ad";

    #[test]
    fn an_id_is_the_same_ever_after() {
        let mut bindings = Bindings::default();
        assert_eq!(bindings.check(&Class::Id(64), LONG, REAL), Check::Volatile);
        bindings.bind(&Class::Id(64), LONG, REAL);
        assert_eq!(bindings.check(&Class::Id(12), &LONG[..12], &REAL[..12]), Check::Volatile);
        assert!(matches!(bindings.check(&Class::Id(12), &LONG[..12], "aaaaaaaaaaaa"), Check::Wrong(_)));
        assert!(bindings.knows_id("47d6"));
        assert_eq!(bindings.check(&Class::IdPrefix, "47d6", &REAL[..12]), Check::Volatile);
    }

    #[test]
    fn commands_get_the_values_of_this_run() {
        let mut bindings = Bindings::default();
        bindings.bind(&Class::Id(12), &LONG[..12], &REAL[..12]);
        bindings.bind(&Class::Port, "32770", "40001");
        bindings.bind(&Class::Placeholder("newimageid".into()), "<newImageId>", "beef");
        let substitute = |command: &str| bindings.substitute(command, &mut |name| (name == "containerid").then(|| "last".into())).0;
        assert_eq!(substitute("docker stop 47d6"), "docker stop 9c3f00000000");
        assert_eq!(substitute("docker logs 47d677dcfba4"), "docker logs 9c3f00000000");
        assert_eq!(substitute("docker logs 068"), "docker logs 068");
        assert_eq!(substitute("curl localhost:32770"), "curl localhost:40001");
        assert_eq!(substitute("docker run -it <newImageId>"), "docker run -it beef");
        assert_eq!(substitute("docker rm `<container_id>` <yourContainerID>"), "docker rm last last");
        assert_eq!(bindings.substitute("docker run <dockerhubUsername>/web", &mut |_| None).1, ["<dockerhubUsername>"]);
        assert_eq!(substitute("cat <in >out"), "cat <in >out");
    }
}
