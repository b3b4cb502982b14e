//! Pages: requests have `per_page` and `page`, responses have `items` and `next_page_token`.

use serde::{Deserialize, Serialize};

use super::error::ApiError;

const DEFAULT: usize = 100;
const MOST: usize = 100;

/// The two query parameters of every list call.
#[derive(Deserialize)]
pub(super) struct PageQuery {
    per_page: Option<String>,
    page: Option<String>,
}

/// One page of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl PageQuery {
    /// Returns the requested page of `all`, which is ordered by the key that `key_of` returns. A page has from 1 to 100
    /// items, whatever was requested.
    ///
    /// # Errors
    /// 400 for a `per_page` that is not a number, and for a `page` that no response has returned.
    pub(super) fn cut<T>(
        &self,
        all: impl Iterator<Item = T>,
        key_of: impl Fn(&T) -> String,
    ) -> Result<Page<T>, ApiError> {
        let per_page = match self.per_page.as_deref() {
            None => DEFAULT,
            Some(text) => match text.parse::<i64>() {
                Ok(number) => usize::try_from(number).unwrap_or(0).clamp(1, MOST),
                Err(_) => return Err(ApiError::invalid("per_page", "must be a number")),
            },
        };
        let after = self.page.as_deref().map(from_token).transpose()?;
        let mut rest = all.filter(|item| after.is_none_or(|after| key_of(item).as_str() > after));
        let items: Vec<T> = rest.by_ref().take(per_page).collect();
        let next_page_token = match (items.last(), rest.next()) {
            (Some(last), Some(_)) => Some(to_token(&key_of(last))),
            _ => None,
        };
        Ok(Page { items, next_page_token })
    }
}

/// Returns a token, which is opaque to clients. It contains characters that a client must encode in a query.
fn to_token(last_key: &str) -> String {
    format!("+{last_key}&")
}

fn from_token(token: &str) -> Result<&str, ApiError> {
    token
        .strip_prefix('+')
        .and_then(|rest| rest.strip_suffix('&'))
        .ok_or_else(|| ApiError::invalid("page", "is not a page token of this API"))
}
