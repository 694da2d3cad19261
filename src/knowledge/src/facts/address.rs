//! Whether an address can be one: the checksum in the case of an EVM address's letters (EIP-55), the length of a Solana
//! address in base58.

use serde::{Deserialize, Serialize};
use sha3::{Digest as _, Keccak256};

/// How a chain writes its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// `0x` and 40 hexadecimal digits, the case of whose letters is a checksum.
    Evm,
    /// 32 bytes in base58. It holds no checksum: only the length is checked.
    Solana,
}

impl Chain {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evm => "EVM",
            Self::Solana => "Solana",
        }
    }
}

/// Why this is no address of the chain; `None` if it is one.
///
/// A remedy never spells the address that was probably meant: of a mistyped address it would make a valid one.
pub fn fault(chain: Chain, address: &str) -> Option<&'static str> {
    match chain {
        Chain::Evm => evm(address),
        Chain::Solana => solana(address),
    }
}

fn evm(address: &str) -> Option<&'static str> {
    let Some(digits) = address.strip_prefix("0x").filter(|d| d.len() == 40 && d.bytes().all(|b| b.is_ascii_hexdigit()))
    else {
        return Some("an EVM address is `0x` and 40 hexadecimal digits");
    };
    let letters = || digits.bytes().filter(u8::is_ascii_alphabetic);
    let one_case = letters().all(|b| b.is_ascii_lowercase()) || letters().all(|b| b.is_ascii_uppercase());
    if letters().next().is_some() && one_case {
        return Some("it is written without its checksum, all letters in one case");
    }
    (checksummed(digits) != digits).then_some("its checksum is wrong: a digit or the case of a letter is not as it was")
}

/// The digits with their letters in the case that the hash of the lower-case digits asks for.
fn checksummed(digits: &str) -> String {
    let lower = digits.to_ascii_lowercase();
    let hash = Keccak256::digest(lower.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    lower.chars().zip(nibbles).map(|(c, nibble)| if nibble >= 8 { c.to_ascii_uppercase() } else { c }).collect()
}

fn solana(address: &str) -> Option<&'static str> {
    match bs58::decode(address).into_vec() {
        Ok(bytes) if bytes.len() == 32 => None,
        Ok(_) => Some("a Solana address is 32 bytes long, this is not"),
        Err(_) => Some("it holds a character that base58 does not have (0, O, I and l are left out)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of EIP-55.
    const EIP_55: &[&str] = &[
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn the_examples_of_the_standard_pass_and_every_slip_in_them_fails() {
        // One of them has its letters in one case by chance: it could as well have none, so it is not taken.
        for (address, whole) in EIP_55.iter().zip([false, true, true, true, true]) {
            assert_eq!(fault(Chain::Evm, address).is_none(), whole, "{address}");
        }
        for address in EIP_55.iter().skip(1) {
            for at in 2..address.len() {
                let mut other: Vec<u8> = address.bytes().collect();
                if !other[at].is_ascii_alphabetic() {
                    continue;
                }
                other[at] ^= 0x20;
                assert!(fault(Chain::Evm, &String::from_utf8(other).unwrap()).is_some(), "{address} at {at}");
            }
        }
        for wrong in
            ["", "0x", "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe"]
        {
            assert!(fault(Chain::Evm, wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_solana_address_has_32_bytes() {
        assert_eq!(fault(Chain::Solana, "11111111111111111111111111111111"), None);
        assert_eq!(fault(Chain::Solana, "So11111111111111111111111111111111111111112"), None);
        for wrong in ["", "1111111111111111111111111111111", "So1111111111111111111111111111111111111111O", "é"] {
            assert!(fault(Chain::Solana, wrong).is_some(), "{wrong}");
        }
    }
}
