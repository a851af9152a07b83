//! Making a generation: segment, image tokens, tag index, tombstones, and last the manifest that names them all.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use roaring::RoaringTreemap;

use crate::audit::State;
use crate::catalogue::Catalogue;
use crate::durable::{self, UNFINISHED};
use crate::manifest::{Manifest, PublishedFile};
use crate::pack::Pack;
use crate::packing;
use crate::segment::{Builder, GraphProgress, Row, RowTags, Segment, TagScores};
use crate::snapshot::Part;
use crate::tags::{Stamp, TagIndex};
use crate::writer::Options;
use crate::{ImageId, Result, Schema, tiers, tombstones};

/// Whether a segment is large enough for a graph and has none.
pub(crate) fn lacks_graph(part: &Part, options: &Options) -> bool {
    part.live() >= options.graph_from as u64 && part.segment.graph().is_none()
}

/// Publishes a state; with `graphs`, every segment that is large enough has a graph then, unless its progress breaks them off.
/// After an error, and when it was broken off, the state is as before, and so is what readers see.
pub(crate) fn publish(
    dir: &Path,
    catalogue: &Catalogue,
    options: &Options,
    state: &mut State,
    graphs: Option<GraphProgress<'_>>,
) -> Result<()> {
    let generation = state.generation + 1;
    let schema = state.manifest.schema.clone();
    let sizes: Vec<_> = state
        .parts
        .iter()
        .map(|part| (part.live(), part.dead.len()))
        .collect();
    let mut merged = tiers::to_merge(&sizes, state.pending.len());
    if graphs.is_some() {
        for (merged, part) in merged.iter_mut().zip(&state.parts) {
            *merged |= lacks_graph(part, options);
        }
    }
    let old = |is_merged: bool| {
        let parts = state
            .parts
            .iter()
            .zip(&state.manifest.segments)
            .zip(&merged);
        parts
            .filter(move |(_, merged)| **merged == is_merged)
            .map(|(part, _)| part)
    };

    let sources: Vec<&Part> = old(true).map(|(part, _)| part).collect();
    let name = format!("segment-{generation}.seg");
    let making = Making {
        schema: &schema,
        catalogue,
        sources: &sources,
        pending: &state.pending,
    };
    let made = match making.make(&dir.join(&name), graphs, options.graph_from)? {
        ControlFlow::Continue(made) => made.map(Arc::new),
        ControlFlow::Break(()) => return Ok(()),
    };
    let (mut parts, mut files): (Vec<Part>, Vec<PublishedFile>) = old(false)
        .map(|(part, file)| (part.clone(), file.clone()))
        .unzip();
    if let Some(segment) = &made {
        parts.push(Part {
            segment: Arc::clone(segment),
            dead: Default::default(),
        });
        files.push(PublishedFile::of(dir, &name)?);
    }

    let fresh = unpacked(catalogue, state)?;
    let live = parts.iter().map(|part| part.live() as usize).sum();
    let name = format!("tokens-{generation}.pack");
    let (replaced, pack) = packing::pack(&dir.join(&name), catalogue, &state.packs, fresh, live)?;
    let kept = state.packs.iter().zip(&state.manifest.packs).zip(&replaced);
    let kept = kept.filter(|(_, replaced)| !**replaced);
    let (mut packs, mut pack_files): (Vec<Arc<Pack>>, Vec<PublishedFile>) = kept
        .map(|((pack, file), _)| (Arc::clone(pack), file.clone()))
        .unzip();
    if let Some(pack) = pack {
        packs.push(Arc::new(pack));
        pack_files.push(PublishedFile::of(dir, &name)?);
    }

    let stamp = Stamp {
        generation,
        next_doc: state.next.doc,
    };
    let thresholds = &schema.thresholds;
    let (new_tags, tags_name) = match &state.tags {
        Some(tags) => {
            let fresh = made.iter().flat_map(|segment| {
                let rows = segment.docs().iter().zip(0_u32..);
                let rows = rows.filter(|(doc, _)| state.pending.contains(**doc));
                rows.map(|(&doc, row)| {
                    (
                        doc,
                        TagScores {
                            bytes: segment.tag_bytes(row),
                            thresholds,
                        },
                    )
                })
            });
            let meta = state.manifest.tags_meta.as_deref();
            tags.commit(meta, stamp, &state.gone, fresh)?;
            (None, state.manifest.tags.clone())
        }
        None => {
            let name = format!("tags-{generation}");
            let path = dir.join(&name);
            // Left over from an attempt that failed, if it is there at all.
            let _ = std::fs::remove_dir_all(&path);
            let tags = TagIndex::create(&path)?;
            let all = parts.iter().flat_map(|part| {
                part.live_rows().map(|row| {
                    let bytes = part.segment.tag_bytes(row);
                    (
                        part.segment.docs()[row as usize],
                        TagScores { bytes, thresholds },
                    )
                })
            });
            tags.commit(None, stamp, [], all)?;
            durable::sync_dir(dir)?;
            (Some(tags), name)
        }
    };

    let dead: Vec<_> = parts.iter().map(|part| part.dead.clone()).collect();
    let tombstones = dead
        .iter()
        .any(|rows| !rows.is_empty())
        .then(|| format!("dead-{generation}"));
    if let Some(name) = &tombstones {
        tombstones::write(&dir.join(name), &dead)?;
    }
    let committed = new_tags.as_ref().or(state.tags.as_ref());
    let (tags_fingerprint, tags_meta) = match committed {
        Some(tags) => (tags.fingerprint()?, Some(tags.meta()?)),
        None => (0, None),
    };
    let manifest = Manifest {
        generation,
        next_doc: state.next.doc,
        schema,
        segments: files,
        tombstones,
        tags_fingerprint,
        tags_meta,
        tags: tags_name,
        packs: pack_files,
    };
    // Where nothing needs the present format, programs of the first can go on reading.
    let formats = parts.iter().map(|part| part.segment.version());
    manifest.write(dir, formats.max().unwrap_or(1))?;

    clean(dir, &manifest);
    if let Some(Err(error)) = committed.map(TagIndex::clean) {
        tracing::debug!(%error, "could not remove old files of the tag index");
    }
    (state.manifest, state.parts, state.generation) = (manifest, parts, generation);
    state.tags = new_tags.or(state.tags.take());
    (state.packs, state.lacks_tokens) = (packs, false);
    state.pending.clear();
    state.gone.clear();
    state.differs = false;
    Ok(())
}

/// The images whose tokens are in no pack yet, with the numbers of their vectors.
fn unpacked(catalogue: &Catalogue, state: &State) -> Result<BTreeMap<ImageId, u64>> {
    let mut unpacked = BTreeMap::new();
    let mut look = |doc, id: ImageId| {
        let image = catalogue.image(&id)?.ok_or_else(|| catalogue.lost(doc))?;
        if !packing::has(&state.packs, &id, image.vector) && catalogue.has_tokens(image.vector)? {
            unpacked.insert(id, image.vector);
        }
        Ok(())
    };
    if state.lacks_tokens {
        catalogue.docs().try_for_each(|item| {
            let (doc, id) = item?;
            look(doc, id)
        })?;
    } else {
        state.pending.iter().try_for_each(|doc| {
            let id = catalogue.at_doc(doc)?.ok_or_else(|| catalogue.lost(doc))?;
            look(doc, id)
        })?;
    }
    Ok(unpacked)
}

/// A segment to be made of whole old ones and of what is new in the catalogue.
struct Making<'a> {
    schema: &'a Schema,
    catalogue: &'a Catalogue,
    sources: &'a [&'a Part],
    pending: &'a RoaringTreemap,
}

impl Making<'_> {
    /// `None` when there is no row to write; breaks where its graph was broken off.
    fn make(
        &self,
        path: &Path,
        graphs: Option<GraphProgress<'_>>,
        graph_from: usize,
    ) -> Result<ControlFlow<(), Option<Segment>>> {
        let mut rows: Vec<(u64, Option<(u32, u32)>)> =
            self.pending.iter().map(|d| (d, None)).collect();
        for (part, source) in self.sources.iter().zip(0..) {
            let docs = part.segment.docs();
            rows.extend(
                part.live_rows()
                    .map(|row| (docs[row as usize], Some((source, row)))),
            );
        }
        if rows.is_empty() {
            return Ok(ControlFlow::Continue(None));
        }
        rows.sort_unstable();
        let mut builder = Builder::create(path, self.schema, rows.len() as u64)?;
        for (doc, source) in rows.iter().copied() {
            match source {
                Some((source, row)) => {
                    let segment = &self.sources[source as usize].segment;
                    builder.push(&Row {
                        doc,
                        id: segment.id(row),
                        embedding: segment.vectors().float_row(row),
                        tags: RowTags::Bytes(segment.tag_bytes(row)),
                        entry: segment.record_bytes(row)?,
                    })?;
                }
                None => self.push_new(&mut builder, doc)?,
            }
        }
        let graph = graphs.filter(|_| rows.len() >= graph_from);
        Ok(match builder.finish(graph)? {
            Some(segment) => ControlFlow::Continue(Some(segment)),
            None => ControlFlow::Break(()),
        })
    }

    fn push_new(&self, builder: &mut Builder<'_>, doc: u64) -> Result<()> {
        let lost = || self.catalogue.lost(doc);
        let id = self.catalogue.at_doc(doc)?.ok_or_else(lost)?;
        let image = self.catalogue.image(&id)?.ok_or_else(lost)?;
        let numbers = self.catalogue.numbers(image.vector, self.schema)?;
        let mut entry = Vec::new();
        image.entry.encode(&mut entry);
        builder.push(&Row {
            doc,
            id,
            embedding: numbers.embedding.as_slice(),
            tags: RowTags::Scores(&numbers.scores),
            entry: &entry,
        })
    }
}

/// True for the names of what is published, also under a name that is not final.
pub(crate) fn is_published(name: &str) -> bool {
    let starts = ["segment-", "dead-", "tags-", "tokens-"];
    let unfinished = name.strip_suffix(UNFINISHED);
    starts.iter().any(|start| name.starts_with(start))
        || unfinished.is_some_and(|name| name.ends_with("MANIFEST."))
}

/// Removes what the published generation does not consist of: what it replaced and what was never finished.
/// Readers that still have such a file open keep it; what cannot be removed now is tried again next time.
pub(crate) fn clean(dir: &Path, manifest: &Manifest) {
    let Ok(entries) = dir.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if !is_published(name) || manifest.names(name) {
            continue;
        }
        let path = entry.path();
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        if let Err(error) = removed {
            tracing::debug!(path = %path.display(), %error, "could not remove an old file");
        }
    }
}
