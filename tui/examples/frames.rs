//! Prints how long a key takes to reach the screen, with 10,000 events behind it:
//!
//! ```text
//! cargo run --release -p storefront --example frames [EVENTS] [WIDTHxHEIGHT]
//! ```

use std::io::Write;

use color_eyre::eyre::{Result, eyre};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize, usual: &str| arguments.get(place).cloned().unwrap_or_else(|| usual.to_owned());
    let events = argument(0, "10000").parse()?;
    let size = argument(1, "120x40");
    let size = size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let size = size.ok_or_else(|| eyre!("a size is written as 120x40"))?;
    let mut out = std::io::stdout();
    for measured in storefront::frames::measure(events, size, 2_000)? {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1_000.0;
        let (median, longest) = (ms(measured.median), ms(measured.longest));
        let (screen, bytes) = (measured.screen, measured.bytes);
        writeln!(out, "{screen:<22} median {median:6.2} ms   longest {longest:6.2} ms   {bytes} bytes a frame")?;
    }
    Ok(())
}
