//! `registry garbage-collect`: deletes the content that no manifest names. Not to be run while the registry takes anything in: what has
//! come and is not named yet would be taken for waste.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::layout::Layout;
use super::manifests;
use crate::engine::image::Digest;

/// What is done besides deleting content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Tells what would be deleted, and deletes nothing.
    pub dry_run: bool,
    /// Deletes manifests that no tag leads to, too.
    pub untagged: bool,
}

/// Marks what is in use, says so on `out`, and deletes the rest.
pub fn collect(layout: &Layout, options: Options, out: &mut dyn Write) -> io::Result<()> {
    let mut marked = BTreeSet::new();
    let mut doomed: Vec<(String, Digest)> = Vec::new();
    for name in layout.repositories()? {
        writeln!(out, "{name}")?;
        let kept = kept(layout, &name, options.untagged)?;
        for digest in layout.manifests(&name)? {
            if !kept.contains(&digest) {
                doomed.push((name.clone(), digest));
                continue;
            }
            writeln!(out, "{name}: marking manifest {digest} ")?;
            let content = layout.find_manifest(&name, &digest)?.unwrap_or_default();
            for blob in manifests::names(&content).0 {
                writeln!(out, "{name}: marking blob {blob}")?;
                marked.insert(blob);
            }
            marked.insert(digest);
        }
    }
    let waste: Vec<Digest> = layout.contents()?.into_iter().filter(|digest| !marked.contains(digest)).collect();
    let (marks, blobs, gone) = (marked.len(), waste.len(), doomed.len());
    writeln!(out, "\n{marks} blobs marked, {blobs} blobs and {gone} manifests eligible for deletion")?;
    for (name, digest) in doomed {
        writeln!(out, "manifest eligible for deletion: {digest}")?;
        if !options.dry_run {
            layout.remove_manifest(&name, &digest)?;
        }
    }
    for digest in waste {
        writeln!(out, "blob eligible for deletion: {digest}")?;
        if !options.dry_run {
            layout.delete(&digest)?;
        }
    }
    Ok(())
}

/// The manifests of a repository that stay: all, or those that a tag leads to, themselves or through an index.
fn kept(layout: &Layout, name: &str, untagged: bool) -> io::Result<BTreeSet<Digest>> {
    if !untagged {
        return Ok(layout.manifests(name)?.into_iter().collect());
    }
    let mut kept = BTreeSet::new();
    let mut waiting = Vec::new();
    for tag in layout.tags(name)?.unwrap_or_default() {
        waiting.extend(layout.resolve(name, &tag)?);
    }
    while let Some(digest) = waiting.pop() {
        let Some(content) = layout.find_manifest(name, &digest)? else { continue };
        if kept.insert(digest) {
            waiting.extend(manifests::names(&content).1);
        }
    }
    Ok(kept)
}
