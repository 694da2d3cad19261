//! Exponential and logarithm from sums, products and quotients only: those of a system's library differ in the last bit
//! from machine to machine.

/// 1 / (1 + e^-x).
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x.clamp(-30.0, 30.0)))
}

/// e^x between -30 and 30: halved until a short series is exact, then squared back.
fn exp(x: f32) -> f32 {
    let y = f64::from(x) / 64.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..12 {
        term *= y / f64::from(n);
        sum += term;
    }
    for _ in 0..6 {
        sum *= sum;
    }
    narrow(sum)
}

/// The natural logarithm of a positive number, by the series of the inverse hyperbolic tangent.
pub(super) fn ln(x: f32) -> f32 {
    let (mut x, mut halvings) = (f64::from(x), 0.0);
    while x > 1.5 {
        x /= 2.0;
        halvings += 1.0;
    }
    while x < 0.75 && x > 0.0 {
        x *= 2.0;
        halvings -= 1.0;
    }
    let z = (x - 1.0) / (x + 1.0);
    let (mut power, mut sum) = (z, 0.0);
    for n in 0..14 {
        sum += power / f64::from(2 * n + 1);
        power *= z * z;
    }
    narrow(2.0 * sum + halvings * std::f64::consts::LN_2)
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to single precision, as IEEE 754 says")]
fn narrow(x: f64) -> f32 {
    x as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_the_library_says() {
        for step in -290..=290_i16 {
            let x = f32::from(step) / 10.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-5, "e^{x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() < 1e-4, "ln {y}");
        }
        assert!(sigmoid(-1e9) < 1e-9 && sigmoid(1e9) > 0.999);
    }
}
