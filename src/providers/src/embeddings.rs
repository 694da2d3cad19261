//! `POST …/embeddings`, as OpenAI invented it and many servers speak it: texts in, a vector for each out.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Response, Url};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use townkeeper_contract::stream::{ErrorClass, StreamError};

use crate::config::{BEARER, ProviderError, Vendor, address};
use crate::http::{self, Scrub};

const VENDOR: Vendor = Vendor {
    name: "embeddings",
    base_url: None,
    root: "",
    path: "/embeddings",
    needs_key: false,
    key: BEARER,
    headers: &[("accept", "application/json")],
};

/// How long a connection may take to set up.
const CONNECT: Duration = Duration::from_secs(5);

/// More than this is no answer to a batch, in bytes.
const BODY_CAP: usize = 32 << 20;

/// A model that makes vectors, behind an endpoint.
#[derive(Debug)]
pub struct Embeddings {
    client: Client,
    url: Url,
    headers: HeaderMap,
    model: String,
    scrub: Scrub,
    peer: String,
}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    input: &'a [&'a str],
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// Which text it is of; some servers leave it out and keep the order.
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl Embeddings {
    /// `base_url` is where the API begins, `/embeddings` left off. Does no I/O besides reading the system's certificates;
    /// a TLS provider must be installed before.
    pub fn new(base_url: &str, model: &str, key: Option<SecretString>) -> Result<Self, ProviderError> {
        let kind = VENDOR.name;
        if model.trim().is_empty() {
            return Err(ProviderError::MissingModel { kind });
        }
        let url = address(&VENDOR, Some(base_url), key.is_some())?;
        let headers = http::headers(VENDOR.headers, VENDOR.key, key.as_ref()).ok_or(ProviderError::Key { kind })?;
        let client = http::client(CONNECT, url.scheme() == "https");
        let client = client.map_err(|reason| ProviderError::Client { kind, reason })?;
        let peer = http::peer(kind, &url);
        Ok(Self { client, url, headers, model: model.to_owned(), scrub: Scrub::new(key), peer })
    }

    /// The server's host, for whoever reads the log; and the model.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// What vectors belong together by: the address and the model.
    pub fn source(&self) -> String {
        format!("{}\n{}", self.url, self.model)
    }

    /// A vector for each text, in their order and all of one size, or an error within this time.
    pub async fn embed(&self, texts: &[&str], within: Duration) -> Result<Vec<Vec<f32>>, StreamError> {
        let late = || {
            let message = format!("no vector within {within:?} (is it only slow? raise `timeout_ms`)");
            Err(self.error(ErrorClass::Stalled, &message))
        };
        timeout(within, self.ask(texts)).await.unwrap_or_else(|_| late())
    }

    async fn ask(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, StreamError> {
        let body = serde_json::to_vec(&Asked { model: &self.model, input: texts });
        let body = body.map_err(|error| self.error(ErrorClass::Internal, &error.to_string()))?;
        let request = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body);
        let response = request.send().await.map_err(|error| http::broken(&error, &self.peer, &self.scrub))?;
        if !response.status().is_success() {
            return Err(http::refusal(response, &self.scrub).await);
        }
        let body = self.body(response).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            self.error(
                ErrorClass::Protocol,
                &format!("the answer is no list of embeddings (is base_url right?): {error}"),
            )
        })?;
        in_order(answer, texts.len()).map_err(|reason| self.error(ErrorClass::Protocol, &reason))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, StreamError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| http::broken(&error, &self.peer, &self.scrub))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > BODY_CAP {
                return Err(self.error(ErrorClass::Protocol, "the answer is far too large"));
            }
        }
        Ok(bytes)
    }

    fn error(&self, class: ErrorClass, message: &str) -> StreamError {
        self.scrub.error(class, &format!("{}: {message}", self.peer))
    }
}

fn in_order(answer: Answer, texts: usize) -> Result<Vec<Vec<f32>>, String> {
    let mut vectors = vec![Vec::new(); texts];
    let given = answer.data.len();
    for (at, row) in answer.data.into_iter().enumerate() {
        let index = row.index.unwrap_or(at);
        let place = vectors.get_mut(index).filter(|place| place.is_empty());
        *place.ok_or_else(|| format!("a vector for text {index} of {texts}, or two for it"))? = row.embedding;
    }
    let size = vectors.first().map_or(0, Vec::len);
    match vectors.iter().map(Vec::len).find(|other| *other != size || *other == 0) {
        Some(0) => Err(format!("{given} vectors came for {texts} texts, or empty ones")),
        Some(other) => Err(format!("vectors of {size} and of {other} numbers came in one answer")),
        None => Ok(vectors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, texts: usize) -> Result<Vec<Vec<f32>>, String> {
        in_order(serde_json::from_str(json).unwrap(), texts)
    }

    #[test]
    fn vectors_stand_in_the_order_of_the_texts() {
        let backwards = r#"{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0.5]}],"usage":{}}"#;
        assert_eq!(read(backwards, 2), Ok(vec![vec![1.0, 0.5], vec![0.0, 1.0]]));
        assert_eq!(read(r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#, 2), Ok(vec![vec![1.0], vec![2.0]]));
    }

    #[test]
    fn an_answer_that_does_not_fit_its_texts_is_refused() {
        for (json, texts, words) in [
            (r#"{"data":[{"index":0,"embedding":[1]}]}"#, 2, "came for 2 texts"),
            (r#"{"data":[{"index":0,"embedding":[]}]}"#, 1, "or empty ones"),
            (r#"{"data":[{"index":2,"embedding":[1]}]}"#, 1, "text 2 of 1"),
            (r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, 2, "or two for it"),
            (r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#, 2, "of 1 and of 2 numbers"),
        ] {
            let error = read(json, texts).unwrap_err();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
