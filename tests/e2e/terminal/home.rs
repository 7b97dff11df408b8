//! The home folder of a client, and the ways to start one in it.

use std::path::Path;
use std::sync::Arc;

use portable_pty::CommandBuilder;
use tempfile::TempDir;

use super::pty::{Size, Terminal};
use crate::programs::program;

/// Runs the client under job control, prints its status, and after a key resumes it in the foreground.
const SHELL_SCRIPT: &str = r#"set -m
"$@"
echo "the shell has $?"
read -r key
fg
echo "the shell has $?"
read -r key
"#;

/// The home folder of clients, which keeps its files from one client to the next.
#[derive(Clone)]
pub(super) struct Home(Arc<TempDir>);

impl Home {
    pub(super) fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file of the folder in which the client runs.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the home folder")).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file of that folder.
    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// Reads a binary file of that folder.
    pub(super) fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// Starts the client in a terminal of its own.
    pub(super) fn open(&self, size: Size, arguments: &[&str]) -> Terminal {
        self.open_with(size, arguments, &[("COLORTERM", "truecolor")])
    }

    /// Like [`Home::open`], with these environment variables.
    pub(super) fn open_with(&self, size: Size, arguments: &[&str], environment: &[(&str, &str)]) -> Terminal {
        let mut command = CommandBuilder::new(program("storefront"));
        command.args(arguments);
        self.set_environment(&mut command, environment);
        Terminal::start(size, command, self.clone(), false)
    }

    /// Starts the client from a shell, which is there again when the client has left.
    pub(super) fn open_in_a_shell(&self, size: Size, arguments: &[&str]) -> Terminal {
        let command = self.script(SHELL_SCRIPT, arguments);
        Terminal::start(size, command, self.clone(), true)
    }

    /// Starts the client by a shell script, whose arguments are the command.
    pub(super) fn open_by(&self, script: &str, size: Size, arguments: &[&str]) -> Terminal {
        Terminal::start(size, self.script(script, arguments), self.clone(), false)
    }

    fn script(&self, script: &str, arguments: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", script, "sh"]);
        command.arg(program("storefront"));
        command.args(arguments);
        self.set_environment(&mut command, &[]);
        command
    }

    /// Nothing of the environment of the tests reaches the client.
    fn set_environment(&self, command: &mut CommandBuilder, environment: &[(&str, &str)]) {
        let home = self.0.path();
        command.env_clear();
        command.cwd(home);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("HOME", home);
        command.env("XDG_DATA_HOME", home.join("data"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("TZ", "UTC");
        for (name, value) in environment {
            command.env(name, value);
        }
    }
}
