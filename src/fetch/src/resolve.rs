//! The second gate: names become addresses here, and the ones that come out are the ones that are connected to, so a
//! name that answers differently the next time gains nothing.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use crate::address::is_public;

/// A name leads where only this machine can go.
#[derive(Debug, Error)]
#[error("{host} leads to {address}")]
pub(crate) struct Private {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

/// Which addresses a name has, in a test.
#[cfg(test)]
type Names = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Who is asked for addresses.
#[derive(Clone)]
enum Source {
    System,
    #[cfg(test)]
    Given(Arc<Names>),
}

#[derive(Clone)]
pub(crate) struct Resolver {
    source: Source,
    /// Names whose addresses are not looked at.
    except: Arc<[String]>,
}

impl Resolver {
    pub(crate) fn system() -> Self {
        Self { source: Source::System, except: Arc::default() }
    }

    #[cfg(test)]
    pub(crate) fn given(names: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        Self { source: Source::Given(Arc::new(names)), except: Arc::default() }
    }

    pub(crate) fn except(self, names: Vec<String>) -> Arc<Self> {
        Arc::new(Self { except: names.into(), ..self })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("except", &self.except).finish_non_exhaustive()
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (source, except) = (self.source.clone(), self.except.clone());
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = match source {
                Source::System => tokio::net::lookup_host((host.as_str(), 0)).await?.collect::<Vec<_>>(),
                #[cfg(test)]
                Source::Given(names) => names(&host).into_iter().map(|address| SocketAddr::new(address, 0)).collect(),
            };
            // One private address among public ones is somebody's try, not somebody's mistake.
            let private = found.iter().map(SocketAddr::ip).find(|address| !is_public(*address));
            if let Some(address) = private.filter(|_| !except.contains(&host)) {
                return Err(Private { host, address }.into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
