//! The calls that change something in a cluster. Only a probe makes them.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::time::sleep;

use super::user::User;
use super::{ATTEMPTS, ClusterClient, KubeResult};

/// The pause before a create is repeated that another change came before.
const CONFLICT_PAUSE: Duration = Duration::from_millis(500);

impl ClusterClient {
    /// Creates an object, as another user if there is one. The object's name has to be one that nothing else has: if the
    /// response to the first attempt is lost, the second one finds the object.
    ///
    /// # Errors
    /// The API's refusal. After any other error, the object might exist.
    pub(crate) async fn create(&self, path: &str, object: &Value, user: Option<&User>) -> KubeResult<()> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let mut attempt = 1;
        loop {
            match self.send(Method::POST, path, Some(object), user).await {
                Err(error) if error.is_already_exists(name) => return Ok(()),
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                    attempt += 1;
                    sleep(CONFLICT_PAUSE).await;
                }
                sent => return sent.map(drop),
            }
        }
    }

    /// Begins to delete an object together with what it owns, such as the pods of a Job. The object itself is gone when
    /// they are. Returns whether there was an object to delete.
    pub(crate) async fn delete(&self, path: &str) -> KubeResult<bool> {
        let path = format!("{path}?propagationPolicy=Foreground");
        match self.send(Method::DELETE, &path, None, None).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the object at a path of the API as it is now. Other calls share responses; this one does not.
    pub(crate) async fn get_now(&self, path: &str) -> KubeResult<Value> {
        let (object, _) = self.send(Method::GET, path, None, None).await?;
        Ok(object)
    }

    /// Returns the text at a path of the API as it is now, such as the log of a container.
    pub(crate) async fn text_now(&self, path: &str) -> KubeResult<String> {
        let (bytes, _) = self.send_for_bytes(Method::GET, path, None, None).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
