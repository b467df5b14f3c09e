//! Restart policies: whether a container that has ended is started again, and when. Docker's rules.

use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::ContainerError;
use super::record::{Record, Status};
use super::store::{Container, Containers};

/// Seconds after which a container that is started again counts as one that works.
const LONG_RUN: i64 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Record {
    /// It has ended, and is to be started again.
    pub(super) fn restarts(&mut self) {
        self.state.status = Status::Restarting;
        self.restart_count += 1;
    }
}

impl Container {
    /// How long to wait before it is started again, having run for `lasted` seconds: twice as long as the last time, and from the
    /// beginning for one that ran for a while.
    fn next_wait(&self, lasted: i64) -> Duration {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        *waited = next_wait(*waited, lasted);
        *waited
    }
}

fn next_wait(last: Duration, lasted: i64) -> Duration {
    if last.is_zero() || lasted >= LONG_RUN { FIRST_WAIT } else { (last * 2).min(LONGEST_WAIT) }
}

impl Containers {
    /// Starts a container for someone who asked for it: nothing that its policy has counted so far matters any more.
    pub(super) async fn start_by_hand(&self, container: &Arc<Container>) -> Result<(), ContainerError> {
        if !container.lock().state.status.is_running() {
            container.lock().restart_count = 0;
            *container.waited.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
        }
        self.start_held(container).await
    }

    /// Whether the container's policy wants it started again.
    pub(super) fn restart_due(&self, container: &Container, code: i32) -> bool {
        let record = container.lock();
        let policy = &record.host.restart_policy;
        !record.state.stopped_by_hand
            && match policy.name.as_str() {
                "always" | "unless-stopped" => true,
                "on-failure" => {
                    code != 0 && (policy.maximum_retry_count == 0 || i64::from(record.restart_count) < policy.maximum_retry_count)
                }
                _ => false,
            }
    }

    /// Starts a container that ran for `lasted` seconds again, after a wait.
    pub(super) fn restart_later(&self, container: Arc<Container>, lasted: i64) {
        let containers = self.clone();
        // Boxed by being spawned: starting leads here again.
        tokio::spawn(async move {
            let wait = container.next_wait(lasted);
            let mut phase = container.phase.subscribe();
            // Removed or started by hand meanwhile.
            let seen = *phase.borrow_and_update();
            let moved =
                tokio::time::timeout(wait, async move { drop(phase.wait_for(|p| p.removed || p.starts != seen.starts).await) }).await;
            if moved.is_ok() {
                return;
            }
            let _held = container.operation.lock().await;
            if container.lock().state.status != Status::Restarting {
                return;
            }
            if containers.start_boxed(&container).await.is_err() {
                let _ = container.update(|r| r.state.status = Status::Exited);
            }
        });
    }

    /// Gives up starting a container again that waits for it; `false` for one that does not.
    pub(super) fn stop_restarting(&self, container: &Container) -> Result<bool, ContainerError> {
        if container.lock().state.status != Status::Restarting {
            return Ok(false);
        }
        container.update(|r| {
            r.state.status = Status::Exited;
            r.state.stopped_by_hand = true;
        })?;
        Ok(true)
    }

    fn start_boxed<'a>(&'a self, container: &'a Arc<Container>) -> Pin<Box<dyn Future<Output = Result<(), ContainerError>> + Send + 'a>> {
        Box::pin(self.start_held(container))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_a_container_has_run_for_a_while() {
        let mut wait = Duration::ZERO;
        let mut waits = Vec::new();
        for lasted in [0, 1, 9, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] {
            wait = next_wait(wait, lasted);
            waits.push(wait.as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
    }
}
