//! Places that a server takes its keys from.

use context_manager_vector_store::Error;

use crate::auth::KeyPlaces;
use crate::config::Config;
use crate::store;

/// Returns the places in which a server of this configuration has its keys. Connects to none of them yet.
///
/// # Errors
/// [`Error`] when the settings of the store cannot be used.
///
/// # Panics
/// Outside of a tokio runtime, with a store that servers share.
pub fn key_places(config: &Config) -> Result<KeyPlaces, Error> {
    let store = store::documents(&config.vector_db)?;
    Ok(KeyPlaces::new(config.keys_path(), store))
}
