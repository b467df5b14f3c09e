//! References against distribution's own cases, and properties of any text.

use std::path::Path;

use dockside::engine::image::{AnyReference, Digest, DigestError, Reference, ReferenceError};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn distributions_cases_parse_as_distribution_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/oci/references.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let corpus: Value = serde_json::from_str(&text).unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let input = case["input"].as_str().unwrap();
        let field = |name: &str| case[name].as_str().unwrap_or_default();
        match (Reference::parse(input), field("err")) {
            (Ok(reference), "") => {
                assert_eq!(reference.name(), field("repository"), "{input}");
                assert_eq!(reference.domain(), field("domain"), "{input}");
                assert_eq!(reference.tag().unwrap_or_default(), field("tag"), "{input}");
                assert_eq!(reference.digest().map_or("", Digest::as_str), field("digest"), "{input}");
            }
            (Err(error), expected) => assert_eq!(go_name(&error), expected, "{input}: {error}"),
            (Ok(reference), expected) => panic!("{input}: parsed as {reference:?}, should be {expected}"),
        }
    }
}

/// What distribution calls the error.
fn go_name(error: &ReferenceError) -> &'static str {
    match error {
        ReferenceError::InvalidFormat => "ErrReferenceInvalidFormat",
        ReferenceError::Uppercase | ReferenceError::UppercaseName(_) => "ErrNameContainsUppercase",
        ReferenceError::Empty => "ErrNameEmpty",
        ReferenceError::TooLong => "ErrNameTooLong",
        ReferenceError::Identifier(_) => "identifier",
        ReferenceError::Digest(DigestError::InvalidFormat) => "digest.ErrDigestInvalidFormat",
        ReferenceError::Digest(DigestError::InvalidLength) => "digest.ErrDigestInvalidLength",
        ReferenceError::Digest(DigestError::Unsupported) => "digest.ErrDigestUnsupported",
    }
}

#[test]
fn what_people_write_has_one_full_and_one_familiar_form() {
    for (written, full, familiar) in [
        ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("ubuntu:14.04", "docker.io/library/ubuntu:14.04", "ubuntu:14.04"),
        ("library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("index.docker.io/library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("jpetazzo/clock", "docker.io/jpetazzo/clock", "jpetazzo/clock"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/x", "localhost/x", "localhost/x"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1"),
        ("registry.example.org/a/b", "registry.example.org/a/b", "registry.example.org/a/b"),
        ("Registry/x", "Registry/x", "Registry/x"),
        ("test:5000/repo", "test:5000/repo", "test:5000/repo"),
    ] {
        let reference = Reference::parse_normalized(written).unwrap();
        assert_eq!(reference.to_string(), full, "{written}");
        assert_eq!(reference.familiar(), familiar, "{written}");
    }
}

#[test]
fn errors_read_as_dockers_do() {
    let id = "06".repeat(32);
    for (written, message) in [
        ("", "invalid reference format"),
        ("busybox:::x", "invalid reference format"),
        ("a//b", "invalid reference format"),
        (" ubuntu", "invalid reference format"),
        ("ubuntu@sha256:12", "invalid reference format"),
        ("Busybox:latest", "invalid reference format: repository name (library/Busybox) must be lowercase"),
        ("me/App", "invalid reference format: repository name (me/App) must be lowercase"),
        (&id, &format!("invalid repository name ({id}), cannot specify 64-byte hexadecimal strings")),
        (&format!("x@sha256:{}", "0".repeat(40)), "invalid checksum digest length"),
        (&format!("x@md5:{}", "0".repeat(32)), "unsupported digest algorithm"),
        (&"a".repeat(256), "repository name must not be more than 255 characters"),
    ] {
        assert_eq!(Reference::parse_normalized(written).unwrap_err().to_string(), message, "{written:?}");
    }
    assert!(matches!(AnyReference::parse(&id), Ok(AnyReference::Digest(_))));
    assert!(matches!(AnyReference::parse(&format!("sha256:{id}")), Ok(AnyReference::Digest(_))));
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in ".{0,300}") {
        let _ = Reference::parse(&text);
        let _ = AnyReference::parse(&text);
        let _ = text.parse::<Digest>();
    }

    #[test]
    fn what_looks_like_a_reference_is_read_back_as_it_was(text in "([a-zA-Z0-9.\\[\\]:_-]{1,12}/){0,3}[a-z0-9._-]{1,12}(:[\\w.-]{1,8})?(@sha256:[0-9a-f]{64})?") {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
        }
        if let Ok(reference) = Reference::parse_normalized(&text) {
            prop_assert_eq!(&Reference::parse_normalized(&reference.to_string()).unwrap(), &reference);
            prop_assert_eq!(Reference::parse_normalized(&reference.familiar()).unwrap(), reference);
        }
    }

    #[test]
    fn a_digest_is_what_its_bytes_are(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let digest = Digest::of(&bytes);
        prop_assert_eq!(digest.as_str().parse::<Digest>().unwrap(), digest.clone());
        prop_assert_eq!(Digest::of_reader(&mut bytes.as_slice()).unwrap(), (digest, bytes.len() as u64));
    }
}
