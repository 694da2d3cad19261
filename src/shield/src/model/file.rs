//! A model as a file: magic, version, size, unit, bias, weights, checksum. Whatever is not whole is refused by name.

use super::Model;
use super::features::BUCKETS;

const MAGIC: &[u8; 8] = b"TKSHIELD";
/// Rises with every change of the features: weights of other features mean nothing.
const VERSION: u32 = 1;

/// Why a file is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("it is not a text model of the shield")]
    Magic,
    #[error("it is a text model of version {0}; this build reads version {VERSION}: train it again")]
    Version(u32),
    #[error("it is cut off, or something follows it")]
    Length,
    #[error("its checksum is wrong: it was damaged on its way")]
    Checksum,
    #[error("its unit or bias is no number")]
    Number,
}

impl Model {
    /// Opens what [`Model::write`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ModelError::Magic)?;
        let (version, rest) = word(rest)?;
        if u32::from_le_bytes(version) != VERSION {
            return Err(ModelError::Version(u32::from_le_bytes(version)));
        }
        let (buckets, rest) = word(rest)?;
        let (unit, rest) = word(rest)?;
        let (bias, rest) = word(rest)?;
        let (weights, sum) = rest.split_at_checked(BUCKETS).ok_or(ModelError::Length)?;
        if usize::try_from(u32::from_le_bytes(buckets)) != Ok(BUCKETS) || sum.len() != 8 {
            return Err(ModelError::Length);
        }
        if bytes.strip_suffix(sum).is_none_or(|all| checksum(all) != sum) {
            return Err(ModelError::Checksum);
        }
        let (unit, bias) = (f32::from_le_bytes(unit), f32::from_le_bytes(bias));
        if !unit.is_finite() || !bias.is_finite() {
            return Err(ModelError::Number);
        }
        Ok(Self { weights: weights.iter().map(|byte| byte.cast_signed()).collect(), unit, bias })
    }

    /// The same bytes on every machine.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(u32::try_from(self.weights.len()).unwrap_or_default().to_le_bytes());
        bytes.extend(self.unit.to_le_bytes());
        bytes.extend(self.bias.to_le_bytes());
        bytes.extend(self.weights.iter().map(|weight| weight.cast_unsigned()));
        let sum = checksum(&bytes);
        bytes.extend(sum);
        bytes
    }
}

fn word(bytes: &[u8]) -> Result<([u8; 4], &[u8]), ModelError> {
    bytes.split_first_chunk().map(|(word, rest)| (*word, rest)).ok_or(ModelError::Length)
}

/// FNV-1a: against accidents, not against forgers.
fn checksum(bytes: &[u8]) -> [u8; 8] {
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    sum.to_le_bytes()
}
