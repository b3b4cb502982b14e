//! Errors of the small EKS.

use std::io;

/// Why the small EKS could not be started or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// A part could not be built.
    #[error("{part} could not be built: see the output of `tools/build {part}`")]
    Build {
        /// The folder of its recipe in `tools/`.
        part: String,
    },
    /// A part did not start.
    #[error("{part} did not become ready; its log ends with:\n{log}")]
    NotReady {
        /// The part.
        part: String,
        /// The last lines of its log.
        log: String,
    },
    /// A certificate could not be generated.
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The control endpoint refused a command.
    #[error("the sandbox's AWS did not {command}: {message}")]
    Control {
        /// The command, such as `PUT /faults`.
        command: String,
        /// Its message.
        message: String,
    },
    /// AWS refused a call.
    #[error("{operation}: {code}: {message}")]
    Aws {
        /// The operation, such as `CreateRole`.
        operation: String,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The API server refused a request.
    #[error("the API server, {request}: {message}")]
    ApiServer {
        /// The method and the path.
        request: String,
        /// Its response, or why there is none.
        message: String,
    },
    /// kubectl failed.
    #[error("kubectl {arguments}: {message}")]
    Kubectl {
        /// Its arguments, without any token.
        arguments: String,
        /// What it wrote to stderr.
        message: String,
    },
}

impl Error {
    /// Returns the AWS error code, if AWS refused a call.
    pub fn aws_code(&self) -> Option<&str> {
        match self {
            Self::Aws { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// Adds what was tried to a system error.
pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}
