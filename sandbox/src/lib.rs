//! Stand-ins for the services that the provider calls, for its demo and its tests.
//!
//! They share no code with the provider and do not know it. Both implement the same documentation, so that a mistake in
//! one of them shows as a difference.

pub mod eks;
pub mod orchestrator;
mod pool;
mod runner;

pub use pool::{Pool, Taken};
pub use runner::RunnerValues;

/// Returns test functions with their names, such as `identity::fargate`: the module in which the list is, and the path of the
/// function from there.
#[macro_export]
macro_rules! scenarios {
    ($($($part:ident)::+),* $(,)?) => {
        &[$((
            $crate::without_crate(concat!(module_path!() $(, "::", stringify!($part))+)),
            $($part)::+,
        )),*]
    };
}

/// Returns the path of an item without the name of its crate.
#[must_use]
pub const fn without_crate(path: &str) -> &str {
    let bytes = path.as_bytes();
    let mut index = 0;
    while bytes[index] != b':' {
        index += 1;
    }
    path.split_at(index + 2).1
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_scenario_is_named_after_its_function() {
        const SCENARIOS: &[(&str, fn())] = scenarios![a_scenario_is_named_after_its_function];
        let (name, _) = SCENARIOS[0];
        assert_eq!(name, "tests::a_scenario_is_named_after_its_function");
    }
}
