//! Prints how long a key takes to reach the screen: on every screen of a shop with pictures, at three sizes; and with 10,000
//! events in the lists.
//!
//! ```text
//! cargo run --release -p storefront --example frames [FRAMES] [EVENTS]
//! ```

use std::io::Write;
use std::time::Duration;

use color_eyre::eyre::Result;
use storefront::frames::{FrameTiming, measure, measure_screens};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 34), (200, 60)];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize, usual: &str| arguments.get(place).cloned().unwrap_or_else(|| usual.to_owned());
    let frames = argument(0, "300").parse()?;
    let events = argument(1, "10000").parse()?;
    let mut out = std::io::stdout();
    for measured in measure_screens(&SIZES, frames).await? {
        print(&mut out, &measured)?;
    }
    writeln!(out, "with {events} events")?;
    for measured in measure(events, (120, 40), frames)? {
        print(&mut out, &measured)?;
    }
    Ok(())
}

fn print(out: &mut impl Write, measured: &FrameTiming) -> Result<()> {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let FrameTiming { screen, size: (width, height), bytes, .. } = measured;
    let size = format!("{width} × {height}");
    let (mean, most, longest) = (ms(measured.mean), ms(measured.most), ms(measured.longest));
    writeln!(out, "{screen:<22} {size:>8}  mean {mean:6.2} ms  99 % {most:6.2}  longest {longest:6.2}  {bytes} bytes")?;
    Ok(())
}
