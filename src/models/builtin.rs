//! The files of `tag2text-mini`, compiled in: the program works where there is no network.

macro_rules! bundle_file {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/models/tag2text-mini/",
            $name
        ))
    };
}

/// Bytes of a bundle file. The names are those that [`super::mini`] asks for.
pub(crate) fn file(name: &str) -> &'static [u8] {
    match name {
        super::manifest::Manifest::FILE => bundle_file!("manifest.json"),
        super::mini::BACKBONES => bundle_file!("backbones.safetensors"),
        super::mini::HEADS => bundle_file!("heads.safetensors"),
        super::mini::MATCHER => bundle_file!("matcher.safetensors"),
        super::mini::CAPTIONER => bundle_file!("captioner.safetensors"),
        super::mini::CAPTION_WORDS => bundle_file!("caption_vocab.txt"),
        super::mini::WORDS => bundle_file!("vocab.txt"),
        super::mini::TAGS => bundle_file!("tags.jsonl"),
        super::mini::CLASSES => bundle_file!("classes.tsv"),
        _ => &[],
    }
}
