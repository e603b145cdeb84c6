//! Texts as tokens, and tokens as tensors.

use crate::TransformersError;
use crate::directory::Directory;
use crate::network::Family;
use rust_bert::pipelines::common::TokenizerOption;
use rust_tokenizers::TokenizedInput;
use rust_tokenizers::tokenizer::TruncationStrategy;
use tch::{Device, TchError, Tensor};

/// A model's tokenizer.
pub(crate) struct Encoder {
    tokenizer: TokenizerOption,
    /// Tokens at most; what follows is cut off.
    limit: usize,
    padding: i64,
}

/// Rows of one length: tensors of (rows, tokens).
pub(crate) struct Padded {
    pub ids: Tensor,
    /// 1 where there is a token, 0 where there is padding.
    pub mask: Tensor,
    /// 0 for the first text of a pair, 1 for the second.
    pub segments: Tensor,
}

impl Encoder {
    pub(crate) fn open(directory: &Directory) -> Result<Self, TransformersError> {
        let config = directory.tokenizer()?;
        let (vocabulary, merges) = match directory.family {
            Family::Bert | Family::DistilBert => (directory.file(&["vocab.txt"])?, None),
            Family::Roberta => (directory.file(&["vocab.json"])?, Some(directory.file(&["merges.txt"])?)),
            Family::XlmRoberta => (directory.file(&["sentencepiece.bpe.model"])?, None),
        };
        // The defaults of each family's own tokenizer; only BERT's folds cases and accents.
        let folds = matches!(directory.family, Family::Bert | Family::DistilBert);
        let tokenizer = TokenizerOption::from_file(
            directory.family.model_type(),
            &vocabulary.to_string_lossy(),
            merges.as_ref().map(|path| path.to_string_lossy()).as_deref(),
            config.do_lower_case.unwrap_or(folds),
            config.strip_accents.filter(|_| folds),
            config.add_prefix_space.filter(|_| directory.family == Family::Roberta),
        );
        let tokenizer = tokenizer.map_err(|e| directory.wrong(format!("tokenizer: {e}")))?;
        let padding =
            tokenizer.get_pad_id().ok_or_else(|| directory.wrong("its tokenizer has no padding".to_owned()))?;
        if directory.limit < 8 {
            return Err(directory.wrong(format!("it takes {} tokens only", directory.limit)));
        }
        Ok(Self { tokenizer, limit: directory.limit, padding })
    }

    /// A text, or a pair of texts; the longer one is cut at the model's limit.
    pub(crate) fn encode(&self, text: &str, pair: Option<&str>) -> TokenizedInput {
        self.tokenizer.encode_pair(text, pair, self.limit, &TruncationStrategy::LongestFirst, 0)
    }

    /// Rows that go through the model together, filled up to the longest of them.
    pub(crate) fn pad(&self, rows: &[&TokenizedInput], device: Device) -> Result<Padded, TchError> {
        let length = rows.iter().map(|row| row.token_ids.len()).max().unwrap_or_default();
        let (mut ids, mut mask, mut segments) = (Vec::new(), Vec::new(), Vec::new());
        for (row, end) in rows.iter().zip((1..).map(|row| row * length)) {
            ids.extend_from_slice(&row.token_ids);
            mask.resize(ids.len(), 1_i64);
            segments.extend(row.segment_ids.iter().map(|segment| i64::from(*segment)));
            ids.resize(end, self.padding);
            mask.resize(end, 0);
            segments.resize(end, 0);
        }
        let shape = [rows.len() as i64, length as i64];
        let tensor = |values: &[i64]| Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(device);
        Ok(Padded { ids: tensor(&ids)?, mask: tensor(&mask)?, segments: tensor(&segments)? })
    }
}

/// Which rows go together: those of like length, at most so many tokens with their padding.
pub(crate) fn portions(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|row| (lengths[*row], *row));
    let mut portions: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match portions.last_mut() {
            // In this order the newest row is the longest.
            Some(portion) if (portion.len() + 1) * lengths[row] <= tokens => portion.push(row),
            _ => portions.push(vec![row]),
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_every_row_once_and_keep_their_bounds() {
        let lengths = [5, 100, 7, 40, 41, 3, 600];
        let portions = portions(&lengths, 128);
        let mut rows: Vec<usize> = portions.iter().flatten().copied().collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
        for portion in &portions {
            let longest = portion.iter().map(|row| lengths[*row]).max().unwrap_or_default();
            assert!(portion.len() == 1 || portion.len() * longest <= 128, "{portions:?}");
        }
        assert_eq!(portions[0], [5, 0, 2]);
    }
}
