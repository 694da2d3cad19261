//! What people with a role ask in a chat. Authority is the platform's number of who asks, bound in our store; names,
//! forwarded words and a platform's own roles give none. (What a platform's own roles give is in `places`.)

use std::sync::PoisonError;

use townkeeper_contract::access::{Member, Permission};
use townkeeper_contract::inbound::Inbound;
use townkeeper_core::access;
use townkeeper_core::decide::access::{AccessAsk, Accessed};
use townkeeper_core::secret;
use townkeeper_store::{By, Denied, Linked, SaidCode, Sendable, StoreError};

use crate::{EngineError, House, ids};

/// How long a login link is good.
pub(crate) const LOGIN_MS: i64 = 10 * 60 * 1000;

/// Does what was asked, if who asked may.
pub(crate) async fn act(house: &House, inbound: &Inbound, ask: AccessAsk) -> Accessed {
    done(house, inbound, ask).await.unwrap_or_else(|error| match error {
        EngineError::FreezeFile => Accessed::FileRemains,
        EngineError::Store(StoreError::Denied(Denied::NoVoice)) => Accessed::NoVoice,
        error => {
            tracing::error!(%error, "what a person with a role asked for could not be done");
            Accessed::Failed
        }
    })
}

async fn done(house: &House, inbound: &Inbound, ask: AccessAsk) -> Result<Accessed, EngineError> {
    let (platform, id) = (platform(inbound), inbound.person.id.as_str());
    let Some(platform) = platform else { return Ok(Accessed::NotAllowed) };
    if let AccessAsk::Link { code } = &ask {
        return link(house, platform, id, code).await;
    }
    let Some(member) = house.store.person_of(&house.workspace, platform, id).await? else {
        return Ok(Accessed::NotAllowed);
    };
    let by = By {
        workspace: house.workspace.clone(),
        actor: format!("person:{}", member.id),
        method: method(inbound),
        now_ms: house.clock.now_ms(),
    };
    let may = |permission| access::may(&member.roles, permission);
    match ask {
        AccessAsk::Login if !member.roles.is_empty() => login(house, by, &member).await,
        AccessAsk::Freeze { reason } if may(Permission::Freeze) => {
            let (state, first) = house.freeze(by, &reason).await;
            if first {
                *house.froze.lock().unwrap_or_else(PoisonError::into_inner) = Some(inbound.event.0.clone());
            }
            Ok(Accessed::Frozen { unconfirmed: state.unconfirmed })
        }
        AccessAsk::Thaw if may(Permission::Thaw) => {
            let state = house.thaw(by).await?;
            Ok(if state.frozen { Accessed::Agreed } else { Accessed::Thawed })
        }
        _ => Ok(Accessed::NotAllowed),
    }
}

/// The platform whose numbers name people; a web visitor has none.
pub(crate) fn platform(inbound: &Inbound) -> Option<&str> {
    inbound.account.as_str().split_once(':').map(|(platform, _)| platform)
}

/// How somebody in a chat shows who they are, for the log.
pub(crate) fn method(inbound: &Inbound) -> String {
    format!("chat:{}:{}", platform(inbound).unwrap_or_default(), inbound.person.id)
}

async fn link(house: &House, platform: &str, id: &str, code: &str) -> Result<Accessed, EngineError> {
    let said = SaidCode {
        workspace: house.workspace.clone(),
        platform: platform.to_owned(),
        id: id.to_owned(),
        hash: secret::hash(&secret::tidy(code)),
        now_ms: house.clock.now_ms(),
    };
    Ok(match house.store.link(said).await? {
        Linked::To(member) => Accessed::Linked { name: member.name },
        Linked::Wrong => Accessed::WrongCode,
        Linked::TooMany => Accessed::TooManyCodes,
        Linked::Taken => Accessed::Taken,
    })
}

async fn login(house: &House, by: By, member: &Member) -> Result<Accessed, EngineError> {
    let Some(url) = house.url.get() else { return Ok(Accessed::NoAddress) };
    let secret = secret::hex(&ids::bytes::<32>()?);
    let expires_ms = by.now_ms + LOGIN_MS;
    house.store.new_login(by, &member.id, secret::hash(&secret), expires_ms).await?;
    Ok(Accessed::Login { url: format!("{url}/login/{secret}") })
}

/// The acknowledgement of a freeze, where a chat froze: the one message that still leaves.
pub(crate) fn last_words(house: &House, event: &str, say: &mut [Sendable]) {
    let mut froze = house.froze.lock().unwrap_or_else(PoisonError::into_inner);
    if froze.take_if(|froze| froze == event).is_some()
        && let Some(first) = say.first_mut()
    {
        // In a line of its own: whatever waits in the chat waits until the thaw.
        first.dest = format!("{}/!{}", first.dest, first.id);
        house.door.freeze().last_words(&first.id);
    }
}
