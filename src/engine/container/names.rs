//! Names for containers that were given none: a quality and a harbour bird or beast.

use rustix::rand::{GetRandomFlags, getrandom};

const QUALITIES: [&str; 48] = [
    "able", "agile", "amber", "bold", "brave", "bright", "brisk", "calm", "clever", "crisp", "daring", "eager", "early", "fair", "fleet",
    "fresh", "gentle", "glad", "golden", "hardy", "honest", "humble", "jolly", "keen", "kind", "lively", "lucky", "mellow", "merry",
    "mild", "neat", "nimble", "noble", "patient", "plucky", "proud", "quick", "quiet", "ready", "silver", "sleek", "steady", "sunny",
    "swift", "tidy", "upbeat", "warm", "witty",
];

const CREATURES: [&str; 48] = [
    "albatross",
    "auk",
    "avocet",
    "barnacle",
    "beluga",
    "bittern",
    "cormorant",
    "crab",
    "crane",
    "curlew",
    "dolphin",
    "dunlin",
    "eider",
    "gannet",
    "godwit",
    "grebe",
    "gull",
    "heron",
    "herring",
    "kestrel",
    "kittiwake",
    "limpet",
    "lobster",
    "mackerel",
    "manatee",
    "marlin",
    "merganser",
    "mussel",
    "narwhal",
    "nautilus",
    "orca",
    "osprey",
    "otter",
    "oyster",
    "pelican",
    "petrel",
    "plover",
    "puffin",
    "redshank",
    "seahorse",
    "sealion",
    "shrimp",
    "skua",
    "starfish",
    "sturgeon",
    "teal",
    "tern",
    "walrus",
];

/// A random name; `attempt` above 0 adds a digit, for when the first is taken.
pub fn random(attempt: u32) -> String {
    let [a, b, c, ..] = random_bytes::<4>();
    let name = format!("{}_{}", QUALITIES[usize::from(a) % QUALITIES.len()], CREATURES[usize::from(b) % CREATURES.len()]);
    if attempt == 0 { name } else { format!("{name}{}", c % 10) }
}

/// A random id: 64 hexadecimal digits whose first twelve are not all decimal, so that they are never taken for a number.
pub fn id() -> String {
    loop {
        let id: String = random_bytes::<32>().iter().map(|b| format!("{b:02x}")).collect();
        if !id[..12].bytes().all(|b| b.is_ascii_digit()) {
            return id;
        }
    }
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            // No kernel that runs containers lacks the call.
            Err(e) => unreachable!("getrandom: {e}"),
        }
    }
    bytes
}

/// Whether a container may be called this: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
pub fn is_valid(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.len() > 1
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_names_are_valid() {
        for attempt in 0..50 {
            let name = random(attempt);
            assert!(is_valid(&name), "{name}");
        }
        assert!(QUALITIES.iter().chain(&CREATURES).all(|w| w.bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn names_are_checked_as_docker_checks_them() {
        for good in ["web", "a1", "my.web-1_x"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", "a", "a b", "-x", "_x", "ü1", "a/b"] {
            assert!(!is_valid(bad), "{bad}");
        }
        assert_eq!(id().len(), 64);
    }
}
