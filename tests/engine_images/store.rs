//! Pulling, naming and removing, in process.

use dockside::engine::image::{ImageFilters, Removed};

use crate::support::{Tar, engine_in, folder, import, pull};

#[test]
fn a_pull_tells_its_layers_and_a_second_one_is_up_to_date() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    let lines = pull(&engine, "busybox").unwrap();
    assert_eq!(lines.first().unwrap(), "latest: Pulling from library/busybox");
    assert!(lines.iter().any(|line| line.ends_with(": Pulling fs layer")), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with(": Pull complete")), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "Status: Downloaded newer image for busybox:latest");
    let again = pull(&engine, "busybox").unwrap();
    assert_eq!(again.len(), 3, "{again:?}");
    assert_eq!(again[2], "Status: Image is up to date for busybox:latest");

    let resolved = engine.images.resolve("busybox", None).unwrap();
    assert!(!resolved.layers.is_empty() && resolved.layers.iter().all(|layer| layer.is_dir()));
    assert_eq!(resolved.config.rootfs.diff_ids.len(), resolved.layers.len());
    for name in [resolved.id.as_str(), resolved.id.hex(), resolved.id.short(), "busybox:latest", "docker.io/library/busybox"] {
        assert_eq!(engine.images.id_of(name).unwrap(), resolved.id, "{name}");
    }
}

#[test]
fn what_is_not_there_is_said_in_dockers_words() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    let refused = |name: &str| pull(&engine, name).unwrap_err().to_string();
    assert_eq!(
        refused("nobody/nothing"),
        "pull access denied for nobody/nothing, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
    );
    assert_eq!(refused("ubuntu:nope"), "manifest for ubuntu:nope not found: manifest unknown: manifest unknown");
    assert_eq!(engine.images.id_of("nosuch").unwrap_err().to_string(), "No such image: nosuch:latest");
}

#[test]
fn engines_share_content_but_not_images() {
    let folder = folder();
    let one = engine_in(folder.path(), "one");
    pull(&one, "busybox").unwrap();
    let two = engine_in(folder.path(), "two");
    assert_eq!(two.images.count(), 0);
    let lines = pull(&two, "busybox").unwrap();
    assert!(lines.iter().any(|line| line.ends_with(": Pull complete")), "it is news to this engine: {lines:?}");
    one.images.remove("busybox", false, true, &one.containers).unwrap();
    let resolved = two.images.resolve("busybox", None).unwrap();
    assert!(resolved.layers.iter().all(|layer| layer.is_dir()));
    // A third opening of the second engine's state sees the same.
    assert_eq!(engine_in(folder.path(), "two").images.count(), 1);
}

#[test]
fn removal_untags_then_deletes_image_and_layers() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    import(&engine, &Tar::new().file("a", "1").end(), "x:1").unwrap();
    engine.images.tag("x:1", "y", Some("2")).unwrap();
    let id = engine.images.id_of("x:1").unwrap();
    let remove = |name: &str, force| engine.images.remove(name, force, true, &engine.containers);

    let conflict = remove(id.short(), false).unwrap_err().to_string();
    assert_eq!(
        conflict,
        format!("conflict: unable to delete {} (must be forced) - image is referenced in multiple repositories", id.short())
    );
    assert_eq!(remove("y:2", false).unwrap(), [Removed::Untagged("y:2".to_owned())]);
    let layer = engine.images.resolve("x:1", None).unwrap().config.rootfs.diff_ids[0].clone();
    assert_eq!(remove("x:1", false).unwrap(), [Removed::Untagged("x:1".to_owned()), Removed::Deleted(id.clone()), Removed::Deleted(layer)]);
    assert_eq!(remove("x:1", true).unwrap_err().to_string(), "No such image: x:1");

    // By id and with force all names go at once; a layer that another image has stays.
    import(&engine, &Tar::new().file("a", "1").end(), "x:1").unwrap();
    engine.images.tag("x:1", "y", None).unwrap();
    import(&engine, &Tar::new().file("a", "1").end(), "z").unwrap();
    let id = engine.images.id_of("x:1").unwrap();
    let lines = remove(id.as_str(), true).unwrap();
    assert_eq!(lines[2..], [Removed::Deleted(id)], "{lines:?}");
}

#[test]
fn content_goes_with_the_last_engine_that_needs_it() {
    let folder = folder();
    let (one, two) = (engine_in(folder.path(), "one"), engine_in(folder.path(), "two"));
    let blobs = || std::fs::read_dir(folder.path().join("store/blobs/sha256")).unwrap().count();
    let layers = || std::fs::read_dir(folder.path().join("store/layers")).unwrap().count();
    let tar = Tar::new().file("a", "1").end();
    import(&one, &tar, "x").unwrap();
    import(&two, &tar, "y").unwrap();
    import(&two, &Tar::new().file("b", "2").end(), "z").unwrap();
    assert_eq!((blobs(), layers()), (5, 2));
    one.images.remove("x", false, true, &one.containers).unwrap();
    assert_eq!((blobs(), layers()), (4, 2), "the layer is needed by the other engine");
    two.images.remove("y", false, true, &two.containers).unwrap();
    assert_eq!((blobs(), layers()), (2, 1));
    assert!(two.images.resolve("z", None).unwrap().layers[0].join("b").is_file());
    // What a container was made of stays, even when the image is gone by force.
    let record = folder.path().join("two/containers/c0ffee");
    std::fs::create_dir_all(&record).unwrap();
    std::fs::write(record.join("config.json"), format!("{{\"image\":\"{}\"}}", two.images.id_of("z").unwrap())).unwrap();
    one.images.tag("x", "no", None).unwrap_err();
    two.images.remove("z", true, true, &two.containers).unwrap();
    assert_eq!((blobs(), layers()), (2, 1));
    // It goes once the container has gone, too.
    std::fs::remove_dir_all(record).unwrap();
    two.images.prune(&Default::default(), &two.containers).unwrap();
    assert_eq!((blobs(), layers()), (0, 0));
}

#[test]
fn content_that_is_removed_while_somebody_holds_it_goes_later() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    let blobs = || std::fs::read_dir(folder.path().join("store/blobs/sha256")).unwrap().count();
    let layers = || std::fs::read_dir(folder.path().join("store/layers")).unwrap().count();
    let image = |content: &str| {
        import(&engine, &Tar::new().file("a", content).end(), "x").unwrap();
        assert_eq!((blobs(), layers()), (2, 1));
    };
    let remove = || {
        engine.images.remove("x", false, true, &engine.containers).unwrap();
        assert_eq!((blobs(), layers()), (2, 1), "somebody holds it");
    };
    // With the last of those who hold it, whoever they are.
    image("1");
    let (build, push) = (engine.images.hold_content().unwrap(), engine_in(folder.path(), "two"));
    let push = push.images.hold_content().unwrap();
    remove();
    drop(build);
    assert_eq!((blobs(), layers()), (2, 1), "the other one holds it still");
    drop(push);
    assert_eq!((blobs(), layers()), (0, 0));
    // One who is killed collects nothing: the next prune does, and the next engine.
    let held_by_a_killed_one = || {
        let lock = std::fs::File::open(folder.path().join("store/content.lock")).unwrap();
        lock.lock_shared().unwrap();
        lock
    };
    image("2");
    let lock = held_by_a_killed_one();
    remove();
    drop(lock);
    assert_eq!((blobs(), layers()), (2, 1));
    engine.images.prune(&Default::default(), &engine.containers).unwrap();
    assert_eq!((blobs(), layers()), (0, 0));
    image("3");
    let lock = held_by_a_killed_one();
    remove();
    drop(lock);
    engine_in(folder.path(), "three");
    assert_eq!((blobs(), layers()), (0, 0));
    // What is wanted again meanwhile stays.
    image("4");
    let build = engine.images.hold_content().unwrap();
    remove();
    import(&engine, &Tar::new().file("a", "4").end(), "y").unwrap();
    drop(build);
    assert!(engine.images.resolve("y", None).unwrap().layers[0].join("a").is_file());
}

#[test]
fn an_image_that_lost_its_name_is_dangling_and_pruned() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    import(&engine, &Tar::new().file("a", "1").end(), "x").unwrap();
    let old = engine.images.id_of("x").unwrap();
    import(&engine, &Tar::new().file("a", "2").end(), "x").unwrap();
    let dangling = ImageFilters { dangling: Some(true), ..ImageFilters::default() };
    let list = engine.images.list(false, &dangling).unwrap();
    assert_eq!(list.iter().map(|image| image.id.clone()).collect::<Vec<_>>(), std::slice::from_ref(&old));
    let (lines, reclaimed) = engine.images.prune(&ImageFilters::default(), &engine.containers).unwrap();
    assert_eq!(lines.first(), Some(&Removed::Deleted(old)));
    assert_eq!(reclaimed, 1);
    assert_eq!(engine.images.count(), 1);
}

#[test]
fn tags_of_one_image_are_one_image() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    let tags = dockside::engine::catalog::tags("library/ubuntu");
    assert!(tags.len() >= 10, "{tags:?}");
    for tag in &tags {
        pull(&engine, &format!("ubuntu:{tag}")).unwrap();
    }
    let list = engine.images.list(false, &ImageFilters::default()).unwrap();
    assert_eq!(list.iter().map(|image| image.tags.len()).sum::<usize>(), tags.len());
    assert!(list.len() < tags.len(), "several tags share an image");
    assert!(list.windows(2).all(|pair| pair[0].created >= pair[1].created), "the newest comes first");
}

#[test]
fn many_threads_tag_at_once_and_no_tag_is_lost() {
    let folder = folder();
    let engine = engine_in(folder.path(), "one");
    import(&engine, &Tar::new().file("a", "1").end(), "x").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            // Each with a view of its own on the same files, as another process would have.
            let engine = engine_in(folder.path(), "one");
            scope.spawn(move || {
                for n in 0..10 {
                    engine.images.tag("x", "t", Some(&format!("{thread}-{n}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(engine.images.list(false, &ImageFilters::default()).unwrap()[0].tags.len(), 41);
}

#[test]
fn what_another_build_made_for_labs_goes_with_it() {
    let folder = folder();
    let kept = engine_in(folder.path(), "kept");
    import(&kept, &Tar::new().file("kept", "x").end(), "kept").unwrap();
    let lab = engine_in(folder.path(), "lab");
    lab.images.be_temporary();
    import(&lab, &Tar::new().file("lab", "x").end(), "lab").unwrap();
    drop(lab);
    std::fs::remove_dir_all(folder.path().join("lab")).unwrap();
    let layers = || std::fs::read_dir(folder.path().join("store/layers")).unwrap().count();
    // Another lab of the same build finds what the first one had.
    engine_in(folder.path(), "next").images.be_temporary();
    assert_eq!(layers(), 2);
    std::fs::write(folder.path().join("store/made-by"), "another build").unwrap();
    engine_in(folder.path(), "next").images.be_temporary();
    assert_eq!(layers(), 1);
    assert!(kept.images.resolve("kept", None).unwrap().layers.iter().all(|l| l.join("kept").is_file()));
}
