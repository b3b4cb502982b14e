//! The issuers of OIDC tokens, and the audience of the Orchestrator's tokens.

/// The issuer of an older Humanitec product, which is easily mistaken for the Orchestrator's. No token of the
/// Orchestrator has it.
pub(crate) const OLDER_ISSUER: &str = "https://idtoken.humanitec.io";

/// The audience of the Orchestrator's OIDC tokens, and so the client ID of the IAM OIDC provider.
pub const AUDIENCE: &str = "sts.amazonaws.com";

/// Returns an issuer as IAM writes it in provider ARNs and condition keys: without `https://`.
pub(crate) fn issuer_host(issuer: &str) -> &str {
    issuer.strip_prefix("https://").unwrap_or(issuer)
}
