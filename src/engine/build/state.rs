//! What a stage is at one instruction: its config and arguments, and how each instruction that touches no files changes them.

use std::collections::{BTreeMap, BTreeSet};

use std::net::IpAddr;

use serde_json::json;

use super::arguments::Arguments;
use super::expand::{self, Variables};
use super::instruction::{CommandLine, Copy, Instruction};
use crate::image::{HealthConfig, RunConfig};
use crate::sys::signal;
use crate::units::{go_duration, quote};

pub const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A stage as far as it has come.
#[derive(Clone, Debug)]
pub struct State {
    pub config: RunConfig,
    pub arguments: Arguments,
    pub maintainer: String,
    /// `CMD` stood in this stage, so that `ENTRYPOINT` leaves it alone.
    cmd_set: bool,
    /// Whether an `ARG` behind an `ENV` of the same name counts until the next `ENV`, as it does for BuildKit.
    pub last_counts: bool,
    /// Arguments that count before the environment.
    over: BTreeSet<String>,
    pub escape: char,
}

/// What an instruction did besides changing the state.
pub struct Applied {
    /// The instruction as the image's history has it.
    pub comment: String,
    /// What the author should be told.
    pub note: Option<String>,
}

impl State {
    /// The beginning of a stage on an image with this config.
    pub fn new(config: RunConfig, arguments: Arguments, escape: char) -> State {
        let mut config = config;
        config.open_stdin = false;
        config.stdin_once = false;
        let env = config.env.get_or_insert_default();
        if !env.iter().any(|entry| entry.starts_with("PATH=")) {
            env.push(DEFAULT_PATH.to_owned());
        }
        State { config, arguments, maintainer: String::new(), cmd_set: false, last_counts: false, over: BTreeSet::new(), escape }
    }

    pub fn env(&self) -> &[String] {
        self.config.env.as_deref().unwrap_or_default()
    }

    /// The variables that instructions may use.
    pub fn variables(&self) -> Variables {
        let mut all = expand::variables(&self.visible(self.env()));
        all.extend(expand::variables(self.env()));
        all.extend(expand::variables(&self.over()));
        all
    }

    fn visible(&self, env: &[String]) -> Vec<String> {
        if self.last_counts { self.arguments.declared(env) } else { self.arguments.visible(env) }
    }

    /// `NAME=value` of the arguments that count before the environment.
    fn over(&self) -> Vec<String> {
        let all = if self.over.is_empty() { Vec::new() } else { self.arguments.declared(&[]) };
        all.into_iter().filter(|entry| self.over.contains(entry.split('=').next().unwrap_or_default())).collect()
    }

    /// The shell that runs what is not in exec form.
    pub fn shell(&self) -> Vec<String> {
        match &self.config.shell {
            Some(shell) if !shell.is_empty() => shell.clone(),
            _ => vec!["/bin/sh".to_owned(), "-c".to_owned()],
        }
    }

    /// A command's words, with the shell in front where it runs them.
    pub fn command(&self, command: &CommandLine) -> Vec<String> {
        if !command.shell {
            return command.words.clone();
        }
        let mut words = self.shell();
        words.extend(command.words.iter().cloned());
        words
    }

    /// The instruction with its variables replaced, where it is one that has them replaced.
    pub fn expand(&self, instruction: &Instruction) -> Result<Instruction, String> {
        let variables = self.variables();
        let word = |text: &String| expand::word(text, &variables, self.escape);
        let all = |list: &[String]| list.iter().map(word).collect::<Result<Vec<_>, _>>();
        let pairs = |list: &[(String, String)]| list.iter().map(|(k, v)| Ok((word(k)?, word(v)?))).collect::<Result<Vec<_>, String>>();
        let copy = |copy: &Copy| -> Result<Copy, String> {
            let mut files = copy.files.clone();
            for file in &mut files {
                if file.expand {
                    file.content = expand::text(&file.content, &variables)?;
                }
            }
            Ok(Copy {
                sources: all(&copy.sources)?,
                files,
                destination: word(&copy.destination)?,
                // Which stages and images are needed is known before any variable is.
                from: copy.from.clone(),
                chown: word(&copy.chown)?,
                chmod: word(&copy.chmod)?,
                exclude: all(&copy.exclude)?,
                checksum: word(&copy.checksum)?,
                ..*copy
            })
        };
        Ok(match instruction {
            Instruction::Add(add) => Instruction::Add(copy(add)?),
            Instruction::Copy(it) => Instruction::Copy(copy(it)?),
            Instruction::Arg(list) => {
                // The default of one that is given does not count; each sees those before it.
                let mut variables = variables.clone();
                let mut expanded = Vec::new();
                for (name, default) in list {
                    let name = expand::word(name, &variables, self.escape)?;
                    let own = default.as_ref().filter(|_| !self.arguments.is_given(&name));
                    let value = own.map(|value| expand::word(value, &variables, self.escape)).transpose()?;
                    if let Some(value) = self.arguments.given(&name).or_else(|| value.clone()) {
                        variables.insert(name.clone(), value);
                    }
                    expanded.push((name, value));
                }
                Instruction::Arg(expanded)
            }
            Instruction::Env(list) => Instruction::Env(pairs(list)?),
            Instruction::Label(list, true) => Instruction::Label(pairs(list)?, false),
            Instruction::Expose(list) => {
                let mut ports = Vec::new();
                for text in list {
                    ports.extend(expand::words(text, &variables, self.escape)?);
                }
                Instruction::Expose(ports)
            }
            Instruction::StopSignal(text) => Instruction::StopSignal(word(text)?),
            Instruction::User(text) => Instruction::User(word(text)?),
            Instruction::Volume(list) => Instruction::Volume(all(list)?),
            Instruction::Workdir(text) => Instruction::Workdir(word(text)?),
            other => other.clone(),
        })
    }

    /// Does what an (expanded) instruction says about the config. Those about files only give their comment.
    pub fn apply(&mut self, instruction: &Instruction) -> Result<Applied, String> {
        let mut note = None;
        let quoted = |list: &[String]| format!("[{}]", list.iter().map(|w| quote(w)).collect::<Vec<_>>().join(" "));
        let joined = |list: &[(String, String)]| list.iter().map(|(k, v)| format!(" {k}={v}")).collect::<String>();
        let comment = match instruction {
            Instruction::Arg(list) => {
                let mut words = Vec::new();
                for (name, value) in list {
                    self.arguments.declare(name, value.clone());
                    let shown = if self.last_counts { self.arguments.value(name) } else { value.clone() };
                    words.push(shown.map_or_else(|| name.clone(), |value| format!("{name}={value}")));
                    if self.last_counts && self.arguments.is_set(name) {
                        self.over.insert(name.clone());
                    }
                }
                format!("ARG {}", words.join(" "))
            }
            Instruction::Cmd(command) => {
                let words = self.command(command);
                let comment = format!("CMD {}", quoted(&words));
                self.cmd_set |= !command.words.is_empty();
                self.config.cmd = Some(words);
                comment
            }
            Instruction::Entrypoint(command) => {
                let words = if command.words.is_empty() && !command.shell { Vec::new() } else { self.command(command) };
                let comment = format!("ENTRYPOINT {}", quoted(&words));
                self.config.entrypoint = Some(words);
                if !self.cmd_set {
                    self.config.cmd = None;
                }
                comment
            }
            Instruction::Env(list) => {
                for (name, value) in list {
                    self.set_env(name, value);
                }
                format!("ENV{}", joined(list))
            }
            Instruction::Label(list, _) => {
                self.config.labels.get_or_insert_default().extend(list.iter().cloned());
                format!("LABEL{}", joined(list))
            }
            Instruction::Expose(ports) => {
                for port in ports {
                    self.expose(port)?;
                }
                format!("EXPOSE {}", ports.join(" "))
            }
            Instruction::Healthcheck(health) => {
                if let Some(old) = self.config.healthcheck.as_ref().and_then(|h| h.test.as_ref())
                    && old.first().is_some_and(|kind| kind != "NONE")
                {
                    note = Some(format!("Note: overriding previous HEALTHCHECK: [{}]\n", old.join(" ")));
                }
                self.config.healthcheck = Some(health.clone());
                format!("HEALTHCHECK {}", health_words(health, &quoted(health.test.as_deref().unwrap_or_default())))
            }
            Instruction::Maintainer(who) => {
                self.maintainer.clone_from(who);
                format!("MAINTAINER {who}")
            }
            Instruction::Onbuild(trigger) => {
                self.config.on_build.get_or_insert_default().push(trigger.clone());
                format!("ONBUILD {trigger}")
            }
            Instruction::Shell(words) => {
                self.config.shell = Some(words.clone());
                format!("SHELL [{}]", words.join(" "))
            }
            Instruction::StopSignal(name) => {
                if signal::parse(name).is_none() {
                    return Err(format!("invalid signal: {name}"));
                }
                self.config.stop_signal = Some(name.clone());
                format!("STOPSIGNAL {name}")
            }
            Instruction::User(user) => {
                self.config.user.clone_from(user);
                format!("USER {user}")
            }
            Instruction::Volume(list) => {
                let volumes = self.config.volumes.get_or_insert_default();
                for volume in list {
                    if volume.is_empty() {
                        return Err("VOLUME specified can not be an empty string".to_owned());
                    }
                    volumes.insert(volume.clone(), json!({}));
                }
                format!("VOLUME [{}]", list.join(" "))
            }
            Instruction::Workdir(path) => {
                if path.is_empty() {
                    return Err("cannot normalize nothing".to_owned());
                }
                self.config.working_dir = absolute(&self.config.working_dir, path);
                format!("WORKDIR {}", self.config.working_dir)
            }
            Instruction::Run(_) | Instruction::Copy(_) | Instruction::Add(_) => String::new(),
        };
        Ok(Applied { comment, note })
    }

    fn set_env(&mut self, name: &str, value: &str) {
        self.over.remove(name);
        let env = self.config.env.get_or_insert_default();
        let entry = format!("{name}={value}");
        match env.iter_mut().find(|e| e.split('=').next() == Some(name)) {
            Some(old) => *old = entry,
            None => env.push(entry),
        }
    }

    fn expose(&mut self, port: &str) -> Result<(), String> {
        let (address, host, inside) = split_port(port);
        let (numbers, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
        let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
        if numbers.is_empty() || !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
            return Err(format!("invalid proto: {}", if numbers.is_empty() { "" } else { &protocol }));
        }
        let plain = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        if !plain.is_empty() && plain.parse::<IpAddr>().is_err() {
            return Err(format!("invalid IP address: {plain}"));
        }
        let (first, last) = range(numbers).ok_or_else(|| format!("invalid containerPort: {numbers}"))?;
        if !host.is_empty() {
            let (from, to) = range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?;
            if last - first != to - from && last != first {
                return Err(format!("invalid ranges specified for container and host Ports: {numbers} and {host}"));
            }
        }
        let ports = self.config.exposed_ports.get_or_insert_default();
        for number in first..=last {
            ports.insert(format!("{number}/{protocol}"), json!({}));
        }
        Ok(())
    }

    /// Variables for a command: the environment with the stage's arguments.
    pub fn command_env(&self) -> Vec<String> {
        let over = self.over();
        let name = |entry: &String| entry.split('=').next().unwrap_or_default().to_owned();
        let stays = |entry: &&String| !over.iter().any(|other| name(other) == name(entry));
        let mut env: Vec<String> = self.env().iter().filter(stays).cloned().collect();
        env.extend(over.iter().cloned());
        let more = self.visible(&env);
        env.extend(more);
        env
    }

    /// The words that BuildKit remembers a `RUN` by.
    pub fn recorded(&self, words: &[String]) -> Vec<String> {
        let asked = self.arguments.asked_for(&self.variables());
        let count = (!asked.is_empty()).then(|| format!("|{}", asked.len()));
        count.into_iter().chain(asked).chain(words.iter().cloned()).collect()
    }

    /// The same by the classic builder's way: its arguments in front of the command.
    pub fn remembered(&self, words: &[String]) -> Vec<String> {
        let visible = self.arguments.visible(self.env());
        let counted = self.arguments.remembered(&visible);
        if visible.is_empty() {
            return words.to_vec();
        }
        let mut all = vec![format!("|{}", counted.len())];
        all.extend(counted.into_iter().map(str::to_owned));
        all.extend(words.iter().cloned());
        all
    }
}

/// The parts of a port that is exposed: an address and a port of the machine's, which do not count, and the port.
pub fn split_port(text: &str) -> (&str, &str, &str) {
    let (before, inside) = text.rsplit_once(':').unwrap_or(("", text));
    let (address, host) = before.rsplit_once(':').unwrap_or(("", before));
    (address, host, inside)
}

/// `80` or `80-90`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// `path` as seen from the folder `from`, without `.` and `..`.
pub fn absolute(from: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{from}/{path}") };
    format!("/{}", crate::patterns::clean(&whole))
}

/// A health check as Go prints the struct.
fn health_words(health: &HealthConfig, test: &str) -> String {
    let time = |nanoseconds: i64| quote(&go_duration(nanoseconds));
    let retries = u32::try_from(health.retries).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let retries = match retries {
        '\'' => "\\'".to_owned(),
        '"' => "\"".to_owned(),
        c => quote(&c.to_string()).trim_matches('"').to_owned(),
    };
    format!(
        "&{{{test} {} {} {} {} '{retries}'}}",
        time(health.interval),
        time(health.timeout),
        time(health.start_period),
        time(health.start_interval)
    )
}

/// Two configs are one for the cache where containers made of them could not be told apart.
pub fn same_config(a: &RunConfig, b: &RunConfig) -> bool {
    let plain = |config: &RunConfig| {
        let mut config = config.clone();
        config.hostname = String::new();
        config.domainname = String::new();
        config.image = String::new();
        let empty: fn(&BTreeMap<String, serde_json::Value>) -> bool = BTreeMap::is_empty;
        config.volumes = config.volumes.filter(|v| !empty(v));
        config.exposed_ports = config.exposed_ports.filter(|p| !empty(p));
        config.labels = config.labels.filter(|l| !l.is_empty());
        config
    };
    plain(a) == plain(b)
}
