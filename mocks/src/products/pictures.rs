//! Product pictures as PNG: those of the demo products, drawn from text, and validation of uploads.

mod canvas;
mod script;

use std::collections::HashSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::ProductError;
use canvas::{Canvas, SIZE};

/// Maximum width and height of an uploaded picture, in pixels.
const MAX_SIDE_PX: u32 = 256;

const DRAWINGS: [&str; 8] = [
    include_str!("../../art/books.txt"),
    include_str!("../../art/clothing.txt"),
    include_str!("../../art/games.txt"),
    include_str!("../../art/garden.txt"),
    include_str!("../../art/kitchen.txt"),
    include_str!("../../art/stationery.txt"),
    include_str!("../../art/tea_and_coffee.txt"),
    include_str!("../../art/tools.txt"),
];

/// Draws the picture of a demo product, if it has one, in less than a millisecond.
pub(super) fn demo_png(id: &str) -> Option<Vec<u8>> {
    match script::draw(&DRAWINGS, id) {
        Ok(canvas) => encode(&canvas?),
        Err(error) => {
            // A test draws them all, so this cannot happen in a release.
            tracing::warn!(%error, id, "a product picture cannot be drawn");
            None
        }
    }
}

/// The ids of the demo products that have a drawing.
pub(super) fn ids_of_demo_pictures() -> HashSet<&'static str> {
    script::ids(&DRAWINGS).collect()
}

/// Refuses what is not a PNG of at most 256 × 256 pixels.
pub(super) fn check(png: &[u8]) -> Result<(), ProductError> {
    let not_a_picture = |why: String| ProductError::NotAPicture(format!("This is not a PNG picture: {why}."));
    let limits = png::Limits { bytes: 4 * 1024 * 1024 };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(png), limits);
    let mut reader = decoder.read_info().map_err(|error| not_a_picture(error.to_string()))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        let detail = format!("A picture has at most {MAX_SIDE_PX} × {MAX_SIDE_PX} pixels, not {width} × {height}.");
        return Err(ProductError::Invalid(detail));
    }
    let size = reader.output_buffer_size().ok_or_else(|| not_a_picture("it is too large".to_owned()))?;
    reader.next_frame(&mut vec![0; size]).map_err(|error| not_a_picture(error.to_string()))?;
    Ok(())
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}

fn encode(canvas: &Canvas) -> Option<Vec<u8>> {
    let side = u32::try_from(SIZE).ok()?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&canvas.to_rgba()).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drawing_can_be_drawn_and_belongs_to_a_product() {
        let products = super::super::demo::products();
        for id in script::ids(&DRAWINGS) {
            assert!(script::draw(&DRAWINGS, id).is_ok_and(|drawing| drawing.is_some()), "{id}");
            assert!(products.iter().any(|product| product.id == id), "nobody sells {id}");
        }
    }

    #[test]
    fn our_own_pictures_pass_our_own_check() {
        assert_eq!(check(&demo_png("enamel-mug").unwrap()), Ok(()));
    }

    #[test]
    fn something_else_is_not_a_picture() {
        assert!(matches!(check(b"GIF89a"), Err(ProductError::NotAPicture(_))));
        let torn = &demo_png("enamel-mug").unwrap()[..200];
        assert!(matches!(check(torn), Err(ProductError::NotAPicture(_))));
    }
}
