//! The network of a sentence encoder: an ONNX file run by `rten`.

use std::path::Path;
use std::sync::Arc;

use rten::{Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};

use super::pooling::Pooling;
use super::tokens::Pair;

/// Names of an output with the vector of a text, and of one with those of its tokens, in order of preference.
const POOLED: &[&str] = &["sentence_embedding", "text_embeds"];
const TOKENS: &[&str] = &["token_embeddings", "last_hidden_state"];
/// Names of the output of a cross-encoder.
const SCORES: &[&str] = &["logits", "scores"];

/// Bytes of a network.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// A file, which may refer to others with its weights.
    File(&'a Path),
    /// A part of the binary.
    Static(&'static [u8]),
}

/// A loaded network.
pub(super) struct Network {
    model: Model,
    ids: NodeId,
    mask: NodeId,
    types: Option<NodeId>,
    pooled: Option<NodeId>,
    tokens: Option<NodeId>,
    scores: Option<NodeId>,
}

/// Vectors of the tokens of a text, one after the other.
pub(super) struct TokenVectors {
    pub(super) values: Vec<f32>,
    pub(super) dimensions: usize,
}

impl TokenVectors {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimensions.max(1))
    }
}

impl Network {
    /// Loads a network, and finds its inputs and outputs.
    ///
    /// # Errors
    /// Tells what is wrong with the file.
    pub(super) fn load(source: Source<'_>) -> Result<Self, String> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = match source {
            Source::File(path) => options.load_file(path),
            Source::Static(bytes) => options.load_static_slice(bytes),
        }
        .map_err(|error| format!("is not a network that can be run: {error}"))?;
        let input = |name: &str| {
            let found = model.input_ids().iter().find(|id| name_of(&model, **id) == name);
            found.copied()
        };
        let needs = |name: &str| {
            input(name).ok_or_else(|| format!("has no input `{name}`; it has {}", names(&model, model.input_ids())))
        };
        let (ids, mask) = (needs("input_ids")?, needs("attention_mask")?);
        let types = input("token_type_ids");
        let known = [Some(ids), Some(mask), types];
        if let Some(other) = model.input_ids().iter().find(|id| !known.contains(&Some(**id))) {
            return Err(format!(
                "needs an input `{}`, which is not known here",
                name_of(&model, *other)
            ));
        }
        let (pooled, tokens) = (output(&model, POOLED, 2), output(&model, TOKENS, 3));
        let scores = output(&model, SCORES, 2);
        if [pooled, tokens, scores].iter().all(Option::is_none) {
            return Err(format!(
                "has none of the outputs {}; it has {}",
                [POOLED, TOKENS, SCORES].concat().join(", "),
                names(&model, model.output_ids())
            ));
        }
        Ok(Self {
            model,
            ids,
            mask,
            types,
            pooled,
            tokens,
            scores,
        })
    }

    /// Returns whether it gives the vectors of tokens.
    pub(super) fn gives_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Returns whether it gives the vectors of whole texts.
    pub(super) fn gives_pooled(&self) -> bool {
        self.pooled.is_some()
    }

    /// Returns the vectors of texts: by the network itself if it can, otherwise with `pooling`. Shorter texts are filled up
    /// to the longest.
    pub(super) fn texts(
        &self,
        texts: &[&[i32]],
        pooling: Pooling,
        pool: &Arc<ThreadPool>,
    ) -> Result<Vec<Vec<f32>>, String> {
        if let Some(pooled) = self.pooled {
            let ([count, dimensions], values) = self.run(texts, pooled, pool)?.into_shape_vec().map_err(odd)?;
            expect(count == texts.len() && dimensions > 0)?;
            return Ok(values.chunks_exact(dimensions).map(<[f32]>::to_vec).collect());
        }
        let tokens = self.run(texts, self.tokens()?, pool)?;
        let ([count, length, dimensions], values) = tokens.into_shape_vec::<f32, 3>().map_err(odd)?;
        expect(count == texts.len() && length * dimensions > 0)?;
        let each = values.chunks_exact(length * dimensions).zip(texts);
        Ok(each
            .map(|(values, text)| pooling.of(values.chunks_exact(dimensions).take(text.len())))
            .collect())
    }

    /// Returns the vectors of the tokens of one text.
    pub(super) fn tokens_of(&self, text: &[i32], pool: &Arc<ThreadPool>) -> Result<TokenVectors, String> {
        let tokens = self.run(&[text], self.tokens()?, pool)?;
        let ([count, length, dimensions], values) = tokens.into_shape_vec::<f32, 3>().map_err(odd)?;
        expect(count == 1 && length == text.len() && dimensions > 0)?;
        Ok(TokenVectors { values, dimensions })
    }

    /// Returns the score of each pair.
    pub(super) fn scores(&self, pairs: &[Pair], pool: &Arc<ThreadPool>) -> Result<Vec<f32>, String> {
        let scores = self.scores.ok_or("gives no scores: it is no cross-encoder")?;
        let ids: Vec<&[i32]> = pairs.iter().map(|pair| pair.ids.as_slice()).collect();
        let types: Vec<&[i32]> = pairs.iter().map(|pair| pair.types.as_slice()).collect();
        let scores = self.run_typed(&ids, &types, scores, pool)?;
        let ([count, each], scores) = scores.into_shape_vec().map_err(odd)?;
        if each != 1 {
            return Err(format!("gives {each} scores for a text instead of one"));
        }
        expect(count == pairs.len())?;
        Ok(scores)
    }

    fn tokens(&self) -> Result<NodeId, String> {
        self.tokens.ok_or_else(|| "gives no vectors of tokens".to_owned())
    }

    fn run(&self, texts: &[&[i32]], output: NodeId, pool: &Arc<ThreadPool>) -> Result<Value, String> {
        let types = vec![&[][..]; texts.len()];
        self.run_typed(texts, &types, output, pool)
    }

    /// Runs texts whose tokens have types; those without one have 0.
    fn run_typed(
        &self,
        texts: &[&[i32]],
        types: &[&[i32]],
        output: NodeId,
        pool: &Arc<ThreadPool>,
    ) -> Result<Value, String> {
        let length = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let filled = |rows: &[&[i32]], value: fn(i32) -> i32| {
            let rows = rows.iter().flat_map(|text| {
                let fill = std::iter::repeat_n(0, length - text.len());
                text.iter().map(move |id| value(*id)).chain(fill)
            });
            Value::from_shape([texts.len(), length], rows.collect()).map_err(|error| error.to_string())
        };
        let mut inputs = vec![
            (self.ids, filled(texts, |id| id)?.into()),
            (self.mask, filled(texts, |_| 1)?.into()),
        ];
        if let Some(input) = self.types {
            inputs.push((input, filled(types, |kind| kind)?.into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [value] = self
            .model
            .run_n(inputs, [output], Some(options))
            .map_err(|error| format!("cannot be run: {error}"))?;
        Ok(value)
    }
}

fn odd(error: impl std::fmt::Display) -> String {
    format!("gives another kind of output: {error}")
}

fn expect(fits: bool) -> Result<(), String> {
    fits.then_some(())
        .ok_or_else(|| "gives an output of another shape than its input".to_owned())
}

/// Returns the output of one of these names; otherwise the only output, if it has this number of dimensions.
fn output(model: &Model, preferred: &[&str], dimensions: usize) -> Option<NodeId> {
    let outputs = model.output_ids();
    let named = |name: &&str| outputs.iter().find(|id| name_of(model, **id) == *name);
    let only = || match outputs {
        [only] => {
            let shape = model.node_info(*only).and_then(|info| info.shape());
            shape
                .is_some_and(|shape: Vec<Dimension>| shape.len() == dimensions)
                .then_some(only)
        }
        _ => None,
    };
    preferred.iter().find_map(named).or_else(only).copied()
}

fn name_of(model: &Model, id: NodeId) -> &str {
    model.node_info(id).and_then(|info| info.name()).unwrap_or_default()
}

fn names(model: &Model, ids: &[NodeId]) -> String {
    let names: Vec<_> = ids.iter().map(|id| name_of(model, *id)).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
