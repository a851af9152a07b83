//! The formats that the `image` crate decodes.

use std::io::{Cursor, ErrorKind};

use image::error::{ImageError, LimitErrorKind, UnsupportedErrorKind};
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader};

use super::facts::orientation;
use super::orient::Orientation;
use super::palette::Indexed;
use super::{Format, Limits, MediaError, Picture, jpeg};

/// Decodes `bytes`, which begin like `format`.
pub(super) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    let fail = |error| classify(format, bytes.len(), error);
    let indexed = if format == Format::Tiff {
        Indexed::find(bytes)
    } else {
        None
    };
    let file = indexed.as_ref().map_or(bytes, |indexed| &indexed.file);
    let mut reader = ImageReader::with_format(Cursor::new(file), known(format));
    let mut room = image::Limits::no_limits();
    room.max_alloc = Some(limits.max_alloc);
    reader.limits(room);
    let mut decoder = reader.into_decoder().map_err(fail)?;

    let (width, height) = decoder.dimensions();
    let mut color = decoder.color_type();
    let orientation =
        Orientation::from_exif(orientation(bytes, || decoder.xmp_metadata().ok().flatten()));
    let per_pixel = cost(format, bytes, color, orientation);
    // The file is held once by the caller, and once more by decoders that take a copy.
    limits.check(
        format,
        (width.into(), height.into()),
        per_pixel,
        bytes.len() * 2,
    )?;

    let mut samples = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut samples).map_err(fail)?;
    if format == Format::Jpeg
        && let Some(readable) = jpeg::few_rows(&samples, height as usize)
    {
        drop(samples);
        (samples, color) = match (jpeg::strictly(bytes), jpeg::mended(bytes)) {
            (Ok(rgb), _) => (rgb, ColorType::Rgb8),
            (Err(_), Some(mended)) => return decode(format, &mended, limits),
            (Err(error), None) => {
                let reason = format!("only {readable} of its {height} rows can be read: {error}");
                return Err(MediaError::damaged(format, reason));
            }
        };
    }
    let rgb = match indexed {
        Some(indexed) if color == ColorType::L8 => indexed.to_rgb(&samples),
        _ => to_rgb(samples, color).ok_or_else(|| {
            MediaError::unsupported(
                format,
                format_args!("pixels of the kind {color:?} are not converted"),
            )
        })?,
    };
    let (rgb, upright) = orientation.apply(rgb, (width, height));
    Ok(Picture::decoded(format, (width, height), upright, rgb))
}

/// Width and height that the header names.
pub(super) fn size(format: Format, bytes: &[u8]) -> Option<(u32, u32)> {
    let reader = ImageReader::with_format(Cursor::new(bytes), known(format));
    reader.into_dimensions().ok()
}

fn known(format: Format) -> ImageFormat {
    match format {
        Format::Png => ImageFormat::Png,
        Format::WebP => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
        Format::Bmp => ImageFormat::Bmp,
        Format::Tiff => ImageFormat::Tiff,
        Format::Ico => ImageFormat::Ico,
        Format::Pnm => ImageFormat::Pnm,
        Format::Tga => ImageFormat::Tga,
        Format::Qoi => ImageFormat::Qoi,
        _ => ImageFormat::Jpeg,
    }
}

/// Bytes a pixel at the peak of decoding, as measured with an allocator that counts.
fn cost(format: Format, bytes: &[u8], color: ColorType, orientation: Orientation) -> f64 {
    let samples = f64::from(color.bytes_per_pixel());
    let inside = match format {
        // Coefficients of 16 bits for every sample are kept from scan to scan.
        Format::Jpeg if jpeg::is_progressive(bytes) => 6.0,
        // A frame is composed beside the canvas; planes of luma and chroma beside the pixels.
        Format::WebP | Format::Gif => 4.0,
        // Whole strips or tiles, which may be the whole picture.
        Format::Tiff | Format::Ico => samples,
        _ => 0.0,
    };
    let converted = if color.channel_count() < 3 { 3.0 } else { 0.0 };
    let turned = if orientation.swaps() { 6.0 } else { 0.0 };
    // Decoding, converting and turning come one after the other, and each frees what the one before held.
    (samples + inside).max(samples + converted).max(turned)
}

/// Samples as the decoder left them to RGB of 8 bits; alpha is dropped, not blended, as the networks' own training
/// pipelines do it. Wherever the result is not longer it is written over the samples, which halves the peak.
fn to_rgb(mut samples: Vec<u8>, color: ColorType) -> Option<Vec<u8>> {
    let wide = |pair: &[u8]| {
        // Rounds 65535ths to 255ths.
        let value = u32::from(u16::from_ne_bytes([pair[0], pair[1]]));
        ((value * 255 + 32_767) / 65_535) as u8
    };
    let float = |four: &[u8]| {
        let value = f32::from_ne_bytes([four[0], four[1], four[2], four[3]]);
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    let grey = |samples: &[u8], stride: usize, value: &dyn Fn(&[u8]) -> u8| {
        samples
            .chunks_exact(stride)
            .flat_map(|pixel| [value(pixel); 3])
            .collect()
    };
    let compact =
        |samples: &mut Vec<u8>, stride: usize, sample: usize, value: &dyn Fn(&[u8]) -> u8| {
            let pixels = samples.len() / stride;
            for pixel in 0..pixels {
                for channel in 0..3 {
                    let from = pixel * stride + channel * sample;
                    samples[pixel * 3 + channel] = value(&samples[from..from + sample]);
                }
            }
            samples.truncate(pixels * 3);
            samples.shrink_to_fit();
        };
    match color {
        ColorType::Rgb8 => {}
        ColorType::L8 => return Some(grey(&samples, 1, &|pixel| pixel[0])),
        ColorType::La8 => return Some(grey(&samples, 2, &|pixel| pixel[0])),
        ColorType::L16 => return Some(grey(&samples, 2, &wide)),
        ColorType::La16 => return Some(grey(&samples, 4, &wide)),
        ColorType::Rgba8 => compact(&mut samples, 4, 1, &|sample| sample[0]),
        ColorType::Rgb16 => compact(&mut samples, 6, 2, &wide),
        ColorType::Rgba16 => compact(&mut samples, 8, 2, &wide),
        ColorType::Rgb32F => compact(&mut samples, 12, 4, &float),
        ColorType::Rgba32F => compact(&mut samples, 16, 4, &float),
        _ => return None,
    }
    Some(samples)
}

fn classify(format: Format, len: usize, error: ImageError) -> MediaError {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            MediaError::Truncated {
                format,
                len: len as u64,
            }
        }
        ImageError::Unsupported(error) => match error.kind() {
            UnsupportedErrorKind::GenericFeature(feature) => {
                MediaError::unsupported(format, feature)
            }
            _ => MediaError::unsupported(format, error),
        },
        ImageError::Limits(error) => match error.kind() {
            LimitErrorKind::InsufficientMemory | LimitErrorKind::DimensionError => {
                MediaError::unsupported(
                    format,
                    "decoding it would take more memory than the limit allows",
                )
            }
            _ => MediaError::unsupported(format, error),
        },
        ImageError::Decoding(error) => {
            // The library repeats the format in front of what went wrong.
            let reason = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            MediaError::damaged(format, reason)
        }
        error => MediaError::damaged(format, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_sample_becomes_rgb() {
        let wide =
            |values: &[u16]| -> Vec<u8> { values.iter().flat_map(|v| v.to_ne_bytes()).collect() };
        let float =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_ne_bytes()).collect() };
        let cases = [
            (ColorType::L8, vec![7, 9], vec![7, 7, 7, 9, 9, 9]),
            (ColorType::La8, vec![7, 0, 9, 255], vec![7, 7, 7, 9, 9, 9]),
            (ColorType::Rgb8, vec![1, 2, 3], vec![1, 2, 3]),
            (
                ColorType::Rgba8,
                vec![1, 2, 3, 0, 4, 5, 6, 0],
                vec![1, 2, 3, 4, 5, 6],
            ),
            (
                ColorType::L16,
                wide(&[0, 65_535]),
                vec![0, 0, 0, 255, 255, 255],
            ),
            (ColorType::La16, wide(&[257, 0]), vec![1, 1, 1]),
            (ColorType::Rgb16, wide(&[128, 129, 65_406]), vec![0, 1, 254]),
            (ColorType::Rgba16, wide(&[257, 514, 771, 9]), vec![1, 2, 3]),
            (
                ColorType::Rgb32F,
                float(&[-1.0, 0.5, 7.0]),
                vec![0, 128, 255],
            ),
            (
                ColorType::Rgba32F,
                float(&[f32::NAN, 1.0, 0.0, 1.0]),
                vec![0, 255, 0],
            ),
        ];
        for (color, samples, rgb) in cases {
            assert_eq!(to_rgb(samples, color), Some(rgb), "{color:?}");
        }
    }
}
