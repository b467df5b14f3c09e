//! `ARG`: which build arguments a stage may see, where their values come from, and which of those given were never asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::expand;
use super::instruction::{Instruction, Plan};
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
    /// The names in `stage`, in the order in which they were declared.
    declared: Vec<String>,
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
        Arguments { stage: BTreeMap::new(), declared: Vec::new(), ..self.clone() }
    }

    /// The same for a stage on top of another one, whose arguments it sees (BuildKit's builder only).
    pub fn for_stage_on(&self, below: &Arguments) -> Arguments {
        Arguments { stage: below.stage.clone(), declared: below.declared.clone(), ..self.clone() }
    }

    /// Says which stage is built, by the name that it has.
    pub fn target(&mut self, plan: &Plan) {
        let name = plan.stages.get(plan.target).map_or("", |stage| stage.name.as_str());
        let name = if name.is_empty() { "default" } else { name };
        self.global.insert("TARGETSTAGE".to_owned(), Some(name.to_owned()));
    }

    /// Declares the arguments in front of the first stage. A failure says in which lines it is.
    pub fn read_globals(&mut self, plan: &Plan) -> Result<(), (String, (usize, usize))> {
        for step in &plan.arguments {
            let Instruction::Arg(list) = &step.instruction else { continue };
            for (name, value) in list {
                // The default of one that is given does not count.
                let value = value.as_ref().filter(|_| !self.is_given(name));
                let value = value.map(|value| expand::word(value, &self.globals(), plan.escape)).transpose();
                self.declare_global(name, value.map_err(|why| (why, step.lines))?);
            }
        }
        Ok(())
    }

    /// Whether whoever builds has given a value: a name alone leaves the default as it is.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(Option::is_some)
    }

    /// Whether the stage has asked for it.
    pub fn is_declared(&self, name: &str) -> bool {
        self.stage.contains_key(name)
    }

    /// Whether the stage has asked for it and it has a value.
    pub fn is_set(&self, name: &str) -> bool {
        self.is_declared(name) && self.value(name).is_some()
    }

    /// Takes over what another stage asked for.
    pub fn learn(&mut self, other: &Arguments) {
        self.referenced.extend(other.referenced.iter().cloned());
    }

    /// An `ARG` in front of the first `FROM`.
    pub fn declare_global(&mut self, name: &str, value: Option<String>) {
        self.referenced.insert(name.to_owned());
        let value = self.given(name).or(value).or_else(|| self.global.get(name).cloned().flatten());
        self.global.insert(name.to_owned(), value);
    }

    /// An `ARG` in a stage.
    pub fn declare(&mut self, name: &str, value: Option<String>) {
        self.referenced.insert(name.to_owned());
        if self.stage.insert(name.to_owned(), value).is_none() {
            self.declared.push(name.to_owned());
        }
    }

    /// What whoever builds has given for a name.
    pub fn given(&self, name: &str) -> Option<String> {
        self.given.get(name).cloned().flatten()
    }

    /// The value of one that the stage has asked for.
    pub fn value(&self, name: &str) -> Option<String> {
        if let Some(given) = self.given(name) {
            return Some(given);
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
        self.unset_of(env, self.stage.keys().map(String::as_str).chain(BUILT_IN).collect())
    }

    /// The same without those that nobody has asked for.
    pub fn declared(&self, env: &[String]) -> Vec<String> {
        self.unset_of(env, self.stage.keys().map(String::as_str).collect())
    }

    fn unset_of(&self, env: &[String], names: BTreeSet<&str>) -> Vec<String> {
        let set = |name: &str| env.iter().any(|entry| entry.split('=').next() == Some(name));
        names.into_iter().filter(|name| !set(name)).filter_map(|name| Some(format!("{name}={}", self.value(name)?))).collect()
    }

    /// Those of `visible` that a step is remembered by.
    pub fn remembered<'a>(&self, visible: &'a [String]) -> Vec<&'a str> {
        let counts = |name: &str| self.referenced.contains(name) || !BUILT_IN.contains(&name);
        visible.iter().map(String::as_str).filter(|entry| counts(entry.split('=').next().unwrap_or_default())).collect()
    }

    /// `NAME=value` of all that the stage has asked for, in its order; where `env` sets a name its value counts.
    pub fn asked_for(&self, env: &BTreeMap<String, String>) -> Vec<String> {
        let value = |name: &String| env.get(name).cloned().or_else(|| self.value(name)).unwrap_or_default();
        self.declared.iter().map(|name| format!("{name}={}", value(name))).collect()
    }

    /// The proxies that are given, by both ways to spell them. Commands see them, and the cache does not depend on them.
    pub fn proxies(&self) -> Vec<String> {
        let given = BUILT_IN.iter().filter_map(|name| Some((name, self.given.get(*name)?.as_ref()?)));
        let both = given.filter(|(_, value)| !value.is_empty());
        both.flat_map(|(name, value)| [name.to_uppercase(), name.to_lowercase()].map(|name| format!("{name}={value}"))).collect()
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
        stage.declare("NO", Some("default".to_owned()));
        assert_eq!(stage.visible(&[]), ["A=given", "NO=default", "TAG=1"]);
        assert_eq!(stage.visible(&["A=env".to_owned()]), ["NO=default", "TAG=1"], "ENV wins over ARG");
        assert_eq!(arguments.unused(), ["A", "NO"]);
        arguments.learn(&stage);
        assert!(arguments.unused().is_empty());
    }

    #[test]
    fn platforms_are_known() {
        let all = Arguments::new(BTreeMap::new(), "linux/arm/v6").globals();
        let of = |name: &str| all[name].as_str();
        assert_eq!([of("TARGETPLATFORM"), of("TARGETOS"), of("TARGETARCH"), of("TARGETVARIANT")], ["linux/arm/v6", "linux", "arm", "v6"]);
        assert_eq!(of("BUILDARCH"), Platform::host().architecture);
    }
}
