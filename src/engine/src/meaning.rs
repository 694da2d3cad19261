//! Questions as vectors, by a table or by a server. The entries' are made beside the answers and kept; a question's within
//! a short time. Whatever goes wrong with either, words alone answer.

mod kept;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use townkeeper_contract::api::VectorHealth;
use townkeeper_contract::stream::{ErrorClass, StreamError};
use townkeeper_core::Meaning;
use townkeeper_core::breaker::{Breaker, is_vendors};
use townkeeper_knowledge::{Base, Unfit, Vector, WordVectors};
use townkeeper_providers::Embeddings;

use crate::knowledge::beside;
use crate::{Engine, House};
use kept::Kept;

/// Texts of the base that are sent at once, and how long the server may take over them.
const BATCH: usize = 64;
const PATIENCE: Duration = Duration::from_mins(1);

/// How soon the server is tried again for the base; it doubles.
const AGAIN: Duration = Duration::from_secs(1);
const LATEST_AGAIN: Duration = Duration::from_mins(5);
/// It may ask for silence, but not for ever.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// The longest question that is sent, in characters: words are looked at no further either.
const LONGEST: usize = 2_000;

/// How often a failure is logged at most.
const TOLD_MS: i64 = 60_000;

/// Who makes vectors.
#[derive(Debug)]
pub enum Source {
    /// A table of words, in memory.
    Table(Arc<WordVectors>),
    Server(Box<Server>),
}

/// A server, and where what it made is kept.
#[derive(Debug)]
pub struct Server {
    pub client: Embeddings,
    /// How long a question may wait for its vector.
    pub timeout: Duration,
    /// The file that holds the vectors of the base's texts.
    pub kept: PathBuf,
}

/// The source, and how it does.
#[derive(Debug)]
pub(crate) struct Meanings {
    source: Option<Source>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    breaker: Breaker,
    /// Since when the base that answers has vectors.
    since_ms: Option<i64>,
    /// Why it has none.
    trouble: Option<String>,
    told_ms: Option<i64>,
}

impl Meanings {
    pub(crate) fn new(source: Option<Source>) -> Self {
        Self { source, health: Mutex::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Health) -> T) -> T {
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is known of a question's meaning in a turn.
pub(crate) enum Known {
    Unasked,
    Known(Option<Vector>),
}

impl Known {
    /// Before anybody was asked: where nobody can be, it is known that there is none.
    pub(crate) fn before(house: &House, base: &Base) -> Self {
        if house.meanings.source.is_some() && base.is_hybrid() { Self::Unasked } else { Self::Known(None) }
    }

    /// Asks. Takes no longer than the time that is set for it.
    pub(crate) async fn of(house: &House, base: &Base, question: &str) -> Self {
        Self::Known(match &house.meanings.source {
            None => None,
            Some(Source::Table(table)) => base.mean_of(table, question),
            Some(Source::Server(server)) => asked(house, server, base, question).await,
        })
    }

    pub(crate) fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    pub(crate) fn seen(&self) -> Meaning<'_> {
        match self {
            Self::Unasked => Meaning::Unasked,
            Self::Known(vector) => Meaning::Known(vector.as_ref()),
        }
    }
}

async fn asked(house: &House, server: &Server, base: &Base, question: &str) -> Option<Vector> {
    let now_ms = house.clock.now_ms();
    if !house.meanings.change(|health| health.breaker.admit(now_ms)) {
        count("skipped");
        return None;
    }
    let text: String = question.chars().take(LONGEST).collect();
    let made = server.client.embed(&[&text], server.timeout).await;
    let vector = made.and_then(|mut made| fitting(base, made.pop().unwrap_or_default()));
    match vector {
        Ok(vector) => {
            house.meanings.change(|health| health.breaker.succeeded());
            count("ok");
            Some(vector)
        }
        Err(error) => {
            if error.class == ErrorClass::Protocol {
                // What is kept may be of a model that is there no more: the next start asks for everything anew.
                let kept = server.kept.clone();
                beside(move || std::fs::remove_file(kept)).await.ok();
            }
            failed(house, &error);
            None
        }
    }
}

/// A question's vector, if it belongs with the base's.
fn fitting(base: &Base, numbers: Vec<f32>) -> Result<Vector, StreamError> {
    let (given, wanted) = (numbers.len(), base.dims().unwrap_or_default());
    let vector = Vector::new(numbers).filter(|vector| vector.dims() == wanted);
    vector.ok_or_else(|| {
        let message = if given == wanted {
            "a vector of zeros came".to_owned()
        } else {
            format!(
                "a vector of {given} numbers came, the base's have {wanted}; if the server's model changed, restart"
            )
        };
        protocol(&message)
    })
}

fn failed(house: &House, error: &StreamError) {
    let now_ms = house.clock.now_ms();
    let outcome = match (error.class, error.status) {
        (ErrorClass::Stalled, _) => "slow",
        (ErrorClass::Protocol, _) => "unfit",
        (_, Some(_)) => "refused",
        (_, None) => "unreachable",
    };
    count(outcome);
    // Whatever it is, the next question would fare no better: a question is never at fault here.
    let class = if is_vendors(error.class) { error.class } else { ErrorClass::Transient };
    let error = StreamError { class, ..error.clone() };
    let tell = house.meanings.change(|health| {
        health.breaker.failed(&error, now_ms);
        let tell = health.told_ms.is_none_or(|told_ms| now_ms - told_ms >= TOLD_MS);
        health.told_ms = if tell { Some(now_ms) } else { health.told_ms };
        tell
    });
    if tell {
        tracing::warn!(outcome, error = error.message, "a question got no vector; words alone answer meanwhile");
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("townkeeper_embeddings_total", "outcome" => outcome).increment(1);
}

/// Gives every base that answers its vectors, as soon as they can be had.
pub(crate) async fn run(house: Arc<House>) {
    let Some(source) = &house.meanings.source else { return };
    let mut again = AGAIN;
    loop {
        let base = house.base();
        let prepared = tokio::select! {
            () = house.draining.cancelled() => return,
            prepared = prepare(source, &base) => prepared,
        };
        note(&house, &base, &prepared);
        let wait = if let Err(Unprepared::Server(error)) = &prepared {
            let asked = error.retry_after_ms.map(|ms| Duration::from_millis(ms).min(LONGEST_ASKED));
            let next = (again * 2).min(LATEST_AGAIN);
            asked.unwrap_or(std::mem::replace(&mut again, next))
        } else {
            again = AGAIN;
            Duration::MAX
        };
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = house.published.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Why a base has no vectors yet, or will have none.
#[derive(Debug)]
enum Unprepared {
    Server(StreamError),
    Unfit(Unfit),
    /// It could not be worked out.
    Broken,
}

/// Keeps what `doctor` and the metrics say from now on.
fn note(house: &House, base: &Base, prepared: &Result<(), Unprepared>) {
    let trouble = match prepared {
        Ok(()) if base.is_hybrid() => None,
        Ok(()) => Some("the base proves more by its words alone".to_owned()),
        Err(Unprepared::Server(error)) => {
            tracing::warn!(error = error.message, "the server of vectors fails");
            Some("the server of vectors fails; it is tried again".to_owned())
        }
        Err(Unprepared::Unfit(unfit)) => Some(unfit.to_string()),
        Err(Unprepared::Broken) => Some("the vectors could not be worked out; the log says more".to_owned()),
    };
    if let Some(trouble) = &trouble {
        tracing::warn!(trouble, "questions are looked up by words alone");
    } else {
        let promise = townkeeper_core::say::promise(&base.calibration().all);
        tracing::info!(promise, "questions are looked up by words and vectors");
    }
    metrics::gauge!("townkeeper_hybrid", "workspace" => house.workspace.clone()).set(if trouble.is_none() {
        1.0
    } else {
        0.0
    });
    let since_ms = trouble.is_none().then(|| house.clock.now_ms());
    house.meanings.change(|health| (health.since_ms, health.trouble) = (since_ms, trouble));
}

async fn prepare(source: &Source, base: &Arc<Base>) -> Result<(), Unprepared> {
    let work = Arc::clone(base);
    let added = match source {
        Source::Table(table) => {
            let table = Arc::clone(table);
            beside(move || work.add_vectors(|text| work.mean_of(&table, text))).await
        }
        Source::Server(server) => {
            let kept = embed(server, base).await?;
            beside(move || work.add_vectors(|text| kept.get(text))).await
        }
    };
    added.map_err(|_| Unprepared::Broken)?.map_err(Unprepared::Unfit)
}

/// The vectors of all questions of the base. What was made before is not asked for again; what was made before a failure
/// is kept.
async fn embed(server: &Server, base: &Arc<Base>) -> Result<Kept, Unprepared> {
    let (path, source) = (server.kept.clone(), server.client.source());
    let mut kept = beside(move || Kept::read(&path, &source)).await.map_err(|_| Unprepared::Broken)?;
    let texts: BTreeSet<&str> = base.entries().flat_map(townkeeper_knowledge::Entry::questions).collect();
    if texts.iter().all(|text| kept.has(text)) {
        return Ok(kept);
    }
    let mut ended = fill(server, &mut kept, &texts).await;
    if matches!(ended, Ok(true)) {
        // What was kept is of another model: everything anew.
        ended = fill(server, &mut kept, &texts).await;
    }
    let ended = match ended {
        Ok(false) => Ok(()),
        Ok(true) => Err(Unprepared::Server(protocol("vectors of several sizes came, one after the other"))),
        Err(error) => Err(Unprepared::Server(error)),
    };
    kept.retain(&texts);
    let (path, source) = (server.kept.clone(), server.client.source());
    let (kept, written) = beside(move || {
        let written = kept.write(&path, &source);
        (kept, written)
    })
    .await
    .map_err(|_| Unprepared::Broken)?;
    if let Err(error) = written {
        tracing::warn!(%error, file = %server.kept.display(), "the vectors could not be kept; a restart asks for them again");
    }
    ended.map(|()| kept)
}

/// Asks for what is missing. `true`: what was there before is gone, being of another size.
async fn fill(server: &Server, kept: &mut Kept, texts: &BTreeSet<&str>) -> Result<bool, StreamError> {
    let missing: Vec<&str> = texts.iter().copied().filter(|text| !kept.has(text)).collect();
    let mut anew = false;
    for batch in missing.chunks(BATCH) {
        for (text, numbers) in batch.iter().zip(server.client.embed(batch, PATIENCE).await?) {
            anew |= kept.put(text, numbers);
        }
    }
    Ok(anew)
}

fn protocol(message: &str) -> StreamError {
    StreamError::new(ErrorClass::Protocol, false, message)
}

impl Engine {
    /// How questions are looked up, where vectors are configured.
    pub fn vectors(&self) -> Option<VectorHealth> {
        let meanings = &self.house.meanings;
        meanings.source.as_ref()?;
        let hybrid = self.base().is_hybrid();
        Some(meanings.change(|health| {
            let waits = || "the base's vectors are being worked out".to_owned();
            let trouble = (!hybrid).then(|| health.trouble.clone().unwrap_or_else(waits));
            VectorHealth { hybrid_since_ms: health.since_ms.filter(|_| hybrid), trouble }
        }))
    }
}
