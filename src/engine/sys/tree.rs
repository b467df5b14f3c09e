//! Deleting trees of files that anybody may have made, whatever the modes of their folders are. No link is ever followed.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use super::mount::path_of;

/// A folder to work in, itself and not what a link leads to.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Deletes a file, a link or a folder with all that is in it, folders that are closed to their owner included.
pub fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            open_up(CWD, path);
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

/// Makes every folder of a tree readable and writable for its owner, so that it can be emptied. Each is reached from the one above by its
/// descriptor: a container may put a link in its place meanwhile.
fn open_up(parent: BorrowedFd<'_>, name: &Path) {
    let Ok(folder) = rustix::fs::openat(parent, name, FOLDER, Mode::empty()) else { return };
    let here = path_of(folder.as_fd());
    let _ = fs::set_permissions(&here, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(folder.as_fd(), Path::new(&entry.file_name()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

    use super::*;

    /// Runs `test` as one to whom modes mean something: in a thread that has given away root's powers over files, where it has them.
    fn without_power(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            let ended = scope.spawn(|| {
                let mut mine = capabilities(None).expect("the capabilities");
                mine.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
                set_capabilities(None, mine).expect("fewer capabilities");
                test();
            });
            ended.join().expect("the test");
        });
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// Folders within one another, with a file in each; gives the outermost and all of them.
    fn nested(dir: &Path) -> (PathBuf, Vec<PathBuf>) {
        let top = dir.join("tree");
        let folders = vec![top.clone(), top.join("a"), top.join("a/b"), top.join("c")];
        fs::create_dir_all(&folders[2]).expect("folders");
        fs::create_dir(&folders[3]).expect("a folder");
        for folder in &folders {
            fs::write(folder.join("file"), "x").expect("a file");
        }
        (top, folders)
    }

    #[test]
    fn closed_and_read_only_folders_go() {
        let dir = tempfile::tempdir().expect("a folder");
        for closed in [0o000, 0o500, 0o400, 0o300] {
            let (top, folders) = nested(dir.path());
            folders.iter().rev().for_each(|folder| set_mode(folder, closed));
            without_power(|| {
                assert!(fs::remove_dir_all(&top).is_err(), "modes mean nothing here: {closed:o}");
                remove(&top).unwrap_or_else(|e| panic!("{closed:o}: {e}"));
            });
            assert!(!top.exists(), "{closed:o}");
        }
    }

    #[test]
    fn what_links_lead_to_stays_as_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).expect("a folder");
        fs::write(outside.join("file"), "kept").expect("a file");
        set_mode(&outside, 0o555);
        let (top, folders) = nested(dir.path());
        for folder in &folders {
            symlink(&outside, folder.join("link")).expect("a link");
            symlink(outside.join("file"), folder.join("to-file")).expect("a link");
        }
        folders.iter().rev().for_each(|folder| set_mode(folder, 0o000));
        without_power(|| {
            remove(&top).expect("the tree");
            assert!(!top.exists());
            let alone = dir.path().join("alone");
            symlink(&outside, &alone).expect("a link");
            // As if the link had come while the tree was being opened up.
            open_up(CWD, &alone);
            assert_eq!(mode(&outside), 0o555);
            remove(&alone).expect("the link itself");
            assert!(fs::symlink_metadata(&alone).is_err());
        });
        assert_eq!(mode(&outside), 0o555);
        assert_eq!(fs::read_to_string(outside.join("file")).expect("the file"), "kept");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let missing = remove(&dir.path().join("missing")).expect_err("nothing there");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
