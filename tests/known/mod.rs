//! The cases that are known not to be met, by id (`tests/known-differences.txt`), and the judgement of a set of results.
//!
//! A failure that is not listed fails the test, and so does a listed case that passes: the list stays true and short.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

/// The results of one set of cases.
pub struct Results {
    set: String,
    known: BTreeSet<String>,
    total: usize,
    failed: Vec<(String, String)>,
    mended: Vec<String>,
}

impl Results {
    pub fn new(set: &str) -> Self {
        let list = include_str!("../known-differences.txt");
        let prefix = format!("{set} ");
        let known = list.lines().filter_map(|l| l.strip_prefix(&prefix)).map(|l| l.split(" # ").next().unwrap_or(l).trim().to_owned());
        Results { set: set.to_owned(), known: known.collect(), total: 0, failed: Vec::new(), mended: Vec::new() }
    }

    pub fn add(&mut self, id: &str, result: Result<(), String>) {
        self.total += 1;
        match result {
            Ok(()) if self.known.contains(id) => self.mended.push(id.to_owned()),
            Ok(()) => {}
            Err(why) => self.failed.push((id.to_owned(), why)),
        }
    }

    /// Fails on what is not listed, on what is listed in vain, and on fewer than 90 % of passes.
    pub fn judge(self) {
        let passed = self.total - self.failed.len();
        eprintln!("{}: {passed} of {} pass", self.set, self.total);
        let new: Vec<_> = self.failed.iter().filter(|(id, _)| !self.known.contains(id)).collect();
        for (id, why) in &new {
            eprintln!("  {} {id}: {}", self.set, why.chars().take(1200).collect::<String>());
        }
        assert!(new.is_empty(), "{}: {} cases fail that are not in tests/known-differences.txt", self.set, new.len());
        assert!(self.mended.is_empty(), "{}: these pass, take them off tests/known-differences.txt: {:?}", self.set, self.mended);
        assert!(passed * 100 >= self.total * 90, "{}: only {passed} of {} pass", self.set, self.total);
    }
}

/// Hexadecimal SHA-256 of a text.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
