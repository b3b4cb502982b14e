//! The renderers: the languages in which set-ups and fixes are printed. All quoting and escaping is here.

pub(crate) mod aws_cli;
pub mod hcl;
pub(crate) mod shell;
pub(crate) mod yaml;
