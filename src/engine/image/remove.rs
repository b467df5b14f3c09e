//! `rmi`: references go first, then the image, then the layers that no other image of this engine has.
//!
//! The order of checks and lines, and the words of conflicts, are Docker's.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::layers::chain_ids;
use super::repositories::Repositories;
use super::store::{find, is_id_prefix};
use super::{Digest, ImageError, ImageStore, Reference};
use crate::container::{Containers, ImageUse};

/// What a removal did, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A reference is gone.
    Untagged(String),
    /// An image or a layer (by its chain id) is gone.
    Deleted(Digest),
}

/// One removal under way.
struct Removal<'a> {
    store: &'a ImageStore,
    containers: &'a Containers,
    repositories: &'a mut Repositories,
    lines: Vec<Removed>,
    /// Events to tell once the change is on disk: action and image.
    told: Vec<(&'static str, Digest)>,
    reclaimed: u64,
}

struct Conflict {
    error: ImageError,
    /// A container uses the image.
    used: bool,
}

impl ImageStore {
    /// Removes what `name` means: a reference, and with the last one the image.
    ///
    /// `force` goes over stopped containers and several references; `prune` removes untagged parents too.
    pub fn remove(&self, name: &str, force: bool, prune: bool, containers: &Containers) -> Result<Vec<Removed>, ImageError> {
        let (lines, told) = self.repositories.update(|repositories| {
            let mut removal = Removal { store: self, containers, repositories, lines: Vec::new(), told: Vec::new(), reclaimed: 0 };
            removal.run(name, force, prune)?;
            Ok((removal.lines, removal.told))
        })?;
        self.tell_removals(&told);
        Ok(lines)
    }

    /// Tells of what went once the change is on disk, and lets the content go.
    fn tell_removals(&self, told: &[(&'static str, Digest)]) {
        for (action, id) in told {
            self.event(action, id.as_str(), id.as_str(), Some(id));
        }
        let gone: Vec<Digest> = told.iter().filter(|(action, _)| *action == "delete").map(|(_, id)| id.clone()).collect();
        if !gone.is_empty() && self.collects.load(Ordering::Relaxed) {
            self.collect(&gone);
        }
    }

    /// Removes all images that `unwanted` says yes to and that nothing uses; gives the lines and the bytes of the layers that went.
    ///
    /// An image goes only with all its references; `unwanted` decides by id, references and creation.
    pub(super) fn remove_unused(
        &self,
        containers: &Containers,
        unwanted: &dyn Fn(&Repositories, &Digest) -> bool,
    ) -> Result<(Vec<Removed>, u64), ImageError> {
        let (lines, told, reclaimed) = self.repositories.update(|repositories| {
            let candidates: Vec<Digest> = repositories.images().keys().filter(|id| unwanted(repositories, id)).cloned().collect();
            let mut removal = Removal { store: self, containers, repositories, lines: Vec::new(), told: Vec::new(), reclaimed: 0 };
            for id in candidates {
                removal.prune(&id);
            }
            Ok((removal.lines, removal.told, removal.reclaimed))
        })?;
        self.tell_removals(&told);
        Ok((lines, reclaimed))
    }
}

impl Removal<'_> {
    fn run(&mut self, name: &str, force: bool, prune: bool) -> Result<(), ImageError> {
        let id = find(self.repositories, name)?;
        let references = self.repositories.references_of(&id);
        let mut quiet = false;
        if is_id_prefix(&id, name) {
            if is_single(&references) {
                if let Some(conflict) = self.conflict(&id, !force, false) {
                    return Err(conflict.error);
                }
                for reference in &references {
                    self.untag(reference, &id);
                }
            }
        } else {
            if !force
                && is_single(&references)
                && let Some(user) = self.users(&id).first()
            {
                return Err(ImageError::Conflict(format!(
                    "conflict: unable to remove repository reference {name:?} (must force) - container {} is using its referenced image {}",
                    short(&user.id),
                    id.short()
                )));
            }
            let given = Reference::parse_normalized(name)?;
            let reference = match given.digest() {
                Some(digest) => given.with_digest(digest),
                None => given.or_latest(),
            };
            self.untag(&reference, &id);
            if reference.digest().is_none() {
                self.untag_orphaned_digests(&reference, &id);
            }
            if !self.repositories.references_of(&id).is_empty() {
                return Ok(());
            }
            quiet = true;
        }
        self.delete(&id, force, prune, quiet)
    }

    /// With a repository's last tag go its digests.
    fn untag_orphaned_digests(&mut self, reference: &Reference, id: &Digest) {
        let same: Vec<Reference> =
            self.repositories.references_of(id).into_iter().filter(|other| other.name() == reference.name()).collect();
        if same.iter().all(|other| other.digest().is_some()) {
            for digest in &same {
                self.untag(digest, id);
            }
        }
    }

    fn untag(&mut self, reference: &Reference, id: &Digest) {
        if self.repositories.unset(reference) {
            self.lines.push(Removed::Untagged(reference.familiar()));
            self.told.push(("untag", id.clone()));
        }
    }

    fn delete(&mut self, id: &Digest, force: bool, prune: bool, quiet: bool) -> Result<(), ImageError> {
        if let Some(conflict) = self.conflict(id, !force, !force) {
            let dangling = self.repositories.references_of(id).is_empty() && self.repositories.children(id).next().is_none();
            return if quiet && (!dangling || conflict.used) { Ok(()) } else { Err(conflict.error) };
        }
        let parent = self.repositories.image(id).and_then(|record| record.parent.clone());
        for reference in self.repositories.references_of(id) {
            self.untag(&reference, id);
        }
        self.forget(id);
        match parent {
            Some(parent) if prune && self.repositories.image(&parent).is_some() => self.delete(&parent, false, true, true),
            _ => Ok(()),
        }
    }

    /// Removes an image that is not wanted any more, unless something stands in the way.
    fn prune(&mut self, id: &Digest) {
        if self.repositories.image(id).is_none() || self.conflict(id, true, false).is_some() {
            return;
        }
        for reference in self.repositories.references_of(id) {
            self.untag(&reference, id);
        }
        let parent = self.repositories.image(id).and_then(|record| record.parent.clone());
        self.forget(id);
        if let Some(parent) = parent
            && self.repositories.image(&parent).is_some()
        {
            // What stands in the way of a parent is no error.
            let _ = self.delete(&parent, false, true, true);
        }
    }

    /// Takes the image off this engine's list and says which layers no other image needs.
    fn forget(&mut self, id: &Digest) {
        let chains = |id: &Digest| self.store.document(id).map(|document| chain_ids(&document.rootfs.diff_ids)).unwrap_or_default();
        let mine = chains(id);
        // A container keeps its image's layers even after the image went.
        let held: HashSet<Digest> = if self.users(id).is_empty() {
            self.repositories.images().keys().filter(|other| *other != id).flat_map(chains).collect()
        } else {
            mine.iter().cloned().collect()
        };
        self.repositories.remove_image(id);
        self.lines.push(Removed::Deleted(id.clone()));
        self.told.push(("delete", id.clone()));
        for chain in mine.into_iter().rev().filter(|chain| !held.contains(chain)) {
            self.reclaimed += self.store.layer_size(&chain);
            self.lines.push(Removed::Deleted(chain));
        }
    }

    fn users(&self, id: &Digest) -> Vec<ImageUse> {
        self.containers.using_image(id)
    }

    /// What stands in the way of removing the image; `stopped` and `referenced` say whether these count too.
    fn conflict(&self, id: &Digest, stopped: bool, referenced: bool) -> Option<Conflict> {
        let conflict = |how: &str, why: String, used: bool| {
            let error = ImageError::Conflict(format!("conflict: unable to delete {} ({how}) - {why}", id.short()));
            Some(Conflict { error, used })
        };
        if self.repositories.children(id).next().is_some() {
            return conflict("cannot be forced", "image has dependent child images".to_owned(), false);
        }
        let users = self.users(id);
        if let Some(user) = users.iter().find(|user| user.running) {
            return conflict("cannot be forced", format!("image is being used by running container {}", short(&user.id)), true);
        }
        if referenced && !self.repositories.references_of(id).is_empty() {
            return conflict("must be forced", "image is referenced in multiple repositories".to_owned(), false);
        }
        match users.first() {
            Some(user) if stopped => {
                conflict("must be forced", format!("image is being used by stopped container {}", short(&user.id)), true)
            }
            _ => None,
        }
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// At most one tag, and digests only of the same repository.
fn is_single(references: &[Reference]) -> bool {
    if references.len() <= 1 {
        return true;
    }
    let mut tags = references.iter().filter(|r| r.digest().is_none());
    let single = tags.next().unwrap_or(&references[0]);
    if tags.next().is_some() {
        return false;
    }
    references.iter().filter(|r| r.digest().is_some()).all(|r| r.name() == single.name())
}
