//! The context of a build: a folder without what `.dockerignore` names, a Dockerfile from standard input, or an archive from there.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use super::build::Sink;
use super::tar_entry;
use crate::docker::failure::Failure;
use crate::docker::units::quote;
use crate::patterns::IgnoreList;
use crate::units::go_words;

/// A context that can be sent.
pub struct Context {
    /// The Dockerfile's name inside of the context.
    pub dockerfile: String,
    source: Source,
}

enum Source {
    Folder {
        root: PathBuf,
        ignore: Ignore,
        outside: Option<(String, Vec<u8>)>,
    },
    Dockerfile(Vec<u8>),
    Archive(Box<dyn Read + Send>),
    /// An address that the engine fetches by itself.
    Elsewhere(String),
}

/// Where a Dockerfile goes that is not of the context.
const OUTSIDE: &str = ".dockerfile.outside";

/// Whether the engine fetches a context by itself.
pub fn is_elsewhere(place: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "github.com/", "git@"].iter().any(|scheme| place.starts_with(scheme))
}

/// Opens the context that the command line names; `file` is `--file`.
pub fn open(place: &str, file: &str) -> Result<Context, Failure> {
    if place == "-" {
        return from_stdin(file);
    }
    if is_elsewhere(place) {
        if file == "-" {
            return Err(Failure::new(
                "a Dockerfile on standard input cannot be used with a context from elsewhere: name one in it with -f",
            ));
        }
        return Ok(Context { dockerfile: file.to_owned(), source: Source::Elsewhere(place.to_owned()) });
    }
    let root = Path::new(place);
    if !root.exists() {
        return Err(Failure::new(format!("path {} not found", quote(place))));
    }
    if !root.is_dir() {
        return Err(Failure::new(format!("context must be a directory: {place}")));
    }
    let root = std::fs::canonicalize(root)?;
    let mut outside = None;
    let dockerfile = if file == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        let name = format!("{OUTSIDE}/Dockerfile");
        outside = Some((name.clone(), text));
        name
    } else {
        match dockerfile_path(&root, file) {
            Ok(path) => match path.strip_prefix(&root) {
                Ok(relative) => relative.to_string_lossy().into_owned(),
                Err(_) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    let name = format!("{OUTSIDE}/{name}");
                    outside = Some((name.clone(), std::fs::read(&path)?));
                    name
                }
            },
            Err(e) => return Err(e),
        }
    };
    let ignore = read_ignore(&root, &dockerfile)?;
    Ok(Context { dockerfile, source: Source::Folder { root, ignore, outside } })
}

fn dockerfile_path(root: &Path, file: &str) -> Result<PathBuf, Failure> {
    let wanted = if file.is_empty() { root.join("Dockerfile") } else { std::env::current_dir()?.join(file) };
    let wanted = if file.is_empty() && !wanted.exists() && root.join("dockerfile").exists() { root.join("dockerfile") } else { wanted };
    std::fs::canonicalize(&wanted)
        .map_err(|e| Failure::new(format!("unable to evaluate symlinks in Dockerfile path: lstat {}: {}", wanted.display(), go_words(&e))))
}

fn from_stdin(file: &str) -> Result<Context, Failure> {
    Ok(match stdin()? {
        Stdin::Archive(archive) => Context { dockerfile: file.to_owned(), source: Source::Archive(archive) },
        Stdin::Text(text) => Context { dockerfile: "Dockerfile".to_owned(), source: Source::Dockerfile(text) },
    })
}

/// What comes on standard input.
pub enum Stdin {
    Archive(Box<dyn Read + Send>),
    Text(Vec<u8>),
}

/// Reads standard input as far as it is no archive.
pub fn stdin() -> Result<Stdin, Failure> {
    let mut stdin = std::io::stdin();
    let mut head = vec![0u8; 512];
    let mut got = 0;
    while got < head.len() {
        match stdin.read(&mut head[got..])? {
            0 => break,
            n => got += n,
        }
    }
    head.truncate(got);
    if is_archive(&head) {
        return Ok(Stdin::Archive(Box::new(Cursor::new(head).chain(stdin))));
    }
    stdin.read_to_end(&mut head)?;
    Ok(Stdin::Text(head))
}

/// Whether bytes begin a tar, or one compressed by gzip, bzip2, xz or zstd.
fn is_archive(head: &[u8]) -> bool {
    let compressed: [&[u8]; 4] = [&[0x1f, 0x8b, 8], b"BZh", &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0x28, 0xb5, 0x2f, 0xfd]];
    compressed.iter().any(|magic| head.starts_with(magic)) || head.get(257..262) == Some(b"ustar")
}

impl Context {
    /// The address of a context that the engine fetches by itself.
    pub fn address(&self) -> Option<&str> {
        match &self.source {
            Source::Elsewhere(address) => Some(address),
            _ => None,
        }
    }

    /// Writes the context into `sink` and closes it.
    pub fn send(self, mut sink: Sink) -> Result<(), Failure> {
        match self.write(&mut sink) {
            Ok(()) => sink.finish().map_err(|_| Failure::silent(1)),
            Err(failure) => {
                sink.fail(&failure);
                Err(failure)
            }
        }
    }

    fn write(self, sink: &mut Sink) -> Result<(), Failure> {
        match self.source {
            Source::Archive(source) => sink.copy(source).map_err(broken),
            Source::Elsewhere(_) => Ok(()),
            Source::Dockerfile(text) => {
                let mut tar = tar::Builder::new(sink);
                append_text(&mut tar, "Dockerfile", &text)?;
                tar.finish().map_err(broken)
            }
            Source::Folder { root, ignore, outside } => {
                let mut tar = tar::Builder::new(sink);
                tar.follow_symlinks(false);
                let mut ignore = ignore;
                ignore.replaced = outside.is_some();
                walk(&mut tar, &root, Path::new(""), &ignore)?;
                if let Some((name, text)) = outside {
                    append_text(&mut tar, &name, &text)?;
                    // It is no part of what can be copied, and neither is the list that says so.
                    let list = format!("{}\n.dockerignore\n{OUTSIDE}\n", ignore.text);
                    append_text(&mut tar, ".dockerignore", list.as_bytes())?;
                }
                tar.finish().map_err(broken)
            }
        }
    }
}

/// An error of the connection is told by the connection.
fn broken(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe { Failure::silent(1) } else { Failure::from(error) }
}

fn append_text(tar: &mut tar::Builder<&mut Sink>, name: &str, text: &[u8]) -> Result<(), Failure> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(super::shared::now() as u64);
    header.set_entry_type(tar::EntryType::Regular);
    tar.append_data(&mut header, name, text).map_err(broken)
}

/// Adds a folder's entries in the order of their names, owned by root.
fn walk(tar: &mut tar::Builder<&mut Sink>, root: &Path, below: &Path, ignore: &Ignore) -> Result<(), Failure> {
    let folder = root.join(below);
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |e: std::io::Error| Failure::new(format!("error checking context: open {}: {}", path.display(), go_words(&e)))
    };
    let mut names: Vec<_> = std::fs::read_dir(&folder).map_err(cannot(&folder))?.filter_map(|e| e.ok().map(|e| e.file_name())).collect();
    names.sort();
    for name in names {
        let relative = below.join(&name);
        let path = root.join(&relative);
        let meta = path.symlink_metadata().map_err(cannot(&path))?;
        let skipped = ignore.matches(&relative);
        if meta.is_dir() && skipped && !ignore.goes_into(&relative) {
            continue;
        }
        if !skipped {
            append(tar, &path, &relative, &meta)?;
        }
        if meta.is_dir() {
            walk(tar, root, &relative, ignore)?;
        }
    }
    Ok(())
}

fn append(tar: &mut tar::Builder<&mut Sink>, path: &Path, relative: &Path, meta: &std::fs::Metadata) -> Result<(), Failure> {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(meta);
    header.set_mode(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    let cannot = |e: std::io::Error| Failure::new(format!("error checking context: open {}: {}", path.display(), go_words(&e)));
    if !(meta.is_file() || meta.is_dir() || meta.is_symlink()) {
        // Sockets, pipes and devices have no content to send.
        return Ok(());
    }
    tar_entry::append_with(tar, relative, path, meta, header)
        .map_err(|e| if e.kind() == std::io::ErrorKind::BrokenPipe { broken(e) } else { cannot(e) })
}

/// Reads what is left out of the context: the Dockerfile's own list where it has one.
fn read_ignore(root: &Path, dockerfile: &str) -> Result<Ignore, Failure> {
    let specific = root.join(format!("{dockerfile}.dockerignore"));
    let path = if specific.exists() { specific } else { root.join(".dockerignore") };
    let text = match std::fs::read(&path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(Failure::new(format!("open {}: {}", path.display(), go_words(&e)))),
    };
    let list = IgnoreList::parse(&text).map_err(|e| Failure::new(format!("error checking context: {}: {e}", path.display())))?;
    Ok(Ignore { list, kept: [".dockerignore".to_owned(), dockerfile.to_owned()], text, replaced: false })
}

/// What is left out of the context.
struct Ignore {
    list: IgnoreList,
    /// The engine needs these two whatever the list says, and leaves them out itself.
    kept: [String; 2],
    text: String,
    /// Another list is sent in place of `.dockerignore`.
    replaced: bool,
}

impl Ignore {
    /// Whether a path is left out.
    fn matches(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        if self.replaced && path == self.kept[0] {
            return true;
        }
        !self.kept.iter().any(|kept| *kept == path) && self.list.excludes(&path)
    }

    /// Whether something in the folder may be in the context though the folder is not.
    fn goes_into(&self, folder: &Path) -> bool {
        let within = |kept: &String| Path::new(kept).starts_with(folder);
        self.list.has_exceptions() || self.kept.iter().any(within)
    }
}
