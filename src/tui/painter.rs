//! The thread that decodes and draws pictures, so that scrolling never waits for one.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use imgsearch::media::Picture;
use imgsearch::{Engine, Image, ImageId};

use super::graphics::Brush;
use super::message::Msg;
use super::shelf::{Made, Spot};

/// Pixels along the longer edge of a thumbnail; what is shown larger is made of the file.
const THUMBNAIL: u32 = 256;

/// Pictures that are wanted, those first that are wanted most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Grows when all that was painted before was lost.
    pub(super) epoch: u64,
    /// What to paint; replaces what was wanted before.
    pub(super) spots: Vec<Spot>,
}

/// What the painter needs of an engine.
pub(super) trait Gallery: Send + 'static {
    /// A small picture, at once in most cases.
    fn small(&self, id: ImageId) -> Result<Picture, String>;
    /// A picture of this size, made of its file.
    fn large(&self, id: ImageId, side: u32) -> Result<Picture, String>;
}

impl Gallery for Engine {
    fn small(&self, id: ImageId) -> Result<Picture, String> {
        self.thumbnail(id).map_err(|error| error.to_string())
    }

    fn large(&self, id: ImageId, side: u32) -> Result<Picture, String> {
        self.preview(Image::Id(id), side)
            .map_err(|error| error.to_string())
    }
}

/// Starts the thread; it ends when what is returned is dropped.
pub(super) fn start(gallery: impl Gallery, brush: Brush, messages: Sender<Msg>) -> Sender<Order> {
    let (orders, waiting) = mpsc::channel();
    thread::spawn(move || while paint(&gallery, &brush, &waiting, &messages).is_some() {});
    orders
}

/// Paints until there is nothing left to paint. `None` when nobody wants any more.
fn paint(
    gallery: &impl Gallery,
    brush: &Brush,
    waiting: &Receiver<Order>,
    messages: &Sender<Msg>,
) -> Option<()> {
    let mut order = waiting.recv().ok()?;
    // What was sent since the last order came may not have been seen when that order was made.
    let mut sent = Vec::new();
    loop {
        if let Some(newer) = waiting.try_iter().last() {
            if newer.epoch != order.epoch {
                sent.clear();
            }
            order = newer;
            order.spots.retain(|spot| !sent.contains(spot));
            sent.clear();
        }
        let mut spots = VecDeque::from(std::mem::take(&mut order.spots));
        let Some(spot) = spots.pop_front() else {
            return Some(());
        };
        order.spots = spots.into();
        let made = one(gallery, brush, spot);
        sent.push(spot);
        let epoch = order.epoch;
        messages.send(Msg::Painted { epoch, spot, made }).ok()?;
    }
}

fn one(gallery: &impl Gallery, brush: &Brush, spot: Spot) -> Made {
    let work = || {
        let side = brush.pixels(spot.cells);
        let picture = match side > THUMBNAIL {
            true => gallery
                .large(spot.id, side)
                .or_else(|_| gallery.small(spot.id)),
            false => gallery.small(spot.id),
        };
        brush.draw(&picture?, spot.cells)
    };
    match guarded(work) {
        Ok(drawing) => Made::Drawn(Arc::new(drawing)),
        Err(reason) => Made::Failed(reason),
    }
}

/// Turns panics into sentences: one picture that cannot be taken must not cost the session.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        Err(format!(
            "that broke down: {}; this is a bug in imgsearch, please report it",
            said(payload.as_ref())
        ))
    })
}

fn said(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use ratatui::layout::Size;

    use super::*;

    /// Waits at a gate before each picture, and writes down which one it was.
    struct Slow {
        gate: Mutex<Receiver<()>>,
        entered: Sender<(ImageId, u32)>,
    }

    impl Gallery for Slow {
        fn small(&self, id: ImageId) -> Result<Picture, String> {
            self.large(id, 0)
        }

        fn large(&self, id: ImageId, side: u32) -> Result<Picture, String> {
            self.entered.send((id, side)).unwrap();
            self.gate.lock().unwrap().recv().unwrap();
            match id == spot(9).id {
                true => Err("no picture".to_owned()),
                false => Ok(Picture::from_rgb(4, 4, vec![9; 48]).unwrap()),
            }
        }
    }

    fn spot(number: u8) -> Spot {
        Spot {
            id: ImageId::of(&[number]),
            cells: Size::new(4, 2),
        }
    }

    #[test]
    fn newer_orders_replace_what_waits_and_nothing_is_painted_twice() {
        let (messages, painted) = mpsc::channel();
        let (enter, entered) = mpsc::channel();
        let (gate, closed) = mpsc::channel();
        let slow = Slow {
            gate: Mutex::new(closed),
            entered: enter,
        };
        let orders = start(slow, Brush::halfblocks(), messages);
        let order = |epoch, numbers: &[u8]| {
            let spots = numbers.iter().map(|n| spot(*n)).collect();
            orders.send(Order { epoch, spots }).unwrap();
        };
        let wait = Duration::from_secs(5);
        let next = || entered.recv_timeout(wait).unwrap();
        order(0, &[1, 2, 3]);
        assert_eq!(next(), (spot(1).id, 0));
        order(0, &[1, 4, 9]);
        gate.send(()).unwrap();
        assert_eq!(next().0, spot(4).id);
        gate.send(()).unwrap();
        assert_eq!(next().0, spot(9).id);
        order(1, &[9]);
        gate.send(()).unwrap();
        assert_eq!(next().0, spot(9).id, "all was lost");
        gate.send(()).unwrap();
        let results: Vec<_> = (0..4)
            .map(|_| match painted.recv_timeout(wait).unwrap() {
                Msg::Painted { spot, made, .. } => (spot.id, matches!(made, Made::Drawn(_))),
                other => panic!("{other:?}"),
            })
            .collect();
        let id = |number| spot(number).id;
        assert_eq!(
            results,
            [(id(1), true), (id(4), true), (id(9), false), (id(9), false)]
        );
    }
}
