//! The numbers of Terraform, which have any size and precision.

use std::str::FromStr;

use bigdecimal::{BigDecimal, ToPrimitive};

/// The greatest number of digits of a number that is written without an exponent. Terraform computes with 512 bits,
/// which are about 155 digits and a power of ten.
const MAX_LENGTH: usize = 10_000;

/// A number, in the one form in which the protocol encodes it. Equal numbers have the same form.
///
/// A whole number is never a float. Terraform would save the shortest digits that identify the float, which are
/// 9223372036854776000 for 9223372036854775808. (go-cty also avoids this since 1.14.4.)
///
/// Create a number with [`Number::parse`], [`Number::from_f64`], or `From`, which choose the variant.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// An integer that fits into 64 bits.
    Integer(i64),
    /// A number that is not whole and that a float represents exactly.
    Float(f64),
    /// Any other number, in decimal notation without an exponent (`-12.5`, never `1e9`).
    Decimal(String),
}

/// Why a text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not in decimal notation.
    #[error("not a number in decimal notation")]
    Syntax,
    /// The number has more digits, or a greater exponent, than any number that Terraform computes with.
    #[error("a number of more than {MAX_LENGTH} digits")]
    TooLong,
}

impl Number {
    /// Parses a number in decimal notation, as in JSON (`-1.5`, `2e3`), without rounding.
    ///
    /// # Errors
    /// Returns an error for any other text, and for a number that has more than 10,000 digits without an exponent.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if !is_decimal(text) {
            return Err(NumberError::Syntax);
        }
        if let Ok(integer) = text.parse() {
            return Ok(Self::Integer(integer));
        }
        if text.len() > MAX_LENGTH {
            return Err(NumberError::TooLong);
        }
        let decimal = BigDecimal::from_str(text).map_err(|_| NumberError::TooLong)?;
        if decimal.fractional_digit_count().unsigned_abs() > MAX_LENGTH as u64 {
            return Err(NumberError::TooLong);
        }
        let decimal = decimal.normalized();
        if decimal.is_integer() {
            let integer = decimal.to_i64().map(Self::Integer);
            return Ok(integer.unwrap_or_else(|| Self::Decimal(decimal.to_plain_string())));
        }
        // If any float equals the number, it is the nearest one.
        if let Ok(float) = text.parse::<f64>()
            && BigDecimal::try_from(float).is_ok_and(|exact| exact.normalized() == decimal)
        {
            return Ok(Self::Float(float));
        }
        Ok(Self::Decimal(decimal.to_plain_string()))
    }

    /// Returns the number that equals `float`. Returns `None` for NaN and the infinities.
    pub fn from_f64(float: f64) -> Option<Self> {
        /// 2^63, the first integer after `i64::MAX`.
        const PAST_INTEGERS: f64 = 9_223_372_036_854_775_808.0;
        if !float.is_finite() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Some(if float.fract() != 0.0 {
            Self::Float(float)
        } else if (-PAST_INTEGERS..PAST_INTEGERS).contains(&float) {
            Self::Integer(float as i64)
        } else {
            // The precision of 0 writes all digits before the decimal point.
            Self::Decimal(format!("{float:.0}"))
        })
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<u64> for Number {
    fn from(integer: u64) -> Self {
        i64::try_from(integer).map_or_else(|_| Self::Decimal(integer.to_string()), Self::Integer)
    }
}

/// Returns whether `text` matches `-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?`.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form() {
        let decimal = |text: &str| Number::Decimal(text.to_owned());
        for (text, expected) in [
            ("0", Number::Integer(0)),
            ("-0", Number::Integer(0)),
            ("-0.0e7", Number::Integer(0)),
            ("12.50e1", Number::Integer(125)),
            ("9007199254740993", Number::Integer(9_007_199_254_740_993)),
            ("-9223372036854775808", Number::Integer(i64::MIN)),
            ("9223372036854775807", Number::Integer(i64::MAX)),
            ("9223372036854775808", decimal("9223372036854775808")),
            ("9223372036854775809", decimal("9223372036854775809")),
            ("18446744073709551615", decimal("18446744073709551615")),
            ("0.5", Number::Float(0.5)),
            ("5E-1", Number::Float(0.5)),
            ("0.1", decimal("0.1")),
            ("-0.10", decimal("-0.1")),
            ("0.1234567890123456789", decimal("0.1234567890123456789")),
            ("1e22", decimal("10000000000000000000000")),
            ("1e23", decimal("100000000000000000000000")),
            ("2.5e-3", decimal("0.0025")),
        ] {
            assert_eq!(Number::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_numbers_are_refused() {
        for text in [
            "", "-", "+1", " 1", "1.", ".5", "1e", "0x1", "1_000", "NaN", "inf", "1e+-5",
        ] {
            assert_eq!(Number::parse(text), Err(NumberError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn numbers_with_too_many_digits_are_refused_without_writing_them_out() {
        let long = "1".repeat(MAX_LENGTH + 1);
        for text in ["1e999999999", "1e-999999999999999999999999", "1e10001", &long] {
            assert_eq!(Number::parse(text), Err(NumberError::TooLong));
        }
        assert!(Number::parse("1e9999").is_ok());
    }

    #[test]
    fn floats_and_unsigned_integers_have_the_same_forms_as_texts() {
        assert_eq!(Number::from_f64(3.0), Some(Number::Integer(3)));
        assert_eq!(Number::from_f64(-0.0), Some(Number::Integer(0)));
        let past_integers = Number::Decimal("-9223372036854777856".to_owned());
        assert_eq!(Number::from_f64(-9.223_372_036_854_778e18), Some(past_integers));
        assert_eq!(Number::from_f64(1e300), Number::parse(&format!("{:.0}", 1e300)).ok());
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::NEG_INFINITY), None);
        for integer in [0, 7, u64::MAX, 1 << 63, (1 << 63) + 1, u64::MAX - 2047] {
            let parsed = Number::parse(&integer.to_string());
            assert_eq!(parsed, Ok(Number::from(integer)), "{integer}");
        }
    }
}
