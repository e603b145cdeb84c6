//! Transformer models over captions: sentence embeddings, sentiment, named entities and zero-shot categories.
//!
//! Each model is a local directory as Hugging Face's `transformers` writes it: `config.json`, the tokenizer's files and
//! the weights, `model.safetensors` or `rust_model.ot`. Nothing is downloaded. [`Transformers`] keeps the models on a
//! thread of their own behind a bounded queue; captions go through them in batches.
//!
//! Only with the cargo feature `libtorch`: without it there are the [`Settings`], and [`Transformers::start`] says how to
//! build with it.
//!
//! The same batch gives the same findings. Beside other captions, the sums within a matrix product may be formed in another
//! order, which moves a result by about 1e-7: scores are rounded to four places, embeddings to six, and `batch = 1` makes
//! every caption's findings its own to the last bit.

mod error;
mod settings;

#[cfg(not(feature = "libtorch"))]
mod absent;
#[cfg(feature = "libtorch")]
mod categories;
#[cfg(feature = "libtorch")]
mod directory;
#[cfg(feature = "libtorch")]
mod embeddings;
#[cfg(feature = "libtorch")]
mod encoder;
#[cfg(feature = "libtorch")]
mod entities;
#[cfg(feature = "libtorch")]
mod model;
#[cfg(feature = "libtorch")]
mod network;
#[cfg(feature = "libtorch")]
mod queue;
#[cfg(feature = "libtorch")]
mod sentiment;
#[cfg(feature = "libtorch")]
mod weights;

#[cfg(not(feature = "libtorch"))]
pub use absent::{Pending, Transformers};
pub use error::TransformersError;
#[cfg(feature = "libtorch")]
pub use queue::{Pending, Transformers};
pub use settings::{Device, Settings};

/// Whether this build has the models.
pub const BUILT: bool = cfg!(feature = "libtorch");
