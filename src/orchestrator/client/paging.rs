//! Lists, read page by page.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Client;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::Error;
use crate::orchestrator::request::Request;
use crate::orchestrator::response::Response;

/// One page of a list call.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next_page_token: Option<String>,
}

impl Client {
    /// Passes the items of each page of a list call to `visit`, until it breaks or no page is left.
    /// Returns the value that it broke with.
    ///
    /// # Errors
    /// [`Error::OrgNotFound`], and whatever prevents a page from being read.
    pub(super) async fn each_page<T: DeserializeOwned + Send, B>(
        &self,
        list: &Request,
        budget: &CallBudget,
        mut visit: impl FnMut(Vec<T>) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let mut token: Option<String> = None;
        loop {
            let request = match &token {
                Some(token) => list.clone().with_query("page", token),
                None => list.clone(),
            };
            let read = |response: Response| {
                let object = response.object(200)?;
                let page: Page<T> = object.decode()?;
                if page.next_page_token.is_some() && page.next_page_token == token {
                    return Err(object.unexpected("the next page is the same page again"));
                }
                Ok(page)
            };
            let page = self
                .repeat_list(&request, read, budget)
                .await
                .map_err(|failure| self.or_org_not_found(failure.error))?;
            if !page.items.is_empty() {
                self.see_org();
            }
            if let ControlFlow::Break(found) = visit(page.items) {
                return Ok(Some(found));
            }
            match page.next_page_token {
                Some(next) if !next.is_empty() => token = Some(next),
                _ => return Ok(None),
            }
        }
    }
}
