//! Getting the catalogue back from what is published, when it is lost or damaged: the embeddings took hours to
//! compute, and they are there. Tag scores come back to 1/255.

use std::path::Path;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::changes::Changes;
use crate::manifest::Manifest;
use crate::packing;
use crate::segment::Segment;
use crate::snapshot::{open_pack, open_segment, open_tombstones};
use crate::{Embedding, Error, NewImage, Result, Schema};

/// Rows per batch.
const BATCH: usize = 256;

/// Opens the catalogue for this schema; makes it anew, from the published segments, if that is the only way. When it is opened
/// thoroughly, all of it is read before.
pub(crate) fn open_catalogue(
    dir: &Path,
    schema: &Schema,
    manifest: Option<&Manifest>,
    thorough: bool,
) -> Result<Catalogue> {
    let path = dir.join("catalogue");
    let opened = Catalogue::open(&path).and_then(|catalogue| {
        let known = catalogue.schema()?;
        let is_known = known.is_some_and(|k| (k.dim, k.tags) == (schema.dim, schema.tags));
        catalogue.verify(schema, thorough && is_known)?;
        Ok(catalogue)
    });
    let catalogue = match opened {
        Err(Error::Damaged { reason, .. }) if manifest.is_some() => {
            let aside = (1..)
                .map(|n| dir.join(format!("catalogue.damaged.{n}")))
                .find(|p| !p.exists());
            let aside = aside.unwrap_or_else(|| dir.join("catalogue.damaged"));
            tracing::warn!(reason, aside = %aside.display(), "restoring the catalogue");
            std::fs::rename(&path, &aside).map_err(|source| Error::io(&path, source))?;
            Catalogue::open(&path)?
        }
        opened => opened?,
    };
    let known = catalogue.schema()?;
    if let Some(found) = &known {
        schema.check_same_model(found, dir)?;
    }
    if let Some(manifest) = manifest {
        // A catalogue that has not heard of published documents has lost its end, as a power cut can do; one
        // without a schema has lost everything.
        let heard_of = if known.is_some() {
            catalogue.next()?.doc
        } else {
            0
        };
        if catalogue.restoring()?.is_none() && heard_of < manifest.next_doc {
            catalogue.set_restoring(Some(heard_of))?;
        }
        if let Some(from) = catalogue.restoring()? {
            restore(dir, manifest, &catalogue, from)?;
            catalogue.set_restoring(None)?;
        }
    }
    if known.as_ref() != Some(schema) {
        catalogue.set_schema(schema)?;
    }
    Ok(catalogue)
}

/// Puts the live rows of the published segments from a document on into the catalogue, as new documents: what
/// they replace there, and whose files they take over, then follows as for any new image.
fn restore(dir: &Path, manifest: &Manifest, catalogue: &Catalogue, from: u64) -> Result<()> {
    let dead = open_tombstones(dir, manifest).unwrap_or_default();
    let mut segments = Vec::new();
    let mut rows = Vec::new();
    for (at, file) in manifest.segments.iter().enumerate() {
        match open_segment(dir, file, &manifest.schema) {
            Ok(segment) => {
                let docs = segment.docs().iter().copied().zip(0_u32..);
                let is_live = |row| dead.get(at).is_none_or(|dead| !dead.contains(row));
                let live = docs.filter(|&(doc, row)| doc >= from && is_live(row));
                rows.extend(live.map(|(doc, row)| (doc, segments.len(), row)));
                segments.push(segment);
            }
            Err(error) => tracing::warn!(%error, "a segment cannot be restored from"),
        }
    }
    let packs = manifest.packs.iter().filter_map(|file| {
        let opened = open_pack(dir, file).map(Arc::new);
        opened
            .inspect_err(|error| tracing::warn!(%error, "image tokens cannot be restored"))
            .ok()
    });
    let packs: Vec<_> = packs.collect();
    // The order in which they were stored, so that of two images at one path the later one keeps it.
    rows.sort_unstable();
    tracing::warn!(
        images = rows.len(),
        "restoring the catalogue from what is published"
    );
    let mut next = catalogue.next()?;
    next.doc = next.doc.max(manifest.next_doc);
    for rows in rows.chunks(BATCH) {
        let mut changes = Changes::new(catalogue, next);
        for &(_, segment, row) in rows {
            if let Some(mut image) = image(&segments[segment], row)? {
                image.tokens = packing::tokens(&packs, &image.id)?
                    .unwrap_or_default()
                    .to_vec();
                changes.put(image)?;
            }
        }
        next = changes.write()?.next;
    }
    Ok(())
}

/// A row as the image that it once was; `None` if its vector is not one.
fn image(segment: &Segment, row: u32) -> Result<Option<NewImage>> {
    let entry = segment.entry(row)?;
    let embedding = Embedding::restore(segment.vectors().float_row(row).to_vec());
    let tag_scores = segment.model_scores(row)?;
    Ok(embedding.map(|embedding| NewImage {
        id: segment.id(row),
        files: entry.files,
        facts: entry.facts,
        embedding,
        tag_scores,
        tokens: Vec::new(),
        corrections: Some(entry.corrections),
    }))
}
