//! What can go wrong between a directory and its findings.

use std::path::PathBuf;

/// Why models could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum TransformersError {
    /// This build has no models.
    #[error(
        "this tidelake is built without transformer models. Build it with them: install libtorch 2.4 as \
         deploy/transformers.md says, then cargo build --release --features transformers; or set \
         stages.transformers.enabled = false"
    )]
    NotBuilt,
    /// A model's directory cannot be used.
    #[error("model {}: {why}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it, and what would do.
        why: String,
    },
    /// The device is not there.
    #[error("stages.transformers.device: {0}")]
    Device(String),
    /// A batch failed.
    #[error("transformer models: {0}")]
    Run(String),
    /// The models' thread is gone.
    #[error("the thread of the transformer models ended unexpectedly; its last lines say why")]
    Ended,
}

impl TransformersError {
    /// Whether loading again cannot help.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::NotBuilt | Self::Directory { .. } | Self::Device(_))
    }
}
