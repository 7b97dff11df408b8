//! Controls the terminal: sets it up once and restores it on every way out. Writes each frame at once between
//! synchronised-update marks, so that nothing flickers. Does not know what is drawn.

use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton,
    MouseEvent, MouseEventKind,
};
use crossterm::style::{ResetColor, force_color_output};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use crate::keys::{Code, Key};
use crate::update::Msg;

/// Size of the write buffer for a frame.
const FRAME_BYTES: usize = 64 * 1024;

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal in application mode. Dropping it restores the terminal.
pub(crate) struct TerminalGuard {
    /// Never dropped: the library's drop shows the cursor, which this type does itself, and panics when the terminal is
    /// gone.
    screen: ManuallyDrop<Screen>,
    /// Whether mouse events are captured.
    mouse: bool,
}

impl TerminalGuard {
    /// Sets the terminal up: raw mode, the alternate screen, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When the terminal cannot be set up; it is restored then.
    pub(crate) fn enter() -> io::Result<Self> {
        // The theme respects NO_COLOR; left to the library it would also remove bold and reverse.
        force_color_output(true);
        own_screen()?;
        let screen = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stdout())));
        match screen {
            Ok(screen) => Ok(Self { screen: ManuallyDrop::new(screen), mouse: false }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        queue!(self.screen.backend_mut(), BeginSynchronizedUpdate)?;
        self.screen.draw(view)?;
        execute!(self.screen.backend_mut(), EndSynchronizedUpdate)
    }

    /// Copies a text to the clipboard (OSC 52); a terminal that does not allow it ignores it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        let out = self.screen.backend_mut();
        write!(out, "\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text))?;
        Write::flush(out)
    }

    /// Captures mouse events, or leaves them to the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn use_mouse(&mut self, on: bool) -> io::Result<()> {
        if self.mouse != on {
            self.mouse = on;
            write_mouse(&mut io::stdout(), on)?;
        }
        Ok(())
    }

    /// Restores the terminal for a suspension.
    pub(crate) fn leave(&mut self) {
        self.mouse = false;
        give_back();
    }

    /// Sets the terminal up again; the next frame is drawn whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn enter_again(&mut self) -> io::Result<()> {
        self.leave();
        own_screen()?;
        self.redraw()
    }

    /// Draws the next frame whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn redraw(&mut self) -> io::Result<()> {
        // Not `clear`: it queries the cursor position, and the response would be lost among the keys.
        let size = self.screen.size()?;
        self.screen.resize(size.into())
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.screen.size().map(|size| (size.width, size.height))
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// The thread that draws, while the terminal is in application mode.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// Messages of panics in tasks while the terminal was in application mode.
static PANIC_MESSAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Installs a panic hook that restores the terminal before the message is printed. While the screen is drawn, a panic
/// in a task prints nothing: its message is kept for [`panic_messages`], and whoever runs the task decides what
/// follows.
pub(crate) fn install_panic_hook() {
    let inner = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let owner = *lock(&OWNER);
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

fn own_screen() -> io::Result<()> {
    enable_raw_mode()?;
    *lock(&OWNER) = Some(thread::current().id());
    write_enter(&mut io::stdout()).inspect_err(|_| give_back())
}

fn give_back() {
    if lock(&OWNER).take().is_some() {
        // A closed terminal needs no restoring.
        let _ = write_leave(&mut io::stdout());
        let _ = disable_raw_mode();
    }
}

fn write_enter(out: &mut impl Write) -> io::Result<()> {
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)
}

/// Enables button and wheel events with coordinates beyond 223 (xterm control sequences, "Mouse Tracking"), but no
/// motion events, which would wake the client for nothing.
fn write_mouse(out: &mut impl Write, on: bool) -> io::Result<()> {
    out.write_all(if on { b"\x1b[?1000h\x1b[?1006h" } else { b"\x1b[?1006l\x1b[?1000l" })?;
    out.flush()
}

fn write_leave(out: &mut impl Write) -> io::Result<()> {
    write_mouse(out, false)?;
    execute!(out, EndSynchronizedUpdate, DisableBracketedPaste, ResetColor, LeaveAlternateScreen, Show)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Number of lines per notch of the wheel.
const WHEEL_LINES: i16 = 3;

/// Converts a terminal event into a message; `None` when it has no meaning here. A click is reported by its distance
/// from the row of the selected line.
pub(crate) fn message(event: Event, chosen_row: Option<u16>) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => our_key(key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize { width, height }),
        Event::Mouse(mouse) => clicked(mouse, chosen_row),
        Event::Key(_) | Event::FocusGained | Event::FocusLost => None,
    }
}

fn clicked(mouse: MouseEvent, chosen_row: Option<u16>) -> Option<Msg> {
    match mouse.kind {
        MouseEventKind::ScrollDown => Some(Msg::Wheel { lines: WHEEL_LINES }),
        MouseEventKind::ScrollUp => Some(Msg::Wheel { lines: -WHEEL_LINES }),
        MouseEventKind::Down(MouseButton::Left) => {
            let rows = i16::try_from(i32::from(mouse.row) - i32::from(chosen_row?)).ok()?;
            Some(Msg::Click { rows })
        }
        _ => None,
    }
}

fn our_key(event: KeyEvent) -> Option<Key> {
    let code = match event.code {
        KeyCode::Char(letter) => Code::Char(letter),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        _ => return None,
    };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    Some(Key { code, ctrl, alt })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_switched_on_is_switched_off_again() {
        let (mut entering, mut leaving) = (Vec::new(), Vec::new());
        write_enter(&mut entering).unwrap();
        write_leave(&mut leaving).unwrap();
        let modes = |bytes: &[u8], end: char| -> Vec<String> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.split("\u{1b}[?")
                .skip(1)
                .filter_map(|part| part.split_once(end).map(|(mode, _)| mode.to_owned()))
                .filter(|mode| mode.chars().all(|digit| digit.is_ascii_digit()))
                .collect()
        };
        assert_eq!(modes(&entering, 'h'), ["1049", "2004"]);
        assert_eq!(modes(&entering, 'l'), ["25"], "the cursor is hidden");
        let off = modes(&leaving, 'l');
        assert!(["1049", "2004", "2026"].iter().all(|mode| off.contains(&(*mode).to_owned())), "{off:?}");
        assert_eq!(modes(&leaving, 'h'), ["25"], "the cursor shows again");
    }

    #[test]
    fn a_terminal_looks_as_before_after_leaving() {
        let mut terminal = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        terminal.process(b"$ storefront\r\n");
        let mut bytes = Vec::new();
        write_enter(&mut bytes).unwrap();
        bytes.extend_from_slice(b"\x1b[31mthe shop");
        terminal.process(&bytes);
        assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());
        assert!(terminal.screen().bracketed_paste());
        let mut bytes = Vec::new();
        write_leave(&mut bytes).unwrap();
        terminal.process(&bytes);
        let screen = terminal.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert_eq!(screen.contents().trim(), "$ storefront");
    }

    #[test]
    fn letting_a_key_go_means_nothing() {
        let mut event = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert!(matches!(message(Event::Key(event), None), Some(Msg::Key(key)) if key == Key::char('q')));
        event.kind = KeyEventKind::Repeat;
        assert!(message(Event::Key(event), None).is_some());
        event.kind = KeyEventKind::Release;
        assert!(message(Event::Key(event), None).is_none());
    }
}
