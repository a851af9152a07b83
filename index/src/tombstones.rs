//! Which rows of the published segments are gone. `[magic 8][count u32][per segment: length u32, roaring
//! bitmap][blake3, first 16 bytes]`.

use std::path::Path;

use roaring::RoaringBitmap;

use crate::durable;
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"IMGDEAD1";
const CHECK: usize = 16;

/// Writes the dead rows of each segment, in the order of the segments.
pub(crate) fn write(path: &Path, dead: &[RoaringBitmap]) -> Result<()> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((dead.len() as u32).to_le_bytes());
    for rows in dead {
        bytes.extend((rows.serialized_size() as u32).to_le_bytes());
        rows.serialize_into(&mut bytes)
            .map_err(|source| Error::io(path, source))?;
    }
    let check = blake3::hash(&bytes);
    bytes.extend(&check.as_bytes()[..CHECK]);
    durable::write(path, &bytes)
}

/// Reads what [`write`] wrote for this many segments.
pub(crate) fn read(path: &Path, segments: usize) -> Result<Vec<RoaringBitmap>> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    parse(&bytes, segments).ok_or_else(|| Error::damaged(path, "its checksum does not fit"))
}

fn parse(bytes: &[u8], segments: usize) -> Option<Vec<RoaringBitmap>> {
    let (bytes, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
    if blake3::hash(bytes).as_bytes()[..CHECK] != *check {
        return None;
    }
    let bytes = bytes.strip_prefix(MAGIC)?;
    let (count, mut bytes) = bytes.split_first_chunk()?;
    if u32::from_le_bytes(*count) as usize != segments {
        return None;
    }
    (0..segments)
        .map(|_| {
            let (len, rest) = bytes.split_first_chunk()?;
            let (rows, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            bytes = rest;
            RoaringBitmap::deserialize_from(rows).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_round_trip_and_damage_is_noticed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("dead");
        let dead = vec![
            RoaringBitmap::from_iter([1, 5, 70_000]),
            RoaringBitmap::new(),
        ];
        write(&path, &dead).expect("they are written");
        assert_eq!(read(&path, 2).expect("they are read"), dead);
        assert!(matches!(read(&path, 3), Err(Error::Damaged { .. })));
        let whole = std::fs::read(&path).expect("it is there");
        for at in 0..whole.len() {
            assert!(parse(&whole[..at], 2).is_none(), "cut to {at}");
        }
    }
}
