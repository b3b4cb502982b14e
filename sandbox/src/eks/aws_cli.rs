//! The AWS CLI of the shells: the real one, loaded once by a server that forks for each command.
//!
//! Loading it takes a second of processor time, and the tests run hundreds of commands.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::error::{Error, io};
use super::processes::Processes;
use super::tools::{self, Tools};

/// The AWS CLI in the folder of a small EKS.
pub(super) struct AwsCli {
    python: PathBuf,
    socket: PathBuf,
    server: OnceLock<Option<Processes>>,
}

impl AwsCli {
    /// Writes the program `aws` into the folder `programs`. It works without the server as well.
    pub(super) fn install(programs: &Path, directory: &Path, tools: &Tools) -> Result<Self, Error> {
        let socket = directory.join("aws-cli.socket");
        let [python, client, listening, aws] =
            [&tools.python, &script("client.py"), &socket, &tools.aws_cli].map(|path| format!("'{}'", path.display()));
        let program = programs.join("aws");
        let text = format!("#!/bin/sh\nexec {python} -IB {client} {listening} {aws} \"$@\"\n");
        fs::write(&program, text)
            .and_then(|()| fs::set_permissions(&program, Permissions::from_mode(0o755)))
            .map_err(io(format!("writing {}", program.display())))?;
        Ok(Self {
            python: tools.python.clone(),
            socket,
            server: OnceLock::new(),
        })
    }

    /// Starts the server, which ends with this value. If it does not start, the program works without it.
    pub(super) fn keep_loaded(&self) {
        self.server.get_or_init(|| self.serve().ok());
    }

    fn serve(&self) -> Result<Processes, Error> {
        let mut processes = Processes::new()?;
        processes.start("aws-cli", &self.python, |command| {
            command.arg("-B").arg(script("server.py")).arg(&self.socket);
        })?;
        Ok(processes)
    }
}

fn script(name: &str) -> PathBuf {
    tools::workspace().join("sandbox/aws_cli").join(name)
}
