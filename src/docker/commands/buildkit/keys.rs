//! Private keys in files (`--ssh id=FILE`): this client is their agent for as long as a build goes on. Takes OpenSSH's form, and PKCS #8
//! and PKCS #1 in PEM; a key under a passphrase is for an agent to hold. Keys stay in this process.

use std::path::Path;

use ring::rand::SystemRandom;
use ring::rsa::{self, KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512,
};

use crate::base64;
use crate::docker::failure::Failure;
use crate::units::go_words;

/// The messages of the protocol of agents.
const ASKED_FOR_KEYS: u8 = 11;
const KEYS: u8 = 12;
const ASKED_TO_SIGN: u8 = 13;
const SIGNED: u8 = 14;
const FAILURE: u8 = 5;
/// Which hash an RSA signature shall have; without either it would be SHA-1, which nobody should take.
const RSA_SHA256: u32 = 2;
const RSA_SHA512: u32 = 4;

/// A key.
pub struct Key {
    /// The public key as the protocol has it.
    public: Vec<u8>,
    comment: Vec<u8>,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    /// With the name of its curve.
    Ecdsa(&'static str, EcdsaKeyPair),
    Rsa(Box<rsa::KeyPair>),
}

/// Reads a file with a key.
pub fn read(path: &str) -> Result<Key, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::new(format!("failed to open {path}: open {path}: {}", go_words(&e))))?;
    parse(&text).map_err(|why| {
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        Failure::new(format!("failed to parse {path}: {why}; or add {name} to an agent (ssh-add {path}) and give --ssh default"))
    })
}

fn parse(text: &str) -> Result<Key, String> {
    let label = text.split("-----BEGIN ").nth(1).and_then(|rest| rest.split("-----").next()).ok_or("it is no private key in PEM")?;
    let body = text.split("-----").nth(2).unwrap_or_default();
    if body.contains("Proc-Type: 4,ENCRYPTED") || label.starts_with("ENCRYPTED") {
        return Err(PASSPHRASE.to_owned());
    }
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::decode(&body).ok_or("its base64 makes no sense")?;
    let rejected = |e: ring::error::KeyRejected| format!("the key cannot be used ({e})");
    match label {
        "OPENSSH PRIVATE KEY" => openssh(&bytes),
        "RSA PRIVATE KEY" => Ok(rsa_key(rsa::KeyPair::from_der(&bytes).map_err(rejected)?, Vec::new())),
        "PRIVATE KEY" => {
            if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes) {
                return Ok(ed25519_key(pair, Vec::new()));
            }
            for (name, algorithm) in [("nistp256", &ECDSA_P256_SHA256_FIXED_SIGNING), ("nistp384", &ECDSA_P384_SHA384_FIXED_SIGNING)] {
                if let Ok(pair) = EcdsaKeyPair::from_pkcs8(algorithm, &bytes, &SystemRandom::new()) {
                    return Ok(ecdsa_key(name, pair, Vec::new()));
                }
            }
            Ok(rsa_key(rsa::KeyPair::from_pkcs8(&bytes).map_err(rejected)?, Vec::new()))
        }
        other => Err(format!("a {other} is not taken: bring it into OpenSSH's form (ssh-keygen -p -f FILE)")),
    }
}

const PASSPHRASE: &str = "it is protected by a passphrase";

/// OpenSSH's own form.
fn openssh(bytes: &[u8]) -> Result<Key, String> {
    let mut outer = Reader(bytes.strip_prefix(b"openssh-key-v1\0").ok_or("it is no key of OpenSSH's")?);
    let (cipher, _kdf, _options) = (outer.string()?, outer.string()?, outer.string()?);
    if cipher != b"none" {
        return Err(PASSPHRASE.to_owned());
    }
    if outer.number()? != 1 {
        return Err("there are several keys in it".to_owned());
    }
    outer.string()?;
    let mut inner = Reader(outer.string()?);
    if inner.number()? != inner.number()? {
        return Err("the file is damaged".to_owned());
    }
    let rejected = |e: ring::error::KeyRejected| format!("the key cannot be used ({e})");
    let kind = inner.string()?;
    match kind {
        b"ssh-ed25519" => {
            let (public, private) = (inner.string()?, inner.string()?);
            let seed = private.get(..32).ok_or(SHORT)?;
            let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(rejected)?;
            Ok(ed25519_key(pair, inner.string()?.to_vec()))
        }
        b"ecdsa-sha2-nistp256" | b"ecdsa-sha2-nistp384" => {
            let (name, length, algorithm) = match kind {
                b"ecdsa-sha2-nistp256" => ("nistp256", 32, &ECDSA_P256_SHA256_FIXED_SIGNING),
                _ => ("nistp384", 48, &ECDSA_P384_SHA384_FIXED_SIGNING),
            };
            let (_curve, public, private) = (inner.string()?, inner.string()?, plain(inner.string()?));
            let mut padded = vec![0; length.max(private.len()) - private.len()];
            padded.extend_from_slice(private);
            let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &padded, public, &SystemRandom::new()).map_err(rejected)?;
            Ok(ecdsa_key(name, pair, inner.string()?.to_vec()))
        }
        b"ssh-rsa" => {
            let mut next = || inner.string().map(plain);
            let (n, e, d, inverse, p, q) = (next()?, next()?, next()?, next()?, next()?, next()?);
            let (d_p, d_q) = (remainder(d, &one_less(p)), remainder(d, &one_less(q)));
            let public_key = PublicKeyComponents { n, e };
            let parts = KeyPairComponents { public_key, d, p, q, dP: d_p.as_slice(), dQ: d_q.as_slice(), qInv: inverse };
            let pair = rsa::KeyPair::from_components(&parts).map_err(rejected)?;
            Ok(rsa_key(pair, inner.string()?.to_vec()))
        }
        other => Err(format!("keys of the kind {} are not taken", String::from_utf8_lossy(other))),
    }
}

fn ed25519_key(pair: Ed25519KeyPair, comment: Vec<u8>) -> Key {
    let public = strings(&[b"ssh-ed25519", pair.public_key().as_ref()]);
    Key { public, comment, pair: Pair::Ed25519(pair) }
}

fn ecdsa_key(name: &'static str, pair: EcdsaKeyPair, comment: Vec<u8>) -> Key {
    let public = strings(&[format!("ecdsa-sha2-{name}").as_bytes(), name.as_bytes(), pair.public_key().as_ref()]);
    Key { public, comment, pair: Pair::Ecdsa(name, pair) }
}

fn rsa_key(pair: rsa::KeyPair, comment: Vec<u8>) -> Key {
    let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public());
    Key { public: strings(&[b"ssh-rsa", &whole(&e), &whole(&n)]), comment, pair: Pair::Rsa(Box::new(pair)) }
}

/// Answers a message to an agent with these keys; both without their length.
pub fn answer(keys: &[Key], message: &[u8]) -> Vec<u8> {
    match message.split_first() {
        Some((&ASKED_FOR_KEYS, _)) => {
            let mut said = vec![KEYS];
            said.extend_from_slice(&u32::try_from(keys.len()).unwrap_or(0).to_be_bytes());
            keys.iter().for_each(|key| said.extend(strings(&[&key.public, &key.comment])));
            said
        }
        Some((&ASKED_TO_SIGN, rest)) => match signed(keys, rest) {
            Some(signature) => [vec![SIGNED], strings(&[&signature])].concat(),
            None => vec![FAILURE],
        },
        _ => vec![FAILURE],
    }
}

fn signed(keys: &[Key], message: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(message);
    let (public, data, flags) = (reader.string().ok()?, reader.string().ok()?, reader.number().ok()?);
    let random = SystemRandom::new();
    match &keys.iter().find(|key| key.public == public)?.pair {
        Pair::Ed25519(pair) => Some(strings(&[b"ssh-ed25519", pair.sign(data).as_ref()])),
        Pair::Ecdsa(name, pair) => {
            let signature = pair.sign(&random, data).ok()?;
            let (r, s) = signature.as_ref().split_at(signature.as_ref().len() / 2);
            Some(strings(&[format!("ecdsa-sha2-{name}").as_bytes(), &strings(&[&whole(r), &whole(s)])]))
        }
        Pair::Rsa(pair) => {
            let (name, padding): (&[u8], &'static dyn ring::signature::RsaEncoding) = match flags {
                flags if flags & RSA_SHA512 != 0 => (b"rsa-sha2-512", &RSA_PKCS1_SHA512),
                flags if flags & RSA_SHA256 != 0 => (b"rsa-sha2-256", &RSA_PKCS1_SHA256),
                _ => return None,
            };
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(padding, &random, data, &mut signature).ok()?;
            Some(strings(&[name, &signature]))
        }
    }
}

/// The fields of a message.
struct Reader<'a>(&'a [u8]);

const SHORT: &str = "the file ends too early";

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u32, String> {
        let (head, rest) = self.0.split_first_chunk::<4>().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*head))
    }

    fn string(&mut self) -> Result<&'a [u8], String> {
        let length = self.number()? as usize;
        let (string, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(string)
    }
}

/// Strings, each with its length before it.
fn strings(all: &[&[u8]]) -> Vec<u8> {
    let mut said = Vec::new();
    for string in all {
        said.extend_from_slice(&u32::try_from(string.len()).unwrap_or(u32::MAX).to_be_bytes());
        said.extend_from_slice(string);
    }
    said
}

/// A number without zeros in front.
fn plain(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// A number as the protocol has it: one that would look negative has a zero in front.
fn whole(number: &[u8]) -> Vec<u8> {
    let number = plain(number);
    let zero: &[u8] = if number.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    [zero, number].concat()
}

/// An odd number less one.
fn one_less(number: &[u8]) -> Vec<u8> {
    let mut less = number.to_vec();
    if let Some(last) = less.last_mut() {
        *last &= !1;
    }
    less
}

/// What is left of a number divided by another, by the school's method bit by bit: it is done twice for a key.
fn remainder(number: &[u8], by: &[u8]) -> Vec<u8> {
    // One byte more, for what is shifted out before it is taken away.
    let by: Vec<u8> = [&[0], by].concat();
    let mut left = vec![0u8; by.len()];
    for bit in number.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        let mut carry = bit;
        for byte in left.iter_mut().rev() {
            (*byte, carry) = (*byte << 1 | carry, *byte >> 7);
        }
        if left >= by {
            let mut borrow = false;
            for (byte, other) in left.iter_mut().zip(&by).rev() {
                let (first, under) = byte.overflowing_sub(*other);
                let (second, further) = first.overflowing_sub(u8::from(borrow));
                (*byte, borrow) = (second, under || further);
            }
        }
    }
    plain(&left).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_divided() {
        assert_eq!(remainder(&[1, 0, 7], &[10]), [(0x10007 % 10) as u8]);
        assert_eq!(remainder(&[0xff, 0xff, 0xff, 0xff], &[0x01, 0x01]), Vec::<u8>::new());
        assert_eq!(remainder(&[0x12, 0x34, 0x56], &[0xff, 0xfe]), (0x0012_3456_u32 % 0xfffe).to_be_bytes()[2..].to_vec());
        assert_eq!(whole(&[0, 0x80]), [0, 0x80]);
    }

    #[test]
    fn what_is_no_key_is_told() {
        let why = |text: &str| parse(text).map(drop).expect_err("no key");
        assert_eq!(why("hello"), "it is no private key in PEM");
        assert!(why("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----").contains("ssh-keygen -p"));
        assert_eq!(why("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END"), "it is no key of OpenSSH's");
        assert_eq!(why("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END"), PASSPHRASE);
    }

    #[test]
    fn a_key_signs() {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64::encode(document.as_ref()));
        let key = parse(&pem).expect("a key");
        let public = key.public.clone();
        let keys = [key];
        let listed = answer(&keys, &[ASKED_FOR_KEYS]);
        assert_eq!(listed, [vec![KEYS, 0, 0, 0, 1], strings(&[&public, b""])].concat());
        let asked = [vec![ASKED_TO_SIGN], strings(&[&public, b"data"]), vec![0; 4]].concat();
        let answered = answer(&keys, &asked);
        let mut reader = Reader(&answered[1..]);
        let mut signature = Reader(reader.string().expect("a signature"));
        assert_eq!((answered[0], signature.string()), (SIGNED, Ok(&b"ssh-ed25519"[..])));
        let mut parts = Reader(&public);
        let (_kind, point) = (parts.string(), parts.string().expect("the key"));
        let verifier = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, point);
        verifier.verify(b"data", signature.string().expect("it")).expect("a good signature");
        assert_eq!(answer(&keys, &[17, 1, 2]), [FAILURE], "keys cannot be added");
    }
}
