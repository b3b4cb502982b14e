//! Fixes that several runners share.

use std::collections::HashMap;

use super::Checked;
use crate::access::{Cause, Member, Remedy};

/// Makes each fix cover all runners with its cause: if a role does not trust three runners, one trust policy must admit all
/// of them, because a policy for one would overwrite the policies for the others.
pub(super) fn share(runners: &mut [Checked]) {
    let mut members: HashMap<Cause, Vec<Member>> = HashMap::new();
    for_each_remedy(runners, |remedy| {
        if let Some(member) = remedy.fix.member() {
            let known = members.entry(remedy.cause.clone()).or_default();
            if !known.contains(member) {
                known.push(member.clone());
            }
        }
    });
    for_each_remedy(runners, |remedy| {
        if let Some(members @ [_, _, ..]) = members.get(&remedy.cause).map(Vec::as_slice) {
            remedy.fix = remedy.fix.for_members(members);
        }
    });
}

fn for_each_remedy(runners: &mut [Checked], mut change: impl FnMut(&mut Remedy)) {
    let results = runners.iter_mut().flat_map(|one| &mut one.report.checks);
    for remedy in results.filter_map(|result| result.outcome.remedy.as_mut()) {
        change(remedy);
    }
}
