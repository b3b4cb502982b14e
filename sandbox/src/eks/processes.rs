//! The processes of the small EKS, and the keeper that ends them however this process ends.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Error, io};

/// A shell that reads process ids until its stdin ends, which happens however this process ends, even by SIGKILL. Then
/// the shell ends those processes and removes the directory.
const KEEPER: &str = r#"
while read -r pid; do pids="$pids $pid"; done
[ -z "$pids" ] || kill -KILL $pids
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// Running processes and their directory. Dropping it ends the processes and removes the directory.
pub(super) struct Processes {
    directory: PathBuf,
    keeper: Child,
    parts: Vec<(String, Child)>,
}

impl Processes {
    /// Creates an empty set of processes with a temporary directory.
    pub(super) fn new() -> Result<Self, Error> {
        let directory = tempfile::Builder::new()
            .prefix("sandbox-eks-")
            .tempdir()
            .map_err(io("making a temporary directory"))?
            .keep();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sandbox-eks-keeper"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It has a process group of its own, because an interrupt at the terminal would end it, too.
            .process_group(0)
            .spawn()
            .map_err(io("starting a shell"))?;
        Ok(Self {
            directory,
            keeper,
            parts: Vec::new(),
        })
    }

    /// Returns the directory of the processes.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts a part with only PATH and HOME of this environment. Its output goes to `<part>.log`.
    pub(super) fn start(
        &mut self,
        part: &str,
        program: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Result<(), Error> {
        let log = File::create(self.log(part)).map_err(io(format!("making the log of {part}")))?;
        let errors = log.try_clone().map_err(io(format!("making the log of {part}")))?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
        configure(&mut command);
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(io(format!("starting {part}")))?;
        if let Some(keeper) = &mut self.keeper.stdin {
            writeln!(keeper, "{}", child.id()).map_err(io("telling the keeper"))?;
        }
        self.parts.push((part.to_owned(), child));
        Ok(())
    }

    /// Repeats a call until the part responds.
    ///
    /// # Errors
    /// The part ended, or 60 seconds have passed.
    pub(super) fn wait_for<T>(&mut self, part: &str, mut poll: impl FnMut() -> Option<T>) -> Result<T, Error> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(result) = poll() {
                return Ok(result);
            }
            let mut processes = self.parts.iter_mut().filter(|(name, _)| name == part);
            let ended = processes.any(|(_, child)| !matches!(child.try_wait(), Ok(None)));
            if ended || Instant::now() > deadline {
                return Err(Error::NotReady {
                    part: part.to_owned(),
                    log: self.log_end(part),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the file with the output of a part.
    pub(super) fn log(&self, part: &str) -> PathBuf {
        self.directory.join(format!("{part}.log"))
    }

    fn log_end(&self, part: &str) -> String {
        let log = fs::read_to_string(self.log(part)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let keeper = std::iter::once(&mut self.keeper);
        for child in keeper.chain(self.parts.iter_mut().map(|(_, child)| child)) {
            // There is no remedy if the wait for a process fails.
            let _ = child.wait();
        }
    }
}
