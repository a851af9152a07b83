//! Pictures that are ready to be shown, and no more of them than memory is meant for.

use std::collections::HashMap;
use std::sync::Arc;

use imgsearch::ImageId;
use ratatui::layout::Size;

use super::graphics::Drawing;

/// Bytes that drawings may take together.
const MOST: usize = 48 << 20;

/// A picture at the size at which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    /// The picture.
    pub(super) id: ImageId,
    /// The cells that it may take.
    pub(super) cells: Size,
}

/// What became of a picture that was to be drawn.
#[derive(Clone, Debug)]
pub(super) enum Made {
    /// It can be shown.
    Drawn(Arc<Drawing>),
    /// It cannot, and why.
    Failed(String),
}

/// Drawings by their spots; those that were not wanted for longest make room for new ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    made: HashMap<Spot, (Made, u64)>,
    bytes: usize,
    now: u64,
}

impl Shelf {
    /// What became of a picture.
    pub(super) fn get(&self, spot: &Spot) -> Option<&Made> {
        self.made.get(spot).map(|(made, _)| made)
    }

    /// Says which pictures are wanted now; those that are missing are returned.
    pub(super) fn want(&mut self, spots: &[Spot]) -> Vec<Spot> {
        self.now += 1;
        let mut missing = Vec::new();
        for spot in spots {
            match self.made.get_mut(spot) {
                Some((_, wanted)) => *wanted = self.now,
                None => missing.push(*spot),
            }
        }
        missing
    }

    /// Puts a picture there.
    pub(super) fn put(&mut self, spot: Spot, made: Made) {
        let bytes = bytes(&made);
        if let Some((old, _)) = self.made.insert(spot, (made, self.now)) {
            self.bytes -= self::bytes(&old);
        }
        self.bytes += bytes;
        while self.bytes > MOST {
            let unwanted = self
                .made
                .iter()
                .filter(|(_, (_, wanted))| *wanted < self.now);
            let Some((&oldest, _)) = unwanted.min_by_key(|(_, (_, wanted))| *wanted) else {
                // All of it is on the screen.
                break;
            };
            if let Some((old, _)) = self.made.remove(&oldest) {
                self.bytes -= self::bytes(&old);
            }
        }
    }

    /// Forgets all, as when the terminal has.
    pub(super) fn clear(&mut self) {
        self.made.clear();
        self.bytes = 0;
    }
}

fn bytes(made: &Made) -> usize {
    match made {
        Made::Drawn(drawing) => drawing.bytes(),
        Made::Failed(reason) => reason.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(number: u8) -> Spot {
        Spot {
            id: ImageId::of(&[number]),
            cells: Size::new(1, 1),
        }
    }

    #[test]
    fn what_was_not_wanted_for_longest_goes_first_and_what_is_wanted_stays() {
        let third = "x".repeat(MOST / 3);
        let mut shelf = Shelf::default();
        for number in 0..3 {
            shelf.want(&[spot(number)]);
            shelf.put(spot(number), Made::Failed(third.clone()));
        }
        assert_eq!(shelf.want(&[spot(0), spot(3)]), [spot(3)]);
        shelf.put(spot(3), Made::Failed(third.clone()));
        let there = |shelf: &Shelf| (0..4).filter(|n| shelf.get(&spot(*n)).is_some()).collect();
        let kept: Vec<u8> = there(&shelf);
        assert_eq!(kept, [0, 2, 3]);
        shelf.want(&[spot(0), spot(2), spot(3), spot(1)]);
        shelf.put(spot(1), Made::Failed(third));
        assert_eq!(there(&shelf), [0, 1, 2, 3]);
        shelf.clear();
        assert_eq!((there(&shelf), shelf.bytes), (vec![], 0));
    }
}
