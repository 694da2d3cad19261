//! The model vendors in their order, each with its breaker: who may be asked now, and what came of it.

use std::sync::{Arc, Mutex, PoisonError};

use townkeeper_contract::provider::Provider;
use townkeeper_contract::stream::StreamError;
use townkeeper_core::breaker::{Breaker, State};
use townkeeper_core::budget::Prices;

/// Every vendor that is configured.
pub(crate) struct Vendors(Vec<Vendor>);

struct Vendor {
    provider: Arc<dyn Provider>,
    prices: Prices,
    /// Its place in the configuration, from 1: two may share a name and a model.
    order: String,
    breaker: Mutex<Breaker>,
}

impl Vendors {
    pub(crate) fn new(providers: Vec<(Arc<dyn Provider>, Prices)>) -> Self {
        let vendor = |(at, (provider, prices)): (usize, (Arc<dyn Provider>, Prices))| Vendor {
            provider,
            prices,
            order: (at + 1).to_string(),
            breaker: Mutex::default(),
        };
        Self(providers.into_iter().enumerate().map(vendor).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are from this place on.
    pub(crate) fn from(&self, at: usize) -> usize {
        self.0.len().saturating_sub(at)
    }

    /// The model that is asked first.
    pub(crate) fn model(&self) -> Option<&str> {
        self.0.first().map(|vendor| vendor.provider.model())
    }

    /// The first from this place on that may be asked now.
    pub(crate) fn next(&self, from: usize, now_ms: i64) -> Option<Try<'_>> {
        self.0.iter().enumerate().skip(from).find_map(|(at, vendor)| {
            let admitted = vendor.change(now_ms, |breaker| breaker.admit(now_ms));
            if !admitted {
                vendor.count("skipped");
            }
            admitted.then_some(Try { vendor, at, told: false })
        })
    }
}

impl Vendor {
    fn change<T>(&self, now_ms: i64, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let out = change(&mut breaker);
        let state = match breaker.state(now_ms) {
            State::Closed => 0.0,
            State::HalfOpen => 1.0,
            State::Open => 2.0,
        };
        drop(breaker);
        let name = self.provider.name().to_owned();
        metrics::gauge!("townkeeper_provider_breaker", "provider" => name, "order" => self.order.clone()).set(state);
        out
    }

    fn count(&self, result: &'static str) {
        let (name, order) = (self.provider.name().to_owned(), self.order.clone());
        metrics::counter!("townkeeper_provider_requests_total", "provider" => name, "order" => order, "result" => result)
            .increment(1);
    }
}

/// One request to one vendor. Dropped without a word, nothing was learnt.
pub(crate) struct Try<'a> {
    vendor: &'a Vendor,
    at: usize,
    told: bool,
}

impl Try<'_> {
    pub(crate) fn provider(&self) -> &Arc<dyn Provider> {
        &self.vendor.provider
    }

    /// What it takes.
    pub(crate) fn prices(&self) -> Prices {
        self.vendor.prices
    }

    /// Its place in the order, from 0.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn succeeded(mut self) {
        self.told = true;
        self.vendor.change(0, Breaker::succeeded);
        self.vendor.count("ok");
    }

    pub(crate) fn failed(mut self, error: &StreamError, now_ms: i64) {
        self.told = true;
        self.vendor.change(now_ms, |breaker| breaker.failed(error, now_ms));
        self.vendor.count("failed");
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.vendor.change(0, Breaker::gave_up);
            self.vendor.count("given_up");
        }
    }
}
