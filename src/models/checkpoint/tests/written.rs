//! What PyTorch writes is read.

use super::*;
use crate::models::reduced;

/// Every tensor of `expected`, under the same name and with the same type, shape and elements.
fn assert_holds(found: &Checkpoint, expected: &dyn TensorSource) {
    for name in expected.names() {
        assert_eq!(found.info(name), expected.info(name), "{name}");
        assert_eq!(
            found.bytes(name).unwrap(),
            expected.bytes(name).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn all_element_types_and_views_are_read() {
    let expected = open(
        "mixed.safetensors",
        fixture("checkpoints/mixed.safetensors"),
    );
    for name in ["mixed.pth", "state_dict.bin", "no_checksums.pth"] {
        let found = open(name, fixture(&format!("checkpoints/{name}")));
        assert_eq!(found.names(), expected.names(), "{name}");
        assert_holds(&found, &expected);
    }
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints/mixed.pth");
    let file = Checkpoint::open(path).unwrap();
    assert_holds(&file, &open("mixed.pth", fixture("checkpoints/mixed.pth")));
}

#[test]
fn a_tag2text_checkpoint_holds_what_is_generated_with_ties_and_buffers() {
    let checkpoint = open("pth", fixture("golden/tag2text_mini.pth"));
    let expected = reduced::tag2text();
    assert_holds(&checkpoint, &expected);
    let beyond: Vec<CheckpointTensor> = checkpoint
        .tensors()
        .into_iter()
        .filter(|tensor| expected.info(&tensor.name).is_none())
        .collect();
    assert_eq!(beyond.len(), 32 + 2 + 13, "tied, tied words, buffers");
    for CheckpointTensor { name, dtype, .. } in beyond {
        let member = match &*name {
            "text_decoder.cls.predictions.decoder.weight" => {
                "text_decoder.bert.embeddings.word_embeddings.weight".to_owned()
            }
            "text_decoder.cls.predictions.decoder.bias" => {
                "text_decoder.cls.predictions.bias".to_owned()
            }
            _ => match name.strip_prefix("tagging_head.") {
                Some(rest) => format!("tag_encoder.{rest}"),
                None => {
                    let integers = !name.ends_with("attn_mask");
                    assert_eq!(dtype, if integers { "I64" } else { "F32" }, "{name}");
                    continue;
                }
            },
        };
        assert_eq!(
            checkpoint.tensor(&name).unwrap(),
            checkpoint.tensor(&member).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn momentum_copies_and_queues_are_listed_too() {
    let online = open("itm", fixture("golden/blip_itm_mini.safetensors"));
    let checkpoint = open("retrieval", fixture("golden/blip_retrieval_mini.pth"));
    assert_eq!(checkpoint.names().len(), 241);
    assert!(
        checkpoint
            .names()
            .contains(&"text_encoder_m.encoder.layer.0.output.dense.weight")
    );
    assert_holds(&checkpoint, &online);
}

#[test]
fn the_prefix_of_early_releases_is_kept() {
    let checkpoint = open("legacy", fixture("golden/legacy_vision_multi.pth"));
    let names = checkpoint.names();
    assert_eq!(names.len(), 4);
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("vision_multi.encoder.layer.0.output."))
    );
}

#[test]
fn the_format_before_archives_is_told() {
    let error = Checkpoint::from_bytes("old.pth", fixture("checkpoints/legacy.pth")).unwrap_err();
    assert!(matches!(error, CheckpointError::Legacy { .. }), "{error}");
}

#[test]
fn other_files_are_told() {
    for bytes in [
        &b""[..],
        b"<!DOCTYPE html><html>",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
    ] {
        assert!(Checkpoint::from_bytes("f", bytes.to_vec()).is_err());
    }
    let other_zip = zip([("readme.txt".to_owned(), &b"hello"[..])]);
    assert!(matches!(
        Checkpoint::from_bytes("f", other_zip),
        Err(CheckpointError::Unknown { .. })
    ));
}

#[test]
fn a_pickle_by_hand_is_read() {
    let checkpoint = Script::checkpoint(|x| x.tensor("0", 4, 1, &[3], &[1])).unwrap();
    assert_eq!(checkpoint.tensor("x").unwrap(), [1; 12]);
}

#[test]
fn the_other_byte_order_is_told() {
    let pickle = Script::default()
        .op(b"}")
        .text("x")
        .tensor("0", 4, 0, &[4], &[1])
        .op(b"s.");
    let bytes = zip([
        ("data.pkl".to_owned(), &*pickle.0),
        ("byteorder".to_owned(), &b"big"[..]),
        ("data/0".to_owned(), &[0; 16]),
    ]);
    assert!(matches!(
        Checkpoint::from_bytes("f", bytes),
        Err(CheckpointError::Unsupported { .. })
    ));
}
