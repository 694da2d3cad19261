//! Making ids: 80 random bits behind the time, so that nobody can guess a turn from its neighbour.

use ulid::Ulid;

use crate::EngineError;

/// Random bytes of the operating system's generator: what secrets are made of. There is no second best.
pub fn bytes<const N: usize>() -> Result<[u8; N], EngineError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|_| EngineError::NoRandomness)?;
    Ok(bytes)
}

/// A new id: 26 characters, sorting by time.
pub fn ulid(now_ms: i64) -> String {
    Ulid::from_parts(now_ms.unsigned_abs(), random()).to_string()
}

/// 128 random bits as text: a boundary in a prompt, a web conversation.
pub fn secret() -> String {
    Ulid(random()).to_string()
}

fn random() -> u128 {
    let mut bytes = [0_u8; 16];
    // The operating system's generator: these ids are capabilities.
    match getrandom::fill(&mut bytes) {
        Ok(()) => u128::from_le_bytes(bytes),
        Err(_) => fastrand::u128(..),
    }
}
