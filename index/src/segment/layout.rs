//! Where what lies in a segment file.
//!
//! `[header 80 bytes][one 40-byte place per section, in the order of Section][sections, each at a multiple of 64]`

use bytemuck::{Pod, Zeroable};

/// The version of the layout of segments; that of those without keywords and corrections, which programs of the first read too.
pub(crate) const VERSION: u32 = 2;
pub(super) const FIRST_VERSION: u32 = 1;
pub(super) const MAGIC: [u8; 8] = *b"IMGSEG\0\x01";
/// Wide enough for the widest registers, and mapped files begin at a page.
pub(super) const ALIGNMENT: u64 = 64;
pub(super) const SECTIONS: usize = 13;
/// Bytes before the first section.
pub(super) const HEAD: usize = size_of::<Head>();

/// The parts of a segment. `rows` are in the order of their documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Section {
    /// `[rows]` u64, rising.
    Docs,
    /// `[rows, 32]` bytes.
    Ids,
    /// `[rows]` i64, when each picture is from, nanoseconds since 1970.
    Times,
    /// `[rows, dim]` f32, norm 1.
    Floats,
    /// `[rows, dim]` bytes, biased by 128.
    Codes,
    /// `[rows]` f32.
    Scales,
    /// `[rows, tags]` bytes, probability times 255.
    Tags,
    /// `[rows + 1]` u64, offsets into the next.
    RecordOffsets,
    /// Files and facts of each row.
    Records,
    /// `[rows]` u32, the rows in the order of their image ids.
    IdOrder,
    /// `[paths, 2]` u64: hash of a path and its row, rising.
    Paths,
    /// `[tags + 1]` u64 offsets into the rest, then one roaring bitmap of rows per tag.
    Recognised,
    /// The graph in words of 32 bits; empty for none.
    Graph,
}

impl Section {
    pub(super) const ALL: [Self; SECTIONS] = [
        Self::Docs,
        Self::Ids,
        Self::Times,
        Self::Floats,
        Self::Codes,
        Self::Scales,
        Self::Tags,
        Self::RecordOffsets,
        Self::Records,
        Self::IdOrder,
        Self::Paths,
        Self::Recognised,
        Self::Graph,
    ];

    /// The length in bytes, where it follows from the numbers in the header.
    pub(super) fn bytes(self, rows: u64, dim: u64, tags: u64) -> Option<u64> {
        let per_row = match self {
            Self::Docs | Self::Times => 8,
            Self::Ids => 32,
            Self::Floats => 4 * dim,
            Self::Codes => dim,
            Self::Scales | Self::IdOrder => 4,
            Self::Tags => tags,
            Self::RecordOffsets => return rows.checked_add(1)?.checked_mul(8),
            Self::Records | Self::Paths | Self::Recognised | Self::Graph => return None,
        };
        rows.checked_mul(per_row)
    }
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// BLAKE3, first 16 bytes.
    pub(super) check: [u8; 16],
    pub(super) reserved: u64,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub(super) struct Head {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) dim: u32,
    pub(super) tags: u32,
    /// The largest distance between a vector and its codes.
    pub(super) error: f32,
    pub(super) rows: u64,
    /// Length of the file.
    pub(super) bytes: u64,
    pub(super) reserved: [u64; 3],
    /// BLAKE3 of this head with zeros here, first 16 bytes.
    pub(super) check: [u8; 16],
    pub(super) places: [Place; SECTIONS],
}

impl Head {
    pub(super) fn checksum(&self) -> [u8; 16] {
        let zeroed = Self {
            check: [0; 16],
            ..*self
        };
        short(blake3::hash(bytemuck::bytes_of(&zeroed)))
    }
}

pub(super) fn short(hash: blake3::Hash) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&hash.as_bytes()[..16]);
    check
}
