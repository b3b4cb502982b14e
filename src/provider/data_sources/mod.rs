//! The data sources that do not show one object of a resource.

mod eks_access;
mod eks_runners;
mod runner_environments;

pub(super) use eks_access::EksAccessData;
pub(super) use eks_runners::EksRunnersData;
pub(super) use runner_environments::RunnerEnvironmentsData;
