//! `[knowledge.vectors]`: who makes vectors of questions, if anybody: a table of words, or a server.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use townkeeper_engine::meaning::{Server, Source};
use townkeeper_knowledge::{Base, WordVectors};
use townkeeper_providers::Embeddings;

use crate::settings::secret_of;

/// The section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VectorsSection {
    /// File of word vectors, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<String>,
    /// Where the API of a server begins, `/embeddings` left off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    /// The server's name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// File that holds the key. At most one of this and `api_key_env`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_key_file: Option<String>,
    /// Name of the environment variable that holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_key_env: Option<String>,
    /// How long a question waits for its vector before words alone answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u32>,
}

const TIMEOUT_MS: u32 = 300;

/// Reads the section, and refuses what contradicts itself.
pub(crate) fn section<'de, D: Deserializer<'de>>(from: D) -> Result<Option<VectorsSection>, D::Error> {
    let section = VectorsSection::deserialize(from)?;
    let of_server = [&section.base_url, &section.model, &section.api_key_file, &section.api_key_env];
    let of_server = of_server.into_iter().any(Option::is_some) || section.timeout_ms.is_some();
    let fault = match (&section.table, &section.base_url) {
        (Some(_), _) if of_server => "`table` and a server are both set in [knowledge.vectors]; keep one",
        (None, None) => "`table` or `base_url` is missing in [knowledge.vectors]",
        (None, Some(_)) if section.model.is_none() => "`base_url` needs `model` beside it in [knowledge.vectors]",
        _ if section.api_key_file.is_some() && section.api_key_env.is_some() => {
            "`api_key_file` and `api_key_env` are both set in [knowledge.vectors]; keep one"
        }
        _ if section.timeout_ms == Some(0) => "`timeout_ms` must be 1 or more",
        _ => return Ok(Some(section)),
    };
    Err(D::Error::custom(fault))
}

impl VectorsSection {
    /// Reads the table, or prepares to ask the server. `data` and `workspace`: where its vectors are kept.
    pub(crate) fn open(&self, data: &Path, workspace: &str) -> anyhow::Result<Source> {
        if let Some(file) = &self.table {
            return Ok(Source::Table(Arc::new(table(Path::new(file))?)));
        }
        let timeout = Duration::from_millis(u64::from(self.timeout_ms.unwrap_or(TIMEOUT_MS)));
        let kept = data.join(format!("vectors.{workspace}"));
        Ok(Source::Server(Box::new(Server { client: self.client()?, timeout, kept })))
    }

    /// The server's client.
    pub(crate) fn client(&self) -> anyhow::Result<Embeddings> {
        let key = secret_of("[knowledge.vectors] api_key", self.api_key_file.as_deref(), self.api_key_env.as_deref())?;
        let (base_url, model) =
            (self.base_url.as_deref().unwrap_or_default(), self.model.as_deref().unwrap_or_default());
        Embeddings::new(base_url, model, key).context("[knowledge.vectors]")
    }
}

/// Reads a table of word vectors. What is not UTF-8 in it is nobody's word.
pub(crate) fn table(file: &Path) -> anyhow::Result<WordVectors> {
    let name = file.display().to_string();
    let unable = || format!("cannot read the word vectors {name}");
    let mut broken = None;
    let lines = BufReader::new(File::open(file).with_context(unable)?).split(b'\n').map_while(|line| match line {
        Ok(line) => Some(String::from_utf8_lossy(&line).into_owned()),
        Err(error) => {
            broken = Some(error);
            None
        }
    });
    let read = WordVectors::read(&name, lines);
    match broken {
        Some(error) => Err(anyhow!(error).context(unable())),
        None => Ok(read?),
    }
}

/// Sums a table's vectors with the words of a base that is not live.
pub(crate) fn sum_in(base: &Base, table: &WordVectors) -> anyhow::Result<()> {
    base.add_vectors(|text| base.mean_of(table, text)).context("the table does not fit the base")
}
