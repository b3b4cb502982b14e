//! Kubernetes quantities, such as `500m` and `1Gi`.
//!
//! Source: apimachinery 0.34, pkg/api/resource/quantity.go.

/// Returns the value of a unit, in thousandths.
pub(crate) fn thousandths(unit: &str) -> Option<u128> {
    if unit == "m" {
        return Some(1);
    }
    if let Some(exponent) = unit.strip_prefix(['e', 'E']).filter(|rest| !rest.is_empty()) {
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        return 10u128.checked_pow(exponent.parse().ok()?)?.checked_mul(1000);
    }
    let (base, prefix): (u128, _) = match unit.strip_suffix('i') {
        Some(prefix) => (1024, prefix),
        None => (1000, unit),
    };
    let prefixes = ["", "K", "M", "G", "T", "P", "E"];
    let power = prefixes.iter().position(|one| one.eq_ignore_ascii_case(prefix))?;
    Some(base.pow(u32::try_from(power).ok()?) * 1000)
}

/// Returns the value of a quantity in thousandths, rounded up. `None` if it is none, negative, or too small or too large.
pub(crate) fn thousandths_of(quantity: &str) -> Option<u128> {
    let parts = Parts::read(quantity);
    let scale = 10u128.checked_pow(u32::try_from(parts.fraction.len()).ok()?)?;
    let digits: u128 = format!("{}{}", parts.whole, parts.fraction).parse().ok()?;
    let (factor, divisor) = parts.unit_value()?;
    let value = digits.checked_mul(factor)?;
    let value = value.div_ceil(scale.checked_mul(divisor)?);
    (!parts.is_negative || value == 0).then_some(value)
}

/// Returns whether Kubernetes accepts the text as a quantity (`resource.ParseQuantity`): sign, digits with a point (all
/// optional if there is a suffix), and a suffix or a decimal exponent.
pub(crate) fn is_quantity(text: &str) -> bool {
    let parts = Parts::read(text);
    // Go's fast path reads missing digits as 0, and its decimals, which are for very large and very small units, do not.
    let has_digits = !parts.whole.is_empty() || !parts.fraction.is_empty();
    !text.is_empty()
        && match parts.unit {
            "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" => true,
            "Ki" | "Mi" | "Gi" | "Ti" => true,
            "Pi" | "Ei" => has_digits,
            other => exponent(other).is_some_and(|exponent| has_digits || exponent >= -9),
        }
}

/// Returns whether a quantity is below zero.
pub(crate) fn is_negative(quantity: &str) -> bool {
    let parts = Parts::read(quantity);
    let is_digit = |digit: u8| digit != b'0';
    parts.is_negative && parts.whole.bytes().chain(parts.fraction.bytes()).any(is_digit)
}

/// The parts of a quantity.
struct Parts<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    unit: &'a str,
}

impl<'a> Parts<'a> {
    fn read(quantity: &'a str) -> Self {
        let digits = |text: &'a str| {
            let end = text.bytes().take_while(u8::is_ascii_digit).count();
            text.split_at(end)
        };
        let unsigned = quantity.strip_prefix(['+', '-']).unwrap_or(quantity);
        let (whole, rest) = digits(unsigned);
        let (fraction, unit) = rest.strip_prefix('.').map_or(("", rest), digits);
        Self {
            is_negative: quantity.starts_with('-'),
            whole,
            fraction,
            unit,
        }
    }

    /// Returns the value of the unit in thousandths, as a fraction.
    fn unit_value(&self) -> Option<(u128, u128)> {
        match (self.unit, exponent(self.unit)) {
            ("n", _) => Some((1, 1_000_000)),
            ("u", _) => Some((1, 1000)),
            (_, Some(exponent)) if exponent < 0 => {
                let power = u32::try_from(exponent.unsigned_abs()).ok()?;
                Some((1000, 10u128.checked_pow(power)?))
            }
            (unit, _) => Some((thousandths(unit)?, 1)),
        }
    }
}

/// Returns the exponent of a unit such as `e3`.
fn exponent(unit: &str) -> Option<i64> {
    unit.strip_prefix(['e', 'E'])?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_across_units() {
        for (quantity, thousandths) in [
            ("0", 0),
            ("1", 1000),
            ("1930m", 1930),
            ("1.5", 1500),
            ("0.0001", 1),
            ("1k", 1_000_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1Gi", 1000 << 30),
            ("1.5Gi", 1500 << 30),
            ("+.5Gi", 500 << 30),
            ("1073741823999999999n", 1000 << 30),
            ("2000001u", 2001),
            ("25e-1", 2500),
            ("-0", 0),
            ("1E", 1_000_000_000_000_000_000_000),
        ] {
            assert_eq!(thousandths_of(quantity), Some(thousandths), "{quantity}");
        }
        for text in ["", "Gi", "many", "1 Gi", "1.2.3", "-1"] {
            assert_eq!(thousandths_of(text), None, "{text}");
        }
        for text in ["-1", "-.5", "-0.0001Gi"] {
            assert!(is_negative(text), "{text}");
        }
        for text in ["-0", "-", "-Mi", "1", "+1"] {
            assert!(!is_negative(text), "{text}");
        }
    }
}
