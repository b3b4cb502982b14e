//! The nodes of the cluster.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Run;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::placement::ClusterNode;

impl Run<'_> {
    /// Reads nodes, page by page, until one of them is the last that is needed. `first` is the path of the first page.
    ///
    /// # Errors
    /// The nodes cannot be read.
    pub(crate) async fn read_nodes(
        &self,
        first: &str,
        mut is_last: impl FnMut(ClusterNode) -> bool,
    ) -> Result<(), CheckError> {
        let mut path = first.to_owned();
        loop {
            let page = self.read(path).await?;
            let nodes = page["items"].as_array().into_iter().flatten();
            let is_done = nodes.map(ClusterNode::read).any(&mut is_last);
            let next = page["metadata"]["continue"].as_str().unwrap_or_default();
            if is_done || next.is_empty() {
                return Ok(());
            }
            let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
            path = format!("{first}&continue={next}");
        }
    }
}
