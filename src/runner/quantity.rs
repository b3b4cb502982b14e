//! Kubernetes quantities, such as `500m` and `1Gi`.
//!
//! Source: apimachinery 0.34, pkg/api/resource/quantity.go.

/// Returns the value of a unit, in thousandths.
pub(crate) fn thousandths(unit: &str) -> Option<u128> {
    if unit == "m" {
        return Some(1);
    }
    if let Some(exponent) = unit
        .strip_prefix(['e', 'E'])
        .filter(|rest| !rest.is_empty())
    {
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        return 10u128
            .checked_pow(exponent.parse().ok()?)?
            .checked_mul(1000);
    }
    let (base, prefix): (u128, _) = match unit.strip_suffix('i') {
        Some(prefix) => (1024, prefix),
        None => (1000, unit),
    };
    let prefixes = ["", "K", "M", "G", "T", "P", "E"];
    let power = prefixes
        .iter()
        .position(|one| one.eq_ignore_ascii_case(prefix))?;
    Some(base.pow(u32::try_from(power).ok()?) * 1000)
}

/// Returns the value of a quantity in thousandths, rounded up. `None` if it is none, or too small or too large.
pub(crate) fn thousandths_of(quantity: &str) -> Option<u128> {
    let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let digits = quantity.bytes().take_while(is_number).count();
    let (number, unit) = quantity.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some(digits.checked_mul(thousandths(unit)?)?.div_ceil(scale))
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
            ("1E", 1_000_000_000_000_000_000_000),
        ] {
            assert_eq!(thousandths_of(quantity), Some(thousandths), "{quantity}");
        }
        for text in ["", "Gi", "many", "1 Gi", "1.2.3", "-1"] {
            assert_eq!(thousandths_of(text), None, "{text}");
        }
    }
}
