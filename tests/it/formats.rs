//! Every format, orientation and kind of damage, on pictures made by `fixtures/formats/make_formats.py`: one scene of
//! 48 x 32 pixels, known by its formula.

use std::path::{Path, PathBuf};

use imgsearch::media::{Facts, Format, Limits, MediaError, Picture, decode, facts, read};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/formats")
        .join(name)
}

fn load(name: &str) -> Vec<u8> {
    read(&path(name), &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn picture(name: &str) -> Picture {
    decode(&load(name), &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(name: &str) -> MediaError {
    decode(&load(name), &Limits::default()).expect_err(name)
}

fn scene(x: u32, y: u32) -> [u8; 3] {
    [
        (x * 255 / 47) as u8,
        (y * 255 / 31) as u8,
        if x < 16 && y < 10 { 255 } else { 0 },
    ]
}

fn luma([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let sum = u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114;
    [((sum + 500) / 1000) as u8; 3]
}

/// The mean distance of samples from what `expected` says of each pixel.
fn distance(picture: &Picture, expected: impl Fn(u32, u32) -> [u8; 3]) -> f64 {
    let pixels = picture.rgb().as_chunks::<3>().0.iter().enumerate();
    let sum: u64 = pixels
        .map(|(i, pixel)| {
            let i = i as u32;
            let expected = expected(i % picture.width(), i / picture.width());
            pixel
                .iter()
                .zip(expected)
                .map(|(a, b)| u64::from(a.abs_diff(b)))
                .sum::<u64>()
        })
        .sum();
    sum as f64 / picture.rgb().len() as f64
}

/// Holds `name` to the scene, on average within `tolerance` of 255 levels.
fn shows_the_scene(name: &str, tolerance: f64) {
    let picture = picture(name);
    assert_eq!((picture.width(), picture.height()), (48, 32), "{name}");
    let distance = distance(&picture, scene);
    assert!(
        distance <= tolerance,
        "{name}: {distance:.2} levels from the scene"
    );
}

#[test]
fn eight_orientations_of_a_jpeg_are_turned_upright() {
    for n in 1..=8 {
        let name = format!("orientation_{n}.jpg");
        shows_the_scene(&name, 3.0);
        let stored = if n < 5 { (48, 32) } else { (32, 48) };
        assert_eq!(picture(&name).stored_size(), stored, "{name}");
        assert_eq!(facts(&load(&name)).orientation, n, "{name}");
    }
}

#[test]
fn other_formats_are_turned_upright_too() {
    shows_the_scene("orientation_6.png", 0.0);
    shows_the_scene("orientation_8.webp", 0.0);
    shows_the_scene("orientation_3.tiff", 0.0);
    for n in [3, 5, 6, 7] {
        shows_the_scene(&format!("orientation_{n}.avif"), 4.0);
    }
}

#[test]
fn lossless_formats_give_exactly_the_scene() {
    for name in [
        "rgb16.png",
        "animated.png",
        "animated.webp",
        "plain.bmp",
        "plain.ppm",
        "plain.tga",
        "plain.qoi",
    ] {
        shows_the_scene(name, 0.0);
    }
}

#[test]
fn alpha_is_dropped_and_not_blended() {
    // Every pixel of these is fully transparent.
    shows_the_scene("transparent.png", 0.0);
    shows_the_scene("transparent.webp", 0.0);
}

#[test]
fn lossy_formats_and_palettes_come_close() {
    for (name, tolerance) in [
        ("progressive.jpg", 9.0),
        ("cmyk.jpg", 3.0),
        ("lossy.webp", 9.0),
        ("palette.png", 4.0),
        ("palette.tiff", 4.0),
        ("animated.gif", 4.0),
        ("yuv444.avif", 4.0),
        ("yuv422.avif", 7.0),
        ("yuv420.avif", 8.0),
    ] {
        shows_the_scene(name, tolerance);
    }
}

#[test]
fn grey_becomes_three_equal_channels() {
    for (name, tolerance) in [
        ("grey.png", 0.5),
        ("grey16.tiff", 0.5),
        ("grey.jpg", 2.0),
        ("yuv400.avif", 4.0),
    ] {
        let grey = picture(name);
        assert!(
            grey.rgb()
                .as_chunks::<3>()
                .0
                .iter()
                .all(|[r, g, b]| r == g && g == b),
            "{name}"
        );
        let distance = distance(&grey, |x, y| luma(scene(x, y)));
        assert!(distance <= tolerance, "{name}: {distance:.2}");
    }
}

#[test]
fn odd_sizes_and_icons() {
    let odd = picture("odd.avif");
    assert_eq!(
        (odd.width(), odd.height(), odd.format()),
        (47, 31, Some(Format::Avif))
    );
    assert!(distance(&odd, scene) < 8.0);
    let icon = picture("plain.ico");
    assert_eq!((icon.width(), icon.height()), (32, 32));
}

#[test]
fn what_the_camera_wrote() {
    let Facts {
        captured,
        camera,
        orientation,
        ..
    } = facts(&load("facts.jpg"));
    assert_eq!(captured.as_deref(), Some("2024-05-01T12:30:00"));
    assert_eq!(camera.as_deref(), Some("NIKON D70"));
    assert_eq!(orientation, 1);
    assert_eq!(facts(&load("plain.bmp")).captured, None);
}

#[test]
fn the_name_says_nothing() {
    let jpeg = picture("orientation_1.jpg");
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("document.txt");
    std::fs::copy(path("orientation_1.jpg"), &renamed).unwrap();
    let bytes = read(&renamed, &Limits::default()).unwrap();
    assert_eq!(decode(&bytes, &Limits::default()).unwrap(), jpeg);
}

#[test]
fn heic_says_what_to_do() {
    let error = refusal("phone.heic");
    assert!(matches!(
        error,
        MediaError::Unsupported {
            format: Format::Heic,
            ..
        }
    ));
    assert!(error.to_string().contains("convert it to JPEG"), "{error}");
}

#[test]
fn bombs_are_refused_by_their_header() {
    for name in ["bomb.png", "bomb.gif"] {
        let error = refusal(name);
        assert!(
            matches!(
                error,
                MediaError::TooManyPixels { .. } | MediaError::TooLarge { .. }
            ),
            "{name}: {error}"
        );
    }
}

#[test]
fn truncated_files_are_named_as_such() {
    for name in ["truncated.jpg", "truncated.png", "truncated.avif"] {
        let error = refusal(name);
        assert!(
            matches!(
                error,
                MediaError::Damaged { .. } | MediaError::Truncated { .. }
            ),
            "{name}: {error}"
        );
    }
}

/// Cut off at every length, no file panics a decoder into the caller or gives a picture of another size.
#[test]
fn every_prefix_of_every_file_is_a_picture_or_a_reason() {
    for entry in std::fs::read_dir(path("")).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        for len in (0..bytes.len()).step_by(1 + bytes.len() / 24) {
            match decode(&bytes[..len], &Limits::default()) {
                Ok(picture) => assert!(picture.width() <= 192, "{}: {picture:?}", file.display()),
                Err(MediaError::DecoderFailed { reason, .. }) => {
                    panic!("{} at {len}: {reason}", file.display())
                }
                Err(_) => {}
            }
        }
    }
}

#[test]
fn the_limits_hold_for_every_format() {
    let tight = Limits {
        max_pixels: 1000,
        ..Limits::default()
    };
    let poor = Limits {
        max_alloc: 4000,
        ..Limits::default()
    };
    for name in [
        "orientation_1.jpg",
        "rgb16.png",
        "animated.gif",
        "animated.webp",
        "plain.tga",
        "yuv420.avif",
    ] {
        let bytes = load(name);
        assert!(
            matches!(
                decode(&bytes, &tight),
                Err(MediaError::TooManyPixels { limit: 1000, .. })
            ),
            "{name}"
        );
        assert!(decode(&bytes, &poor).is_err(), "{name}");
    }
}
