//! `ARG`: which build arguments a stage may see, where their values come from, and which of those given were never asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::Platform;

/// Arguments that need no `ARG`, and are no part of what a step is remembered by.
const BUILT_IN: [&str; 10] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"];

/// The build arguments as one stage sees them.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    given: BTreeMap<String, Option<String>>,
    /// Those in front of the first `FROM`.
    global: BTreeMap<String, Option<String>>,
    stage: BTreeMap<String, Option<String>>,
    referenced: BTreeSet<String>,
}

impl Arguments {
    /// `given` are those of `--build-arg`, `target` is the platform that is built for; empty for this machine's.
    pub fn new(given: BTreeMap<String, Option<String>>, target: &str) -> Arguments {
        let host = Platform::host();
        let target = target.parse().unwrap_or_else(|_| host.clone());
        let mut global = BTreeMap::new();
        for (whose, platform) in [("TARGET", target), ("BUILD", host)] {
            let name = platform.to_string();
            let known = [("PLATFORM", name), ("OS", platform.os), ("ARCH", platform.architecture), ("VARIANT", platform.variant)];
            global.extend(known.map(|(name, value)| (format!("{whose}{name}"), Some(value))));
        }
        Arguments { given, global, ..Arguments::default() }
    }

    /// The arguments for another stage: what was declared in this one is forgotten.
    pub fn for_stage(&self) -> Arguments {
        Arguments { stage: BTreeMap::new(), ..self.clone() }
    }

    /// Takes over what another stage asked for.
    pub fn learn(&mut self, other: &Arguments) {
        self.referenced.extend(other.referenced.iter().cloned());
    }

    /// An `ARG` in front of the first `FROM`.
    pub fn declare_global(&mut self, name: &str, value: Option<String>) {
        self.referenced.insert(name.to_owned());
        let value = self.given.get(name).cloned().unwrap_or_else(|| value.or_else(|| self.global.get(name).cloned().flatten()));
        self.global.insert(name.to_owned(), value);
    }

    /// An `ARG` in a stage.
    pub fn declare(&mut self, name: &str, value: Option<String>) {
        self.referenced.insert(name.to_owned());
        self.stage.insert(name.to_owned(), value);
    }

    fn value(&self, name: &str) -> Option<String> {
        if let Some(given) = self.given.get(name) {
            return given.clone();
        }
        match self.stage.get(name)? {
            Some(value) => Some(value.clone()),
            None => self.global.get(name).cloned().flatten(),
        }
    }

    /// The global arguments with values: what `FROM` may use.
    pub fn globals(&self) -> BTreeMap<String, String> {
        self.global.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
    }

    /// `NAME=value` of all arguments that the stage sees and that `env` does not set.
    pub fn visible(&self, env: &[String]) -> Vec<String> {
        let set = |name: &str| env.iter().any(|entry| entry.split('=').next() == Some(name));
        let names: BTreeSet<&str> = self.stage.keys().map(String::as_str).chain(BUILT_IN).collect();
        names.into_iter().filter(|name| !set(name)).filter_map(|name| Some(format!("{name}={}", self.value(name)?))).collect()
    }

    /// Those of `visible` that a step is remembered by.
    pub fn remembered<'a>(&self, visible: &'a [String]) -> Vec<&'a str> {
        let counts = |name: &str| self.referenced.contains(name) || !BUILT_IN.contains(&name);
        visible.iter().map(String::as_str).filter(|entry| counts(entry.split('=').next().unwrap_or_default())).collect()
    }

    /// The given arguments that nothing asked for.
    pub fn unused(&self) -> Vec<&str> {
        let used = |name: &&str| self.referenced.contains(*name) || BUILT_IN.contains(name);
        self.given.keys().map(String::as_str).filter(|name| !used(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_dockers() {
        let mut arguments = Arguments::new(BTreeMap::from([("A".to_owned(), Some("given".to_owned())), ("NO".to_owned(), None)]), "");
        arguments.declare_global("TAG", Some("1".to_owned()));
        let mut stage = arguments.for_stage();
        assert!(stage.visible(&[]).is_empty(), "nothing is seen before its ARG");
        stage.declare("A", Some("default".to_owned()));
        stage.declare("TAG", None);
        stage.declare("B", None);
        assert_eq!(stage.visible(&[]), ["A=given", "TAG=1"]);
        assert_eq!(stage.visible(&["A=env".to_owned()]), ["TAG=1"], "ENV wins over ARG");
        arguments.learn(&stage);
        assert_eq!(arguments.unused(), ["NO"]);
    }

    #[test]
    fn platforms_are_known() {
        let all = Arguments::new(BTreeMap::new(), "linux/arm/v6").globals();
        let of = |name: &str| all[name].as_str();
        assert_eq!([of("TARGETPLATFORM"), of("TARGETOS"), of("TARGETARCH"), of("TARGETVARIANT")], ["linux/arm/v6", "linux", "arm", "v6"]);
        assert_eq!(of("BUILDARCH"), Platform::host().architecture);
    }
}
