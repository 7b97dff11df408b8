//! Writes all demo pictures onto one sheet, enlarged, to look at them while drawing:
//! `cargo run -p storefront-mocks --example contact_sheet -- sheet.png [SCALE] [id …]`.

use std::{error::Error, fs::File, io::BufWriter};

use storefront_mocks::{Mocks, MocksConfig};

const SIDE: usize = 32;
const COLUMNS: usize = 9;
const GAP: usize = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("say where the sheet is to be written")?;
    let scale: usize = arguments.next().unwrap_or_else(|| "4".to_owned()).parse()?;
    let wanted: Vec<String> = arguments.collect();
    let mocks = Mocks::start(MocksConfig::default()).await?;
    let ids = mocks.products().list().into_iter().map(|product| product.id);
    let ids: Vec<String> = ids.filter(|id| wanted.is_empty() || wanted.contains(id)).collect();
    let cell = SIDE * scale + GAP;
    let columns = COLUMNS.min(ids.len().max(1));
    let (width, height) = (columns * cell + GAP, ids.len().div_ceil(columns) * cell + GAP);
    let mut sheet = vec![0x20; width * height * 3];
    for (index, id) in ids.iter().enumerate() {
        let Some(picture) = mocks.products().picture(id) else { continue };
        let (left, top) = (GAP + index % columns * cell, GAP + index / columns * cell);
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
        reader.next_frame(&mut pixels)?;
        for y in 0..SIDE * scale {
            for x in 0..SIDE * scale {
                let from = (y / scale * SIDE + x / scale) * 4;
                let to = ((top + y) * width + left + x) * 3;
                sheet[to..to + 3].copy_from_slice(&pixels[from..from + 3]);
            }
        }
    }
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width.try_into()?, height.try_into()?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&sheet)?;
    mocks.shutdown().await;
    Ok(())
}
