//! The networks that are known, by family and by what they are asked for.

use crate::TransformersError;
use crate::directory::Directory;
use crate::encoder::Padded;
use rust_bert::RustBertError;
use rust_bert::bert::{
    BertConfig, BertEmbeddings, BertForSequenceClassification, BertForTokenClassification, BertModel,
};
use rust_bert::distilbert::{
    DistilBertConfig, DistilBertForTokenClassification, DistilBertModel, DistilBertModelClassifier,
};
use rust_bert::pipelines::common::ModelType;
use rust_bert::roberta::{RobertaEmbeddings, RobertaForSequenceClassification, RobertaForTokenClassification};
use tch::{Tensor, nn};

/// An architecture, as `model_type` in `config.json` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bert,
    DistilBert,
    Roberta,
    XlmRoberta,
}

impl Family {
    pub(crate) const NAMES: [&str; 4] = ["bert", "distilbert", "roberta", "xlm-roberta"];
    const ALL: [Self; 4] = [Self::Bert, Self::DistilBert, Self::Roberta, Self::XlmRoberta];

    pub(crate) fn of(model_type: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|name| *name == model_type)?;
        Some(Self::ALL[at])
    }

    pub(crate) fn model_type(self) -> ModelType {
        match self {
            Self::Bert => ModelType::Bert,
            Self::DistilBert => ModelType::DistilBert,
            Self::Roberta => ModelType::Roberta,
            Self::XlmRoberta => ModelType::XLMRoberta,
        }
    }

    /// Positions that no token gets: RoBERTa counts from the padding's number, 1, plus one.
    pub(crate) fn reserved_positions(self) -> usize {
        match self {
            Self::Bert | Self::DistilBert => 0,
            Self::Roberta | Self::XlmRoberta => 2,
        }
    }

    /// What checkpoints write before the names of the encoder's weights; those of an encoder alone leave it away.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::DistilBert => "distilbert.",
            Self::Roberta | Self::XlmRoberta => "roberta.",
        }
    }
}

/// What a network is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Hidden states, for embeddings.
    States,
    /// Logits of a text or of a pair of texts.
    Texts,
    /// Logits of every token.
    Tokens,
}

/// A network with its weights.
pub(crate) enum Network {
    BertStates(BertModel<BertEmbeddings>),
    BertTexts(BertForSequenceClassification),
    BertTokens(BertForTokenClassification),
    DistilBertStates(DistilBertModel),
    DistilBertTexts(DistilBertModelClassifier),
    DistilBertTokens(DistilBertForTokenClassification),
    RobertaStates(BertModel<RobertaEmbeddings>),
    RobertaTexts(RobertaForSequenceClassification),
    RobertaTokens(RobertaForTokenClassification),
}

impl Network {
    /// A network of the directory's shape, with weights that are still to be loaded.
    pub(crate) fn build(directory: &Directory, task: Task, root: &nn::Path<'_>) -> Result<Self, TransformersError> {
        let unread = |e: serde_json::Error| directory.wrong(format!("config.json: {e}"));
        let unmade = |e: RustBertError| directory.wrong(format!("config.json: {e}"));
        if directory.family == Family::DistilBert {
            let config: DistilBertConfig = serde_json::from_slice(&directory.config).map_err(unread)?;
            return match task {
                Task::States => Ok(Self::DistilBertStates(DistilBertModel::new(root, &config))),
                Task::Texts => DistilBertModelClassifier::new(root, &config).map(Self::DistilBertTexts),
                Task::Tokens => DistilBertForTokenClassification::new(root, &config).map(Self::DistilBertTokens),
            }
            .map_err(unmade);
        }
        let config: BertConfig = serde_json::from_slice(&directory.config).map_err(unread)?;
        match (directory.family, task) {
            (Family::Bert, Task::States) => {
                Ok(Self::BertStates(BertModel::new_with_optional_pooler(root, &config, false)))
            }
            (Family::Bert, Task::Texts) => BertForSequenceClassification::new(root, &config).map(Self::BertTexts),
            (Family::Bert, Task::Tokens) => BertForTokenClassification::new(root, &config).map(Self::BertTokens),
            (_, Task::States) => Ok(Self::RobertaStates(BertModel::new_with_optional_pooler(root, &config, false))),
            (_, Task::Texts) => RobertaForSequenceClassification::new(root, &config).map(Self::RobertaTexts),
            (_, Task::Tokens) => RobertaForTokenClassification::new(root, &config).map(Self::RobertaTokens),
        }
        .map_err(unmade)
    }

    /// Hidden states or logits, without gradients; a row per row of the input.
    pub(crate) fn forward(&self, input: &Padded) -> Result<Tensor, RustBertError> {
        let (ids, mask, segments) = (Some(&input.ids), Some(&input.mask), Some(&input.segments));
        tch::no_grad(|| {
            Ok(match self {
                Self::BertStates(model) => {
                    model.forward_t(ids, mask, segments, None, None, None, None, false)?.hidden_state
                }
                Self::BertTexts(model) => model.forward_t(ids, mask, segments, None, None, false).logits,
                Self::BertTokens(model) => model.forward_t(ids, mask, segments, None, None, false).logits,
                Self::DistilBertStates(model) => model.forward_t(ids, mask, None, false)?.hidden_state,
                Self::DistilBertTexts(model) => model.forward_t(ids, mask, None, false)?.logits,
                Self::DistilBertTokens(model) => model.forward_t(ids, mask, None, false)?.logits,
                // RoBERTa knows one kind of segment only.
                Self::RobertaStates(model) => {
                    model.forward_t(ids, mask, None, None, None, None, None, false)?.hidden_state
                }
                Self::RobertaTexts(model) => model.forward_t(ids, mask, None, None, None, false).logits,
                Self::RobertaTokens(model) => model.forward_t(ids, mask, None, None, None, false).logits,
            })
        })
    }
}
