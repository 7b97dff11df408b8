//! A terminal with a program in it: keys go in, and what a person would see comes out, with every byte that made it.
//! Knows nothing of the shop.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use vt100::{MouseProtocolMode, Parser, Screen};

use crate::programs::program;
use crate::world::SOON;

/// Columns and rows.
pub(super) type Size = (u16, u16);

/// A comfortable terminal.
pub(super) const WIDE: Size = (120, 40);

pub(super) const ENTER: &str = "\r";
pub(super) const ESC: &str = "\x1b";
pub(super) const TAB: &str = "\t";
pub(super) const DOWN: &str = "\x1b[B";
pub(super) const LEFT: &str = "\x1b[D";
pub(super) const RIGHT: &str = "\x1b[C";
pub(super) const CTRL_C: &str = "\x03";
pub(super) const CTRL_P: &str = "\x10";
pub(super) const CTRL_Z: &str = "\x1a";

/// The terminal that is opened does not become the one of whoever opens it (open(2)).
const NOCTTY: i32 = rustix::fs::OFlags::NOCTTY.bits().cast_signed();

/// Runs the client as a job under job control, says how it left, and after a key brings it back to the foreground.
const SHELL: &str = r#"set -m
"$@"
echo "the shell has $?"
read -r key
fg
echo "the shell has $?"
read -r key
"#;

/// A person's folders: what one client keeps there, the next one finds.
#[derive(Clone)]
pub(super) struct Home(Arc<TempDir>);

impl Home {
    pub(super) fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Writes a file into the folder in which the client runs.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the home folder")).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file of that folder.
    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// Reads a file of that folder that is no text.
    pub(super) fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// Opens the client on a terminal of its own.
    pub(super) fn open(&self, size: Size, arguments: &[&str]) -> Terminal {
        self.open_with(size, arguments, &[("COLORTERM", "truecolor")])
    }

    /// The same, with these variables in the environment.
    pub(super) fn open_with(&self, size: Size, arguments: &[&str], environment: &[(&str, &str)]) -> Terminal {
        let mut command = CommandBuilder::new(program("storefront"));
        command.args(arguments);
        self.furnish(&mut command, environment);
        Terminal::start(size, command, self.clone(), false)
    }

    /// Opens the client as people do: from a shell, which is there again when the client has left.
    pub(super) fn open_in_a_shell(&self, size: Size, arguments: &[&str]) -> Terminal {
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", SHELL, "sh"]);
        command.arg(program("storefront"));
        command.args(arguments);
        self.furnish(&mut command, &[]);
        Terminal::start(size, command, self.clone(), true)
    }

    /// Nothing of the environment of the tests reaches the client.
    fn furnish(&self, command: &mut CommandBuilder, environment: &[(&str, &str)]) {
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

/// A pseudo-terminal and the program in it, which is killed when this is dropped.
pub(super) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    in_a_shell: bool,
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the modes of the line can be looked at.
    slave: Option<Box<dyn SlavePty + Send>>,
    keyboard: mpsc::Sender<Keys>,
    output: Arc<Output>,
    at_rest: LineModes,
    _home: Home,
}

/// Keys to be pressed, and who waits for that.
struct Keys {
    keys: String,
    pressed: mpsc::Sender<std::io::Result<()>>,
}

/// How the line handles what goes through it: input, output, control and local flags (termios(3)).
#[derive(Debug, PartialEq, Eq)]
struct LineModes([u64; 4]);

#[derive(Default)]
struct Output {
    seen: Mutex<Seen>,
    news: Condvar,
    /// Nobody is to look at the terminal any more.
    closing: AtomicBool,
}

/// What has come out.
#[derive(Default)]
struct Seen {
    parser: Parser,
    bytes: Vec<u8>,
    /// Nothing more will come.
    ended: bool,
}

impl Terminal {
    fn start(size: Size, command: CommandBuilder, home: Home, in_a_shell: bool) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).unwrap();
        let at_rest = line_modes(&*pair.master);
        let output = Arc::new(Output::default());
        output.lock().parser = Parser::new(size.1.try_into().unwrap(), size.0.try_into().unwrap(), 0);
        let reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (keyboard, keys) = mpsc::channel();
        thread::spawn(move || type_on(writer, keys));
        let child = pair.slave.spawn_command(command).unwrap();
        let watched = output.clone();
        thread::spawn(move || watched.watch(reader));
        Self { child, in_a_shell, master: pair.master, slave: Some(pair.slave), keyboard, output, at_rest, _home: home }
    }

    /// Presses keys one after another.
    pub(super) fn press(&mut self, keys: &str) {
        self.begin_to_press(keys).recv_timeout(SOON).expect("the terminal takes keys").unwrap();
    }

    /// The same, unless the client has ended.
    pub(super) fn press_if_it_runs(&mut self, keys: &str) {
        if !self.is_running() {
            return;
        }
        let pressed = self.begin_to_press(keys);
        let deadline = Instant::now() + SOON;
        while matches!(pressed.recv_timeout(Duration::from_millis(100)), Err(RecvTimeoutError::Timeout))
            && self.is_running()
        {
            assert!(Instant::now() < deadline, "the terminal takes no keys");
        }
    }

    fn begin_to_press(&self, keys: &str) -> mpsc::Receiver<std::io::Result<()>> {
        let (pressed, done) = mpsc::channel();
        self.keyboard.send(Keys { keys: keys.to_owned(), pressed }).expect("there is a keyboard");
        done
    }

    /// Waits until the client has read all keys that were pressed, or has ended. Suspended, it is brought back.
    pub(super) fn wait_until_keys_are_read(&mut self) {
        let line = self.line();
        let deadline = Instant::now() + SOON;
        while rustix::io::ioctl_fionread(&line).unwrap() > 0 && self.is_running() {
            assert!(Instant::now() < deadline, "it reads no keys; on the screen:\n{}", self.screen().contents());
            self.signal_if_it_runs(Signal::CONT);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The other end, where the client is.
    fn line(&self) -> File {
        let name = self.master.tty_name().expect("the terminal has a name");
        OpenOptions::new().read(true).write(true).custom_flags(NOCTTY).open(name).unwrap()
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until something has come out since a moment, or the client has ended.
    pub(super) fn wait_for_news(&mut self, since: usize, what: &str) {
        let deadline = Instant::now() + SOON;
        while self.is_running() {
            let seen = self.output.lock();
            if seen.ended || seen.bytes.len() > since {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain until {what}");
            // That it has ended is not always told by its output.
            let shortly = left.min(Duration::from_millis(100));
            drop(self.output.news.wait_timeout(seen, shortly).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits until a text stands somewhere on the screen.
    pub(super) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("there is {text:?}"), |screen| screen.contents().contains(text));
    }

    /// Waits until a text stands nowhere on the screen.
    pub(super) fn wait_without(&self, text: &str) {
        self.wait_until(&format!("there is no {text:?}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until all parts stand on one line, and returns that line.
    pub(super) fn wait_for_line(&self, parts: &[&str]) -> String {
        self.wait_until(&format!("there is a line with {parts:?}"), |screen| line_with(screen, parts).is_some());
        line_with(&self.screen(), parts).unwrap_or_default()
    }

    /// Waits until the screen is as it should be; never looks at half a frame.
    pub(super) fn wait_until(&self, what: &str, is_so: impl Fn(&Screen) -> bool) {
        let deadline = Instant::now() + SOON;
        let mut seen = self.output.lock();
        loop {
            if !seen.is_mid_frame() && is_so(seen.parser.screen()) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                let screen = seen.parser.screen().contents();
                drop(seen);
                panic!("waited in vain until {what}; this is on the screen:\n{screen}\n");
            }
            seen = self.output.news.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the bytes since a moment contain a sequence.
    pub(super) fn wait_for_bytes(&self, since: usize, sequence: &str) {
        let deadline = Instant::now() + SOON;
        let mut seen = self.output.lock();
        while !String::from_utf8_lossy(&seen.bytes[since..]).contains(sequence) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                drop(seen);
                panic!("waited in vain for the bytes {sequence:?}");
            }
            seen = self.output.news.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until not a single byte has come out for a while.
    pub(super) fn wait_for_silence(&self, how_long: Duration) {
        let deadline = Instant::now() + SOON;
        let mut seen = self.output.lock();
        loop {
            let (before, began) = (seen.bytes.len(), Instant::now());
            while seen.bytes.len() == before {
                let left = how_long.saturating_sub(began.elapsed());
                if left.is_zero() {
                    return;
                }
                seen = self.output.news.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if Instant::now() > deadline {
                let newest = String::from_utf8_lossy(&seen.bytes[before..]).into_owned();
                drop(seen);
                panic!("the terminal never falls silent; the newest bytes: {newest:?}");
            }
        }
    }

    /// The screen as it is now.
    pub(super) fn screen(&self) -> Screen {
        self.output.lock().parser.screen().clone()
    }

    /// This moment, for [`Terminal::bytes_since`].
    pub(super) fn now(&self) -> usize {
        self.output.lock().bytes.len()
    }

    /// What has come out since a moment.
    pub(super) fn bytes_since(&self, moment: usize) -> String {
        String::from_utf8_lossy(&self.output.lock().bytes[moment..]).into_owned()
    }

    /// Makes the window larger or smaller.
    pub(super) fn resize(&self, size: Size) {
        self.output.lock().parser.set_size(size.1.try_into().unwrap(), size.0.try_into().unwrap());
        self.master.resize(pty_size(size)).unwrap();
    }

    /// Sends the client a signal.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.client(), signal).unwrap();
    }

    /// The same, unless it has ended.
    pub(super) fn signal_if_it_runs(&mut self, signal: Signal) {
        if self.is_running() {
            let _ended = kill_process(self.client(), signal);
        }
    }

    /// Waits until the client has ended, and all that it said has come out.
    pub(super) fn wait_for_the_end(&mut self) -> ExitStatus {
        let status = self.wait_until_it_ends();
        let since = self.now();
        // A title for the window, which changes nothing on the screen: what is written to the terminal now comes out last.
        let title = "\x1b]2;that was all\x07";
        self.line().write_all(title.as_bytes()).unwrap();
        self.wait_for_bytes(since, title);
        status
    }

    fn wait_until_it_ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; on the screen:\n{}", self.screen().contents());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes the window, so that the system hangs up on the client, and waits until that has ended.
    pub(super) fn hang_up(mut self) -> ExitStatus {
        // The reader holds the terminal open until something comes: a resize makes the client draw.
        self.output.closing.store(true, Ordering::SeqCst);
        self.resize((100, 30));
        let deadline = Instant::now() + SOON;
        let mut seen = self.output.lock();
        while !seen.ended {
            assert!(Instant::now() < deadline, "nothing is drawn after a resize");
            seen = self.output.news.wait_timeout(seen, SOON).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(seen);
        let nowhere = native_pty_system().openpty(pty_size(WIDE)).unwrap();
        self.keyboard = mpsc::channel().0;
        self.slave = None;
        self.master = nowhere.master;
        self.wait_until_it_ends()
    }

    /// Fails unless the line is in its own modes, as opposed to raw.
    pub(super) fn assert_raw(&self) {
        assert_ne!(line_modes(&*self.master), self.at_rest, "the line is not in raw mode");
    }

    /// Fails unless everything is as it was before the client came: the bytes since a moment switch off what was
    /// switched on, the screen is the shell's, and the line is in its own modes.
    pub(super) fn assert_restored(&self, since: usize) {
        let bytes = self.bytes_since(since);
        for off in ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"] {
            assert!(bytes.contains(off), "{off:?} is missing in {bytes:?}");
        }
        let all = self.bytes_since(0);
        for mouse in ["1000", "1002", "1003", "1006", "1015"] {
            let last = |end: &str| all.rfind(&format!("\x1b[?{mouse}{end}"));
            assert!(last("h") <= last("l"), "mouse mode {mouse} is left on");
        }
        let screen = self.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None);
        assert_eq!(line_modes(&*self.master), self.at_rest, "the line is not as it was");
    }

    fn client(&self) -> Pid {
        let foreground = self.master.process_group_leader().filter(|_| self.in_a_shell);
        let own = || i32::try_from(self.child.process_id().expect("it runs")).unwrap();
        Pid::from_raw(foreground.unwrap_or_else(own)).expect("a process")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(self.client(), Signal::KILL);
            let own = self.child.process_id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            let _ = own.map(|own| kill_process(own, Signal::KILL));
            let _ = self.child.wait();
        }
        self.slave = None;
    }
}

/// Presses keys until there are no more. Where the client ends at the very moment at which a key is pressed, the system may
/// wait for ever for room for it: so whoever tests does not press by themselves.
fn type_on(mut writer: Box<dyn Write + Send>, keys: mpsc::Receiver<Keys>) {
    for Keys { keys, pressed } in keys {
        // Whoever pressed them may not wait any more.
        let _gone = pressed.send(writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()));
    }
}

impl Output {
    /// Takes in what comes out until nothing more does.
    fn watch(&self, mut reader: Box<dyn Read + Send>) {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            let mut seen = self.lock();
            seen.parser.process(&buffer[..read]);
            seen.bytes.extend_from_slice(&buffer[..read]);
            self.news.notify_all();
            if self.closing.load(Ordering::SeqCst) {
                break;
            }
        }
        drop(reader);
        self.lock().ended = true;
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Whether a synchronised update has begun and not ended.
    fn is_mid_frame(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|window| window == mark);
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }
}

/// The first line of a screen with all these parts in it.
pub(super) fn line_with(screen: &Screen, parts: &[&str]) -> Option<String> {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).find(|line| parts.iter().all(|part| line.contains(part)))
}

fn line_modes(master: &dyn MasterPty) -> LineModes {
    let modes = master.get_termios().expect("a terminal has modes");
    LineModes([
        u64::from(modes.input_flags.bits()),
        u64::from(modes.output_flags.bits()),
        u64::from(modes.control_flags.bits()),
        u64::from(modes.local_flags.bits()),
    ])
}

fn pty_size((columns, rows): Size) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
