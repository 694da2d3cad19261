//! The same server's `/v1/embeddings`: vectors by what stands in a text, or a failure.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::net::tcp::OwnedReadHalf;

use super::{After, ModelServer, Speaker, closed};

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and these headers.
    Status { status: u16, headers: Vec<(String, String)> },
    /// Nothing is said until the client is gone.
    Silence,
    /// Vectors of so many numbers, whatever the others have.
    Dims(usize),
}

/// Which vector a text gets: that of the first rule whose words are in it, else the standing one. What goes wrong comes
/// first.
#[derive(Clone, Debug, Default)]
pub struct Embedder {
    rules: Vec<(String, Vec<f32>)>,
    otherwise: Vec<f32>,
    queue: VecDeque<Fault>,
    standing: Option<Fault>,
}

impl Embedder {
    /// The vector of a text that no rule is about.
    pub fn new(otherwise: Vec<f32>) -> Self {
        Self { otherwise, ..Self::default() }
    }

    #[must_use]
    pub fn when(mut self, words: &str, vector: Vec<f32>) -> Self {
        self.rules.push((words.to_owned(), vector));
        self
    }

    /// Goes wrong with the next request that has nothing before it in the queue.
    #[must_use]
    pub fn first(mut self, fault: Fault) -> Self {
        self.queue.push_back(fault);
        self
    }

    /// Goes wrong with every request.
    #[must_use]
    pub fn always(mut self, fault: Fault) -> Self {
        self.standing = Some(fault);
        self
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let rule = self.rules.iter().find(|(words, _)| text.contains(words));
        rule.map_or_else(|| self.otherwise.clone(), |(_, vector)| vector.clone())
    }
}

/// A request for vectors.
#[derive(Clone, Debug)]
pub struct Asked {
    pub texts: Vec<String>,
    pub at: Instant,
}

impl ModelServer {
    /// Replaces what makes vectors.
    pub fn embed(&self, embedder: Embedder) {
        self.shared.state.send_modify(|state| state.embedder = embedder);
    }

    /// Every request for vectors so far.
    pub fn embedded(&self) -> Vec<Asked> {
        self.shared.state.borrow().embedded.clone()
    }

    /// Waits until so many of them have arrived.
    pub async fn asked_for_vectors(&self, requests: usize) {
        self.until(|state| state.embedded.len() >= requests).await;
    }
}

impl Speaker {
    pub(super) async fn embed(&mut self, body: &[u8], reader: &mut OwnedReadHalf) -> io::Result<After> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let inputs = body["input"].as_array().into_iter().flatten();
        let texts: Vec<String> = inputs.filter_map(|text| Some(text.as_str()?.to_owned())).collect();
        let (mut fault, mut vectors) = (None, Vec::new());
        self.shared.state.send_modify(|state| {
            fault = state.embedder.queue.pop_front().or_else(|| state.embedder.standing.clone());
            vectors = texts.iter().map(|text| state.embedder.vector(text)).collect();
            state.embedded.push(Asked { texts: texts.clone(), at: Instant::now() });
        });
        match fault {
            Some(Fault::Silence) => {
                closed(reader).await;
                return Ok(After::HungUp);
            }
            Some(Fault::Status { status, headers }) => {
                let said = r#"{"error":{"message":"no vectors today"}}"#;
                self.whole(status, &headers, "application/json", said).await?;
                return Ok(After::Keep);
            }
            Some(Fault::Dims(dims)) => vectors.iter_mut().for_each(|vector| *vector = vec![1.0; dims]),
            None => {}
        }
        // The last first: nobody promises an order.
        let rows = vectors.iter().enumerate().rev();
        let rows: Vec<Value> =
            rows.map(|(at, vector)| json!({ "object": "embedding", "index": at, "embedding": vector })).collect();
        let answer = json!({ "object": "list", "data": rows, "model": body["model"] }).to_string();
        self.whole(200, &[], "application/json", &answer).await?;
        Ok(After::Keep)
    }
}
