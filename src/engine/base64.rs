//! Base64, for logins and for bytes within JSON: the standard alphabet to write, both alphabets to read.

use std::sync::LazyLock;

use data_encoding::{BASE64, Encoding, Specification};

/// Both alphabets, without padding; what is left of the last digit may be anything.
static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    alphabet.translate.from.push_str("-_");
    alphabet.translate.to.push_str("+/");
    alphabet.check_trailing_bits = false;
    alphabet.encoding().expect("64 symbols are an alphabet")
});

/// `bytes` with padding.
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes of `text`, padded or not, in the standard or the URL's alphabet; `None` where it is none.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim_end_matches('=').as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_there_and_back() {
        assert_eq!(encode(b"student:secret"), "c3R1ZGVudDpzZWNyZXQ=");
        for text in ["", "a", "ab", "abc", "{}", "\u{ff}\u{fe}?>"] {
            assert_eq!(decode(&encode(text.as_bytes())).unwrap(), text.as_bytes());
        }
        assert_eq!(decode("e30=").unwrap(), b"{}");
        assert_eq!(decode("_-8").unwrap(), [0xff, 0xef]);
        assert!(decode("a b").is_none());
    }
}
