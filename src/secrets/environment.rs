//! The credentials in the environment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::files;
use crate::product::PRODUCTS;

/// The largest file whose content is added as a credential, in bytes.
const LONGEST: u64 = 64 << 10;

/// Variables of AWS whose value is a credential.
const SECRETS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

/// Variables that name a file whose content is a credential.
const FILES: [&str; 2] = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];

/// Variables whose value is a URL that can contain a password.
const URLS: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Returns the credentials in this process's environment.
pub(super) fn secrets() -> impl Iterator<Item = String> {
    let variable = |name: &str| std::env::var_os(name)?.into_string().ok();
    let tokens = PRODUCTS.map(|product| product.auth_token_variable);
    let values = tokens.into_iter().chain(SECRETS).filter_map(variable);
    let files = FILES.into_iter().filter_map(|name| content(&std::env::var_os(name)?));
    let passwords = URLS.into_iter().filter_map(variable).flat_map(|url| url_password(&url));
    values.chain(files).chain(passwords)
}

/// Returns the content of a regular file that is not too large.
fn content(path: &std::ffi::OsStr) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return None;
    }
    let bytes = files::read_blocking(path.as_ref()).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the password in a URL as it is written, decoded, and as a Basic header contains it. The URL can be invalid,
/// because a password can make it so.
pub(crate) fn url_password(url: &str) -> Vec<String> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some((user_info, _)) = authority.rsplit_once('@') else {
        return Vec::new();
    };
    let (user, password) = user_info.split_once(':').unwrap_or(("", user_info));
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, decoded) = (decode(user), decode(password));
    let basic = STANDARD.encode(format!("{user}:{decoded}"));
    vec![password.to_owned(), decoded, basic]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_url_is_found() {
        for (url, password) in [
            ("http://me:s3cret@proxy:3128", "s3cret"),
            ("me:s3cret@proxy:3128", "s3cret"),
            ("http://me:s3 cr/e@t@proxy:3128", "s3 cr/e@t"),
            ("ftp://tok3n@proxy", "tok3n"),
        ] {
            assert_eq!(url_password(url)[0], password, "{url}");
        }
        assert_eq!(url_password("http://me:p%40ss@proxy")[1..], ["p@ss", "bWU6cEBzcw=="]);
        assert_eq!(url_password("http://proxy:3128"), [""; 0]);
    }
}
