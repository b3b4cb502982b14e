//! The calls about runner rules.

use serde::{Deserialize, Deserializer, Serialize};

use super::answer::Answer;
use super::budget::Budget;
use super::client::Client;
use super::create::{Creation, Found};
use super::error::Error;
use super::request::{self, Request};

/// What a rule says: which runner serves which environments. This is all of a rule but its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleKey {
    /// The runner.
    pub runner_id: String,
    /// The project, if the rule is about one.
    #[serde(
        default,
        deserialize_with = "none_if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub project_id: Option<String>,
    /// The environment type, if the rule is about one.
    #[serde(
        default,
        deserialize_with = "none_if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub env_type_id: Option<String>,
}

/// A rule of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// The rule's UUID, made by the service.
    pub id: String,
    /// What the rule says.
    #[serde(flatten)]
    pub key: RuleKey,
}

/// One page of rules.
#[derive(Deserialize)]
struct RulePage {
    items: Vec<Rule>,
    #[serde(default, deserialize_with = "none_if_empty")]
    next_page_token: Option<String>,
}

/// The service writes `""` where nothing is set.
fn none_if_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

impl Client {
    /// Reads a rule. `None` only if the service itself says, to a caller whom it knows, that the
    /// organization exists and has no such rule.
    ///
    /// # Errors
    /// Everything that leaves open whether the rule exists.
    pub async fn get_rule(&self, id: &str, budget: &Budget) -> Result<Option<Rule>, Error> {
        let request = request::get_rule(self.org(), id);
        match self
            .repeat(&request, |answer| rule_in(answer, 200), budget)
            .await
        {
            Ok(rule) => Ok(Some(rule)),
            Err(failure) if failure.error.is_not_found() => {
                self.confirm_org(budget).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Creates a rule.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if there is a rule for this project and environment type, of this or of
    /// another runner; its id is the one to import.
    /// [`Error::Uncertain`] if the rule may have been created; with every other error it was not.
    pub async fn create_rule(&self, key: &RuleKey, budget: &Budget) -> Result<Rule, Error> {
        self.create(key, budget).await
    }

    /// Deletes a rule; that it is gone already is as good.
    ///
    /// # Errors
    /// What the service refuses. [`Error::Uncertain`] if the rule may have been deleted.
    pub async fn delete_rule(&self, id: &str, budget: &Budget) -> Result<(), Error> {
        let request = request::delete_rule(self.org(), id);
        let failure = match self
            .repeat(&request, |answer| answer.expect(204), budget)
            .await
        {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        if failure.error.is_not_found() {
            return self.confirm_org(budget).await;
        }
        if !failure.doubt.was_there {
            return Err(failure.error);
        }
        match self.get_rule(id, &self.settling()).await {
            Ok(None) => Ok(()),
            found => {
                Err(failure.unsettled(found.is_ok(), || format!("runner rule `{id}` was deleted")))
            }
        }
    }

    /// The rule for this key's project and environment type, whatever runner it chooses. There is one
    /// at most: the service allows one rule for a pair of them.
    ///
    /// # Errors
    /// Everything that keeps the listing from being complete.
    pub async fn find_rule(&self, key: &RuleKey, budget: &Budget) -> Result<Option<Rule>, Error> {
        let is_for = |rule: &Rule| {
            rule.key.project_id == key.project_id && rule.key.env_type_id == key.env_type_id
        };
        let mut page = None;
        loop {
            let request = request::list_rules(self.org(), key, page.as_deref());
            let read = |answer: Answer| {
                let object = answer.object(200)?;
                let found: RulePage = object.decode()?;
                if found.next_page_token.is_some() && found.next_page_token == page {
                    return Err(object.wrong("the next page is the same page again"));
                }
                Ok(found)
            };
            let found = match self
                .repeat(&request, read, budget)
                .await
                .map_err(Error::from)
            {
                Err(Error::Refused {
                    call,
                    status: 404,
                    message,
                    ..
                }) => {
                    let org = self.org().to_owned();
                    return Err(Error::OrgNotFound { call, org, message });
                }
                found => found?,
            };
            if let Some(rule) = found.items.into_iter().find(is_for) {
                return Ok(Some(rule));
            }
            match found.next_page_token {
                None => return Ok(None),
                token => page = token,
            }
        }
    }
}

impl Creation for RuleKey {
    type Made = Rule;

    fn request(&self, org: &str) -> Request {
        request::create_rule(org, self)
    }

    fn read(&self, answer: Answer) -> Result<Rule, Error> {
        rule_in(answer, 201)
    }

    async fn find(&self, client: &Client, budget: &Budget) -> Result<Found<Rule>, Error> {
        Ok(match client.find_rule(self, budget).await? {
            Some(made) if made.key == *self => Found::Same {
                id: made.id.clone(),
                made,
            },
            Some(other) => Found::Other {
                id: other.id,
                other_type: None,
            },
            None => Found::Nothing,
        })
    }

    fn sentence(&self) -> String {
        format!("the rule for runner `{}` was created", self.runner_id)
    }

    fn taken(&self, id: &str) -> String {
        format!("rule `{id}` exists for the same project and environment type")
    }
}

fn rule_in(answer: Answer, status: u16) -> Result<Rule, Error> {
    answer.object(status)?.decode()
}
