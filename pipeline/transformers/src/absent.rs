//! What stands for the models in a build without them: nothing that could be had.

use crate::{Settings, TransformersError};
use tidelake_schemas::TransformerFindings;

/// Loaded models. This build has none, so that there is no value of this type.
#[derive(Clone, Debug)]
pub enum Transformers {}

/// A batch on its way. There is none in this build.
#[derive(Debug)]
pub enum Pending {}

impl Transformers {
    /// Loads the models.
    ///
    /// # Errors
    /// [`TransformersError::NotBuilt`], always.
    pub fn start(_: &Settings) -> Result<Self, TransformersError> {
        Err(TransformersError::NotBuilt)
    }

    /// What ran, for a record's provenance.
    pub fn label(&self) -> &str {
        match *self {}
    }

    /// Hands a batch over.
    ///
    /// # Errors
    /// None: there is no value to call it on.
    pub fn submit(&self, _: Vec<String>) -> Result<Pending, TransformersError> {
        match *self {}
    }
}

impl Pending {
    /// The findings, if they are there.
    pub fn poll(&self) -> Option<Result<Vec<TransformerFindings>, TransformersError>> {
        match *self {}
    }

    /// Awaits the findings.
    ///
    /// # Errors
    /// None: there is no value to call it on.
    pub fn wait(self) -> Result<Vec<TransformerFindings>, TransformersError> {
        match self {}
    }
}
