//! `image prune`: images that no name and no container needs.

use super::filter::ImageFilters;
use super::list::created;
use super::remove::Removed;
use super::{ImageError, ImageStore};
use crate::container::Containers;

impl ImageStore {
    /// Removes dangling images, or with `filters.dangling` false all that no container uses; gives the lines and the bytes reclaimed.
    pub fn prune(&self, filters: &ImageFilters, containers: &Containers) -> Result<(Vec<Removed>, u64), ImageError> {
        let only_dangling = filters.dangling != Some(false);
        let (lines, reclaimed) = self.remove_unused(containers, &|repositories, id| {
            let Ok(document) = self.document(id) else { return false };
            let named = !repositories.references_of(id).is_empty();
            let leaf = repositories.children(id).next().is_none();
            (!only_dangling || !named)
                && leaf
                && containers.using_image(id).is_empty()
                && filters.accept_labels(document.config.labels.as_ref())
                && filters.until.is_none_or(|until| created(&document) <= until)
        })?;
        self.collect_pending();
        self.events.pruned("image", reclaimed);
        Ok((lines, reclaimed))
    }
}
