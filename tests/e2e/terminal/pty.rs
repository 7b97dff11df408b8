//! Runs a program in a pseudo-terminal: sends keys, and keeps the screen and every byte of the output. Independent of
//! the shop.

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
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use vt100::{MouseProtocolMode, Parser, Screen};

pub(super) use super::home::Home;
use crate::world::WAIT_TIMEOUT;

/// Columns and rows.
pub(super) type Size = (u16, u16);

pub(super) const WIDE: Size = (120, 40);

/// What the client takes a terminal without a size for.
const DEFAULT_SIZE: Size = (80, 24);

pub(super) const ENTER: &str = "\r";
pub(super) const ESC: &str = "\x1b";
pub(super) const TAB: &str = "\t";
pub(super) const DOWN: &str = "\x1b[B";
pub(super) const LEFT: &str = "\x1b[D";
pub(super) const RIGHT: &str = "\x1b[C";
pub(super) const CTRL_C: &str = "\x03";
pub(super) const CTRL_P: &str = "\x10";
pub(super) const CTRL_Z: &str = "\x1a";

/// Opens a terminal without making it the controlling one (open(2)).
const NOCTTY: i32 = rustix::fs::OFlags::NOCTTY.bits().cast_signed();

/// A pseudo-terminal and the program in it, which is killed when this is dropped.
pub(super) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    in_a_shell: bool,
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the modes of the line can be looked at.
    slave: Option<Box<dyn SlavePty + Send>>,
    keyboard: mpsc::Sender<Keys>,
    output: Arc<Output>,
    initial_modes: LineModes,
    _home: Home,
}

/// Keys to be pressed, and who waits for that.
struct Keys {
    keys: Vec<u8>,
    pressed: mpsc::Sender<std::io::Result<()>>,
}

/// The modes of the terminal line: input, output, control and local flags (termios(3)).
#[derive(Debug, PartialEq, Eq)]
struct LineModes([u64; 4]);

#[derive(Default)]
struct Output {
    state: Mutex<ScreenState>,
    changed: Condvar,
    /// Ends the reader after its next read.
    closing: AtomicBool,
    /// Whether reading is suspended.
    stalled: AtomicBool,
}

/// The output so far.
#[derive(Default)]
struct ScreenState {
    parser: Parser,
    bytes: Vec<u8>,
    /// Whether the output has ended.
    ended: bool,
}

impl Terminal {
    /// Starts a command; `in_a_shell`: the client is a job of it.
    pub(super) fn start(size: Size, command: CommandBuilder, home: Home, in_a_shell: bool) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).unwrap();
        let initial_modes = line_modes(&*pair.master);
        let output = Arc::new(Output::default());
        let (columns, rows) = if size == (0, 0) { DEFAULT_SIZE } else { size };
        output.lock().parser = Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        let reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (keyboard, keys) = mpsc::channel();
        thread::spawn(move || write_keys(writer, keys));
        let child = pair.slave.spawn_command(command).unwrap();
        let reading = output.clone();
        thread::spawn(move || reading.read_output(reader));
        Self {
            child,
            in_a_shell,
            master: pair.master,
            slave: Some(pair.slave),
            keyboard,
            output,
            initial_modes,
            _home: home,
        }
    }

    /// Sends keys, and waits until the terminal has taken them.
    pub(super) fn press(&mut self, keys: &str) {
        self.press_bytes(keys.as_bytes());
    }

    /// Like [`Terminal::press`], with bytes that are no text.
    pub(super) fn press_bytes(&mut self, keys: &[u8]) {
        self.send_keys(keys).recv_timeout(WAIT_TIMEOUT).expect("the terminal takes keys").unwrap();
    }

    /// Like [`Terminal::press`], unless the client has ended.
    pub(super) fn press_if_it_runs(&mut self, keys: &str) {
        if !self.is_running() {
            return;
        }
        let pressed = self.send_keys(keys.as_bytes());
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while matches!(pressed.recv_timeout(Duration::from_millis(100)), Err(RecvTimeoutError::Timeout))
            && self.is_running()
        {
            assert!(Instant::now() < deadline, "the terminal takes no keys");
        }
    }

    fn send_keys(&self, keys: &[u8]) -> mpsc::Receiver<std::io::Result<()>> {
        let (pressed, done) = mpsc::channel();
        self.keyboard.send(Keys { keys: keys.to_vec(), pressed }).expect("there is a keyboard");
        done
    }

    /// Waits until the client has read all keys, or has ended. Resumes a suspended client.
    pub(super) fn wait_until_keys_are_read(&mut self) {
        let line = self.line();
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while rustix::io::ioctl_fionread(&line).unwrap() > 0 && self.is_running() {
            assert!(Instant::now() < deadline, "it reads no keys; on the screen:\n{}", self.screen().contents());
            self.signal_if_it_runs(Signal::CONT);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Opens the end of the terminal that the client uses.
    fn line(&self) -> File {
        let name = self.master.tty_name().expect("the terminal has a name");
        OpenOptions::new().read(true).write(true).custom_flags(NOCTTY).open(name).unwrap()
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for output since a moment, or for the end of the client.
    pub(super) fn wait_for_output(&mut self, since: usize, what: &str) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while self.is_running() {
            let state = self.output.lock();
            if state.ended || state.bytes.len() > since {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain until {what}");
            // The output does not always show the end of the client.
            let shortly = left.min(Duration::from_millis(100));
            drop(self.output.changed.wait_timeout(state, shortly).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits until the screen contains a text.
    pub(super) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("there is {text:?}"), |screen| screen.contents().contains(text));
    }

    /// Waits until the screen does not contain a text.
    pub(super) fn wait_until_gone(&self, text: &str) {
        self.wait_until(&format!("there is no {text:?}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until one line contains all parts, and returns it.
    pub(super) fn wait_for_line(&self, parts: &[&str]) -> String {
        self.wait_until(&format!("there is a line with {parts:?}"), |screen| line_with(screen, parts).is_some());
        line_with(&self.screen(), parts).unwrap_or_default()
    }

    /// Waits until a complete frame satisfies `is_so`.
    pub(super) fn wait_until(&self, what: &str, is_so: impl Fn(&Screen) -> bool) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut state = self.output.lock();
        loop {
            if !state.is_mid_frame() && is_so(state.parser.screen()) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                let screen = state.parser.screen().contents();
                drop(state);
                panic!("waited in vain until {what}; this is on the screen:\n{screen}\n");
            }
            state = self.output.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the bytes since a moment contain a sequence.
    pub(super) fn wait_for_bytes(&self, since: usize, sequence: &str) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut state = self.output.lock();
        while !String::from_utf8_lossy(&state.bytes[since..]).contains(sequence) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                drop(state);
                panic!("waited in vain for the bytes {sequence:?}");
            }
            state = self.output.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until there was no output for a while.
    pub(super) fn wait_for_silence(&self, how_long: Duration) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut state = self.output.lock();
        loop {
            let (before, began) = (state.bytes.len(), Instant::now());
            while state.bytes.len() == before {
                let left = how_long.saturating_sub(began.elapsed());
                if left.is_zero() {
                    return;
                }
                state = self.output.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if Instant::now() > deadline {
                let newest = String::from_utf8_lossy(&state.bytes[before..]).into_owned();
                drop(state);
                panic!("the terminal never falls silent; the newest bytes: {newest:?}");
            }
        }
    }

    pub(super) fn screen(&self) -> Screen {
        self.output.lock().parser.screen().clone()
    }

    /// The number of bytes so far, for [`Terminal::bytes_since`].
    pub(super) fn now(&self) -> usize {
        self.output.lock().bytes.len()
    }

    /// The output since a moment.
    pub(super) fn bytes_since(&self, moment: usize) -> String {
        String::from_utf8_lossy(&self.output.lock().bytes[moment..]).into_owned()
    }

    pub(super) fn resize(&self, size: Size) {
        self.output.lock().parser.set_size(size.1.try_into().unwrap(), size.0.try_into().unwrap());
        self.master.resize(pty_size(size)).unwrap();
    }

    /// Stops reading what the client writes, until [`Terminal::go_on`].
    pub(super) fn stall(&self) {
        self.output.stalled.store(true, Ordering::SeqCst);
    }

    pub(super) fn go_on(&self) {
        self.output.stalled.store(false, Ordering::SeqCst);
        let _state = self.output.lock();
        self.output.changed.notify_all();
    }

    /// Sends the client a signal.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.client(), signal).unwrap();
    }

    /// Like [`Terminal::signal`], unless the client has ended.
    pub(super) fn signal_if_it_runs(&mut self, signal: Signal) {
        if self.is_running() {
            let _ended = kill_process(self.client(), signal);
        }
    }

    /// Waits until the client has ended and all its output was read.
    pub(super) fn wait_for_the_end(&mut self) -> ExitStatus {
        let status = self.wait_until_it_ends();
        let since = self.now();
        // A window title marks the end of the output, without a change of the screen.
        let title = "\x1b]2;that was all\x07";
        self.line().write_all(title.as_bytes()).unwrap();
        self.wait_for_bytes(since, title);
        status
    }

    /// Waits until the client has ended.
    pub(super) fn wait_until_it_ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; on the screen:\n{}", self.screen().contents());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes the window, so that the client gets SIGHUP, and waits until it has ended.
    pub(super) fn hang_up(mut self) -> ExitStatus {
        // The reader keeps the terminal open until its next read: a resize makes the client draw.
        self.output.closing.store(true, Ordering::SeqCst);
        self.resize((100, 30));
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut state = self.output.lock();
        while !state.ended {
            assert!(Instant::now() < deadline, "nothing is drawn after a resize");
            state = self.output.changed.wait_timeout(state, WAIT_TIMEOUT).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.unset_end_of_file_key();
        let nowhere = native_pty_system().openpty(pty_size(WIDE)).unwrap();
        self.keyboard = mpsc::channel().0;
        self.slave = None;
        self.master = nowhere.master;
        self.wait_until_it_ends()
    }

    /// Without this key, the terminal presses nothing when it is closed (otherwise, Enter and this key).
    fn unset_end_of_file_key(&self) {
        let line = self.line();
        let mut modes = tcgetattr(&line).unwrap();
        modes.special_codes[SpecialCodeIndex::VEOF] = 0;
        tcsetattr(&line, OptionalActions::Now, &modes).unwrap();
    }

    /// Asserts that the line is in raw mode.
    pub(super) fn assert_raw(&self) {
        assert_ne!(line_modes(&*self.master), self.initial_modes, "the line is not in raw mode");
    }

    /// Asserts that the client has restored the terminal: the bytes since a moment reset its modes, the screen is that
    /// of the shell, and the line has its initial modes.
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
        assert_eq!(line_modes(&*self.master), self.initial_modes, "the line is not as it was");
    }

    fn client(&self) -> Pid {
        let foreground = self.master.process_group_leader().filter(|_| self.in_a_shell);
        let own = || i32::try_from(self.child.process_id().expect("it runs")).unwrap();
        Pid::from_raw(foreground.unwrap_or_else(own)).expect("a process")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.go_on();
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(self.client(), Signal::KILL);
            let own = self.child.process_id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            let _ = own.map(|own| kill_process(own, Signal::KILL));
            let _ = self.child.wait();
        }
        self.slave = None;
    }
}

/// Writes keys until the channel closes. In a thread of its own, because a write may block for ever when the client
/// ends at the same moment.
fn write_keys(mut writer: Box<dyn Write + Send>, keys: mpsc::Receiver<Keys>) {
    for Keys { keys, pressed } in keys {
        // The sender may have stopped waiting.
        let _gone = pressed.send(writer.write_all(&keys).and_then(|()| writer.flush()));
    }
}

impl Output {
    /// Reads the output until it ends.
    fn read_output(&self, mut reader: Box<dyn Read + Send>) {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            let mut state = self.lock();
            state.parser.process(&buffer[..read]);
            state.bytes.extend_from_slice(&buffer[..read]);
            self.changed.notify_all();
            while self.stalled.load(Ordering::SeqCst) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if self.closing.load(Ordering::SeqCst) {
                break;
            }
        }
        drop(reader);
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, ScreenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScreenState {
    /// Whether a synchronised update has begun and not ended.
    fn is_mid_frame(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|window| window == mark);
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }
}

/// The first line of a screen that contains all parts.
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
