//! A place files are kept at: a directory, or a prefix of a bucket.

use crate::lake::register_stores;
use deltalake::DeltaTableError;
use deltalake::logstore::{StorageConfig, object_store_factories};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use url::Url;

/// A place files are kept at. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Place {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The prefix within it.
    pub root: Path,
    /// The place as a URL, for messages; it holds no secret.
    pub shown: String,
}

impl Place {
    /// A directory (made if absent) or a URL (`s3://`, `gs://`, `az://`, `file://`), reached as a lake there is: options as
    /// object_store names them, and what of them is absent from the environment.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn at(location: &str, options: &HashMap<String, String>) -> Result<Self, String> {
        let url = deltalake::ensure_table_uri(location).map_err(|e| e.to_string())?;
        if let Ok(dir) = url.to_file_path() {
            std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
            let store = LocalFileSystem::new_with_prefix(dir).map_err(|e| e.to_string())?;
            return Ok(Self { store: Arc::new(store), root: Path::default(), shown: url.to_string() });
        }
        Self::in_bucket(&url, options).map_err(|e| e.to_string())
    }

    fn in_bucket(url: &Url, options: &HashMap<String, String>) -> Result<Self, DeltaTableError> {
        register_stores();
        let unknown = || DeltaTableError::InvalidTableLocation(url.to_string());
        let scheme = Url::parse(&format!("{}://", url.scheme())).map_err(|_| unknown())?;
        let factories = object_store_factories();
        let factory = factories.get(&scheme).map(|known| Arc::clone(known.value())).ok_or_else(unknown)?;
        let settings = StorageConfig::parse_options(options.clone())?;
        let (store, root) = factory.parse_url_opts(url, &settings)?;
        Ok(Self { store, root, shown: url.to_string() })
    }

    /// The path of a file below the place, its parts separated by `/`.
    pub fn path(&self, file: &str) -> Path {
        file.split('/').fold(self.root.clone(), |whole, part| whole.join(part))
    }
}

/// Bytes in hexadecimal, lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}
