//! Weights from a file into a network.

use crate::TransformersError;
use crate::directory::Directory;
use std::collections::HashMap;
use std::path::Path;
use tch::nn::VarStore;
use tch::{TchError, Tensor};

/// Fills every variable of the store. What the file has besides is left: heads of other tasks, buffers of positions.
pub(crate) fn load(directory: &Directory, store: &VarStore) -> Result<(), TransformersError> {
    let path = directory.weights()?;
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tensors = read(&path).map_err(|e| directory.wrong(format!("{shown}: {e}")))?;
    let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
    variables.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, mut variable) in variables {
        let tensor = find(&tensors, &name, directory.family.prefix())
            .ok_or_else(|| directory.wrong(format!("{shown} has no {name}: it is a model for another purpose")))?;
        if tensor.size() != variable.size() {
            let why = format!("{shown}: {name} is {:?}, where config.json says {:?}", tensor.size(), variable.size());
            return Err(directory.wrong(why));
        }
        tch::no_grad(|| variable.f_copy_(tensor)).map_err(|e| directory.wrong(format!("{shown}: {name}: {e}")))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<HashMap<String, Tensor>, TchError> {
    let named = match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => Tensor::read_safetensors(path)?,
        _ => Tensor::load_multi(path)?,
    };
    Ok(named.into_iter().collect())
}

/// A tensor by the name of a variable, or by another that checkpoints give it: with or without the encoder's prefix, and
/// with TensorFlow's words for a layer norm's weights.
fn find<'a>(tensors: &'a HashMap<String, Tensor>, name: &str, prefix: &str) -> Option<&'a Tensor> {
    let other = name.strip_prefix(prefix).map_or_else(|| format!("{prefix}{name}"), str::to_owned);
    [name, &other].into_iter().find_map(|name| {
        let old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        tensors.get(name).or_else(|| tensors.get(&old))
    })
}
