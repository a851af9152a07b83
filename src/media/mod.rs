//! Reading pictures: bytes of a file in, upright RGB pixels and what the camera wrote out.
//!
//! Nothing here trusts a file. The format is taken from the content and never from the name, the size that a header
//! claims is checked before anything is allocated for it, and a decoder that panics becomes an error of that one picture.
//!
//! ```no_run
//! use imgsearch::media::{self, Input, Limits, ResizeFilter};
//!
//! let limits = Limits::default();
//! let bytes = media::read("beach.jpg".as_ref(), &limits)?;
//! let input = Input { side: 224, filter: ResizeFilter::Bilinear };
//! let squares = media::squares(&bytes, &limits, &[input])?;
//! assert_eq!(squares.get(0).unwrap().data().len(), 224 * 224 * 3);
//! # Ok::<(), imgsearch::media::MediaError>(())
//! ```

mod avif;
mod decode;
mod error;
mod facts;
mod format;
mod iptc;
mod jpeg;
mod keywords;
mod limits;
mod orient;
mod packets;
mod palette;
mod picture;
mod raster;
mod read;
mod resize;
mod sidecar;
mod small;
mod squares;
mod text;
mod xmp;

pub use decode::{decode, pixels};
pub use error::MediaError;
pub use facts::{Facts, facts};
pub use format::Format;
pub(crate) use keywords::kept as kept_words;
pub use limits::Limits;
pub use picture::Picture;
pub use read::read;
pub use resize::{Pixels, ResizeFilter, resize};
pub(crate) use sidecar::{sidecar_words, sidecars};
pub(crate) use small::jpeg;
pub use squares::{Input, Squares, squares};
