//! The daemon as an adapter sees it, and the tasks that receive.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};

use futures_util::FutureExt as _;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::command::CommandSpec;
use townkeeper_contract::id::AccountId;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::{Cursor, Host, HostError};

use crate::{EngineError, House, accept};

struct Seat {
    house: Arc<House>,
    account: AccountId,
}

impl Host for Seat {
    fn accept(&self, batch: Vec<Inbound>, cursor: Option<Cursor>) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async move {
            match accept::accept(&self.house, &self.account, batch, cursor).await {
                Ok(_) => Ok(()),
                Err(EngineError::Stopping) => Err(HostError::Stopping),
                Err(EngineError::Store(error)) => Err(HostError::Store(error.to_string())),
            }
        })
    }

    fn cursor(&self, scope: &str) -> BoxFuture<'_, Result<Option<String>, HostError>> {
        let scope = scope.to_owned();
        Box::pin(async move {
            let house = &self.house;
            let read = house.store.cursor(&house.workspace, self.account.as_str(), &scope).await;
            read.map_err(|error| HostError::Store(error.to_string()))
        })
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.house.commands
    }

    fn trouble(&self, what: Option<&str>) {
        let mut troubles = self.house.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            Some(what) => troubles.insert(self.account.clone(), what.to_owned()),
            None => troubles.remove(&self.account),
        };
    }
}

/// Starts receiving on every account. One that cannot go on says so in `/readyz` and the log; the others do.
pub(crate) fn run_platforms(house: &Arc<House>) {
    for (account, platform) in house.door.platforms() {
        let seat = Arc::new(Seat { house: Arc::clone(house), account: account.clone() });
        let (platform, host, stop) = (Arc::clone(platform), Arc::clone(&seat), house.draining.clone());
        house.tasks.spawn(async move {
            // A panic would otherwise end this task alone, and nobody would know that the account is deaf.
            let running = AssertUnwindSafe(async move { platform.run(host, stop).await });
            let trouble = match running.catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "receiving panicked; the log says where".to_owned(),
            };
            tracing::error!(trouble, account = %seat.account, "this account receives nothing any more");
            seat.trouble(Some(&trouble));
        });
    }
}
