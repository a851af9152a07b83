//! The boxes of an AVIF file: which item is the picture, where its bytes lie, and how it is to be shown.

use super::bytes::{Bytes, SHORT};

type Parsed<T> = Result<T, &'static str>;

/// Boxes, items and properties that a still picture can reasonably have; a hostile file can claim billions.
const MOST: usize = 4096;

/// What the container says about its items.
#[derive(Default)]
pub(super) struct Container<'a> {
    file: &'a [u8],
    idat: &'a [u8],
    primary: Option<u32>,
    items: Vec<(u32, [u8; 4])>,
    places: Vec<Place>,
    tiles: Vec<(u32, Vec<u32>)>,
    properties: Vec<Property>,
    owned: Vec<(u32, usize)>,
}

/// Where an item's bytes lie: extents of the file, or of the `idat` box.
struct Place {
    item: u32,
    in_idat: bool,
    extents: Vec<(u64, u64)>,
}

#[derive(Clone, Copy)]
enum Property {
    Size(u32, u32),
    Turns(u8),
    Mirror(u8),
    Color(Color),
    Other,
}

/// The matrix and range that the container sets, which win over those in the AV1 stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Color {
    pub(super) matrix: u16,
    pub(super) full_range: bool,
}

/// The picture to show: its coded tiles, row by row, and the size of the whole.
#[derive(Debug)]
pub(super) struct Still<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) columns: usize,
    pub(super) tiles: Vec<std::borrow::Cow<'a, [u8]>>,
    pub(super) turns: u8,
    pub(super) mirror: Option<u8>,
    pub(super) color: Option<Color>,
}

impl<'a> Container<'a> {
    pub(super) fn parse(file: &'a [u8]) -> Parsed<Self> {
        let mut container = Self {
            file,
            ..Self::default()
        };
        let mut boxes = Bytes(file);
        while let Some((name, mut content)) = boxes.next_box()? {
            if &name == b"meta" {
                content.version()?;
                container.meta(content)?;
                return Ok(container);
            }
        }
        Err("it has no meta box, as of an image sequence without a still")
    }

    fn meta(&mut self, mut boxes: Bytes<'a>) -> Parsed<()> {
        while let Some((name, mut content)) = boxes.next_box()? {
            match &name {
                b"pitm" => {
                    let (version, _) = content.version()?;
                    self.primary = Some(content.number(if version == 0 { 2 } else { 4 })? as u32);
                }
                b"iinf" => self.items(content)?,
                b"iloc" => self.places(content)?,
                b"iref" => self.references(content)?,
                b"iprp" => self.properties(content)?,
                b"idat" => self.idat = content.0,
                _ => {}
            }
        }
        Ok(())
    }

    fn items(&mut self, mut content: Bytes<'a>) -> Parsed<()> {
        let (version, _) = content.version()?;
        content.number(if version == 0 { 2 } else { 4 })?;
        while let Some((name, mut entry)) = content.next_box()? {
            let (version, _) = entry.version()?;
            if &name == b"infe" && version >= 2 {
                let item = entry.number(if version == 2 { 2 } else { 4 })? as u32;
                entry.u16()?;
                self.items.push((item, entry.name()?));
            }
            bounded(self.items.len())?;
        }
        Ok(())
    }

    fn places(&mut self, mut content: Bytes<'a>) -> Parsed<()> {
        let (version, _) = content.version()?;
        let sizes = content.u16()?;
        let nibble = |shift: u16| usize::from(sizes >> shift & 15);
        let (offset_len, length_len, base_len) = (nibble(12), nibble(8), nibble(4));
        let index_len = if version == 0 { 0 } else { nibble(0) };
        if offset_len.max(length_len).max(base_len).max(index_len) > 8 {
            return Err("its item locations are wider than 8 bytes");
        }
        let id_len = if version < 2 { 2 } else { 4 };
        for _ in 0..content.number(id_len)? {
            let item = content.number(id_len)? as u32;
            let method = if version == 0 { 0 } else { content.u16()? & 15 };
            content.u16()?;
            let base = content.number(base_len)?;
            let mut extents = Vec::new();
            for _ in 0..content.u16()? {
                content.number(index_len)?;
                let offset = base.checked_add(content.number(offset_len)?).ok_or(SHORT)?;
                extents.push((offset, content.number(length_len)?));
                bounded(extents.len())?;
            }
            // Method 2, of bytes inside other items, is for no picture that a camera writes.
            if method < 2 {
                self.places.push(Place {
                    item,
                    in_idat: method == 1,
                    extents,
                });
            }
            bounded(self.places.len())?;
        }
        Ok(())
    }

    fn references(&mut self, mut content: Bytes<'a>) -> Parsed<()> {
        let (version, _) = content.version()?;
        let id_len = if version == 0 { 2 } else { 4 };
        while let Some((name, mut entry)) = content.next_box()? {
            let from = entry.number(id_len)? as u32;
            let count = entry.u16()?;
            let to: Parsed<Vec<u32>> = (0..count)
                .map(|_| Ok(entry.number(id_len)? as u32))
                .collect();
            if &name == b"dimg" {
                self.tiles.push((from, to?));
                bounded(self.tiles.len())?;
            }
        }
        Ok(())
    }

    fn properties(&mut self, mut content: Bytes<'a>) -> Parsed<()> {
        while let Some((name, mut content)) = content.next_box()? {
            match &name {
                b"ipco" => {
                    while let Some((name, content)) = content.next_box()? {
                        self.properties.push(property(&name, content)?);
                        bounded(self.properties.len())?;
                    }
                }
                b"ipma" => {
                    let (version, flags) = content.version()?;
                    for _ in 0..content.u32()? {
                        let item = content.number(if version == 0 { 2 } else { 4 })? as u32;
                        for _ in 0..content.u8()? {
                            // The top bit says that the property is essential; the index counts from 1.
                            let index = if flags & 1 == 1 {
                                content.u16()? & 0x7fff
                            } else {
                                u16::from(content.u8()? & 0x7f)
                            };
                            self.owned.push((item, usize::from(index)));
                        }
                        bounded(self.owned.len())?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The primary item, resolved: one tile, or those of a grid.
    pub(super) fn primary(&self) -> Parsed<Still<'a>> {
        let item = self.primary.ok_or("it names no primary picture")?;
        let mut still = Still {
            width: 0,
            height: 0,
            columns: 1,
            tiles: Vec::new(),
            turns: 0,
            mirror: None,
            color: None,
        };
        for property in self.properties_of(item) {
            match property {
                Property::Size(width, height) => (still.width, still.height) = (width, height),
                Property::Turns(turns) => still.turns = turns,
                Property::Mirror(axis) => still.mirror = Some(axis),
                Property::Color(color) => still.color = Some(color),
                Property::Other => {}
            }
        }
        match &self.kind(item)? {
            b"av01" => still.tiles.push(self.data(item)?),
            b"grid" => {
                let layout = self.data(item)?;
                let mut layout = Bytes(&layout);
                let (_, flags) = (layout.u8()?, layout.u8()?);
                let (rows, columns) =
                    (usize::from(layout.u8()?) + 1, usize::from(layout.u8()?) + 1);
                let len = if flags & 1 == 1 { 4 } else { 2 };
                (still.width, still.height) =
                    (layout.number(len)? as u32, layout.number(len)? as u32);
                still.columns = columns;
                let tiles = self
                    .tiles
                    .iter()
                    .find(|(from, _)| *from == item)
                    .ok_or("its grid has no tiles")?;
                if tiles.1.len() != rows * columns {
                    return Err("its grid has more places than tiles");
                }
                still.tiles = tiles
                    .1
                    .iter()
                    .map(|tile| self.data(*tile))
                    .collect::<Parsed<_>>()?;
                still.color = still.color.or_else(|| {
                    self.properties_of(tiles.1[0])
                        .find_map(|property| match property {
                            Property::Color(color) => Some(color),
                            _ => None,
                        })
                });
            }
            _ => return Err("its primary picture is not AV1"),
        }
        Ok(still)
    }

    fn kind(&self, item: u32) -> Parsed<[u8; 4]> {
        let found = self.items.iter().find(|(id, _)| *id == item);
        found
            .map(|(_, kind)| *kind)
            .ok_or("its primary picture is not among its items")
    }

    fn properties_of(&self, item: u32) -> impl Iterator<Item = Property> {
        let owned = self.owned.iter().filter(move |(id, _)| *id == item);
        owned.filter_map(|(_, index)| self.properties.get(index.checked_sub(1)?).copied())
    }

    fn data(&self, item: u32) -> Parsed<std::borrow::Cow<'a, [u8]>> {
        let place = self
            .places
            .iter()
            .find(|place| place.item == item)
            .ok_or("an item has no place in the file")?;
        let source = if place.in_idat { self.idat } else { self.file };
        let part = |&(offset, len): &(u64, u64)| -> Parsed<&'a [u8]> {
            let rest = source.get(usize::try_from(offset).map_err(|_| SHORT)?..);
            let rest = rest.ok_or("an item lies beyond the end of the file")?;
            match usize::try_from(len).map_err(|_| SHORT)? {
                // To the end of the source.
                0 => Ok(rest),
                len => rest
                    .get(..len)
                    .ok_or("an item lies beyond the end of the file"),
            }
        };
        if let [extent] = place.extents.as_slice() {
            return Ok(part(extent)?.into());
        }
        let mut data = Vec::new();
        for extent in &place.extents {
            data.extend_from_slice(part(extent)?);
            // Extents may overlap, and so claim more than the file has.
            if data.len() > self.file.len() {
                return Err("an item is larger than the file");
            }
        }
        Ok(data.into())
    }
}

fn property(name: &[u8; 4], mut content: Bytes<'_>) -> Parsed<Property> {
    Ok(match name {
        b"ispe" => {
            content.version()?;
            Property::Size(content.u32()?, content.u32()?)
        }
        b"irot" => Property::Turns(content.u8()? & 3),
        b"imir" => Property::Mirror(content.u8()? & 1),
        b"colr" if &content.name()? == b"nclx" => {
            content.take(4)?;
            Property::Color(Color {
                matrix: content.u16()?,
                full_range: content.u8()? >> 7 == 1,
            })
        }
        _ => Property::Other,
    })
}

fn bounded(count: usize) -> Parsed<()> {
    if count > MOST {
        Err("it lists more items than a picture has")
    } else {
        Ok(())
    }
}
