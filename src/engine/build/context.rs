//! The files that a build may copy, in a folder of the store's that goes with the context: unpacked from a tar that came with the
//! request, or fetched from the client's machine once it is known which of them are needed.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buildkit::transfer;
use super::client::Client;
use super::remote::Remote;
use super::report::BuildError;
use super::tree::Tree;
use crate::Engine;
use crate::image::ImageStore;
use crate::patterns::{IgnoreList, clean};
use crate::registry::Credentials;

/// As long as a Dockerfile may be.
pub const DOCKERFILE_MAX: u64 = 8 << 20;

/// A build context.
pub struct Context {
    folder: PathBuf,
    /// The machine that it is of, where more can be asked for.
    client: Option<Arc<dyn Client>>,
    remote: Option<Remote>,
    /// Where the Dockerfile is, where it is the client's and the files are not.
    definition: Option<Remote>,
}

impl Context {
    /// Takes in a context's tar (compressed or not). Nothing of it gets out of its folder, and devices are left out.
    pub fn receive(images: &ImageStore, tar: impl Read) -> Result<Context, BuildError> {
        let context = Context { folder: images.scratch()?, client: None, remote: None, definition: None };
        images
            .unpack_archive(tar, &context.folder, "cannot take the build context")
            .map_err(|e| BuildError::invalid(format!("Error processing tar file: {e}")))?;
        Ok(context)
    }

    /// A context on a client's machine, which knows its folders by these names.
    pub fn of_client(engine: &Engine, client: Arc<dyn Client>, files: &str, definition: &str) -> Result<Context, BuildError> {
        let remote = Remote::new(engine, Arc::clone(&client), files, definition)?;
        let folder = remote.kept().map_or_else(|| engine.images.scratch(), Ok)?;
        Ok(Context { folder, client: Some(client), remote: Some(remote), definition: None })
    }

    /// A context that a client sends as one tar under an address of its own.
    pub fn uploaded(images: &ImageStore, client: Arc<dyn Client>, path: &str) -> Result<Context, BuildError> {
        let mut context = Context::receive(images, client.upload(path)?)?;
        context.client = Some(client);
        Ok(context)
    }

    /// Files that are in a folder of the store's already, which goes with the context.
    pub fn fetched(folder: PathBuf, client: Option<Arc<dyn Client>>) -> Context {
        Context { folder, client, remote: None, definition: None }
    }

    /// The same files, with the machine of the client who sent them.
    pub fn with_client(mut self, client: Option<Arc<dyn Client>>) -> Context {
        self.client = client;
        self
    }

    /// The same files with a Dockerfile out of a folder of the client's.
    pub fn with_definition(mut self, engine: &Engine, client: Arc<dyn Client>, folder: &str) -> Result<Context, BuildError> {
        self.definition = Some(Remote::new(engine, client, "", folder)?);
        Ok(self)
    }

    /// The machine that the context is of; none where it came with the request.
    pub fn client(&self) -> Option<&dyn Client> {
        self.client.as_deref()
    }

    /// A secret of the client's.
    pub fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, BuildError> {
        self.client.as_ref().map_or(Ok(None), |client| client.secret(id))
    }

    /// The client's login for a registry.
    pub fn login(&self, host: &str) -> Option<Credentials> {
        self.client.as_ref()?.login(host)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files, as a tree.
    pub fn tree(&self) -> Result<Tree, BuildError> {
        Tree::folder(&self.folder).map_err(|e| BuildError::new(format!("cannot open the build context: {e}")))
    }

    /// What the Dockerfile is called in this context.
    pub fn dockerfile_name(&self, wanted: &str) -> String {
        if !wanted.is_empty() {
            return wanted.to_owned();
        }
        let names = ["Dockerfile", "dockerfile"];
        // A client says how it is spelt.
        if self.remote.is_some() || self.definition.is_some() {
            return names[0].to_owned();
        }
        names.iter().find(|name| self.folder.join(name).exists()).unwrap_or(&names[0]).to_string()
    }

    /// The text of the Dockerfile. It and `.dockerignore` leave the context where the latter says so.
    pub fn dockerfile(&self, wanted: &str) -> Result<String, BuildError> {
        let name = self.dockerfile_name(wanted);
        let tree = self.tree()?;
        let missing = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
        let text = match tree.read(&name, DOCKERFILE_MAX) {
            Ok(text) => text,
            Err(e) if missing(&e) => return Err(BuildError::new(format!("Cannot locate specified Dockerfile: {name}"))),
            Err(e) => return Err(BuildError::invalid(format!("cannot read the Dockerfile {name}: {e}"))),
        };
        if text.is_empty() {
            return Err(BuildError::invalid(format!("the Dockerfile ({name}) cannot be empty")));
        }
        self.hide_ignored(&tree, &name);
        String::from_utf8(text).map_err(|_| BuildError::invalid(format!("the Dockerfile ({name}) is not text in UTF-8")))
    }

    /// The same in BuildKit's words.
    pub fn definition(&self, name: &str) -> Result<String, BuildError> {
        let tree = self.definition_tree()?;
        let missing = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
        let small = name.strip_suffix("Dockerfile").map(|above| format!("{above}dockerfile"));
        let text = match (tree.read(name, DOCKERFILE_MAX), small) {
            (Err(e), Some(small)) if missing(&e) => tree.read(&small, DOCKERFILE_MAX).map_err(|_| e),
            (text, _) => text,
        };
        let text = text.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                BuildError::invalid(format!("failed to read dockerfile: open {name}: no such file or directory"))
            }
            _ => BuildError::invalid(format!("failed to read dockerfile: {name}: {e}")),
        })?;
        String::from_utf8(text).map_err(|_| BuildError::invalid(format!("the Dockerfile ({name}) is not text in UTF-8")))
    }

    fn definition_tree(&self) -> Result<Tree, BuildError> {
        self.definition.as_ref().or(self.remote.as_ref()).map_or_else(|| self.tree(), Remote::tree)
    }

    /// Whether files have to be fetched before they can be used.
    pub fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Brings the Dockerfile `name`; gives the bytes that it took.
    pub fn fetch_definition(&self, name: &str, progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        match self.definition.as_ref().or(self.remote.as_ref()) {
            Some(remote) => remote.fetch_definition(name, progress),
            None => Ok(self.tree().map_or(transfer::NOTHING, |tree| transfer::file(&tree, name))),
        }
    }

    /// Leaves out of the context what its `.dockerignore` says; gives the bytes of that, none where it came with the Dockerfile.
    pub fn fetch_ignore(&self, dockerfile: &str) -> Result<Option<u64>, BuildError> {
        if let Some(remote) = &self.remote {
            return remote.fetch_ignore(dockerfile);
        }
        let Ok(tree) = self.tree() else { return Ok(Some(transfer::NOTHING)) };
        let bytes = transfer::file(&tree, ".dockerignore");
        self.hide_ignored(&tree, dockerfile);
        Ok(Some(bytes))
    }

    /// The patterns of what is left out of files that have to be fetched, once that is known.
    pub fn left_out(&self) -> Vec<String> {
        self.remote.as_ref().map_or_else(Vec::new, Remote::left_out)
    }

    /// Brings all files of another folder of the client's into `to`; tells of the bytes that came in.
    pub fn fetch_named(&self, folder: &str, exclude: &[String], to: &Path, progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        let remote = self.remote.as_ref().ok_or_else(|| BuildError::new(format!("the client has no folder {folder}")))?;
        remote.fetch_named(folder, exclude, to, progress)
    }

    /// What is left out of another folder of the client's, with the bytes that came in for it.
    pub fn fetch_named_ignore(&self, folder: &str) -> Result<(Vec<String>, u64), BuildError> {
        let remote = self.remote.as_ref().ok_or_else(|| BuildError::new(format!("the client has no folder {folder}")))?;
        remote.fetch_list(folder)
    }

    /// Brings those files that one of the paths or patterns means; gives the bytes that they took.
    pub fn fetch_files(&self, wanted: &[String], progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        match &self.remote {
            Some(remote) => remote.fetch_files(wanted, &self.folder, progress),
            None => Ok(self.tree().map_or(transfer::NOTHING, |tree| transfer::files(&tree, wanted))),
        }
    }

    fn hide_ignored(&self, tree: &Tree, dockerfile: &str) {
        let Ok(ignore) = tree.read(".dockerignore", DOCKERFILE_MAX) else { return };
        let list = IgnoreList::parse(&String::from_utf8_lossy(&ignore)).unwrap_or_default();
        for file in [".dockerignore", dockerfile] {
            if list.excludes(&clean(file)) {
                self.remove(file);
            }
            // A folder that was only there for the Dockerfile.
            if let Some((above, _)) = clean(file).rsplit_once('/').filter(|(above, _)| list.excludes(above))
                && let Ok((_fd, folder)) = tree.find(above)
                && let Ok(folder) = fs::read_link(folder)
            {
                // With something else in it, it stays.
                let _ = fs::remove_dir(folder);
            }
        }
    }

    /// Takes a file out of the context.
    fn remove(&self, file: &str) {
        let cleaned = clean(file);
        let (above, name) = cleaned.rsplit_once('/').unwrap_or(("", &cleaned));
        if let Ok((_fd, folder)) = self.tree().and_then(|tree| tree.find(above).map_err(|e| BuildError::new(e.to_string()))) {
            // Not there any more is as good.
            let _ = fs::remove_file(folder.join(name));
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.remote.as_ref().is_none_or(|remote| remote.kept().is_none()) {
            remove(&self.folder);
        }
    }
}

/// Removes a work folder; what stays is swept when the store is opened next.
pub fn remove(folder: &Path) {
    let _ = crate::sys::tree::remove(folder);
}
