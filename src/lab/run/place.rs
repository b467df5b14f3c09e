//! Where a chapter runs: a folder, a home, an engine, a shell. All of it is gone when the place is dropped.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::RunOptions;
use crate::lab::engine::{EngineProvider, LabEngine};
use crate::lab::plan::Chapter;
use crate::lab::session::{Session, SessionError, SessionOptions};
use crate::pty::Size;

/// A lab that is open. Fields are dropped in this order: the shell, the engine, the folder.
pub(super) struct Place {
    pub session: Session,
    _engine: Option<Box<dyn LabEngine>>,
    options: SessionOptions,
    _folder: tempfile::TempDir,
    has_engine: bool,
}

impl Place {
    /// Makes the folders, opens an engine if the chapter can need one, starts bash.
    pub fn open(chapter: &Chapter, options: &RunOptions, engines: &dyn EngineProvider) -> Result<Place, String> {
        let folder = tempfile::Builder::new().prefix("lab").rand_bytes(4).tempdir_in(&options.folder);
        let folder = folder.map_err(|e| format!("failed to make a folder in {}: {e}", options.folder.display()))?;
        let sub = |name: &str| -> Result<PathBuf, String> {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).map_err(|e| format!("failed to make {}: {e}", path.display()))?;
            Ok(path)
        };
        let (control, home, work, bin) = (sub("c")?, sub("home")?, sub("work")?, sub("bin")?);
        if let Some(docker) = engines.docker() {
            let link = bin.join("docker");
            std::os::unix::fs::symlink(docker, &link).map_err(|e| format!("failed to make {}: {e}", link.display()))?;
        }
        let engine = if chapter.needs_engine() { Some(engines.open(&sub("e")?, &chapter.images)?) } else { None };
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut environment = vec![
            ("PATH", format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bin.display())),
            ("HOME", text(&home)),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm".into()),
            ("SHELL", text(&options.bash)),
        ];
        if let Some(engine) = &engine {
            environment.push(("DOCKER_HOST", engine.host()));
        }
        let session_options = SessionOptions {
            bash: options.bash.clone(),
            control,
            folder: work,
            environment: environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            size: Size::default(),
            cancelled: options.cancelled.clone(),
        };
        let session = Session::start(session_options.clone()).map_err(|e| e.to_string())?;
        Ok(Place { session, has_engine: engine.is_some(), _engine: engine, options: session_options, _folder: folder })
    }

    /// Starts another shell where the one before has ended. Says whether it had.
    pub fn restart_if_dead(&mut self) -> Result<bool, SessionError> {
        if !self.session.is_dead() {
            return Ok(false);
        }
        self.session = Session::start(self.options.clone())?;
        Ok(true)
    }

    /// Finds what a placeholder that was never printed can mean.
    pub fn resolver(&self) -> Resolver {
        Resolver { environment: self.has_engine.then(|| self.options.environment.clone()) }
    }
}

/// Asks the engine for its last container or image.
pub(super) struct Resolver {
    environment: Option<Vec<(String, String)>>,
}

impl Resolver {
    /// The value of a placeholder's normal name: `containerid` is the last container, `imageid` the last image.
    pub fn resolve(&self, name: &str) -> Option<String> {
        let arguments: &[&str] = if name.contains("container") {
            &["ps", "--latest", "--quiet"]
        } else if name.contains("image") {
            &["images", "--quiet"]
        } else {
            return None;
        };
        let environment = self.environment.as_ref()?;
        let path = environment.iter().find(|(name, _)| name == "PATH").and_then(|(_, path)| path.split(':').next())?;
        let mut command = Command::new(format!("{path}/docker"));
        command.args(arguments).env_clear().envs(environment.iter().map(|(k, v)| (k, v)));
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        text.lines().next().filter(|l| !l.is_empty()).map(str::to_owned)
    }
}
