//! Whatever the bytes: the engine takes them in or refuses them, and touches nothing that is not its own.
#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "the ways in for slides are another test's")]
mod entries;

use entries::engine;
use proptest::prelude::*;
use tar::{EntryType, Header};

/// Names that lead out, and into what other entries have made.
const NAMES: &[&str] = &[
    "a",
    "b",
    "a/b",
    "a/b/c",
    "a/",
    "./a",
    "b/../a",
    "../outside/file",
    "../../../../../../../../outside/file",
    "/outside/file",
    "a/../../x",
    "..",
    ".",
    "",
    "/",
    "a/.wh.b",
    ".wh.a",
    ".wh..wh..opq",
    "a/.wh..wh..opq",
    ".wh..",
    ".wh.../x",
    "a\\b",
    "a\nb",
    "etc/passwd",
];

/// One header and what follows it; the checksum is right, for most.
fn entry() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(b"0123456789xgLKVSDM\0\xff".to_vec());
    let name = prop::sample::select(NAMES);
    let link = prop::sample::select(NAMES);
    let size = prop_oneof![6 => Just(None), 1 => any::<u64>().prop_map(Some), 1 => (0_u64..5000).prop_map(Some)];
    let content = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..600),
        1 => prop::sample::select(vec!["25 path=../outside/file\n", "30 linkpath=/outside/file\n", "9999 path=x\n", "0 =\n", "18 size=99999999\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    (kind, name, link, any::<u32>(), size, content, prop::bool::weighted(0.97)).prop_map(
        |(kind, name, link, mode, size, content, right)| {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::new(kind));
            let fields = header.as_gnu_mut().unwrap();
            fields.name[..name.len()].copy_from_slice(name.as_bytes());
            fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
            header.set_mode(mode & 0o7777);
            header.set_uid(u64::from(mode >> 16));
            header.set_gid(0);
            header.set_mtime(u64::from(mode));
            header.set_size(size.unwrap_or(content.len() as u64));
            header.set_cksum();
            let mut bytes = header.as_bytes().to_vec();
            if !right {
                bytes[148] ^= 1;
            }
            bytes.extend(&content);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
            bytes
        },
    )
}

/// Archives of such entries, with an end and without.
fn tar() -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(entry(), 0..10), any::<bool>()).prop_map(|(entries, ended)| {
        let mut bytes = entries.concat();
        bytes.resize(bytes.len() + if ended { 1024 } else { 0 }, 0);
        bytes
    })
}

/// Archives of images: documents that name what is there and what is not.
fn images() -> impl Strategy<Value = Vec<u8>> {
    let document = prop::sample::select(vec![
        r#"[{"Config":"config.json","RepoTags":["a:b"],"Layers":["layer.tar"]}]"#,
        r#"[{"Config":"../outside/file","RepoTags":["A:b"],"Layers":["/outside/file"]}]"#,
        r#"[{"Config":7}]"#,
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:x"]}}"#,
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"history":[{},{"empty_layer":7}]}"#,
        r#"{"imageLayoutVersion":"1.0.0"}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../x","size":-1}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}]}"#,
        "[[[[[[[[[[",
        "",
    ]);
    let name = prop::sample::select(vec![
        "manifest.json",
        "config.json",
        "layer.tar",
        "index.json",
        "oci-layout",
        "repositories",
        "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "../outside/file",
        "blobs/../../outside/file",
    ]);
    prop::collection::vec((name, document, any::<bool>()), 0..8).prop_map(|files| {
        let mut bytes = Vec::new();
        for (name, document, linked) in files {
            let mut header = Header::new_gnu();
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_mode(0o644);
            header.set_size(if linked { 0 } else { document.len() as u64 });
            if linked {
                header.set_entry_type(EntryType::Symlink);
                header.set_link_name("../outside/file").unwrap();
            }
            header.set_cksum();
            bytes.extend_from_slice(header.as_bytes());
            if !linked {
                bytes.extend_from_slice(document.as_bytes());
                bytes.resize(bytes.len().next_multiple_of(512), 0);
            }
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    })
}

/// Requests whose bodies say what they like, framed rightly, wrongly, and not at all.
fn requests() -> Vec<Vec<u8>> {
    let targets = [
        ("GET", "/v1.45/images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D"),
        ("GET", "/containers/json?all=1&filters={\"status\":{\"exited\":true}}&limit=-1"),
        ("GET", "/events?since=0&until=1&filters=[]"),
        ("GET", "/v1.24/containers/x/archive?path=/../../outside/file"),
        ("PUT", "/containers/x/archive?path=%2F..%2F..&noOverwriteDirNonDir=7"),
        ("POST", "/v9.99/containers/create?name=../../x"),
        ("POST", "/containers/create?platform=a/b/c/d"),
        ("POST", "/volumes/create"),
        ("POST", "/networks/create"),
        ("POST", "/build?dockerfile=../../x&buildargs=[&t=A&target=%00"),
        ("POST", "/build?version=1"),
        ("POST", "/images/load?quiet=maybe"),
        ("POST", "/images/create?fromSrc=-&repo=x&changes=CMD%20x"),
        ("POST", "/commit?container=x&changes=FROM%20y"),
        ("POST", "/exec/x/start"),
        ("POST", "/auth"),
        ("POST", "/session"),
        ("DELETE", "/images/sha256:x?force=2"),
        ("POST", "/images/prune?filters={\"until\":[\"-9999999999999h\"]}"),
    ];
    let bodies = [
        r#"{"Image":"x","Cmd":"a","HostConfig":{"Binds":["/:/x:rslave,z",":"],"Memory":-9223372036854775808,"PortBindings":{"0/sctp":[{"HostPort":"99999-1"}]}}}"#,
        r#"{"Name":"../x","Labels":7,"DriverOpts":{"type":"none","device":"/"}}"#,
        r#"{"Name":"n","IPAM":{"Config":[{"Subnet":"10.0.0.0/99","Gateway":"::1","IPRange":"300.1.1.1/8"}]}}"#,
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "FROM scratch\0\0\0",
        "",
    ];
    let mut all = Vec::new();
    for (number, (method, target)) in targets.into_iter().enumerate() {
        let body = bodies[number % bodies.len()];
        let head = format!("{method} {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n");
        all.push(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes());
        all.push(format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes());
        all.push(format!("{head}Transfer-Encoding: chunked\r\nTE: x\r\n\r\nffffffffffffffff\r\n{body}\r\n-1\r\n").into_bytes());
        all.push(format!("{head}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 99999\r\n\r\n{body}").into_bytes());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_layer_names_stays_in_its_folder(bytes in tar()) {
        engine::layer(&bytes);
    }

    #[test]
    fn whatever_an_archive_names_stays_in_the_store(bytes in prop_oneof![images(), tar()]) {
        engine::archive(&bytes);
    }

    #[test]
    fn whatever_a_connection_says_the_engine_answers_the_next(
        request in prop::sample::select(requests()), cut in 0_usize..400, noise in prop::collection::vec(any::<u8>(), 0..20), at in 0_usize..400,
    ) {
        let mut bytes = request;
        let at = at % (bytes.len() + 1);
        bytes.splice(at..at, noise);
        bytes.truncate(bytes.len().saturating_sub(cut % 200));
        engine::request(&bytes);
    }
}

#[test]
fn requests_as_they_are_are_answered() {
    for request in requests() {
        engine::request(&request);
    }
}

/// For where cargo-fuzz is not: `FUZZ_SECONDS=600 cargo test --test engine_properties -- --ignored --nocapture`. The name of a target runs
/// it alone (`-- --ignored as_layers`).
mod real_input_cut_and_mixed {
    use super::entries::{chance, engine};
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    /// Pieces of what is put together anew, with bytes changed, taken out and doubled.
    fn survive(mut seed: impl FnMut(&mut chance::Chance) -> Vec<u8>, way: fn(&[u8])) {
        chance::keep_trying(|chance| {
            let mut bytes = seed(chance);
            for _ in 0..chance.below(6) {
                let (from, other) = (chance.below(bytes.len() + 1), seed(chance));
                match chance.below(5) {
                    0 => bytes.splice(from..from, other.into_iter().take(chance.below(700))).for_each(drop),
                    1 => bytes.truncate(from),
                    2 if from < bytes.len() => bytes[from] = chance.below(256) as u8,
                    3 => {
                        let end = (from + chance.below(600)).min(bytes.len());
                        bytes.drain(from..end);
                    }
                    _ => {
                        let end = (from + chance.below(600)).min(bytes.len());
                        bytes.extend_from_within(from..end);
                    }
                }
            }
            if std::panic::catch_unwind(|| way(&bytes)).is_err() {
                panic!("these bytes: {:?}", String::from_utf8_lossy(&bytes));
            }
            bytes.len()
        });
    }

    /// Draws from a strategy.
    fn drawn<T>(strategy: impl Strategy<Value = T>) -> impl FnMut(&mut chance::Chance) -> T {
        let mut runner = TestRunner::deterministic();
        move |_| strategy.new_tree(&mut runner).map(|tree| tree.current()).expect("a value")
    }

    fn text(way: fn(&str)) -> impl Fn(&[u8]) {
        move |bytes| way(&String::from_utf8_lossy(bytes))
    }

    fn any_of(all: Vec<Vec<u8>>) -> impl FnMut(&mut chance::Chance) -> Vec<u8> {
        move |chance| all[chance.below(all.len())].clone()
    }

    /// The Dockerfiles of the corpus, where it is there, and one.
    fn dockerfiles() -> Vec<Vec<u8>> {
        let mut all =
            vec![b"# syntax=a\nFROM a AS b\nRUN <<E\nx\nE\nCOPY --from=b --chmod=7 a b\nENV a=${b:-c}\nONBUILD CMD [\"x\"]\n".to_vec()];
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/dockerfile");
        let mut folders = vec![corpus];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { folders.push(entry.path()) } else { all.extend(std::fs::read(entry.path())) }
            }
        }
        all
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_layers() {
        survive(drawn(tar()), engine::layer);
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_archives() {
        survive(drawn(prop_oneof![images(), tar()]), engine::archive);
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_requests() {
        survive(any_of(requests()), engine::request);
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_dockerfiles() {
        survive(any_of(dockerfiles()), |bytes| text(engine::dockerfile)(bytes));
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_templates() {
        let seeds = [
            "{{range $i, $e := .Config.Cmd}}{{$i}}={{$e | printf \"%5v\"}},{{else}}x{{end}}",
            "{{json .}}{{.State.Pid}}",
            "table {{.ID}}\\t{{index .Config.Labels \"x\"}}",
            "{{define \"a\"}}{{.}}{{end}}{{template \"a\" .}}{{with .Name}}{{len .}}{{end}}",
        ];
        survive(any_of(seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()), |bytes| text(engine::template)(bytes));
    }

    #[test]
    #[ignore = "takes FUZZ_SECONDS, or a minute"]
    fn are_survived_as_references() {
        let seeds = [
            "a/b:c@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "[::1]:5000/x/y__z:Tag-1",
            "localhost/A.b:1",
            "docker.io/library/x",
        ];
        survive(any_of(seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()), |bytes| text(engine::reference)(bytes));
    }
}
