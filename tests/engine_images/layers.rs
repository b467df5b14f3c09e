//! Trees there and back: what is committed is what comes out, whatever its shape.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use dockside::engine::image::{CommitRequest, Digest, RunConfig};
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};

use crate::support::{Tar, engine_in, folder, import};

fn commit<'a>(upper: &'a Path, parent: Option<Digest>, reference: &str) -> CommitRequest<'a> {
    CommitRequest {
        parent,
        upper,
        config: RunConfig { cmd: Some(vec!["sh".to_owned()]), ..RunConfig::default() },
        container: "c0ffee".to_owned(),
        container_config: Some(RunConfig { cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), "x".to_owned()]), ..RunConfig::default() }),
        author: "A Student <a@b>".to_owned(),
        message: "my change".to_owned(),
        reference: Some(reference.to_owned()),
    }
}

#[test]
fn a_commit_is_a_layer_on_its_parent() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    import(&engine, &Tar::new().file("etc/passwd", "root").file("old/file", "1").end(), "base").unwrap();
    let parent = engine.images.id_of("base").unwrap();
    let upper = folder.path().join("upper");
    fs::create_dir_all(upper.join("etc")).unwrap();
    fs::create_dir(upper.join("old")).unwrap();
    fs::write(upper.join("etc/passwd"), "root\nme").unwrap();
    fs::set_permissions(upper.join("etc/passwd"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(upper.join("etc/passwd"), upper.join("etc/passwd-")).unwrap();
    symlink("/etc/passwd", upper.join("etc/link")).unwrap();
    mknodat(CWD, upper.join("etc/group"), FileType::CharacterDevice, Mode::empty(), 0).unwrap();
    setxattr(upper.join("old"), "user.overlay.opaque", b"y", XattrFlags::empty()).unwrap();

    let id = engine.images.commit(commit(&upper, Some(parent.clone()), "child:1")).unwrap();
    let resolved = engine.images.resolve("child:1", None).unwrap();
    assert_eq!(resolved.id, id);
    assert_eq!(resolved.layers.len(), 2);
    assert_eq!(tree(&resolved.layers[1]), tree(&upper));
    let top = &resolved.layers[1];
    assert_eq!(fs::metadata(top.join("etc/passwd")).unwrap().ino(), fs::metadata(top.join("etc/passwd-")).unwrap().ino());

    let history = engine.images.history("child:1").unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].created_by.as_str(), history[0].comment.as_str(), history[0].size), ("sh -c x", "my change", 7));
    assert_eq!(history[1].id.as_ref(), Some(&parent));
    // The parent stays while it has a child.
    let refused = engine.images.remove(parent.as_str(), true, true, &engine.containers).unwrap_err().to_string();
    assert_eq!(refused, format!("conflict: unable to delete {} (cannot be forced) - image has dependent child images", parent.short()));
    // By name and with force it loses the name alone.
    let lines = engine.images.remove("base", true, true, &engine.containers).unwrap();
    assert_eq!(lines, [dockside::engine::image::Removed::Untagged("base:latest".to_owned())]);
    assert!(engine.images.resolve("child:1", None).unwrap().layers.iter().all(|layer| layer.is_dir()));
}

#[test]
fn a_commit_without_changes_has_no_layer_of_its_own() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    import(&engine, &Tar::new().file("a", "1").end(), "base").unwrap();
    let parent = engine.images.id_of("base").unwrap();
    let upper = folder.path().join("upper");
    fs::create_dir(&upper).unwrap();
    engine.images.commit(commit(&upper, Some(parent), "child")).unwrap();
    assert_eq!(engine.images.resolve("child", None).unwrap().layers.len(), 1);
    assert_eq!(engine.images.history("child").unwrap()[0].size, 0);
}

/// Each path with what it is: kind, permissions, content.
fn tree(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, path: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let kind = metadata.file_type();
            let what = if kind.is_dir() {
                walk(root, &path, out);
                let mut value = [0u8; 4];
                let opaque = rustix::fs::getxattr(&path, "user.overlay.opaque", &mut value).is_ok();
                format!("folder {:o} {opaque}", metadata.mode())
            } else if kind.is_symlink() {
                format!("link {}", fs::read_link(&path).unwrap().display())
            } else if kind.is_char_device() {
                "whiteout".to_owned()
            } else {
                format!("file {:o} {} {:?}", metadata.mode(), metadata.mtime(), fs::read(&path).unwrap())
            };
            out.insert(path.strip_prefix(root).unwrap().display().to_string(), what);
        }
    }
    let mut out = BTreeMap::new();
    walk(root, root, &mut out);
    out
}

#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>, u32),
    Link(String),
    Whiteout,
    Folder(bool, Vec<(String, Node)>),
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        (prop::collection::vec(any::<u8>(), 0..2000), 0u32..0o1000).prop_map(|(bytes, mode)| Node::File(bytes, mode | 0o400)),
        "[a-z./]{1,120}".prop_map(Node::Link),
        Just(Node::Whiteout),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        (any::<bool>(), prop::collection::vec(("[a-zA-Z0-9 äß~+-]{1,110}", inner), 0..6))
            .prop_map(|(opaque, nodes)| Node::Folder(opaque, nodes))
    })
}

fn plant(path: &Path, node: &Node) {
    match node {
        // What is there already under that name stays.
        _ if fs::symlink_metadata(path).is_ok() => {}
        Node::File(bytes, mode) => {
            fs::write(path, bytes).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
        }
        Node::Link(target) => symlink(target, path).unwrap(),
        Node::Whiteout => mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), 0).unwrap(),
        Node::Folder(opaque, nodes) => {
            fs::create_dir(path).unwrap();
            if *opaque {
                setxattr(path, "user.overlay.opaque", b"y", XattrFlags::empty()).unwrap();
            }
            for (name, node) in nodes {
                plant(&path.join(name), node);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back_as_it_was(nodes in prop::collection::vec(("[a-z]{1,8}", node()), 1..6)) {
        let folder = folder();
        let engine = engine_in(folder.path(), "one");
        let upper = folder.path().join("upper");
        plant(&upper, &Node::Folder(false, nodes));
        engine.images.commit(commit(&upper, None, "x")).unwrap();
        let layers = engine.images.resolve("x", None).unwrap().layers;
        prop_assert_eq!(layers.len(), 1);
        prop_assert_eq!(tree(&layers[0]), tree(&upper));

        // And through an archive into another store.
        let plan = engine.images.save_plan(&["x".to_owned()]).unwrap();
        let mut archive = Vec::new();
        engine.images.save(&plan, &mut archive).unwrap();
        let other = crate::support::folder();
        let second = engine_in(other.path(), "two");
        second.images.load(&mut archive.as_slice(), true, &|_| {}).unwrap();
        let loaded = second.images.resolve("x", None).unwrap();
        prop_assert_eq!(&loaded.id, &engine.images.id_of("x").unwrap());
        prop_assert_eq!(tree(&loaded.layers[0]), tree(&upper));
    }
}
