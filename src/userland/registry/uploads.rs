//! Blobs on their way in: begun, sent in one piece or several, and taken in once they have been found to have the digest that the
//! client says. What has come so far is hashed as it comes; after a restart it is hashed again from the file.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::task::block_in_place;

use super::layout::{Layout, found};
use super::refusal::{Code, Refusal};
use crate::engine::image::Digest;

/// An upload that nobody has gone on with is kept so long.
const KEPT: Duration = Duration::from_secs(168 * 3600);

/// Who sends nothing for so long is gone, and must not keep others from going on with the upload.
const SILENCE: Duration = Duration::from_secs(60);

/// Uploads by repository and id.
type Seen = HashMap<(String, String), Arc<Mutex<Upload>>>;

/// All uploads.
#[derive(Default)]
pub struct Uploads {
    /// What is known of those that this process has seen, by repository and id.
    seen: SyncMutex<Seen>,
}

/// One upload as far as it has come. Whoever holds the lock may go on with it.
pub struct Upload {
    folder: PathBuf,
    hash: Sha256,
    /// How many bytes have come.
    pub length: u64,
}

impl Uploads {
    /// Begins an upload; gives its id.
    pub fn begin(&self, layout: &Layout, name: &str) -> io::Result<String> {
        let id = unique()?;
        let folder = layout.upload(name, &id);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("startedat"), jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())?;
        File::create(folder.join("data"))?;
        self.keep(name, &id, Upload { folder, hash: Sha256::new(), length: 0 });
        Ok(id)
    }

    fn keep(&self, name: &str, id: &str, upload: Upload) -> Arc<Mutex<Upload>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two who read it from the disk at the same time, the first one counts.
        Arc::clone(seen.entry((name.to_owned(), id.to_owned())).or_insert_with(|| Arc::new(Mutex::new(upload))))
    }

    /// The upload of this id in the repository.
    pub fn find(&self, layout: &Layout, name: &str, id: &str) -> Result<Arc<Mutex<Upload>>, Refusal> {
        let folder = layout.upload(name, id);
        let Some(mut file) = found(File::open(folder.join("data")))? else {
            self.forget(name, id);
            return Err(Refusal::about(Code::BlobUploadUnknown, serde_json::json!({})));
        };
        if let Some(seen) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&(name.to_owned(), id.to_owned())) {
            return Ok(Arc::clone(seen));
        }
        let (mut hash, mut length) = (Sha256::new(), 0);
        let mut buffer = vec![0; 128 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => {
                    hash.update(&buffer[..n]);
                    length += n as u64;
                }
            }
        }
        Ok(self.keep(name, id, Upload { folder, hash, length }))
    }

    /// Ends an upload without keeping what came.
    pub fn cancel(&self, name: &str, id: &str, upload: &Upload) -> io::Result<()> {
        self.forget(name, id);
        found(fs::remove_dir_all(&upload.folder)).map(drop)
    }

    fn forget(&self, name: &str, id: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&(name.to_owned(), id.to_owned()));
    }

    /// Takes what came in as the blob `digest` of the repository. What has another digest is thrown away.
    pub fn finish(&self, layout: &Layout, name: &str, id: &str, upload: &Upload, digest: &Digest) -> Result<(), Refusal> {
        let real = digest_of(&upload.hash);
        if *digest != real {
            self.cancel(name, id, upload)?;
            return Err(Refusal::about(Code::DigestInvalid, format!("the content has the digest {real}")));
        }
        layout.take_in(&upload.folder.join("data"), digest)?;
        layout.link_blob(name, digest)?;
        Ok(self.cancel(name, id, upload)?)
    }

    /// Removes what nobody has gone on with for a week.
    pub fn purge(&self, layout: &Layout) -> io::Result<()> {
        for name in layout.repositories()? {
            for folder in layout.uploads(&name)? {
                let changed = fs::metadata(folder.join("data")).or_else(|_| fs::metadata(&folder)).and_then(|m| m.modified());
                if changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > KEPT)) {
                    found(fs::remove_dir_all(&folder))?;
                }
            }
        }
        Ok(())
    }
}

impl Upload {
    /// Appends what a request carries. What could not be written whole is taken back; what came before a connection broke stays, and
    /// the client may go on after it.
    pub async fn append(&mut self, mut body: Incoming) -> Result<(), Refusal> {
        let opened = block_in_place(|| found(OpenOptions::new().append(true).open(self.data())))?;
        // Somebody else ended it while this request waited for its turn.
        let mut file = opened.ok_or_else(|| Refusal::about(Code::BlobUploadUnknown, serde_json::json!({})))?;
        loop {
            let frame = tokio::time::timeout(SILENCE, body.frame()).await;
            let frame = frame.map_err(|_| Refusal::about(Code::BlobUploadInvalid, "the content stopped coming"))?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|e| Refusal::about(Code::BlobUploadInvalid, format!("the content broke off: {e}")))?;
            let Ok(data) = frame.into_data() else { continue };
            block_in_place(|| {
                if let Err(error) = file.write_all(&data) {
                    let _ = file.set_len(self.length);
                    return Err(error);
                }
                self.hash.update(&data);
                self.length += data.len() as u64;
                Ok(())
            })?;
        }
    }

    fn data(&self) -> PathBuf {
        Path::new(&self.folder).join("data")
    }

    /// What has come so far, as the header `Range` says it.
    pub fn range(&self) -> String {
        format!("0-{}", self.length.saturating_sub(1))
    }
}

fn digest_of(hash: &Sha256) -> Digest {
    let hex: String = hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::from_hex(&hex).expect("64 digits")
}

/// A random id in the form of a UUID.
fn unique() -> io::Result<String> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
