//! QR codes (ISO/IEC 18004) as PNG.

use countersign_engine::denied::Fault;
use qrcodegen::{QrCode, QrCodeEcc};

/// Pixels of a module's side: a byte of them.
const MODULE_PIXELS: usize = 8;
/// Modules of white around it, as the standard wants them.
const QUIET_MODULES: i32 = 4;

/// A QR code of `text` as base64 of a PNG, black on white.
///
/// # Errors
/// [`Fault`] when the text is longer than the largest code holds, some two thousand bytes.
pub(super) fn qr_png(text: &str) -> Result<String, Fault> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| Fault::internal("a link is too long for a QR code"))?;
    let modules = code.size() + 2 * QUIET_MODULES;
    let mut pixels = Vec::new();
    for y in 0..modules {
        // A bit is a pixel, so a module's row is a byte; one is white, and so is all that is outside.
        let module = |x| match code.get_module(x - QUIET_MODULES, y - QUIET_MODULES) {
            true => 0x00,
            false => 0xff,
        };
        let row: Vec<u8> = (0..modules).map(module).collect();
        pixels.extend(row.repeat(MODULE_PIXELS));
    }
    let mut file = Vec::new();
    let side = modules.unsigned_abs() * 8;
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.map_err(Fault::internal)?;
    Ok(data_encoding::BASE64.encode(&file))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a picture shows, module by module.
    fn modules(picture: &str) -> Vec<String> {
        let file = data_encoding::BASE64.decode(picture.as_bytes()).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(file));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.bit_depth, png::BitDepth::One);
        assert_eq!(info.width, info.height);
        let rows = pixels.chunks(info.line_size);
        rows.step_by(MODULE_PIXELS)
            .map(|row| {
                row.iter()
                    .map(|byte| if *byte == 0 { '#' } else { '.' })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn a_picture_shows_the_code_of_its_text_within_white() {
        let text = "https://phone.example.com/phone#nonce=194197169";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let shown = modules(&qr_png(text).unwrap());
        let side = code.size() + 2 * QUIET_MODULES;
        assert_eq!(shown.len(), usize::try_from(side).unwrap());
        for (y, row) in (0..).zip(&shown) {
            assert_eq!(row.len(), shown.len());
            for (x, seen) in (0..).zip(row.chars()) {
                let dark = code.get_module(x - QUIET_MODULES, y - QUIET_MODULES);
                assert_eq!(seen == '#', dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_text_that_no_code_holds_is_our_fault() {
        assert!(qr_png(&"x".repeat(2_332)).is_err());
        assert!(qr_png(&"x".repeat(2_331)).is_ok());
    }
}
