//! The files that a build may copy: a tar from a client, unpacked into a folder of the store's that goes with the context.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::report::BuildError;
use super::tree::Tree;
use crate::engine::image::ImageStore;
use crate::patterns::{IgnoreList, clean};

/// As long as a Dockerfile may be.
const DOCKERFILE_MAX: u64 = 8 << 20;

/// A build context.
pub struct Context {
    folder: PathBuf,
}

impl Context {
    /// Takes in a context's tar (compressed or not). Nothing of it gets out of its folder, and devices are left out.
    pub fn receive(images: &ImageStore, tar: impl Read) -> Result<Context, BuildError> {
        let context = Context { folder: images.scratch()? };
        images
            .unpack_archive(tar, &context.folder, "cannot take the build context")
            .map_err(|e| BuildError::invalid(format!("Error processing tar file: {e}")))?;
        Ok(context)
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
        let tree = self.tree()?;
        let text = tree.read(name, DOCKERFILE_MAX).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                BuildError::invalid(format!("failed to read dockerfile: open {name}: no such file or directory"))
            }
            _ => BuildError::invalid(format!("failed to read dockerfile: {name}: {e}")),
        })?;
        String::from_utf8(text).map_err(|_| BuildError::invalid(format!("the Dockerfile ({name}) is not text in UTF-8")))
    }

    /// How much of the context is its `.dockerignore`; leaves out of it what that says.
    pub fn ignore_bytes(&self, dockerfile: &str, measure: impl Fn(&Tree, &str) -> u64, nothing: u64) -> u64 {
        let Ok(tree) = self.tree() else { return nothing };
        let bytes = measure(&tree, ".dockerignore");
        self.hide_ignored(&tree, dockerfile);
        bytes
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
        remove(&self.folder);
    }
}

/// Removes a work folder; what stays is swept when the store is opened next.
pub fn remove(folder: &Path) {
    let _ = crate::engine::image::remove_tree(folder);
}
