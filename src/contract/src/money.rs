//! Amounts of money, exact: whole millionths of one currency, which the operator names.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths in one unit of the currency; as many decimals as an amount may have.
const MILLION: u64 = 1_000_000;
const DECIMALS: usize = 6;

/// Digits before the point, at most: enough for any price, and a sum of many never runs over.
const DIGITS: usize = 9;

/// An amount, never negative. Written as a decimal number: `0.15`, `"3"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub struct Money(u64);

impl Money {
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In millionths of the currency.
    pub const fn micros(self) -> u64 {
        self.0
    }

    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }

    /// What so many cost where this is the price of a million of them; a fraction of a millionth is a whole one.
    pub fn for_each_of(self, count: u64) -> Self {
        let micros = (u128::from(self.0) * u128::from(count)).div_ceil(u128::from(MILLION));
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// Not an amount of money; says what one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money is a number like 0.15, not below 0, with up to 9 digits before the point and 6 after it")]
pub struct NoMoney;

impl FromStr for Money {
    type Err = NoMoney;

    fn from_str(text: &str) -> Result<Self, NoMoney> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.len() > DIGITS || part.len() > DECIMALS {
            return Err(NoMoney);
        }
        let part = format!("{part:0<DECIMALS$}");
        let (whole, part) = (whole.parse::<u64>().map_err(|_| NoMoney)?, part.parse::<u64>().map_err(|_| NoMoney)?);
        Ok(Self(whole * MILLION + part))
    }
}

/// With two decimals, and more only where there is more: `3.00`, `0.000125`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:0DECIMALS$}", self.0 % MILLION);
        write!(f, "{}.{:0<2}", self.0 / MILLION, part.trim_end_matches('0'))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Amount)
    }
}

/// Reads an amount however it is written. A float is taken by its shortest decimals, which are what somebody typed.
struct Amount;

impl Visitor<'_> for Amount {
    type Value = Money;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of money like 0.15")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Money, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, whole: u64) -> Result<Money, E> {
        self.visit_str(&whole.to_string())
    }

    fn visit_i64<E: Error>(self, whole: i64) -> Result<Money, E> {
        self.visit_str(&whole.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Money, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Option<u64> {
        serde_json::from_value::<Money>(value).ok().map(Money::micros)
    }

    #[test]
    fn an_amount_is_read_exactly_however_it_is_written() {
        for (written, micros) in [
            (json!(0.15), 150_000),
            (json!("0.15"), 150_000),
            (json!(3), 3_000_000),
            (json!("3.00"), 3_000_000),
            (json!(0.000_001), 1),
            (json!(0.1), 100_000),
            (json!("999999999.999999"), 999_999_999_999_999),
        ] {
            assert_eq!(read(written.clone()), Some(micros), "{written}");
        }
        for wrong in [
            json!(-1),
            json!(-0.5),
            json!(0.000_000_1),
            json!("1e3"),
            json!(""),
            json!("."),
            json!("1."),
            json!(".5"),
            json!("1,5"),
            json!("+1"),
            json!(1e30),
            json!(null),
            json!(true),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_written_as_it_would_be_typed() {
        for (micros, written) in
            [(0, "0.00"), (3_000_000, "3.00"), (150_000, "0.15"), (125, "0.000125"), (1_100_000, "1.10")]
        {
            assert_eq!(Money::from_micros(micros).to_string(), written);
            assert_eq!(written.parse(), Ok(Money::from_micros(micros)));
        }
    }

    #[test]
    fn a_price_is_that_of_a_million_and_no_fraction_is_given_away() {
        let price = Money::from_micros(150_000);
        assert_eq!([0, 1, 7, 1_000_000].map(|count| price.for_each_of(count).micros()), [0, 1, 2, 150_000]);
        assert_eq!(Money::from_micros(u64::MAX).for_each_of(u64::MAX).micros(), u64::MAX);
    }
}
