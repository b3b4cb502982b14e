//! The body of a response of AWS, read as a whole: its limit, and whether it is complete.

use std::error::Error;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, LengthLimitError, StreamBody};
use serde::de::IgnoredAny;

/// The size of the largest response that is read, in bytes. It applies to AWS, the sign-on service and the metadata
/// service alike. The largest documents here, the policies of a role, have about ten KiB.
pub(super) const MAX_RESPONSE: usize = 4 << 20;

/// The error of a response that is larger than [`MAX_RESPONSE`].
#[derive(Debug, thiserror::Error)]
#[error("the response is larger than {} MiB", MAX_RESPONSE >> 20)]
pub(super) struct TooLarge;

/// The error of a response that ends in its middle.
#[derive(Debug, thiserror::Error)]
#[error("the response is incomplete: it ends in the middle of its {0}")]
struct Truncated(&'static str);

type BoxError = Box<dyn Error + Send + Sync>;

/// Returns the body after all of it was read. If it is too large or incomplete, reading the result returns that error.
pub(super) async fn read(body: SdkBody, is_success: bool) -> SdkBody {
    let body = http_body_util::Limited::new(body, MAX_RESPONSE);
    let read = match body.collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(TooLarge.into()),
        Err(error) => Err(error),
    };
    let checked = read.and_then(|bytes| match truncated(&bytes, is_success) {
        Some(error) => Err(BoxError::from(error)),
        None => Ok(bytes),
    });
    match checked {
        Ok(bytes) => SdkBody::from(bytes),
        Err(error) => {
            let failing = futures_util::stream::iter([Err::<Frame<Bytes>, _>(error)]);
            SdkBody::from_body_1_x(StreamBody::new(failing))
        }
    }
}

/// Returns the format of a body that is cut off. The parsers of the SDK do not notice it: aws-smithy-xml takes the end
/// of the text for the end of the document, and missing elements become empty values.
///
/// A whole XML document ends with the end tag of its root element, or is one empty element. An error page in HTML comes from
/// something in between, and its status decides.
fn truncated(body: &[u8], is_success: bool) -> Option<Truncated> {
    let body = body.trim_ascii();
    match body.first()? {
        b'<' if is_html(body) => is_success.then_some(Truncated("XML")),
        b'<' => (!ends_with_its_root(body)).then_some(Truncated("XML")),
        b'{' => {
            let parsed = serde_json::from_slice::<IgnoredAny>(body);
            parsed.is_err().then_some(Truncated("JSON"))
        }
        _ => None,
    }
}

/// Returns whether an XML document ends with its root element.
fn ends_with_its_root(document: &[u8]) -> bool {
    let text = String::from_utf8_lossy(document);
    // Before the root element there is at most the XML declaration.
    let root = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, root)| root),
        None => &text,
    };
    let root = root.trim_start();
    let name = root.strip_prefix('<').unwrap_or_default();
    let name = name
        .split(|c: char| c.is_whitespace() || c == '>' || c == '/')
        .next()
        .unwrap_or_default();
    let is_empty_element = root.ends_with("/>") && root.matches('<').count() == 1;
    !name.is_empty() && (is_empty_element || root.ends_with(&format!("</{name}>")))
}

fn is_html(body: &[u8]) -> bool {
    let starts = |tag: &[u8]| {
        let start = body.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    starts(b"<!doctype html") || starts(b"<html")
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn a_response_is_read_up_to_the_limit() {
        let body = async |length| {
            let body = SdkBody::from_body_1_x(Full::from(vec![b'x'; length]));
            read(body, true).await.collect().await
        };
        let read = body(MAX_RESPONSE).await.unwrap().to_bytes();
        assert_eq!(read.len(), MAX_RESPONSE);
        let error = body(MAX_RESPONSE + 1).await.unwrap_err();
        assert!(error.is::<TooLarge>(), "{error:?}");
        assert_eq!(error.to_string(), "the response is larger than 4 MiB");
    }

    #[tokio::test]
    async fn a_response_that_is_cut_off_is_an_error() {
        let read = async |text: &'static str, is_success| {
            let read = read(SdkBody::from(text), is_success).await.collect().await;
            read.map(|read| read.to_bytes()).map_err(|error| error.to_string())
        };
        for (text, is_success) in [
            ("", true),
            ("an-instance-role", true),
            ("{}\n", true),
            ("<GetRoleResponse><a/></GetRoleResponse>\n", true),
            ("<ErrorResponse><Error/></ErrorResponse>", false),
            ("<?xml version=\"1.0\"?>\n<Error a=\"b\"><Code>X</Code></Error>", false),
            ("<LocationConstraint xmlns=\"x\"/>", true),
            ("<!DOCTYPE html><title>Blocked", false),
            ("<HTML>Blocked</HTML>", false),
        ] {
            assert_eq!(read(text, is_success).await.unwrap(), text);
        }
        for (text, is_success, of) in [
            ("<GetRoleResponse><GetRoleResult><Role>", true, "XML"),
            ("<ErrorResponse><Error><Code>Acc", false, "XML"),
            ("<ErrorResponse><Error><Code>X</Code></Error>", false, "XML"),
            ("<?xml version=\"1.0\"?><A><B><C/></B>", true, "XML"),
            ("<html>Sign in</html>", true, "XML"),
            ("{\"cluster\": {\"status\": \"ACT", true, "JSON"),
        ] {
            let error = read(text, is_success).await.unwrap_err();
            assert!(
                error.starts_with("the response is incomplete") && error.ends_with(of),
                "{error}"
            );
        }
    }
}
