//! Resizing against Pillow, on noise made by `fixtures/formats/make_formats.py`: equal to the last bit.

use std::path::Path;

use imgsearch::media::{Picture, ResizeFilter, resize};

fn load(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/preprocess")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn resizing_equals_pillow() {
    // Enlarged and reduced, and one so tall that Pillow takes its columns first.
    for (name, width, height) in [("small", 61, 43), ("wide", 200, 90), ("tall", 40, 150)] {
        let picture =
            Picture::from_rgb(width, height, load(&format!("{name}.{width}x{height}.rgb")))
                .unwrap();
        for (filter, called) in [
            (ResizeFilter::Bilinear, "bilinear"),
            (ResizeFilter::Bicubic, "bicubic"),
        ] {
            let pixels = resize(&picture, 64, filter);
            let expected = load(&format!("{name}.{called}.64x64.rgb"));
            let differing = pixels
                .data()
                .iter()
                .zip(&expected)
                .filter(|(ours, theirs)| ours != theirs)
                .count();
            assert_eq!(
                (pixels.data().len(), differing),
                (expected.len(), 0),
                "{name} {called}"
            );
        }
    }
}
