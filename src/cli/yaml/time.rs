//! Parses times. yaml.v3 finds them in plain text such as `2001-01-01`, and JSON writes them as RFC 3339:
//! `2001-01-01T00:00:00Z`.
//!
//! The formats are those that Go's `time.Parse` accepts for the four layouts of `parseTimestamp` in yaml.v3.

/// Returns the time as JSON writes it. `None` if the text is not a time, and an error if JSON cannot write it.
pub(super) fn parse(text: &str) -> Option<Result<String, &'static str>> {
    let mut rest = Rest(text);
    let year = rest
        .0
        .get(..4)
        .filter(|year| year.bytes().all(|b| b.is_ascii_digit()))?;
    rest.0 = &text[4..];
    rest.skip('-')?;
    let month = rest.one_or_two_digits()?;
    rest.skip('-')?;
    let day = rest.one_or_two_digits()?;
    let (month_number, day_number) = (month.try_into().ok()?, day.try_into().ok()?);
    jiff::civil::Date::new(year.parse().ok()?, month_number, day_number).ok()?;
    let date = format!("{year}-{month:02}-{day:02}");
    let has_zone = match rest.0.chars().next() {
        None => return Some(Ok(format!("{date}T00:00:00Z"))),
        Some('T' | 't') => {
            rest.0 = &rest.0[1..];
            true
        }
        Some(' ') => {
            rest.0 = rest.0.trim_start_matches(' ');
            false
        }
        Some(_) => return None,
    };
    let hour = rest.one_or_two_digits().filter(|hour| *hour < 24)?;
    rest.skip(':')?;
    let minute = rest.one_or_two_digits().filter(|minute| *minute < 60)?;
    rest.skip(':')?;
    let second = rest.one_or_two_digits().filter(|second| *second < 60)?;
    let fraction = rest.fraction();
    let zone = if has_zone { rest.zone()? } else { Ok("Z".to_owned()) };
    if !rest.0.is_empty() {
        return None;
    }
    Some(zone.map(|zone| format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")))
}

/// The part of the text that was not parsed yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn skip(&mut self, expected: char) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn one_or_two_digits(&mut self) -> Option<u32> {
        let digits = self.0.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    /// Returns the fraction of the second, with at most nine digits and without zeros at its end. Empty if there is none.
    fn fraction(&mut self) -> String {
        let Some(after) = self.0.strip_prefix(['.', ',']) else {
            return String::new();
        };
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return String::new();
        }
        self.0 = &after[digits..];
        match after[..digits.min(9)].trim_end_matches('0') {
            "" => String::new(),
            digits => format!(".{digits}"),
        }
    }

    /// Returns `Z`, or the offset from UTC.
    fn zone(&mut self) -> Option<Result<String, &'static str>> {
        if let Some(rest) = self.0.strip_prefix('Z') {
            self.0 = rest;
            return Some(Ok("Z".to_owned()));
        }
        let sign = self.0.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
        let (hours, minutes) = (self.0.get(1..3)?, self.0.get(4..6)?);
        if self.0.as_bytes()[3] != b':' || !format!("{hours}{minutes}").bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.0 = &self.0[6..];
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        if hours > 24 || minutes > 60 {
            return None;
        }
        let offset = 60 * hours + minutes;
        Some(match offset {
            0 => Ok("Z".to_owned()),
            1..1440 => Ok(format!("{sign}{:02}:{:02}", offset / 60, offset % 60)),
            _ => Err("JSON cannot write a time whose zone is a day or more away from UTC."),
        })
    }
}
