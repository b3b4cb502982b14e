//! `probe` asks on a terminal before it creates anything.

use std::process::Command;

use super::{PROBE, documented, left};
use crate::Test;
use crate::command::Folder;

pub(crate) const TESTS: &[Test] = sandbox::scenarios![asks_on_a_terminal];

/// Runs a program on a terminal of its own, and types the first argument when it asks.
const TERMINAL: &str = r#"
import os, pty, sys
keys, program = sys.argv[1], sys.argv[2:]
process, terminal = pty.fork()
if process == 0:
    os.execv(program[0], program)
said = b""
while b"[y/N]" not in said:
    said += os.read(terminal, 4096)
os.write(terminal, keys.encode())
try:
    while part := os.read(terminal, 4096):
        said += part
except OSError:
    pass
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

fn asks_on_a_terminal() {
    let eks = &*documented();
    for (keys, code, said) in [
        ("n\n", 2, "the Job was not confirmed"),
        ("\n", 2, "the Job was not confirmed"),
        ("\x03", 4, "nothing was created: interrupted"),
        ("y\n", 0, "The Job and its pod were deleted."),
    ] {
        let folder = Folder::new();
        let output = Command::new("python3")
            .args(["-c", TERMINAL, keys, env!("CARGO_BIN_EXE_eks-runner")])
            .args(PROBE)
            .current_dir(folder.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(eks.env())
            .env("HOME", folder.path())
            .output()
            .expect("python3");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{keys:?}: {text}{errors}");
        assert!(text.contains(said), "{keys:?}: {text}");
        assert_eq!(left(eks), "", "{keys:?}: {text}");
    }
}
