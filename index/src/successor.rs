//! The catalogue of another model, made beside the one whose index is published, and the moment in which it takes its place.
//!
//! | folder | |
//! |---|---|
//! | `catalogue.next` | the successor, for as long as it is being made |
//! | `catalogue` | the catalogue; from the renaming on it is the successor, and what is published is made anew from it |
//! | `catalogue.old` | the former one, until the successor is opened |
//!
//! Killed between the two renamings, the folder has no catalogue; the next writer gives the former one its name back.

use std::io::ErrorKind;
use std::path::Path;

use crate::catalogue::{Batch, Catalogue, Next};
use crate::manifest::Manifest;
use crate::{Error, Result, Schema, durable};

const PRESENT: &str = "catalogue";
const SUCCESSOR: &str = "catalogue.next";
/// What the former catalogue is called at last.
pub(crate) const FORMER: &str = "catalogue.old";

/// Opens the successor for a model; one that was begun for another is thrown away.
pub(crate) fn open(dir: &Path, schema: &Schema) -> Result<Catalogue> {
    let path = dir.join(SUCCESSOR);
    match begun(&path, dir, schema)? {
        Some(catalogue) => Ok(catalogue),
        None => {
            remove(&path)?;
            let catalogue = Catalogue::open(&path)?;
            // Documents of both models share their numbers' order, so that none is ever used again.
            let doc = Manifest::read(dir).map_or(0, |manifest| manifest.next_doc);
            let mut batch = Batch::default();
            batch.set_next(Next { doc, vector: 0 });
            catalogue.apply(batch)?;
            catalogue.set_schema(schema)?;
            Ok(catalogue)
        }
    }
}

fn begun(path: &Path, dir: &Path, schema: &Schema) -> Result<Option<Catalogue>> {
    if !path.is_dir() {
        return Ok(None);
    }
    let catalogue = match Catalogue::open(path) {
        Err(Error::Damaged { reason, .. }) => {
            tracing::warn!(reason, "beginning the index of the new model again");
            return Ok(None);
        }
        opened => opened?,
    };
    match catalogue.schema() {
        Ok(Some(known)) if schema.check_same_model(&known, dir).is_ok() => {
            if known != *schema {
                catalogue.set_schema(schema)?;
            }
            Ok(Some(catalogue))
        }
        _ => Ok(None),
    }
}

/// Puts the catalogue of the other model in the place of the present one.
pub(crate) fn take_over(dir: &Path) -> Result<()> {
    let [present, former, next] = [PRESENT, FORMER, SUCCESSOR].map(|name| dir.join(name));
    remove(&former)?;
    match std::fs::rename(&present, &former) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Error::io(&present, error));
        }
        _ => {}
    }
    durable::rename(&next, &present)
}

/// Completes, or takes back, what a kill has left between two renamings.
pub(crate) fn settle(dir: &Path) -> Result<()> {
    let [present, former] = [PRESENT, FORMER].map(|name| dir.join(name));
    if former.is_dir() && !present.is_dir() {
        durable::rename(&former, &present)?;
    }
    remove(&former)
}

/// Whether the catalogue is that of a model already whose index is not published yet.
pub(crate) fn has_taken_over(dir: &Path, schema: &Schema) -> Result<bool> {
    let path = dir.join(PRESENT);
    if !path.is_dir() {
        return Ok(false);
    }
    let known = match Catalogue::open(&path) {
        Ok(catalogue) => catalogue.schema()?,
        Err(Error::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(known.is_some_and(|known| schema.check_same_model(&known, dir).is_ok()))
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(folder, error)),
        _ => Ok(()),
    }
}
