//! `tag`: one more name for an image.

use super::repositories::Repositories;
use super::store::find;
use super::{Digest, ImageError, ImageStore, Reference};

impl ImageStore {
    /// Gives the image that `name` means the name `repository[:tag]`.
    pub fn tag(&self, name: &str, repository: &str, tag: Option<&str>) -> Result<(), ImageError> {
        let target = tag_reference(repository, tag)?;
        let id = self.repositories.update(|repositories| {
            let id = find(repositories, name)?;
            point(repositories, &target, &id);
            Ok(id)
        })?;
        self.event("tag", id.as_str(), &target.familiar(), Some(&id));
        Ok(())
    }
}

/// The reference that `repository` and `tag` of the API's queries make; without a tag it is `latest`.
pub fn tag_reference(repository: &str, tag: Option<&str>) -> Result<Reference, ImageError> {
    let named = Reference::parse_normalized(repository)?;
    if named.digest().is_some() {
        return Err(ImageError::Invalid("refusing to create a tag with a digest reference".to_owned()));
    }
    if named.familiar_name() == "sha256" {
        return Err(ImageError::Invalid("refusing to create an ambiguous tag using digest algorithm as name".to_owned()));
    }
    match tag.filter(|tag| !tag.is_empty()) {
        Some(tag) if Reference::is_tag(tag) => Ok(named.with_tag(tag)),
        Some(_) => Err(ImageError::Invalid("invalid tag format".to_owned())),
        None => Ok(named.or_latest()),
    }
}

/// Points a tag to an image.
pub(super) fn point(repositories: &mut Repositories, reference: &Reference, id: &Digest) {
    repositories.set(reference, id);
    repositories.tagged(id, jiff::Timestamp::now());
}
