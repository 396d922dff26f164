//! The cache that the file describes.

use tokio_util::task::TaskTracker;

use super::StartError;
use crate::cache::{Cache, CacheSettings};
use crate::clock::Clock;
use crate::config::CacheConfig;

/// The cache that a file describes; with `near`, what Redis holds is kept in memory too.
///
/// # Errors
/// Where the store's address is none, in words.
pub(super) fn open_cache(
    typed: &CacheConfig,
    near: bool,
    clock: Clock,
    tasks: TaskTracker,
) -> Result<Cache, StartError> {
    let settings = CacheSettings {
        prefix: typed.prefix.clone(),
        memory_bytes: typed.memory,
        timeout: typed.timeout,
        max_entry_bytes: typed.max_entry,
        max_new_keys: typed.max_new_keys,
        near,
    };
    if *typed.store == *"memory" {
        tracing::info!("responses are kept in this process only");
        return Ok(Cache::memory(settings, clock, tasks));
    }
    Cache::redis(&typed.store, settings, clock, tasks)
        .map_err(|why| StartError::Failed(why.to_string()))
}
