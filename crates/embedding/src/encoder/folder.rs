//! Folders of models: our own layout, and that of sentence-transformers.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::pooling::Pooling;
use crate::Error;

/// Places of the network, int8 first.
const NETWORKS: &[&str] = &[
    "model_quantized.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_int8.onnx",
    "onnx/model_qint8_avx512_vnni.onnx",
    "onnx/model_quint8_avx2.onnx",
    "onnx/model_qint8_arm64.onnx",
    "model.onnx",
    "onnx/model.onnx",
];
const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "config.json";
const POOLING: &str = "1_Pooling/config.json";
/// Maximum number of tokens of a text, when no file tells one.
const MAX_TOKENS: usize = 512;
/// Version of the code that makes vectors, a part of the fingerprint: it changes when the same files give other vectors.
const FORM: &[u8] = b"1";

/// A model as its folder describes it.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) name: String,
    /// Path of the network.
    pub(super) network: PathBuf,
    pub(super) tokenizer: Vec<u8>,
    pub(super) form: Form,
    path: PathBuf,
}

/// Treatment of texts before and after the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// `None` if no file tells it, which suffices for networks that pool themselves.
    pub(super) pooling: Option<Pooling>,
    pub(super) max_tokens: usize,
    pub(super) query_prefix: String,
    pub(super) document_prefix: String,
}

/// `config.json`, of ours and of transformers.
#[derive(Debug, Default, Deserialize)]
struct Config {
    name: Option<String>,
    #[serde(rename = "_name_or_path")]
    origin: Option<String>,
    pooling: Option<String>,
    max_tokens: Option<usize>,
    query_prefix: Option<String>,
    document_prefix: Option<String>,
    model_type: Option<String>,
    max_position_embeddings: Option<usize>,
    pad_token_id: Option<usize>,
}

/// `modules.json`: the steps of a model of sentence-transformers.
#[derive(Debug, Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`, in the older and in the newer form.
#[derive(Debug, Default, Deserialize)]
struct PoolingConfig {
    pooling_mode: Option<String>,
    #[serde(flatten)]
    modes: HashMap<String, serde_json::Value>,
}

/// `sentence_bert_config.json`.
#[derive(Debug, Default, Deserialize)]
struct Lengths {
    max_seq_length: Option<usize>,
}

/// `config_sentence_transformers.json`.
#[derive(Debug, Default, Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: HashMap<String, String>,
}

impl Folder {
    /// Reads all files but the network.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let reader = Reader { path };
        if !path.is_dir() {
            return Err(reader.error("", "is no folder, or cannot be read"));
        }
        let present = NETWORKS
            .iter()
            .map(|place| path.join(place))
            .find(|place| place.is_file());
        let Some(network) = present else {
            return Err(reader.error("model.onnx", "is missing, and so is onnx/model.onnx"));
        };
        let tokenizer = reader
            .bytes(TOKENIZER)?
            .ok_or_else(|| reader.error(TOKENIZER, "is missing"))?;
        let config: Config = reader.json(CONFIG)?.unwrap_or_default();
        let name = [&config.name, &config.origin].into_iter().flatten().next();
        let name = name.map(String::as_str).or_else(|| path.file_name()?.to_str());
        let name = name.and_then(|name| name.rsplit('/').next()).unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            network,
            tokenizer,
            form: reader.form(config)?,
            path: path.to_owned(),
        })
    }

    /// Returns a hash of everything that decides the vectors.
    pub(super) fn hash(&self) -> Result<String, Error> {
        let mut hash = Fingerprinted::new(&self.form, &self.tokenizer);
        for file in self.weights()? {
            hash.add(&fs::read(&file).map_err(|error| self.unreadable(&file, &error))?);
        }
        Ok(hash.finish())
    }

    /// Returns an error about the network.
    pub(super) fn wrong_network(&self, problem: impl Into<String>) -> Error {
        let file = self.network.strip_prefix(&self.path).unwrap_or(&self.network);
        Reader { path: &self.path }.error(&file.to_string_lossy(), problem)
    }

    /// Returns an error about the tokenizer.
    pub(super) fn wrong_tokenizer(&self, problem: impl Into<String>) -> Error {
        Reader { path: &self.path }.error(TOKENIZER, problem)
    }

    /// Returns an error about the absent pooling.
    pub(super) fn no_pooling(&self) -> Error {
        let problem = "has no `pooling` (mean, cls or max), there is no 1_Pooling/config.json, and the network gives the \
                       vectors of tokens only";
        Reader { path: &self.path }.error(CONFIG, problem)
    }

    /// Returns the file of the network and those with its weights, such as `model.onnx_data`, in order.
    fn weights(&self) -> Result<Vec<PathBuf>, Error> {
        let unreadable = |error: std::io::Error| self.unreadable(&self.network, &error);
        let folder = self.network.parent().unwrap_or(&self.path);
        let name = self
            .network
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_name().to_string_lossy().starts_with(&name) {
                files.push(entry.path());
            }
        }
        files.sort();
        Ok(files)
    }

    fn unreadable(&self, file: &Path, error: &std::io::Error) -> Error {
        let file = file.strip_prefix(&self.path).unwrap_or(file);
        Reader { path: &self.path }.error(&file.to_string_lossy(), format!("cannot be read: {error}"))
    }
}

/// Hash of everything that decides the vectors of a model.
pub(super) struct Fingerprinted(Sha256);

impl Fingerprinted {
    pub(super) fn new(form: &Form, tokenizer: &[u8]) -> Self {
        let mut hash = Self(Sha256::new_with_prefix(FORM));
        hash.add(format!("{form:?}").as_bytes());
        hash.add(tokenizer);
        hash
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        let digest = self.0.finalize();
        let start = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
        format!("{start:016x}")
    }
}

/// Reader of the files of a folder.
struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn form(&self, config: Config) -> Result<Form, Error> {
        self.check_modules()?;
        let pooling = match &config.pooling {
            Some(name) => {
                let pooling = Pooling::parse(name);
                Some(pooling.ok_or_else(|| {
                    self.error(CONFIG, format!("has `pooling` {name:?}; known are mean, cls and max"))
                })?)
            }
            None => self.pooling()?,
        };
        let lengths: Lengths = self.json("sentence_bert_config.json")?.unwrap_or_default();
        // These models count positions from behind the padding token.
        let counts_from_padding = matches!(
            config.model_type.as_deref(),
            Some("roberta" | "xlm-roberta" | "camembert" | "mpnet")
        );
        let first = if counts_from_padding {
            config.pad_token_id.unwrap_or(1) + 1
        } else {
            0
        };
        let positions = config
            .max_position_embeddings
            .map(|positions| positions.saturating_sub(first));
        let max_tokens = [config.max_tokens, lengths.max_seq_length, positions]
            .into_iter()
            .flatten()
            .min();
        let max_tokens = max_tokens.unwrap_or(MAX_TOKENS);
        if max_tokens < 8 {
            return Err(self.error(CONFIG, format!("allows {max_tokens} tokens; at least 8 are needed")));
        }
        let Prompts { mut prompts } = self.json("config_sentence_transformers.json")?.unwrap_or_default();
        let mut prompt = |own: Option<String>, names: [&str; 2]| {
            let given = own.or_else(|| names.iter().find_map(|name| prompts.remove(*name)));
            given.unwrap_or_default()
        };
        Ok(Form {
            pooling,
            max_tokens,
            query_prefix: prompt(config.query_prefix, ["query", "search_query"]),
            document_prefix: prompt(config.document_prefix, ["document", "passage"]),
        })
    }

    /// Refuses steps behind the pooling that change the vector, as their weights are in no ONNX file.
    fn check_modules(&self) -> Result<(), Error> {
        let file = "modules.json";
        let modules: Vec<Module> = self.json(file)?.unwrap_or_default();
        let known = ["Transformer", "Pooling", "Normalize"];
        let name = |module: &Module| module.kind.rsplit('.').next().unwrap_or_default().to_owned();
        match modules.iter().map(name).find(|name| !known.contains(&name.as_str())) {
            Some(other) => Err(self.error(file, format!("has a step {other}; known are {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    fn pooling(&self) -> Result<Option<Pooling>, Error> {
        let Some(config) = self.json::<PoolingConfig>(POOLING)? else {
            return Ok(None);
        };
        let on = config.modes.iter().filter(|(_, value)| value.as_bool() == Some(true));
        let on = on.filter_map(|(mode, _)| mode.strip_prefix("pooling_mode_").map(str::to_owned));
        let modes: Vec<String> = config.pooling_mode.into_iter().chain(on).collect();
        let known = |mode: &String| match mode.as_str() {
            "mean" | "mean_tokens" => Some(Pooling::Mean),
            "cls" | "cls_token" => Some(Pooling::Cls),
            "max" | "max_tokens" => Some(Pooling::Max),
            _ => None,
        };
        match modes.as_slice() {
            [mode] if let Some(pooling) = known(mode) => Ok(Some(pooling)),
            modes => Err(self.error(
                POOLING,
                format!(
                    "pools by {:?}; one of mean, cls and max is supported",
                    modes.join(" and ")
                ),
            )),
        }
    }

    /// Returns the content of a file, `None` if there is none.
    fn bytes(&self, file: &str) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(self.path.join(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(file, format!("cannot be read: {error}"))),
        }
    }

    fn json<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, Error> {
        let Some(bytes) = self.bytes(file)? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&bytes);
        parsed
            .map(Some)
            .map_err(|error| self.error(file, format!("is not as expected: {error}")))
    }

    fn error(&self, file: &str, problem: impl Into<String>) -> Error {
        Error::Model {
            folder: self.path.to_owned(),
            file: file.to_owned(),
            problem: problem.into(),
        }
    }
}
