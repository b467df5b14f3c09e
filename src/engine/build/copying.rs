//! `COPY` and `ADD`: finds what is meant, gives it a digest, and puts it into a file system that is being made.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::context;
use super::instruction::Copy;
use super::modes::Mode;
use super::remotes::{Fetched, Remote};
use super::report::BuildError;
use super::running;
use super::state::absolute;
use super::tree::{Ownership, Tree, hex};
use crate::container::resolve_user;
use crate::image::{Digest, ImageStore, decompress};
use crate::patterns::{Glob, IgnoreList, clean};
use crate::sys::mount;

/// What a `COPY` or `ADD` takes, in order.
pub struct Sources {
    entries: Vec<Entry>,
    /// `file:…`, `dir:…` or `multi:…` with a digest over all of it.
    pub digest: String,
    ignore: IgnoreList,
}

enum Entry {
    /// A path in the tree that is copied from, and whether it is a folder.
    Path { path: String, folder: bool },
    /// Those paths below a folder that keep their place (`--parents`).
    Below { folder: String, wanted: BTreeSet<String> },
    /// A file out of the Dockerfile.
    Inline { name: String, content: String },
    /// What was fetched from an address (`ADD`).
    Fetched(Arc<Fetched>),
}

/// Fetches what is at an address.
pub type Fetch<'a> = &'a dyn Fn(&Remote) -> Result<Arc<Fetched>, String>;

/// Finds the sources of an (expanded) instruction in `tree`; the error is Docker's text, without the instruction's name.
pub fn gather(tree: &Tree, copy: &Copy, in_context: bool, add: bool, fetch: Fetch<'_>) -> Result<Sources, String> {
    let ignore = IgnoreList::parse(&copy.exclude.join("\n")).map_err(|e| e.to_string())?;
    let mut entries = Vec::new();
    let mut digests = Vec::new();
    let mut fetched = Vec::new();
    for remote in copy.sources.iter().filter_map(|source| Remote::of(source)) {
        if !add {
            return Err("source can't be a URL for COPY".to_owned());
        }
        let one = fetch(&remote)?;
        if let Some(commit) = one.digest.strip_prefix("git:").and_then(|rest| rest.split(':').next()) {
            if !commit.starts_with(&copy.checksum) {
                return Err(format!("expected checksum to match {}, got {commit}", copy.checksum));
            }
        } else if !copy.checksum.is_empty() && copy.checksum != one.digest {
            return Err(format!("digest mismatch {}: {}", one.digest, copy.checksum));
        }
        fetched.push(one);
    }
    let take = |path: String, ignore: &IgnoreList, digests: &mut Vec<String>, entries: &mut Vec<Entry>| -> Result<(), String> {
        let describe = |e: io::Error| describe(&path, &e, in_context);
        let folder = tree.metadata(&path).map_err(describe)?.is_dir();
        let hash = tree.hash(&path, &|inside| ignore.excludes(inside)).map_err(describe)?;
        digests.push(hash);
        entries.push(Entry::Path { path, folder });
        Ok(())
    };
    if !copy.checksum.is_empty() {
        match copy.sources.as_slice() {
            [one] if is_url(one) => {}
            [_] => return Err("checksum requires HTTP(S) or Git sources".to_owned()),
            _ => return Err("checksum can't be specified for multiple sources".to_owned()),
        }
    }
    for source in copy.sources.iter().filter(|source| copy.parents && !is_url(source)) {
        for (folder, wanted) in parents(tree, source).map_err(|e| describe(source, &e, in_context))? {
            let skipped = |inside: &str| !wanted.contains(inside) || ignore.excludes(inside);
            digests.push(tree.hash(&folder, &skipped).map_err(|e| describe(source, &e, in_context))?);
            entries.push(Entry::Below { folder, wanted });
        }
    }
    for source in copy.sources.iter().filter(|source| !copy.parents && !is_url(source)) {
        if Glob::is_pattern(source) {
            let glob = Glob::new(&clean(source)).ok_or_else(|| format!("syntax error in pattern {source}"))?;
            let all = tree.walk().map_err(|e| describe(source, &e, in_context))?;
            for path in all.into_iter().filter(|path| glob.matches(path)) {
                take(path, &ignore, &mut digests, &mut entries)?;
            }
        } else {
            take(clean(source), &ignore, &mut digests, &mut entries)?;
        }
    }
    for one in fetched {
        let name = one.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        digests.push(format!("remote:{}:{name}", one.digest));
        entries.push(Entry::Fetched(one));
    }
    for file in &copy.files {
        let content = file.text();
        digests.push(format!("file:{}", hex(&Sha256::digest(format!("{}\0{content}", file.name)))));
        entries.push(Entry::Inline { name: file.name.clone(), content });
    }
    let digest = match digests.as_slice() {
        // Patterns may mean nothing at all.
        [] => "none".to_owned(),
        [one] => one.clone(),
        many => format!("multi:{}", hex(&Sha256::digest(many.join(",")))),
    };
    Ok(Sources { entries, digest, ignore })
}

impl Sources {
    /// Whether there is nothing to copy.
    pub fn are_none(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether they can only go into a folder.
    pub fn are_many(&self) -> bool {
        self.entries.len() > 1
    }
}

/// What a source of `--parents` means: folders, and what below each keeps its place. The pivot `/./` says where the places begin.
fn parents(tree: &Tree, source: &str) -> io::Result<Vec<(String, BTreeSet<String>)>> {
    let (above, pattern) = source.split_once("/./").unwrap_or(("", source));
    let (above, pattern) = (clean(above), clean(pattern));
    let fixed = !Glob::is_pattern(&above) && !Glob::is_pattern(&pattern);
    if fixed {
        tree.metadata(&format!("{above}/{pattern}"))?;
    }
    let all = tree.walk()?;
    let folders: Vec<String> = match Glob::new(&above).filter(|_| Glob::is_pattern(&above)) {
        Some(glob) => all.iter().filter(|path| glob.matches(path)).cloned().collect(),
        None => vec![above],
    };
    // Like the patterns of what is left out: a folder stands for all that is in it, and `**` for folders.
    let list = IgnoreList::parse(&pattern).map_err(|e| io::Error::other(e.to_string()))?;
    let mut found = Vec::new();
    for folder in folders {
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut wanted = BTreeSet::new();
        for path in all.iter().filter_map(|path| path.strip_prefix(&start)).filter(|path| list.is_empty() || list.excludes(path)) {
            wanted.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
            wanted.insert(path.to_owned());
        }
        if !wanted.is_empty() {
            found.push((folder, wanted));
        }
    }
    Ok(found)
}

fn describe(path: &str, error: &io::Error, in_context: bool) -> String {
    let known = error.kind() == io::ErrorKind::NotFound;
    match (known, in_context) {
        (true, true) => format!("file not found in build context or excluded by .dockerignore: stat {path}: file does not exist"),
        (true, false) => format!("stat {path}: file does not exist"),
        (false, _) => format!("{path}: {error}"),
    }
}

pub fn is_url(source: &str) -> bool {
    Remote::of(source).is_some()
}

/// Who shall own the copies: `--chown` by the target's own users, root for what comes from the context.
fn ownership(target: &Tree, copy: &Copy) -> Result<Ownership, String> {
    let owner = if copy.chown.is_empty() {
        // What comes out of an image keeps its owners.
        copy.from.is_empty().then_some((0, 0))
    } else {
        Some(chown(target, &copy.chown)?)
    };
    let mode = (!copy.chmod.is_empty()).then(|| Mode::parse(&copy.chmod)).transpose()?;
    Ok(Ownership { owner, mode, time: None })
}

/// The numbers of a user and group, by the files of the tree.
pub fn chown(target: &Tree, text: &str) -> Result<(u32, u32), String> {
    let wrong = |why: String| format!("unable to convert uid/gid chown string to host mapping: {why}");
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    // A number alone is that of the group, too; a user's name brings the user's group along.
    let named = group.is_empty() && user.parse::<u32>().is_err();
    let both = match group.is_empty() {
        true if named => user.to_owned(),
        true => format!("{user}:{user}"),
        false => text.to_owned(),
    };
    let (_fd, etc) = match target.find("/etc") {
        Ok(found) => found,
        Err(_) => return numbers(&both).ok_or_else(|| wrong(format!("can't find uid for user {user}: no such user: {user}"))),
    };
    let identity = resolve_user(&both, &etc).map_err(|why| {
        let why = if why.contains("group file") {
            format!("can't find gid for group {}: no such group: {}", group_of(&both), group_of(&both))
        } else {
            format!("can't find uid for user {user}: no such user: {user}")
        };
        wrong(why)
    })?;
    Ok(identity)
}

fn group_of(both: &str) -> &str {
    both.split_once(':').map_or(both, |(_, group)| group)
}

fn numbers(both: &str) -> Option<(u32, u32)> {
    let (user, group) = both.split_once(':')?;
    Some((user.parse().ok()?, group.parse().ok()?))
}

/// One copy, with all that it needs.
pub struct Job<'a> {
    pub images: &'a ImageStore,
    /// The tree that is copied from.
    pub from: &'a Tree,
    pub sources: &'a Sources,
    pub copy: &'a Copy,
    pub working_dir: &'a str,
    /// Archives are unpacked (`ADD`).
    pub unpack: bool,
}

impl Job<'_> {
    /// Makes the layer of the copies on top of the layers `below`; `None` where it would be empty.
    pub fn layer(&self, below: &[Digest]) -> Result<Option<Digest>, BuildError> {
        let (images, copy) = (self.images, self.copy);
        let whole = (copy.link && !below.is_empty()).then(|| Tree::layers(&images.layer_folders(below)));
        let whole = whole.transpose().map_err(|e| BuildError::new(format!("cannot open the image: {e}")))?;
        // With --link nothing below counts, not even a link where the copy goes.
        let layer = running::layer(images, if copy.link { &[] } else { below }, |tree| {
            let ownership = ownership(whole.as_ref().unwrap_or(tree), copy)?;
            perform(self, tree, &ownership).map_err(|why| format!("failed to copy files: {why}"))
        })?;
        match layer {
            Some(diff_id) if copy.link => Ok(Some(images.place_layer(&diff_id, below)?)),
            other => Ok(other),
        }
    }
}

/// Copies the sources into `target`.
fn perform(job: &Job<'_>, target: &Tree, ownership: &Ownership) -> Result<(), String> {
    let Job { images, from, sources, copy, working_dir, unpack } = *job;
    let destination = absolute(working_dir, &copy.destination);
    let names_folder =
        copy.destination.ends_with('/') || matches!(copy.destination.as_str(), "" | "." | "..") || copy.destination.ends_with("/.");
    let into = |name: &str| {
        let folder = names_folder || target.metadata(&destination).is_ok_and(|m| m.is_dir());
        if folder { format!("{}/{name}", destination.trim_end_matches('/')) } else { destination.clone() }
    };
    let failed = |e: io::Error| e.to_string();
    for entry in &sources.entries {
        match entry {
            Entry::Fetched(fetched) if fetched.is_folder => {
                target.copy_folder(&fetched.path, &destination, ownership, &|_| false).map_err(failed)?;
            }
            Entry::Fetched(fetched) => {
                fetched.bring().map_err(failed)?;
                if copy.unpack == Some(true) && is_archive(&fetched.path) {
                    unpacked(images, &fetched.path, target, &destination, copy, ownership).map_err(failed)?;
                    continue;
                }
                let name = fetched.path.file_name().unwrap_or_default().to_string_lossy();
                target.copy_file(&fetched.path, &into(&name), ownership).map_err(failed)?;
            }
            Entry::Inline { name, content } => target.write_file(content.as_bytes(), &into(name), ownership).map_err(failed)?,
            Entry::Path { path, folder: true } => {
                let (_fd, outside) = from.find(path).map_err(failed)?;
                let skipped = |inside: &str| sources.ignore.excludes(inside);
                target.copy_folder(&outside, &destination, ownership, &skipped).map_err(failed)?;
            }
            Entry::Below { folder, wanted } => {
                let (_fd, outside) = from.find(folder).map_err(failed)?;
                let skipped = |inside: &str| !wanted.contains(inside) || sources.ignore.excludes(inside);
                target.copy_folder(&outside, &destination, ownership, &skipped).map_err(failed)?;
            }
            Entry::Path { path, folder: false } => {
                let (_fd, outside) = from.find(path).map_err(failed)?;
                if copy.unpack.unwrap_or(unpack) && is_archive(&outside) {
                    unpacked(images, &outside, target, &destination, copy, ownership).map_err(failed)?;
                    continue;
                }
                let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
                target.copy_file(&outside, &into(&name), ownership).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// Unpacks an archive into a folder. Its files are whose it says, unless an owner is asked for.
fn unpacked(images: &ImageStore, archive: &Path, target: &Tree, destination: &str, copy: &Copy, ownership: &Ownership) -> io::Result<()> {
    let archive = std::fs::File::open(archive)?;
    if copy.chown.is_empty() {
        let folder = target.make_folders(destination, &Ownership::default())?;
        return images.unpack_archive(archive, &mount::path_of(folder.as_fd()), "cannot unpack").map(drop);
    }
    let scratch = images.scratch().map_err(io::Error::other)?;
    let owned = Ownership { mode: None, ..ownership.clone() };
    let unpacked = images.unpack_archive(archive, &scratch, "cannot unpack");
    let copied = unpacked.and_then(|_| target.copy_folder(&scratch, destination, &owned, &|_| false));
    context::remove(&scratch);
    copied
}

/// Whether a file is a tar, compressed or not.
pub fn is_archive(file: &Path) -> bool {
    use std::io::Read;
    let first_block = || -> io::Result<[u8; 512]> {
        let mut head = [0; 512];
        decompress(std::fs::File::open(file)?)?.read_exact(&mut head)?;
        Ok(head)
    };
    // Old tars have no magic: their checksum tells.
    first_block().is_ok_and(|head| {
        let sum: u64 = head.iter().enumerate().map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum();
        let told = std::str::from_utf8(&head[148..156]).ok().map(|t| t.trim_matches(['\0', ' ']).to_owned());
        head[0] != 0 && told.and_then(|t| u64::from_str_radix(&t, 8).ok()) == Some(sum)
    })
}
