//! Decodes PNG pictures, within bounds whatever the bytes say.

use crate::state::Picture;

/// Maximum width and height in pixels.
const MAX_SIDE_PX: u32 = 256;

/// Decodes a PNG.
///
/// # Errors
/// A sentence, when the bytes are no PNG or the picture is too large.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, String> {
    let wrong = |error: png::DecodingError| format!("The picture cannot be read: {error}.");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(wrong)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err("The picture is too large.".to_owned());
    }
    let size = reader.output_buffer_size().ok_or("The picture is too large.")?;
    let mut samples = vec![0; size];
    let info = reader.next_frame(&mut samples).map_err(wrong)?;
    let channels = info.color_type.samples();
    let pixels = samples[..info.buffer_size()].chunks_exact(channels).map(|pixel| match *pixel {
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b, alpha] => [r, g, b, alpha],
        [r, g, b] => [r, g, b, 255],
        _ => [pixel[0], pixel[0], pixel[0], 255],
    });
    Ok(Picture { width: width as usize, height: height as usize, pixels: pixels.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(colour: png::ColorType, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(colour);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_png_becomes_pixels() {
        let pixel = |colour, data: &[u8]| decode(&encoded(colour, data)).unwrap().pixels;
        assert_eq!(pixel(png::ColorType::Rgba, &[1, 2, 3, 4]), [[1, 2, 3, 4]]);
        assert_eq!(pixel(png::ColorType::Rgb, &[1, 2, 3]), [[1, 2, 3, 255]]);
        assert_eq!(pixel(png::ColorType::Grayscale, &[9]), [[9, 9, 9, 255]]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(decode(b"<html>").is_err());
        assert!(decode(&[]).is_err());
    }
}
