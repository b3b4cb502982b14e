//! Lists, read page by page.

use std::marker::PhantomData;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Client;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::ApiError;
use crate::orchestrator::request::Request;
use crate::orchestrator::response::Response;

/// One page of a list call.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next_page_token: Option<String>,
}

/// The pages of a list call. Each is read when it is needed.
pub(super) struct Pages<'a, T> {
    client: &'a Client,
    list: Request,
    token: Option<String>,
    is_last_read: bool,
    item: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned + Send> Pages<'a, T> {
    pub(super) fn new(client: &'a Client, list: Request) -> Self {
        Self {
            client,
            list,
            token: None,
            is_last_read: false,
            item: PhantomData,
        }
    }

    /// Reads the next page. Returns `None` after the last one.
    ///
    /// # Errors
    /// [`ApiError::OrgNotFound`], and whatever prevents the page from being read.
    pub(super) async fn next(&mut self, budget: &CallBudget) -> Result<Option<Vec<T>>, ApiError> {
        if self.is_last_read {
            return Ok(None);
        }
        let request = match &self.token {
            Some(token) => self.list.clone().with_query("page", token),
            None => self.list.clone(),
        };
        let read = |response: Response| {
            let object = response.object(200)?;
            let page: Page<T> = object.decode()?;
            if page.next_page_token.is_some() && page.next_page_token == self.token {
                return Err(object.unexpected("the next page is the same page again"));
            }
            Ok(page)
        };
        let page = self
            .client
            .repeat_list(&request, read, budget)
            .await
            .map_err(|failure| self.client.or_org_not_found(failure.error))?;
        if !page.items.is_empty() {
            self.client.see_org();
        }
        self.token = page.next_page_token.filter(|token| !token.is_empty());
        self.is_last_read = self.token.is_none();
        Ok(Some(page.items))
    }
}

impl Client {
    /// Passes the items of each page of a list call to `visit`, until it breaks or no page is left.
    /// Returns the value that it broke with.
    ///
    /// # Errors
    /// As [`Pages::next`].
    pub(super) async fn each_page<T: DeserializeOwned + Send, B>(
        &self,
        list: Request,
        budget: &CallBudget,
        mut visit: impl FnMut(Vec<T>) -> ControlFlow<B>,
    ) -> Result<Option<B>, ApiError> {
        let mut pages = Pages::new(self, list);
        while let Some(items) = pages.next(budget).await? {
            if let ControlFlow::Break(found) = visit(items) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
