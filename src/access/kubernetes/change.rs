//! The calls that change something in a cluster. Only a probe makes them.

use http::Method;
use serde_json::Value;

use super::user::User;
use super::{ClusterClient, KubeResult};

impl ClusterClient {
    /// Creates an object, as another user if there is one, and returns it. The object's name has to be one that nothing
    /// else has: if the response to the first attempt is lost, the second one finds the object.
    ///
    /// # Errors
    /// The API's refusal. After any other error, the object might exist.
    pub(crate) async fn create(
        &self,
        path: &str,
        object: &Value,
        user: Option<&User>,
    ) -> KubeResult<()> {
        let sent = self.send(Method::POST, path, Some(object), user).await;
        match sent {
            Err(error) if error.is_conflict() => Ok(()),
            sent => sent.map(drop),
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
}
