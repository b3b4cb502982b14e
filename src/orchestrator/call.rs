//! A request as messages name it.

use std::fmt;

use reqwest::Method;
use url::Url;

/// The method and the address of a request, and the number of the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The address. It never contains a secret.
    pub url: Url,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        match self.attempt {
            0 | 1 => Ok(()),
            attempt => write!(f, " (attempt {attempt})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_attempt_is_shown_from_the_second() {
        let mut call = Call {
            method: Method::GET,
            url: "https://a.example/x".parse().unwrap(),
            attempt: 1,
        };
        assert_eq!(call.to_string(), "GET https://a.example/x");
        call.attempt = 3;
        assert_eq!(call.to_string(), "GET https://a.example/x (attempt 3)");
    }
}
