//! `import`: a tar of a file system becomes an image of one layer.

use std::io::{self, Read, Write};

use super::blobs::Incoming;
use super::changes::apply_changes;
use super::platform::Platform;
use super::progress::{Reporter, message};
use super::{HistoryEntry, ImageDocument, ImageError, ImageStore, Reference, RootFs, RunConfig};

/// What shall be imported, and as what.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    pub reference: Option<Reference>,
    pub message: String,
    /// Lines of a Dockerfile that change the run config.
    pub changes: Vec<String>,
    pub platform: Option<String>,
}

impl ImageStore {
    /// Imports the tar (plain or gzip) and reports the new image's id.
    pub fn import(&self, request: &ImportRequest, tar: &mut dyn Read, report: Reporter<'_>) -> Result<(), ImageError> {
        let platform = match request.platform.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => text.parse()?,
            None => Platform::host(),
        };
        if platform.os != "linux" {
            return Err(ImageError::Invalid(format!("operating system is not supported: {:?}", platform.os)));
        }
        let mut config = RunConfig::default();
        apply_changes(&mut config, &request.changes)?;
        let _content = self.hold_content()?;
        let mut blob = self.blobs.incoming()?;
        let plain = super::compression::decompress(tar).map_err(|e| ImageError::Invalid(e.to_string()))?;
        let unpacked = self.layers.unpack(&self.blobs, None, Tee { from: plain, to: &mut blob })?;
        let (diff_id, _) = blob.finish(Some(&unpacked.info.diff_id))?;
        self.layers.adopt(&[unpacked])?;
        let now = jiff::Timestamp::now().to_string();
        let comment = if request.message.is_empty() { "Imported from -".to_owned() } else { request.message.clone() };
        let document = ImageDocument {
            architecture: platform.architecture,
            comment: comment.clone(),
            config,
            container_config: Some(RunConfig::default()),
            created: Some(now.clone()),
            docker_version: super::DOCKER_VERSION.to_owned(),
            history: vec![HistoryEntry { created: Some(now), comment, ..HistoryEntry::default() }],
            os: platform.os,
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: vec![diff_id] },
            variant: platform.variant,
            ..ImageDocument::default()
        };
        let id = self.adopt_image(&document, None, request.reference.as_ref())?;
        report(message(id.as_str()));
        self.event("import", id.as_str(), id.as_str(), Some(&id));
        Ok(())
    }
}

/// Writes down all that is read.
struct Tee<'a, 'b, R> {
    from: R,
    to: &'a mut Incoming<'b>,
}

impl<R: Read> Read for Tee<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.to.write_all(&buffer[..n])?;
        Ok(n)
    }
}
