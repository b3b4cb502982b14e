//! The runner's user in the cluster, for the checks that need one.

use super::access_entry;
use crate::access::cause::ClusterCause;
use crate::access::check_error::CheckError;
use crate::access::checks::not_read;
use crate::access::fix::Fix;
use crate::access::kubernetes::user::User;
use crate::access::outcome::Outcome;
use crate::access::run::Run;

/// Returns the runner's user.
///
/// # Errors
/// The outcome of a check that needs the user, if the cluster maps the role to none.
pub(in crate::access::checks) async fn runner_user(run: &Run<'_>) -> Result<User, CheckError> {
    let user = run.user().await;
    // Of the cluster's objects, only aws-auth is read for it.
    let user = user.map_err(|error| not_read(run, "aws-auth", error))?;
    user.ok_or_else(|| not_mapped(run).into())
}

/// Returns the outcome of a check that needs the runner's user, if the cluster maps the role to none.
fn not_mapped(run: &Run<'_>) -> Outcome {
    let role = run.subject.role.get().cloned();
    let failure = Outcome::failed("The cluster does not map the runner's role to a user.")
        .compare("an access entry or a line of aws-auth", "none that works")
        .fix(
            run.cluster_cause(ClusterCause::RoleNotMapped { role }),
            Fix::note(run.words(
                "Remove \"access-entry\" from skip_checks: this check shows what maps the role to a user.",
                "Remove --skip access-entry: this check shows what maps the role to a user.",
            )),
        )
        .not_yet();
    run.blocked_by(access_entry::CHECK.id(), failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::outcome::Skip;
    use crate::access::run::Connections;
    use crate::access::settings::Settings;
    use crate::access::subject::Subject;

    #[test]
    fn a_role_without_a_user_fails_if_access_entry_is_skipped_by_name() {
        let subject = Subject::unknown();
        let connections = Connections::new(Settings::default());
        let blocked = not_mapped(&Run::new(&connections, &subject));
        assert_eq!(blocked.skip, Some(Skip::Blocked));
        let connections = Connections::new(Settings {
            skip: [access_entry::CHECK.id()].into(),
            ..Settings::default()
        });
        let failed = not_mapped(&Run::new(&connections, &subject));
        assert_eq!(failed.status, crate::access::outcome::Status::Failed);
        assert!(failed.remedy.is_some() && failed.not_yet);
    }
}
