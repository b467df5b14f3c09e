//! Layers that want out of their folder, or more than their share.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use tar::EntryType;

use crate::support::{Tar, engine_in, folder, import};

/// Imports the tar and gives its layer's folder or the error's text; whatever it does, nothing outside may change.
fn unpacked(tar: Vec<u8>) -> Result<(tempfile::TempDir, std::path::PathBuf), String> {
    let folder = folder();
    let bait = folder.path().join("bait");
    fs::create_dir(&bait).unwrap();
    fs::write(bait.join("secret"), "untouched").unwrap();
    let engine = engine_in(folder.path(), "one");
    let result = import(&engine, &tar, "x");
    assert_eq!(fs::read_to_string(bait.join("secret")).unwrap(), "untouched");
    assert_eq!(fs::read_dir(&bait).unwrap().count(), 1, "something was put beside the bait");
    let leftovers: Vec<_> = fs::read_dir(folder.path().join("store/layers")).unwrap().collect();
    match result {
        Ok(layer) => Ok((folder, layer)),
        Err(error) => {
            assert!(leftovers.is_empty(), "a refused layer was kept");
            Err(error.to_string())
        }
    }
}

#[test]
fn dots_that_lead_out_are_refused() {
    for name in ["../bait/x", "a/../../bait/x", "/../../../../bait/x", ".."] {
        let error = unpacked(Tar::new().file(name, "x").end()).unwrap_err();
        assert!(error.contains("outside"), "{name}: {error}");
    }
    // Those that stay inside are fine.
    let (_folder, layer) = unpacked(Tar::new().file("a/../b", "x").end()).unwrap();
    assert_eq!(fs::read_to_string(layer.join("b")).unwrap(), "x");
}

#[test]
fn absolute_paths_are_below_the_layer() {
    let (_folder, layer) = unpacked(Tar::new().file("/etc/made-by-a-test", "x").end()).unwrap();
    assert!(layer.join("etc/made-by-a-test").is_file());
    assert!(!Path::new("/etc/made-by-a-test").exists());
}

#[test]
fn symbolic_links_are_followed_inside_the_layer_alone() {
    let up = "../".repeat(20);
    for target in ["/tmp", "../../../bait", up.as_str()] {
        let tar = Tar::new().symlink("out", target).file("out/inside", "x").end();
        // In the layer the link leads nowhere, which no honest layer has.
        assert!(unpacked(tar).is_err() || target == up, "{target}");
        assert!(!Path::new("/tmp/inside").exists(), "{target}");
    }
    let (_folder, layer) = unpacked(Tar::new().folder("usr/lib").symlink("lib", "/usr/lib").file("lib/x", "x").end()).unwrap();
    assert_eq!(fs::read_to_string(layer.join("usr/lib/x")).unwrap(), "x");
}

#[test]
fn a_file_replaces_a_link_and_does_not_write_through_it() {
    let (_folder, layer) = unpacked(Tar::new().file("real", "1").symlink("link", "real").file("link", "2").end()).unwrap();
    assert_eq!(fs::read_to_string(layer.join("real")).unwrap(), "1");
    assert_eq!(fs::read_to_string(layer.join("link")).unwrap(), "2");
}

#[test]
fn hard_links_reach_nothing_outside() {
    for target in ["../bait/secret", "/etc/passwd", "../../../../etc/passwd"] {
        let error = unpacked(Tar::new().entry(EntryType::Link, "stolen", target, b"").end()).unwrap_err();
        assert!(error.contains("stolen"), "{error}");
    }
    let through = Tar::new().symlink("out", "/etc").entry(EntryType::Link, "stolen", "out/passwd", b"").end();
    assert!(unpacked(through).is_err());
    let (_folder, layer) = unpacked(Tar::new().file("a", "1").entry(EntryType::Link, "b", "a", b"").end()).unwrap();
    assert_eq!(fs::metadata(layer.join("a")).unwrap().ino(), fs::metadata(layer.join("b")).unwrap().ino());
}

#[test]
fn devices_are_left_out() {
    let tar = Tar::new().entry(EntryType::Char, "null", "", b"").entry(EntryType::Block, "disk", "", b"").file("rest", "x").end();
    let (_folder, layer) = unpacked(tar).unwrap();
    assert!(!layer.join("null").exists() && !layer.join("disk").exists());
    assert!(layer.join("rest").is_file());
}

#[test]
fn whiteouts_of_nothing_are_refused_and_others_become_marks() {
    for name in [".wh..", ".wh...", "a/.wh."] {
        assert!(unpacked(Tar::new().file(name, "").end()).is_err(), "{name}");
    }
    let (_folder, layer) =
        unpacked(Tar::new().file("gone/.wh.file", "").file("kept/.wh..wh..opq", "").file("kept/new", "1").end()).unwrap();
    let whiteout = fs::symlink_metadata(layer.join("gone/file")).unwrap();
    assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
    let mut value = [0u8; 8];
    let length = rustix::fs::getxattr(layer.join("kept"), "user.overlay.opaque", &mut value).unwrap();
    assert_eq!(&value[..length], b"y");
}

#[test]
fn marks_of_the_overlay_are_not_taken_from_a_tar() {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("SCHILY.xattr.user.overlay.redirect", &b"/etc"[..]), ("SCHILY.xattr.user.mine", &b"1"[..])]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", std::io::empty()).unwrap();
    let (_folder, layer) = unpacked(builder.into_inner().unwrap()).unwrap();
    let mut value = [0u8; 8];
    assert!(rustix::fs::getxattr(layer.join("file"), "user.overlay.redirect", &mut value).is_err());
    assert_eq!(rustix::fs::getxattr(layer.join("file"), "user.mine", &mut value).unwrap(), 1);
}

#[test]
fn a_header_that_would_fill_memory_is_refused() {
    // A long name of 1 TiB, of which a gzip bomb could deliver as much as one wants.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.resize(4 << 20, b'a');
    let error = unpacked(tar).unwrap_err();
    assert!(error.contains("too long"), "{error}");
}

#[test]
fn what_is_cut_off_or_no_tar_is_refused() {
    let tar = Tar::new().file("a", &"x".repeat(5000)).end();
    for cut in [100, 512, 600, 4000] {
        assert!(unpacked(tar[..cut].to_vec()).is_err(), "{cut}");
    }
    assert!(unpacked(vec![0x55; 10_000]).is_err());
    let error = unpacked(b"\x28\xb5\x2f\xfdrest".to_vec()).unwrap_err();
    assert!(error.contains("zstd"), "{error}");
}

#[test]
fn a_folder_without_rights_is_unpacked_and_removed() {
    let tar = Tar::new().folder("locked/in").file("locked/in/file", "x").end();
    let (folder, layer) = unpacked(tar).unwrap();
    assert!(layer.join("locked/in/file").exists());
    folder.close().unwrap();
}
