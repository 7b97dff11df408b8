//! Controls the terminal: sets it up once and restores it on every way out. Nothing here waits for a terminal that takes
//! no bytes: what it has not taken stays queued, and no frame is drawn before it has. Writes each frame at once between
//! synchronised-update marks, so that nothing flickers. Does not know what is drawn.

mod device;
mod parser;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::panic;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossterm::style::force_color_output;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) use device::Device;
pub(crate) use parser::{Input, Parser};

/// Columns and rows of a terminal that does not know its own.
const USUAL_SIZE: (u16, u16) = (80, 24);
/// How long leaving waits for a terminal that takes no bytes.
const STALL_TIMEOUT: Duration = Duration::from_millis(300);

/// Maximum number of bytes that wait for the terminal before a text for the clipboard is dropped.
const MAX_PENDING_BYTES: usize = 256 * 1024;

/// What the terminal is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// A screen of its own, drawn in frames.
    Screen,
    /// Lines one after another, as a screen reader reads them.
    Lines,
}

/// The bytes of a frame on their way from the drawing library to the terminal.
#[derive(Clone, Debug, Default)]
struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal in application mode. Dropping it restores the terminal.
pub(crate) struct TerminalGuard {
    usage: Usage,
    screen: Terminal<CrosstermBackend<FrameBytes>>,
    frame: FrameBytes,
    input: Device,
    output: Device,
    writable: AsyncFd<Arc<File>>,
    /// What the terminal has not taken yet.
    pending: Vec<u8>,
    size: (u16, u16),
    /// Whether mouse events are captured.
    mouse: bool,
}

impl TerminalGuard {
    /// Sets the terminal up: raw mode, and for a screen the alternate screen, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When the terminal cannot be set up; it is restored then.
    pub(crate) fn enter(usage: Usage) -> io::Result<Self> {
        // The theme respects NO_COLOR; left to the library it would also remove bold and reverse.
        force_color_output(true);
        let (input, output) = (Device::input()?, Device::output()?);
        let size = output.size()?.unwrap_or(USUAL_SIZE);
        let frame = FrameBytes::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let screen = Terminal::with_options(CrosstermBackend::new(frame.clone()), TerminalOptions { viewport })?;
        let writable = output.watched(Interest::WRITABLE)?;
        let mut guard = Self { usage, screen, frame, input, output, writable, pending: Vec::new(), size, mouse: false };
        guard.own()?;
        Ok(guard)
    }

    fn own(&mut self) -> io::Result<()> {
        let modes = tcgetattr(self.input.file())?;
        let mut raw = modes.clone();
        raw.make_raw();
        tcsetattr(self.input.file(), OptionalActions::Now, &raw)?;
        let (input, output, usage) = (self.input.clone(), self.output.clone(), self.usage);
        *lock(&ENTERED) = Some(Entered { owner: thread::current().id(), modes, input, output, usage });
        self.send(entering(self.usage))
    }

    /// Whether the terminal has taken everything, so that something more can be drawn.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Waits until the terminal has taken everything. Cancel safe.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            let mut ready = self.writable.writable().await?;
            match self.output.write_now(&self.pending)? {
                0 => ready.clear_ready(),
                written => drop(self.pending.drain(..written)),
            }
        }
        Ok(())
    }

    /// Queues bytes and writes what the terminal takes now.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        let written = self.output.write_now(&self.pending)?;
        self.pending.drain(..written);
        Ok(())
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.screen.draw(view)?;
        let frame = std::mem::take(&mut *self.frame.0.borrow_mut());
        self.send(&[BEGIN_FRAME, &frame, END_FRAME].concat())
    }

    /// Prints lines below the earlier ones.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn print(&mut self, lines: &[String]) -> io::Result<()> {
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(text.as_bytes())
    }

    /// Copies a text to the clipboard (OSC 52); a terminal that does not allow it ignores it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        if self.pending.len() > MAX_PENDING_BYTES {
            return Ok(());
        }
        self.send(format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text)).as_bytes())
    }

    /// Notifies a person who looks elsewhere (OSC 9), and rings; a terminal that knows no notifications ignores the text.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn notify(&mut self, text: &str) -> io::Result<()> {
        self.send(format!("\x1b]9;Storefront: {text}\x07\x07").as_bytes())
    }

    /// Captures mouse events, or leaves them to the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn use_mouse(&mut self, on: bool) -> io::Result<()> {
        if self.mouse == on {
            return Ok(());
        }
        self.mouse = on;
        self.send(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Restores the terminal for a suspension.
    pub(crate) fn leave(&mut self) {
        self.mouse = false;
        // What does not get through in time is forgotten with the screen.
        let _ = self.output.write_within(&self.pending, STALL_TIMEOUT);
        self.pending.clear();
        give_back();
    }

    /// Sets the terminal up again; the next frame is drawn whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn enter_again(&mut self) -> io::Result<()> {
        self.leave();
        self.own()?;
        self.measure()?;
        self.redraw()
    }

    /// Draws the next frame whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn redraw(&mut self) -> io::Result<()> {
        // Not `clear`: it queries the cursor position, which nobody answers.
        self.screen.resize(Rect::new(0, 0, self.size.0, self.size.1))
    }

    /// Asks the terminal for its size and returns its columns and rows; another size has the next frame drawn whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn measure(&mut self) -> io::Result<(u16, u16)> {
        let size = self.output.size()?.unwrap_or(USUAL_SIZE);
        if size != self.size {
            self.size = size;
            self.redraw()?;
        }
        Ok(size)
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (u16, u16) {
        self.size
    }

    /// The device that keys are read from.
    pub(crate) fn input(&self) -> Device {
        self.input.clone()
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A terminal in application mode, and how it was before.
struct Entered {
    /// The thread that draws.
    owner: ThreadId,
    modes: Termios,
    input: Device,
    output: Device,
    usage: Usage,
}

/// The terminal, while it is in application mode.
static ENTERED: Mutex<Option<Entered>> = Mutex::new(None);
/// Messages of panics in tasks while the terminal was in application mode.
static PANIC_MESSAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Installs a panic hook that restores the terminal before the message is printed. While the screen is drawn, a panic
/// in a task prints nothing: its message is kept for [`panic_messages`], and whoever runs the task decides what
/// follows.
pub(crate) fn install_panic_hook() {
    let inner = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let owner = lock(&ENTERED).as_ref().map(|entered| entered.owner);
        match owner {
            Some(owner) if owner != thread::current().id() => lock(&PANIC_MESSAGES).push(info.to_string()),
            Some(_) => {
                give_back();
                inner(info);
            }
            None => inner(info),
        }
    }));
}

/// Returns the messages of panics in tasks.
pub(crate) fn panic_messages() -> Vec<String> {
    std::mem::take(&mut *lock(&PANIC_MESSAGES))
}

/// Restores the terminal. One that takes no bytes finds them when it goes on, in place of what it has not shown.
fn give_back() {
    let Some(Entered { modes, input, output, usage, .. }) = lock(&ENTERED).take() else { return };
    let bytes = leaving(usage);
    // A closed terminal needs no restoring.
    if let Ok(false) = output.write_within(&bytes, STALL_TIMEOUT) {
        output.forget_output();
        let _ = output.write_now(&bytes);
    }
    let _ = tcsetattr(input.file(), OptionalActions::Now, &modes);
}

/// The marks of a synchronised update, and the modes that are switched (xterm control sequences): the alternate screen,
/// bracketed paste, reports of the focus, the cursor, the mouse's buttons and wheel with coordinates beyond 223. No motion events, which would
/// wake the client for nothing.
const BEGIN_FRAME: &[u8] = b"\x1b[?2026h";
const END_FRAME: &[u8] = b"\x1b[?2026l";
const SCREEN_ON: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?25l";
const SCREEN_OFF: &[u8] = b"\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h";
const LINES_ON: &[u8] = b"\x1b[?2004h";
const LINES_OFF: &[u8] = b"\x1b[?2004l";
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";
/// Cancels a sequence that was cut (ECMA-48, CAN).
const CANCEL: &[u8] = b"\x18";

fn entering(usage: Usage) -> &'static [u8] {
    match usage {
        Usage::Screen => SCREEN_ON,
        Usage::Lines => LINES_ON,
    }
}

fn leaving(usage: Usage) -> Vec<u8> {
    match usage {
        Usage::Screen => [CANCEL, MOUSE_OFF, END_FRAME, SCREEN_OFF].concat(),
        Usage::Lines => LINES_OFF.to_vec(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_switched_on_is_switched_off_again() {
        let modes = |bytes: &[u8], end: char| -> Vec<String> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.split("\u{1b}[?")
                .skip(1)
                .filter_map(|part| part.split_once(end).map(|(mode, _)| mode.to_owned()))
                .filter(|mode| mode.chars().all(|digit| digit.is_ascii_digit()))
                .collect()
        };
        let on = |usage| modes(entering(usage), 'h');
        let off = |usage| modes(&leaving(usage), 'l');
        assert_eq!(on(Usage::Screen), ["1049", "2004", "1004"]);
        assert_eq!(modes(entering(Usage::Screen), 'l'), ["25"], "the cursor is hidden");
        assert!(
            ["1049", "2004", "1004", "2026", "1000", "1006"]
                .iter()
                .all(|mode| { off(Usage::Screen).contains(&(*mode).to_owned()) })
        );
        assert_eq!(modes(&leaving(Usage::Screen), 'h'), ["25"], "the cursor shows again");
        assert_eq!((on(Usage::Lines), off(Usage::Lines)), (vec!["2004".to_owned()], vec!["2004".to_owned()]));
    }

    #[test]
    fn a_terminal_looks_as_before_after_leaving() {
        let mut terminal = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        terminal.process(b"$ storefront\r\n");
        terminal.process(&[entering(Usage::Screen), b"\x1b[31mthe shop", b"\x1b]52;c;cut off"].concat());
        assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());
        assert!(terminal.screen().bracketed_paste());
        terminal.process(&leaving(Usage::Screen));
        let screen = terminal.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert_eq!(screen.contents().trim(), "$ storefront");
    }
}
