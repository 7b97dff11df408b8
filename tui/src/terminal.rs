//! The terminal: taken over once, given back on every way out. Draws a frame in one write between the marks of a
//! synchronised update, so that nothing flickers. Knows nothing of what is drawn.

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

/// How much of a frame is gathered before it is written.
const FRAME_BYTES: usize = 64 * 1024;

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal while it is ours. Dropping it gives it back.
pub(crate) struct TerminalGuard {
    /// Never dropped: the library would show the cursor, which we do, and panic when the terminal is gone.
    screen: ManuallyDrop<Screen>,
    /// Clicks and the wheel come here.
    mouse: bool,
}

impl TerminalGuard {
    /// Takes the terminal over: raw mode, the alternate screen, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When the terminal cannot be set up; it is as it was then.
    pub(crate) fn enter() -> io::Result<Self> {
        // NO_COLOR is heeded by the theme; left to the library it would also wipe bold and reverse.
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

    /// Puts a text into the clipboard (OSC 52); a terminal that does not allow it ignores it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        let out = self.screen.backend_mut();
        write!(out, "\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text))?;
        Write::flush(out)
    }

    /// Has clicks and the wheel come here, or leaves them to the terminal.
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

    /// Gives the terminal back for a while.
    pub(crate) fn leave(&mut self) {
        self.mouse = false;
        give_back();
    }

    /// Takes it over again; the next frame is drawn whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn enter_again(&mut self) -> io::Result<()> {
        self.leave();
        own_screen()?;
        self.redraw()
    }

    /// Has the next frame drawn whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn redraw(&mut self) -> io::Result<()> {
        // Not `clear`: it asks the terminal where the cursor is, and the answer would go astray among the keys.
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

/// The thread that draws, while the terminal is ours.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// What panicking tasks had to say while the terminal was ours.
static UNSAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Has panics give the terminal back before they say anything. A panic in a task says nothing while the screen is
/// drawn: what it had to say is kept for [`unsaid`], and whoever runs the task decides what becomes of the client.
pub(crate) fn install_panic_hook() {
    let inner = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let owner = *lock(&OWNER);
        match owner {
            Some(owner) if owner != thread::current().id() => lock(&UNSAID).push(info.to_string()),
            Some(_) => {
                give_back();
                inner(info);
            }
            None => inner(info),
        }
    }));
}

/// What panicking tasks had to say.
pub(crate) fn unsaid() -> Vec<String> {
    std::mem::take(&mut *lock(&UNSAID))
}

fn own_screen() -> io::Result<()> {
    enable_raw_mode()?;
    *lock(&OWNER) = Some(thread::current().id());
    write_enter(&mut io::stdout()).inspect_err(|_| give_back())
}

fn give_back() {
    if lock(&OWNER).take().is_some() {
        // The terminal may be gone; then there is nothing to restore.
        let _ = write_leave(&mut io::stdout());
        let _ = disable_raw_mode();
    }
}

fn write_enter(out: &mut impl Write) -> io::Result<()> {
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)
}

/// Presses, releases and the wheel, with coordinates beyond 223 (xterm control sequences, "Mouse Tracking"): never moves,
/// which would wake us for nothing.
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

/// How many lines one notch of the wheel moves.
const WHEEL_LINES: i16 = 3;

/// A terminal's event as a message; `None` for what does not matter here. A click is told by its distance from the row of
/// the chosen line.
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
