//! AVIF: an ISO media container (`container`) around AV1 key frames, decoded by `re_rav1d` and made RGB by `planes`.

mod av1;
mod bytes;
mod container;
mod planes;

use super::orient::Orientation;
use super::{Format, Limits, MediaError, Picture};
use container::{Container, Still};

/// Decodes the primary picture of an AVIF file.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    let container =
        Container::parse(bytes).map_err(|reason| MediaError::damaged(Format::Avif, reason))?;
    let still = container
        .primary()
        .map_err(|reason| MediaError::damaged(Format::Avif, reason))?;
    let orientation = Orientation::from_avif(still.turns, still.mirror);
    // Planes of 16 bits at full resolution, the decoder's own copy of them, and RGB; turning comes after those are freed.
    limits.check(
        Format::Avif,
        (still.width.into(), still.height.into()),
        15.0,
        bytes.len(),
    )?;

    let size = (still.width, still.height);
    let rgb = match still.tiles.as_slice() {
        [tile] if still.columns == 1 => {
            let frame = av1::decode(tile, limits)?;
            if frame.size() != size {
                let (width, height) = frame.size();
                let (w, h) = size;
                let reason =
                    format!("its header says {w} x {h} and its picture is {width} x {height}");
                return Err(MediaError::damaged(Format::Avif, reason));
            }
            planes::to_rgb(&frame, still.color)?
        }
        _ => grid(&still, limits)?,
    };
    let (rgb, upright) = orientation.apply(rgb, size);
    Ok(Picture::decoded(Format::Avif, size, upright, rgb))
}

/// Width and height that the header names.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let container = Container::parse(bytes).ok()?;
    let still = container.primary().ok()?;
    Some((still.width, still.height))
}

/// Joins the tiles that cameras cut large pictures into; those at the right and the bottom may hang over the edge.
fn grid(still: &Still<'_>, limits: &Limits) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (still.width as usize, still.height as usize);
    let mut rgb = vec![0; width * height * 3];
    let mut expected = None;
    for (index, tile) in still.tiles.iter().enumerate() {
        let frame = av1::decode(tile, limits)?;
        let size = frame.size();
        if *expected.get_or_insert(size) != size {
            return Err(MediaError::damaged(
                Format::Avif,
                "the tiles of its grid differ in size",
            ));
        }
        let pixels = planes::to_rgb(&frame, still.color)?;
        let (tile_width, tile_height) = (size.0 as usize, size.1 as usize);
        let left = index % still.columns * tile_width;
        let top = index / still.columns * tile_height;
        let columns = tile_width.min(width.saturating_sub(left));
        let rows = tile_height.min(height.saturating_sub(top));
        for (y, row) in pixels.chunks_exact(tile_width * 3).take(rows).enumerate() {
            let at = ((top + y) * width + left) * 3;
            rgb[at..at + columns * 3].copy_from_slice(&row[..columns * 3]);
        }
    }
    let (tile_width, tile_height) = expected.unwrap_or_default();
    let rows = still.tiles.len() / still.columns;
    if tile_width as usize * still.columns < width || tile_height as usize * rows < height {
        return Err(MediaError::damaged(
            Format::Avif,
            "the tiles of its grid do not cover it",
        ));
    }
    Ok(rgb)
}
