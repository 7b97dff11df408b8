//! Random keys at random sizes for a minute: the client never panics or hangs, and restores the terminal.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::pty::{CTRL_C, ESC, Home, Terminal};

const RUN_DURATION: Duration = Duration::from_secs(60);

/// What a burst is made of, beside letters: what the table of keys knows, what terminals send, and what they should not.
const OTHER_KEYS: [&str; 44] = [
    "\r",
    "\r",
    "\x1b",
    "\t",
    "\x1b[Z",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b[H",
    "\x1b[F",
    "\x1b[3~",
    "\x7f",
    "\x10",
    "\x0c",
    "\x15",
    "\x17",
    "\x04",
    "\x1bOP",
    "\x1b[15~",
    "\x1b[24~",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "/",
    "?",
    ":",
    " ",
    "\x1b[200~pasted \x07 text\x1b[201~",
    "\x1b[<0;12;7M\x1b[<0;12;7m",
    "\x1b[<65;40;9M",
    "日本ü",
    "\x1b[999;999R",
    INVALID_POSITIONS[0],
    INVALID_POSITIONS[1],
    INVALID_POSITIONS[2],
    INVALID_POSITIONS[3],
];

/// Reports of places left of the first column and above the first row, which are 1 (xterm control sequences, "Mouse
/// Tracking"): three ways to tell of the mouse, and one to tell of the cursor.
const INVALID_POSITIONS: [&str; 4] = ["\x1b[M   ", "\x1b[<0;0;0M", "\x1b[32;0;0M", "\x1b[0;0R"];

/// Keys that are never part of what random keys may have begun: one letter ends a sequence of the mouse, the other an answer
/// of the terminal, the first Ctrl-L anything else, and the second has everything drawn.
const SEQUENCE_TERMINATOR: &str = "mc\x0c\x0c";

/// So many numbers as are asked for, the same again from the same seed (Steele, Lea, Flood: Fast Splittable Pseudorandom
/// Number Generators, 2014).
struct SeededRng(u64);

impl SeededRng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn burst(&mut self) -> String {
        let mut keys = String::new();
        for _ in 0..=self.below(12) {
            match self.below(3) {
                0 => keys.push_str(OTHER_KEYS[self.below(OTHER_KEYS.len())]),
                _ => keys.push(char::from(b'!' + u8::try_from(self.below(94)).unwrap())),
            }
        }
        keys
    }

    fn size(&mut self) -> (u16, u16) {
        let mut within = |least: u16, most: u16| least + u16::try_from(self.below(usize::from(most - least))).unwrap();
        if within(0, 4) == 0 { (within(1, 45), within(1, 15)) } else { (within(40, 220), within(12, 65)) }
    }
}

/// The seed of a run that failed stands in its message; it is replayed by `RANDOM_KEYS_SEED`.
fn seed() -> u64 {
    match std::env::var("RANDOM_KEYS_SEED") {
        Ok(seed) => seed.parse().expect("RANDOM_KEYS_SEED is a number"),
        Err(_) => Uuid::new_v4().as_u64_pair().0,
    }
}

#[test]
fn a_minute_of_random_keys_at_random_sizes_does_no_harm() {
    let seed = seed();
    let mut rng = SeededRng(seed);
    let home = Home::new();
    let until = Instant::now() + RUN_DURATION;
    let mut bursts = 0;
    while Instant::now() < until {
        let mut terminal = home.open((80, 24), &["--ephemeral"]);
        terminal.wait_for("●");
        terminal.assert_raw();
        let mut history = Vec::new();
        // Some keys end the client, which is their right: then the next one opens.
        while Instant::now() < until && terminal.is_running() {
            let keys = rng.burst();
            history.push(keys.clone());
            terminal.press_if_it_runs(&keys);
            if rng.below(4) == 0 {
                terminal.resize(rng.size());
            }
            // Nobody types ahead for minutes, as this would on a busy machine.
            terminal.wait_until_keys_are_read();
            bursts += 1;
            if bursts % 8 == 0 {
                answers(&mut terminal, seed, &history);
            }
        }
        terminal.resize((80, 24));
        terminal.press_if_it_runs(SEQUENCE_TERMINATOR);
        terminal.press_if_it_runs(CTRL_C);
        terminal.wait_until_keys_are_read();
        let status = terminal.wait_for_the_end();
        let output = terminal.bytes_since(0);
        let output = String::from_utf8_lossy(output.as_bytes());
        let panic = output.find("panicked").map(|at| output[at..].chars().take(500).collect::<String>());
        let last = &history[history.len().saturating_sub(5)..];
        let ended = status.success() && panic.is_none();
        assert!(ended, "RANDOM_KEYS_SEED={seed}: it ended with {status:?} after {last:?}, and said {panic:?}");
        terminal.assert_restored(0);
    }
    assert!(bursts > 20, "there were {bursts} bursts of keys only");
}

#[test]
fn a_report_from_outside_the_screen_does_no_harm() {
    let mut terminal = Home::new().open((80, 24), &["--ephemeral"]);
    terminal.wait_for("●");
    for report in INVALID_POSITIONS {
        terminal.press(report);
        terminal.press("?");
        terminal.wait_for("type to find");
        terminal.press(ESC);
        terminal.wait_until_gone("type to find");
    }
    terminal.press(CTRL_C);
    assert!(terminal.wait_for_the_end().success());
    assert!(!terminal.bytes_since(0).contains("panicked"));
    terminal.assert_restored(0);
}

/// Whatever is open, the client still draws when it is asked to.
fn answers(terminal: &mut Terminal, seed: u64, history: &[String]) {
    let before = terminal.now();
    terminal.press_if_it_runs(SEQUENCE_TERMINATOR);
    let last = &history[history.len().saturating_sub(12)..];
    terminal.wait_for_output(before, &format!("RANDOM_KEYS_SEED={seed}: something is drawn after {last:?}"));
}
