//! The names that Hugging Face gives to the tensors of BLIP.

use std::borrow::Cow;

/// Whole names or beginnings of names outside of the blocks.
const OUTER: [(&str, &str); 4] = [
    (
        "vision_model.embeddings.class_embedding",
        "visual_encoder.cls_token",
    ),
    (
        "vision_model.embeddings.position_embedding",
        "visual_encoder.pos_embed",
    ),
    (
        "vision_model.embeddings.patch_embedding.",
        "visual_encoder.patch_embed.proj.",
    ),
    ("vision_model.post_layernorm.", "visual_encoder.norm."),
];

/// Where the blocks are.
const BLOCKS: (&str, &str) = ("vision_model.encoder.layers.", "visual_encoder.blocks.");

/// Parts of a block, after its number.
const INNER: [(&str, &str); 5] = [
    ("layer_norm1.", "norm1."),
    ("layer_norm2.", "norm2."),
    ("self_attn.qkv.", "attn.qkv."),
    ("self_attn.projection.", "attn.proj."),
    ("mlp.", "mlp."),
];

/// The official name of a tensor. Only the image encoder is named otherwise; any other name stays as it is.
pub(super) fn official(name: &str) -> String {
    renamed(name).map_or_else(|| name.to_owned(), Cow::into_owned)
}

fn renamed(name: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = name.strip_prefix(BLOCKS.0) {
        let (number, part) = rest.split_once('.')?;
        let (theirs, ours) = INNER.iter().find(|(theirs, _)| part.starts_with(theirs))?;
        return Some(Cow::Owned(format!(
            "{}{number}.{ours}{}",
            BLOCKS.1,
            &part[theirs.len()..]
        )));
    }
    let (theirs, ours) = OUTER.iter().find(|(theirs, _)| name.starts_with(theirs))?;
    Some(Cow::Owned(format!("{ours}{}", &name[theirs.len()..])))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::models::checkpoint::tests::fixture;

    #[test]
    fn every_name_of_the_full_model_is_brought_back() {
        let table: BTreeMap<String, String> =
            serde_json::from_slice(&fixture("golden/blip_itm_official_to_hf_keys.json")).unwrap();
        assert_eq!(table.len(), 473);
        let mut seen = BTreeSet::new();
        for (ours, theirs) in &table {
            assert_eq!(&official(theirs), ours);
            assert_eq!(&official(ours), ours, "an official name stays");
            assert!(seen.insert(official(theirs)), "{ours}");
        }
    }

    #[test]
    fn a_part_that_is_not_known_stays_and_is_surplus() {
        for name in [
            "vision_model.encoder.layers.0.self_attn.k_proj.weight",
            "vision_model.encoder.layers.7",
            "vision_model.pooler.weight",
            "logit_scale",
        ] {
            assert_eq!(official(name), name);
        }
    }
}
