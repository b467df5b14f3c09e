//! The catalogue, written into a sink in memory.

use std::{cell::RefCell, collections::HashMap, io::Read};

use oci_spec::image::{Descriptor, Digest as OciDigest};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

#[derive(Default)]
struct Memory(RefCell<HashMap<String, Vec<u8>>>);

impl BlobSink for Memory {
    fn put(&self, media_type: &str, data: &mut dyn Read) -> io::Result<Descriptor> {
        let mut bytes = vec![];
        data.read_to_end(&mut bytes)?;
        let digest = format!("sha256:{}", layer::hex(&Sha256::digest(&bytes)));
        let size = bytes.len() as u64;
        self.0.borrow_mut().insert(digest.clone(), bytes);
        let digest: OciDigest = digest.parse().map_err(io::Error::other)?;
        Ok(Descriptor::new(media_type.into(), size, digest))
    }

    fn has(&self, digest: &str) -> bool {
        self.0.borrow().contains_key(digest)
    }
}

impl Memory {
    fn json(&self, digest: &str) -> Value {
        serde_json::from_slice(&self.0.borrow()[digest]).unwrap()
    }
}

fn image_id(sink: &Memory, repository: &str, tag: &str) -> String {
    let descriptor = resolve(repository, tag).unwrap().write(sink, &|_| true).unwrap();
    let top = sink.json(descriptor.digest().as_ref());
    let manifest = match top["manifests"][0]["digest"].as_str() {
        Some(digest) => sink.json(digest),
        None => top,
    };
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn every_image_is_whole_and_what_it_refers_to_is_there() {
    let sink = Memory::default();
    for repository in repositories() {
        for (tags, _) in &repository.images {
            let descriptor = resolve(repository.name, tags[0]).unwrap().write(&sink, &|_| true).unwrap();
            let top = sink.json(descriptor.digest().as_ref());
            let manifests = match top["manifests"].as_array() {
                Some(list) => list.iter().map(|m| sink.json(m["digest"].as_str().unwrap())).collect(),
                None => vec![top],
            };
            for manifest in manifests {
                let config = sink.json(manifest["config"]["digest"].as_str().unwrap());
                let layers = manifest["layers"].as_array().unwrap();
                for (index, layer) in layers.iter().enumerate() {
                    let digest = layer["digest"].as_str().unwrap();
                    assert_eq!(sink.0.borrow()[digest].len() as u64, layer["size"].as_u64().unwrap(), "{}", repository.name);
                    assert_eq!(config["rootfs"]["diff_ids"][index], layer["digest"]);
                }
                let steps = config["history"].as_array().unwrap();
                assert_eq!(steps.iter().filter(|s| s["empty_layer"].is_null()).count(), layers.len());
            }
        }
    }
}

#[test]
fn ubuntu_had_eleven_names_for_five_images() {
    let sink = Memory::default();
    let tags = ["13.10", "saucy", "13.04", "raring", "12.10", "quantal", "10.04", "lucid", "12.04", "latest", "precise"];
    let mut ids: Vec<String> = tags.iter().map(|tag| image_id(&sink, "library/ubuntu", tag)).collect();
    assert_eq!(ids[8], ids[9]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert!(tags.iter().all(|tag| super::tags("library/ubuntu").contains(&(*tag).to_owned())));
}

#[test]
fn only_the_layers_of_wanted_platforms_are_written() {
    let sink = Memory::default();
    let image = resolve("library/hello-world", "latest").unwrap();
    let descriptor = image.write(&sink, &|platform| platform == "linux/arm64").unwrap();
    let index = sink.json(descriptor.digest().as_ref());
    for entry in index["manifests"].as_array().unwrap() {
        let manifest = sink.json(entry["digest"].as_str().unwrap());
        let wanted = entry["platform"]["architecture"] == "arm64";
        assert_eq!(sink.has(manifest["layers"][0]["digest"].as_str().unwrap()), wanted, "{entry}");
    }
}

#[test]
fn what_nobody_has_is_not_found() {
    assert!(resolve("library/ubumtu", "latest").is_none());
    assert!(resolve("library/ubuntu", "99.99").is_none());
    assert!(resolve("ubuntu", "latest").is_none(), "official images live under library/");
    assert!(tags("classroom/nobody").is_empty());
}

#[test]
fn search_puts_the_official_image_first_and_then_the_popular_ones() {
    let found = search("redis");
    assert!(found[0].official && found[0].name == "redis");
    assert!(found[1..].windows(2).all(|pair| pair[0].stars >= pair[1].stars));
    let names: Vec<String> = search("marathon").into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["mesosphere/marathon", "mesoscloud/marathon", "mesosphere/marathon-lb", "tobilg/mongodb-marathon"]);
    assert!(search("nothing-like-this").is_empty());
}
