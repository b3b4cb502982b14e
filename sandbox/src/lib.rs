//! The Orchestrator stand-in.
