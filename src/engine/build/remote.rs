//! A context that stays on the client's machine until it is known what of it is needed: the Dockerfile first, then what it leaves out,
//! then those files that some step copies.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::client::{Client, Head, Wanted};
use super::context::{DOCKERFILE_MAX, remove};
use super::report::BuildError;
use super::shelf::Shelf;
use super::tree::Tree;
use crate::Engine;
use crate::image::ImageStore;
use crate::patterns::{IgnoreList, clean};

/// What is fetched when it is needed.
pub struct Remote {
    images: Arc<ImageStore>,
    client: Arc<dyn Client>,
    /// What the client calls the folders with the files and with the Dockerfile.
    files: String,
    definition: String,
    /// Where the Dockerfile is once it is here.
    folder: PathBuf,
    /// What is left out of the files.
    exclude: OnceLock<Vec<String>>,
    /// Where the files are kept for the next build.
    shelf: Option<Shelf>,
}

impl Remote {
    pub fn new(engine: &Engine, client: Arc<dyn Client>, files: &str, definition: &str) -> Result<Remote, BuildError> {
        let shelf = Shelf::take(engine.state_dir(), client.shared_key(), files);
        let (files, definition, images) = (files.to_owned(), definition.to_owned(), Arc::clone(&engine.images));
        let folder = images.scratch()?;
        Ok(Remote { images, client, files, definition, folder, exclude: OnceLock::new(), shelf })
    }

    /// Where the files go that are kept for the next build; none where nothing is kept.
    pub fn kept(&self) -> Option<PathBuf> {
        self.shelf.as_ref().map(Shelf::files)
    }

    /// The tree with the Dockerfile.
    pub fn tree(&self) -> Result<Tree, BuildError> {
        Tree::folder(&self.folder).map_err(|e| BuildError::new(format!("cannot open the Dockerfile's folder: {e}")))
    }

    /// Fetches the Dockerfile `name` and its own list of what is left out; gives the bytes that came in.
    pub fn fetch_definition(&self, name: &str, progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        let mut follow = vec![name.to_owned(), format!("{name}.dockerignore")];
        if let Some(above) = name.strip_suffix("Dockerfile") {
            // Some spell it so, where the file system does not care.
            follow.push(format!("{above}dockerfile"));
        }
        self.fetch(&self.definition, &Wanted { follow, exclude: Vec::new() }, &mut nothing, &self.folder, progress)
    }

    /// Finds out what is left out of the files. Gives the bytes that came in; none where the Dockerfile has a list of its own.
    pub fn fetch_ignore(&self, dockerfile: &str) -> Result<Option<u64>, BuildError> {
        if let Ok(own) = self.tree()?.read(&format!("{dockerfile}.dockerignore"), DOCKERFILE_MAX) {
            let _ = self.exclude.set(lines(&own)?);
            return Ok(None);
        }
        let (list, bytes) = self.fetch_list(&self.files)?;
        // There is one list a build.
        let _ = self.exclude.set(list);
        Ok(Some(bytes))
    }

    /// The patterns of what is left out of the files, once that is known.
    pub fn left_out(&self) -> Vec<String> {
        self.exclude.get().cloned().unwrap_or_default()
    }

    /// What the `.dockerignore` of a folder leaves out, with the bytes that came in.
    pub fn fetch_list(&self, from: &str) -> Result<(Vec<String>, u64), BuildError> {
        let folder = self.images.scratch()?;
        let wanted = Wanted { follow: vec![".dockerignore".to_owned()], exclude: Vec::new() };
        let fetched = self.fetch(from, &wanted, &mut nothing, &folder, &|_| {});
        let list = Tree::folder(&folder).and_then(|tree| tree.read(".dockerignore", DOCKERFILE_MAX));
        remove(&folder);
        Ok((lines(&list.unwrap_or_default())?, fetched?))
    }

    /// Fetches all files of a folder but those that are left out.
    pub fn fetch_named(&self, from: &str, exclude: &[String], to: &Path, progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        self.fetch(from, &Wanted { follow: Vec::new(), exclude: exclude.to_vec() }, &mut nothing, to, progress)
    }

    /// Fetches those files that one of the paths or patterns means into `folder`; all of them where one is empty.
    pub fn fetch_files(&self, wanted: &[String], folder: &Path, progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        let mut follow: Vec<String> = wanted.iter().map(|path| clean(path)).collect();
        follow.sort();
        follow.dedup();
        if follow.iter().any(String::is_empty) {
            follow.clear();
        }
        let exclude = self.exclude.get().cloned().unwrap_or_default();
        let wanted = Wanted { follow, exclude };
        let Some(shelf) = &self.shelf else { return self.fetch(&self.files, &wanted, &mut nothing, folder, progress) };
        let mut filling = shelf.fill()?;
        let bytes = self.fetch(&self.files, &wanted, &mut |head| filling.has(head), folder, progress)?;
        filling.finish()?;
        Ok(bytes)
    }

    fn fetch(
        &self,
        from: &str,
        wanted: &Wanted,
        has: &mut dyn FnMut(&Head<'_>) -> bool,
        to: &Path,
        progress: &dyn Fn(u64),
    ) -> Result<u64, BuildError> {
        let (mut reader, mut writer) = io::pipe().map_err(|e| BuildError::new(format!("cannot make a pipe: {e}")))?;
        std::thread::scope(|scope| {
            let unpacking = scope.spawn(move || {
                let unpacked = self.images.unpack_archive(&mut reader, to, "cannot take the build context");
                // Who sends hears of an error at the end.
                io::copy(&mut reader, &mut io::sink()).and(unpacked)
            });
            let sent = self.client.files(from, wanted, has, &mut writer, progress);
            drop(writer);
            let unpacked = unpacking.join().unwrap_or_else(|_| Err(io::Error::other("the files could not be unpacked")));
            let bytes = sent?;
            unpacked.map_err(|e| BuildError::new(format!("error from receiver: {e}")))?;
            Ok(bytes)
        })
    }
}

/// Nothing is here already.
fn nothing(_: &Head<'_>) -> bool {
    false
}

fn lines(list: &[u8]) -> Result<Vec<String>, BuildError> {
    IgnoreList::lines(&String::from_utf8_lossy(list)).map_err(|e| BuildError::invalid(e.to_string()))
}

impl Drop for Remote {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}
