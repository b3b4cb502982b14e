//! The proxy of the container `main`, through which no request reaches the agent of EKS Pod Identity.
//!
//! Sources: "EKS Pod Identity considerations" in the EKS user guide, which demands an exception for the agent's addresses in
//! `no_proxy`, and `golang.org/x/net/http/httpproxy`, by whose rules AWS's SDK for Go connects. It was tried with OpenTofu and
//! Terraform.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::json;

use crate::access::checks::findings::{CheckProblem, Finding};
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::{ContainerEnvironment, Variable};
use crate::runner::job_container::MAIN;

/// The addresses of the agent, which listens at port 80 ("Set up the Amazon EKS Pod Identity Agent" in the EKS user guide).
const IPV4: &str = "169.254.170.23";
const IPV6: &str = "fd00:ec2::23";

/// A proxy between a container and an address.
pub(in crate::access::checks) struct Detour {
    /// The variable that sets the proxy.
    pub(in crate::access::checks) proxy: &'static str,
    /// The variable with the exceptions.
    pub(in crate::access::checks) exceptions: &'static str,
    /// Why the address is not an exception, as the rest of a sentence about that variable.
    pub(in crate::access::checks) doubt: String,
    /// How to make it one.
    pub(in crate::access::checks) fix: Fix,
}

/// Returns the finding about a container that calls the agent through a proxy. `None` if it calls it directly. EKS sets the
/// address of the cluster's IP family.
pub(super) fn judge(environment: &ContainerEnvironment, is_ipv6: bool) -> Option<Finding> {
    let address = if is_ipv6 { IPV6 } else { IPV4 };
    // The agent's URL is plain HTTP, for which HTTPS_PROXY does not count.
    let detour = detour(environment, ["HTTP_PROXY", "http_proxy"], address, 80)?;
    Some(Finding::OwnDoubt(CheckProblem {
        message: format!(
            "pod_template sets {}, but {} {}: the container then requests its credentials from the EKS Pod Identity Agent \
             on its node through the proxy, which usually cannot reach it.",
            detour.proxy, detour.exceptions, detour.doubt
        ),
        expected: format!("{address} in {}", detour.exceptions),
        found: detour.doubt,
        fix: detour.fix,
    }))
}

/// Returns the proxy through which a container calls an address. `proxies` are the variables for the scheme of the call. `None` if
/// it calls the address directly.
pub(in crate::access::checks) fn detour(
    environment: &ContainerEnvironment,
    proxies: [&'static str; 2],
    address: &str,
    port: u16,
) -> Option<Detour> {
    let proxy = proxies.into_iter().find(|name| environment.get(name).is_set())?;
    let excepted = first_set(environment, ["NO_PROXY", "no_proxy"]);
    let (exceptions, value, doubt) = match excepted {
        None => ("NO_PROXY", address.to_owned(), "is not set".to_owned()),
        Some((_, Some(list))) if excepts(&list, address, port) => return None,
        Some((name, Some(list))) => (name, format!("{list},{address}"), format!("does not contain {address}")),
        Some((name, None)) => (
            name,
            format!("...,{address}"),
            format!("has an unknown value and might not contain {address}"),
        ),
    };
    let entry = json!({"name": exceptions, "value": value});
    Some(Detour {
        proxy,
        exceptions,
        doubt,
        fix: Fix::note(format!(
            "Set this in env of container {MAIN:?} in job.pod_template:\n{entry}"
        )),
    })
}

/// Returns the first of two variables that has a value, and the value if it is known.
fn first_set(environment: &ContainerEnvironment, names: [&'static str; 2]) -> Option<(&'static str, Option<String>)> {
    names.into_iter().find_map(|name| match environment.get(name) {
        Variable::Value(value) if value.is_empty() => None,
        Variable::Value(value) => Some((name, Some(value))),
        Variable::Hidden(_) | Variable::Unread(_) => Some((name, None)),
        Variable::Absent => None,
    })
}

/// Returns whether a list of exceptions contains an address with a port: the address itself, a range with it, or `*`. Go takes
/// an IPv6 address in brackets for a name, unless a port follows.
fn excepts(list: &str, address: &str, port: u16) -> bool {
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    list.split(',').map(str::trim).any(|entry| {
        let host = entry.strip_suffix(&format!(":{port}")).map(|host| {
            let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            inner.unwrap_or(host)
        });
        let is_address = |text: &str| text.parse() == Ok(address);
        entry == "*"
            || is_address(entry)
            || host.is_some_and(is_address)
            || entry.parse::<IpNet>().is_ok_and(|range| range.contains(&address))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::access::kubernetes::environment::VariableSource;
    use crate::access::kubernetes::object_kind::ObjectKind;

    fn judge(env: &[(&str, &str)]) -> Option<String> {
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        message(json!({"env": env}))
    }

    fn message(container: serde_json::Value) -> Option<String> {
        let environment = ContainerEnvironment::new(container, BTreeMap::new());
        match super::judge(&environment, false)? {
            Finding::OwnDoubt(problem) => Some(problem.message),
            _ => panic!("not doubtful"),
        }
    }

    #[test]
    fn only_a_proxy_for_plain_http_needs_an_exception() {
        let proxy = "http://proxy.example:3128";
        for name in ["HTTP_PROXY", "http_proxy"] {
            let found = judge(&[(name, proxy)]).unwrap();
            assert!(found.contains(&format!("sets {name}, but NO_PROXY is not set")));
            let other = [(name, proxy), ("no_proxy", "169.254.169.254,.internal")];
            let found = judge(&other).unwrap();
            assert!(found.contains("no_proxy does not contain 169.254.170.23"));
            assert_eq!(judge(&[(name, proxy), ("NO_PROXY", IPV4)]), None);
        }
        assert_eq!(judge(&[]), None);
        assert_eq!(judge(&[("HTTPS_PROXY", proxy)]), None);
        assert_eq!(judge(&[("HTTP_PROXY", "")]), None);
    }

    #[test]
    fn an_object_that_could_not_be_read_sets_no_proxy() {
        let container = json!({"envFrom": [{"secretRef": {"name": "s"}}]});
        let unread = BTreeMap::from([((ObjectKind::Secret, "s".to_owned()), VariableSource::Unread)]);
        let environment = ContainerEnvironment::new(container, unread);
        assert!(detour(&environment, ["HTTPS_PROXY", "https_proxy"], IPV4, 443).is_none());
    }

    #[test]
    fn the_port_is_that_of_the_call() {
        let proxy = json!({"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"});
        let with = |list: &str| {
            let exceptions = json!({"name": "NO_PROXY", "value": list});
            let container = json!({"env": [proxy, exceptions]});
            let environment = ContainerEnvironment::new(container, BTreeMap::new());
            let names = ["HTTPS_PROXY", "https_proxy"];
            let found = detour(&environment, names, "10.100.0.1", 443)?;
            Some(format!("{} {} {}", found.proxy, found.exceptions, found.doubt))
        };
        assert_eq!(with("10.100.0.0/16"), None);
        assert_eq!(with("10.100.0.1:443"), None);
        assert_eq!(
            with("10.100.0.1:80").as_deref(),
            Some("HTTPS_PROXY NO_PROXY does not contain 10.100.0.1")
        );
    }

    #[test]
    fn a_value_of_a_secret_is_unknown() {
        let from_secret = |name: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
        let found = message(json!({"env": [from_secret("HTTP_PROXY")]})).unwrap();
        assert!(found.contains("NO_PROXY is not set"), "{found}");
        let both = json!({"env": [from_secret("HTTP_PROXY"), from_secret("NO_PROXY")]});
        let found = message(both).unwrap();
        assert!(found.contains("NO_PROXY has an unknown value"), "{found}");
    }

    /// The results of `http.ProxyFromEnvironment` of Go 1.24.
    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        for (list, of_ipv4, of_ipv6) in [
            ("169.254.170.23", true, false),
            ("169.254.0.0/16", true, false),
            ("*", true, true),
            (" a, 169.254.170.23", true, false),
            ("169.254.170.23:80", true, false),
            ("169.254.170.23:8080", false, false),
            ("[fd00:ec2::23]", false, false),
            ("fd00:ec2::23", false, true),
            ("[fd00:ec2::23]:80", false, true),
            (".170.23", false, false),
        ] {
            assert_eq!(excepts(list, IPV4, 80), of_ipv4, "{list}");
            assert_eq!(excepts(list, IPV6, 80), of_ipv6, "{list}");
        }
    }
}
