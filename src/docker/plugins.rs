//! Programs that add commands to `docker`, such as `docker-compose`: where they are, what they say of themselves, and running one. They
//! find the engine by themselves, so they are told where it is when nobody else says so.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::config;
use super::failure::Failure;
use crate::units::go_words;

/// Where distributions put them, in the order in which they are looked at.
const FOLDERS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// A program that says that it is one.
pub struct Plugin {
    pub name: String,
    pub path: PathBuf,
    /// What it says of itself.
    about: Json,
}

impl Plugin {
    pub fn text(&self, key: &str) -> &str {
        self.about.get(key).and_then(Json::as_str).unwrap_or_default()
    }

    /// As `docker info` has it.
    pub fn to_json(&self) -> Json {
        let mut json = self.about.clone();
        json["Name"] = json!(self.name);
        json["Path"] = json!(self.path);
        json
    }
}

fn folders(config_folder: &str) -> Vec<PathBuf> {
    let config = config::load(config_folder);
    let extra = config.get("cliPluginsExtraDirs").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut folders: Vec<PathBuf> = extra.iter().filter_map(Json::as_str).map(PathBuf::from).collect();
    folders.push(Path::new(config_folder).join("cli-plugins"));
    folders.extend(FOLDERS.iter().map(PathBuf::from));
    folders
}

/// Whether a plugin can be called so: it is part of a file's name.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Asks a program whether it is a plugin.
fn ask(name: &str, path: &Path) -> Option<Plugin> {
    let said = Command::new(path).arg("docker-cli-plugin-metadata").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let about: Json = serde_json::from_slice(&said.stdout).ok()?;
    let text = |key: &str| about.get(key).and_then(Json::as_str).unwrap_or_default();
    let good = said.status.success() && text("SchemaVersion") == "0.1.0" && !text("Vendor").is_empty();
    good.then(|| Plugin { name: name.to_owned(), path: path.to_owned(), about })
}

/// All plugins, by their names.
pub fn list(config_folder: &str) -> Vec<Plugin> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders(config_folder) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if let Some(name) = file.strip_prefix("docker-").filter(|name| is_name(name)) {
                found.entry(name.to_owned()).or_insert_with(|| entry.path());
            }
        }
    }
    found.iter().filter_map(|(name, path)| ask(name, path)).collect()
}

/// The plugin of this name, if it is there and fit.
pub fn find(config_folder: &str, name: &str) -> Option<Plugin> {
    if !is_name(name) {
        return None;
    }
    let path = folders(config_folder).into_iter().map(|folder| folder.join(format!("docker-{name}"))).find(|path| path.exists())?;
    ask(name, &path)
}

/// Becomes the plugin, with the whole command line. `host` is where the engine is, where the plugin cannot find that out itself. Comes
/// back only when it cannot.
pub fn become_one(plugin: &Plugin, args: &[String], host: Option<String>) -> Failure {
    let mut command = Command::new(&plugin.path);
    command.args(args);
    let program = std::env::current_exe().map_or_else(|_| "docker".into(), PathBuf::into_os_string);
    command.env("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", program);
    if let Some(host) = host {
        command.env("DOCKER_HOST", host);
    }
    let error = command.exec();
    Failure::new(format!("fork/exec {}: {}", plugin.path.display(), go_words(&error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn programs_that_are_no_plugins_are_passed_over() {
        let config = tempfile::tempdir().expect("a folder");
        let folder = config.path().join("cli-plugins");
        std::fs::create_dir(&folder).expect("a folder");
        let write = |name: &str, body: &str| {
            let path = folder.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a file");
        };
        write("docker-good", r#"echo '{"SchemaVersion":"0.1.0","Vendor":"V","ShortDescription":"Good"}'"#);
        write("docker-bad", "echo nothing");
        write("docker-nobody", r#"echo '{"SchemaVersion":"0.1.0"}'"#);
        write("other", "exit 0");
        let config = config.path().to_string_lossy().into_owned();
        let names: Vec<String> =
            list(&config).into_iter().map(|p| p.name).filter(|n| ["good", "bad", "nobody"].contains(&n.as_str())).collect();
        assert_eq!(names, ["good"]);
        assert_eq!(find(&config, "good").as_ref().map(|p| p.text("ShortDescription")), Some("Good"));
        assert!(find(&config, "bad").is_none() && find(&config, "../good").is_none());
    }
}
