//! Turns the bytes of a terminal into keys, pastes, clicks and wheel turns. Keeps an unfinished sequence until the rest
//! comes or [`Parser::expire`] gives it up. Answers and reports of the terminal, and whatever is not understood, are
//! swallowed whole, so that none of it is taken for keys. Sequences are those of ECMA-48 and of xterm's control
//! sequences.

use std::time::Duration;

use crate::keys::{Code, Key};

/// An input of the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Key(Key),
    Paste(String),
    /// The left button was pressed on a cell, counted from 0.
    Click {
        column: u16,
        row: u16,
    },
    /// The wheel was turned by `lines`.
    Wheel {
        lines: i16,
    },
    /// The person has come to this terminal, or gone to something else.
    Focus(bool),
}

/// Number of lines per notch of the wheel.
const WHEEL_LINES: i16 = 3;
/// Maximum number of bytes of one control sequence; a longer one is noise.
const MAX_SEQUENCE_BYTES: usize = 64;
/// Maximum number of bytes that are kept of a paste.
const MAX_PASTE_BYTES: usize = 64 * 1024;
/// The end of a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// What the bytes so far have begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// A character of several bytes; the buffer has its first bytes.
    Letter {
        alt: bool,
    },
    Escape,
    /// A control sequence; the buffer has what follows `ESC [`.
    Control,
    /// A function key; one byte follows `ESC O`.
    Function,
    /// A string of the terminal (OSC, DCS, APC, PM, SOS), which answers come in.
    Text,
    /// An ESC within such a string: its end, or another sequence.
    TextEscape,
    /// The end of a sequence that has no meaning here; the number of bytes to come.
    Skip(u8),
    /// A bracketed paste; the buffer has its text.
    Paste,
}

/// The parser with what it keeps between two reads.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    state: State,
    buffer: Vec<u8>,
}

impl Parser {
    /// Takes the bytes of one read in and adds what they mean to `inputs`.
    pub(crate) fn feed(&mut self, bytes: &[u8], inputs: &mut Vec<Input>) {
        // Ctrl-C alone is a key, also within a paste whose end does not come.
        if self.state == State::Paste && bytes == [CTRL_C] {
            self.expire(inputs);
        }
        for byte in bytes {
            self.take(*byte, inputs);
        }
    }

    /// How long to wait for the rest of what has begun before [`Self::expire`]; `None` when nothing has begun.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(Duration::from_millis(25)),
            State::Letter { .. } | State::Control | State::Function | State::Skip(_) => {
                Some(Duration::from_millis(250))
            }
            State::Text | State::TextEscape | State::Paste => Some(Duration::from_millis(500)),
        }
    }

    /// Gives up waiting: an ESC alone is the key, a paste ends, anything else unfinished is dropped.
    pub(crate) fn expire(&mut self, inputs: &mut Vec<Input>) {
        match self.state {
            State::Escape => inputs.push(key(Code::Esc)),
            State::Paste => self.end_paste(inputs),
            State::Ground
            | State::Letter { .. }
            | State::Control
            | State::Function
            | State::Text
            | State::TextEscape
            | State::Skip(_) => {}
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.state = State::Ground;
        self.buffer.clear();
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.buffer.clear();
    }

    fn take(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        match self.state {
            State::Ground => self.on_ground(byte, false, inputs),
            State::Letter { alt } => self.on_letter(byte, alt, inputs),
            State::Escape => self.on_escape(byte, inputs),
            State::Control => self.on_control(byte, inputs),
            State::Function => {
                self.reset();
                match byte {
                    ..b' ' => self.on_ground(byte, false, inputs),
                    _ => inputs.extend(arrow(byte, 0)),
                }
            }
            State::Text => match byte {
                BELL => self.reset(),
                ESC => self.state = State::TextEscape,
                // No answer has a control character in it: that is a key.
                ..b' ' => self.again(byte, inputs),
                _ => {}
            },
            State::TextEscape if byte == b'\\' => self.reset(),
            State::TextEscape => {
                self.begin(State::Escape);
                self.on_escape(byte, inputs);
            }
            State::Skip(_) if byte < b' ' => self.again(byte, inputs),
            State::Skip(1) => self.reset(),
            State::Skip(left) => self.state = State::Skip(left - 1),
            State::Paste => {
                if self.buffer.len() >= MAX_PASTE_BYTES + PASTE_END.len() {
                    // The end mark is still recognised.
                    self.buffer.drain(MAX_PASTE_BYTES..=MAX_PASTE_BYTES);
                }
                self.buffer.push(byte);
                if self.buffer.ends_with(PASTE_END) {
                    self.buffer.truncate(self.buffer.len() - PASTE_END.len());
                    self.end_paste(inputs);
                }
            }
        }
    }

    /// Drops what has begun and takes the byte by itself.
    fn again(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        self.reset();
        self.on_ground(byte, false, inputs);
    }

    fn end_paste(&mut self, inputs: &mut Vec<Input>) {
        inputs.push(Input::Paste(String::from_utf8_lossy(&self.buffer).into_owned()));
        self.reset();
    }

    fn on_ground(&mut self, byte: u8, alt: bool, inputs: &mut Vec<Input>) {
        self.reset();
        let code = match byte {
            ESC => return self.begin(State::Escape),
            b'\r' => Code::Enter,
            b'\t' => Code::Tab,
            BACKSPACE | DELETE => Code::Backspace,
            1..=26 => {
                inputs.push(Input::Key(Key { alt, ..Key::ctrl(char::from(byte - 1 + b'a')) }));
                return;
            }
            b' '..DELETE => Code::Char(char::from(byte)),
            // The first byte of a character of two to four.
            0xc2..=0xf4 => {
                self.begin(State::Letter { alt });
                self.buffer.push(byte);
                return;
            }
            // No key, or no text in UTF-8.
            0 | 27..=31 | 0x80.. => return,
        };
        inputs.push(Input::Key(Key { code, ctrl: false, alt }));
    }

    fn on_letter(&mut self, byte: u8, alt: bool, inputs: &mut Vec<Input>) {
        if !(0x80..0xc0).contains(&byte) {
            return self.again(byte, inputs);
        }
        self.buffer.push(byte);
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => {
                let letter = text.chars().next().filter(|letter| !letter.is_control());
                inputs.extend(letter.map(|letter| Input::Key(Key { alt, ..Key::char(letter) })));
                self.reset();
            }
            Err(error) if error.error_len().is_some() => self.reset(),
            Err(_) => {}
        }
    }

    fn on_escape(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        match byte {
            b'[' => self.begin(State::Control),
            b'O' => self.begin(State::Function),
            b']' | b'P' | b'_' | b'^' | b'X' => self.begin(State::Text),
            // The end of a string that has been given up.
            b'\\' => self.reset(),
            ESC => inputs.push(key(Code::Esc)),
            _ => self.on_ground(byte, true, inputs),
        }
    }

    fn on_control(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        match byte {
            // Parameters and intermediates.
            b' '..b'@' if self.buffer.len() < MAX_SEQUENCE_BYTES => self.buffer.push(byte),
            b' '..b'@' => self.reset(),
            // A function key of the Linux console, and a mouse report in three bytes.
            b'[' if self.buffer.is_empty() => self.state = State::Skip(1),
            b'M' if self.buffer.is_empty() => self.state = State::Skip(3),
            b'@'..DELETE => {
                let parameters = std::mem::take(&mut self.buffer);
                self.reset();
                if parameters == b"200" && byte == b'~' {
                    self.begin(State::Paste);
                } else {
                    inputs.extend(meaning(&parameters, byte));
                }
            }
            _ => self.again(byte, inputs),
        }
    }
}

const ESC: u8 = 0x1b;
const BELL: u8 = 0x07;
const CTRL_C: u8 = 0x03;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

fn key(code: Code) -> Input {
    Input::Key(Key::plain(code))
}

/// The meaning of a control sequence; `None` for answers, reports and everything unknown.
fn meaning(parameters: &[u8], last: u8) -> Option<Input> {
    if let [b'<', rest @ ..] = parameters {
        return mouse(&numbers(rest)?, last);
    }
    if parameters.is_empty() && matches!(last, b'I' | b'O') {
        return Some(Input::Focus(last == b'I'));
    }
    let numbers = numbers(parameters)?;
    let modifiers = numbers.get(1).copied().unwrap_or(1).saturating_sub(1);
    let first = numbers.first().copied().unwrap_or(0);
    match last {
        b'A'..=b'D' | b'F' | b'H' => arrow(last, modifiers),
        b'Z' => Some(key(Code::BackTab)),
        b'~' if first == MODIFIED_KEY => modified(*numbers.get(2)?, modifiers),
        b'~' => {
            let code = match first {
                1 | 7 => Code::Home,
                4 | 8 => Code::End,
                3 => Code::Delete,
                5 => Code::PageUp,
                6 => Code::PageDown,
                _ => return None,
            };
            Some(with(code, modifiers))
        }
        b'u' => modified(first, modifiers),
        _ => None,
    }
}

/// The first parameter of a key with modifiers as xterm reports it (`modifyOtherKeys`).
const MODIFIED_KEY: u32 = 27;

/// The parameters of a sequence; of one with parts, the first part. `None` where there is anything but numbers, as in
/// reports.
fn numbers(parameters: &[u8]) -> Option<Vec<u32>> {
    let text = std::str::from_utf8(parameters).ok()?;
    let number = |text: &str| {
        let text = text.split(':').next().unwrap_or_default();
        if text.is_empty() { Some(0) } else { text.parse().ok() }
    };
    if text.is_empty() { Some(Vec::new()) } else { text.split(';').map(number).collect() }
}

fn with(code: Code, modifiers: u32) -> Input {
    Input::Key(Key { code, ctrl: modifiers & 4 > 0, alt: modifiers & 2 > 0 })
}

fn arrow(letter: u8, modifiers: u32) -> Option<Input> {
    let code = match letter {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        _ => return None,
    };
    Some(with(code, modifiers))
}

/// A key that is told by its character, as some terminals do for keys with modifiers.
fn modified(character: u32, modifiers: u32) -> Option<Input> {
    let shift = modifiers & 1 > 0;
    let code = match character {
        9 if shift => Code::BackTab,
        9 => Code::Tab,
        13 => Code::Enter,
        27 => Code::Esc,
        8 | 127 => Code::Backspace,
        other => {
            let letter = char::from_u32(other).filter(|letter| !letter.is_control())?;
            Code::Char(if shift { letter.to_ascii_uppercase() } else { letter })
        }
    };
    Some(with(code, modifiers))
}

/// A mouse report with coordinates from 1.
fn mouse(numbers: &[u32], last: u8) -> Option<Input> {
    let [button, column, row] = *numbers else { return None };
    let from_zero = |number: u32| u16::try_from(number).ok()?.checked_sub(1);
    match (button, last) {
        (0, b'M') => Some(Input::Click { column: from_zero(column)?, row: from_zero(row)? }),
        (64, b'M') => Some(Input::Wheel { lines: -WHEEL_LINES }),
        (65, b'M') => Some(Input::Wheel { lines: WHEEL_LINES }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the reads mean, and then nothing more comes.
    fn read(reads: &[&[u8]]) -> Vec<Input> {
        let (mut parser, mut inputs) = (Parser::default(), Vec::new());
        for bytes in reads {
            parser.feed(bytes, &mut inputs);
        }
        if parser.patience().is_some() {
            parser.expire(&mut inputs);
        }
        assert_eq!(parser.patience(), None);
        inputs
    }

    fn letter(letter: char) -> Input {
        Input::Key(Key::char(letter))
    }

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        for (bytes, meant) in [
            (&b"q"[..], Key::char('q')),
            (b"\r", Key::plain(Code::Enter)),
            (b"\x1b", Key::plain(Code::Esc)),
            (b"\x7f", Key::plain(Code::Backspace)),
            (b"\x08", Key::plain(Code::Backspace)),
            (b"\x03", Key::ctrl('c')),
            (b"\x1b[A", Key::plain(Code::Up)),
            (b"\x1bOB", Key::plain(Code::Down)),
            (b"\x1b[Z", Key::plain(Code::BackTab)),
            (b"\x1b[1~", Key::plain(Code::Home)),
            (b"\x1b[4~", Key::plain(Code::End)),
            (b"\x1b[3~", Key::plain(Code::Delete)),
            (b"\x1b[6~", Key::plain(Code::PageDown)),
            (b"\x1b[1;5D", Key { ctrl: true, ..Key::plain(Code::Left) }),
            (b"\x1b[27;5;112~", Key::ctrl('p')),
            (b"\x1b[112;5u", Key::ctrl('p')),
            (b"\x1bx", Key { alt: true, ..Key::char('x') }),
            ("ü".as_bytes(), Key::char('ü')),
            ("日".as_bytes(), Key::char('日')),
        ] {
            assert_eq!(read(&[bytes]), [Input::Key(meant)], "{bytes:?}");
            // However the bytes come.
            let apart: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&apart), [Input::Key(meant)], "{bytes:?}");
        }
    }

    #[test]
    fn answers_and_reports_are_swallowed_and_the_next_key_is_read() {
        for report in [
            &b"\x1b[?997;1n"[..],
            b"\x1b[?2026;2$y",
            b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
            b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
            b"\x1bP>|XTerm(390)\x1b\\",
            b"\x1b[>41;390;0c",
            b"\x1b[?62;22c",
            b"\x1bP1$r0m\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b[12;40R",
            b"\x1b[0;0R",
            b"\x1b[48;24;80;0;0t",
            b"\x1b[M   ",
            b"\x1b[<0;0;0M",
            b"\x1b[32;0;0M",
            b"\x1b[201~",
            b"\x1b[[A",
            b"\x1bOP",
            b"\x1b[15~",
            b"\x1b\\",
            b"\xff\x80",
            b"\xc2\x9b",
        ] {
            assert_eq!(read(&[report, b"q"]), [letter('q')], "{}", report.escape_ascii());
        }
    }

    #[test]
    fn what_is_unfinished_is_given_up_and_ctrl_c_works_at_once() {
        for begun in [&b"\x1b["[..], b"\x1b[?99", b"\x1b]11;rgb", b"\x1bP", b"\x1b[M", b"\x1bO", b"\xe6", b"\x1b[200~a"]
        {
            let (mut parser, mut inputs) = (Parser::default(), Vec::new());
            parser.feed(begun, &mut inputs);
            assert!(parser.patience().is_some_and(|wait| wait < Duration::from_secs(1)), "{}", begun.escape_ascii());
            parser.feed(&[CTRL_C], &mut inputs);
            assert_eq!(inputs.last(), Some(&Input::Key(Key::ctrl('c'))), "{}", begun.escape_ascii());
            let mut inputs = Vec::new();
            parser.feed(begun, &mut inputs);
            parser.expire(&mut inputs);
            inputs.clear();
            parser.feed(b"q", &mut inputs);
            assert_eq!(inputs, [letter('q')], "{}", begun.escape_ascii());
        }
    }

    #[test]
    fn a_paste_is_one_input_whatever_is_in_it() {
        assert_eq!(
            read(&[b"\x1b[200~a\x1b[Bq\x03\n", b"b\x1b[20", b"1~c"]),
            [Input::Paste("a\u{1b}[Bq\u{3}\nb".to_owned()), letter('c')]
        );
        let long = [b"\x1b[200~".to_vec(), vec![b'x'; 3 * MAX_PASTE_BYTES], b"\x1b[201~q".to_vec()].concat();
        let inputs = read(&[&long]);
        assert!(matches!(&inputs[..], [Input::Paste(text), _] if text.len() <= MAX_PASTE_BYTES + PASTE_END.len()));
        assert_eq!(inputs[1], letter('q'));
    }

    #[test]
    fn clicks_and_the_wheel_are_read_and_letting_go_is_not() {
        assert_eq!(
            read(&[b"\x1b[<0;12;7M\x1b[<0;12;7m\x1b[<64;1;1M\x1b[<65;1;1M\x1b[<35;1;1M"]),
            [Input::Click { column: 11, row: 6 }, Input::Wheel { lines: -3 }, Input::Wheel { lines: 3 }]
        );
    }

    #[test]
    fn looking_elsewhere_and_coming_back_is_read() {
        assert_eq!(read(&[b"\x1b[O\x1b[I"]), [Input::Focus(false), Input::Focus(true)]);
    }

    #[test]
    fn many_bytes_at_once_are_all_read() {
        assert_eq!(read(&[&[b'j'; 5_000]]).len(), 5_000);
    }

    proptest! {
        #[test]
        fn any_bytes_leave_the_parser_able_to_read_a_key(reads in prop::collection::vec(
            prop::collection::vec(any::<u8>(), 0..40), 0..20,
        )) {
            let (mut parser, mut inputs) = (Parser::default(), Vec::new());
            for bytes in reads {
                parser.feed(&bytes, &mut inputs);
            }
            parser.expire(&mut inputs);
            inputs.clear();
            parser.feed(b"q", &mut inputs);
            prop_assert_eq!(inputs, vec![letter('q')]);
        }
    }
}
