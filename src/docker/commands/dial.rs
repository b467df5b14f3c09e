//! `docker system dial-stdio`: the engine's connection on the standard streams, which is what `ssh` carries for a client elsewhere.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::Outcome;
use crate::docker::stream::read_stdin;

/// `docker system dial-stdio`.
pub async fn stdio(c: &Context, _m: &Matches) -> Outcome {
    let (mut reading, mut writing) = tokio::io::split(c.client()?.raw().await?);
    let mut typed = read_stdin();
    let mut buffer = vec![0; 32 * 1024];
    let mut open = true;
    loop {
        tokio::select! {
            n = reading.read(&mut buffer) => match n? {
                0 => return Ok(0),
                n => c.print(&buffer[..n]),
            },
            chunk = typed.recv(), if open => match chunk {
                Some(bytes) => writing.write_all(&bytes).await?,
                None => {
                    writing.shutdown().await?;
                    open = false;
                }
            }
        }
    }
}
