//! Keywords that stand in files and in sidecars beside them.

use super::owned::Owned;
use super::*;

fn segment(marker: u8, parts: &[&[u8]]) -> Vec<u8> {
    let data = parts.concat();
    let len = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &len[..], &data].concat()
}

/// An XMP packet with keywords.
fn packet(words: &[&str]) -> String {
    let items: String = words
        .iter()
        .map(|word| format!("<rdf:li>{word}</rdf:li>"))
        .collect();
    format!(
        "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/'>\
         <dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject></rdf:Description></rdf:RDF>\
         </x:xmpmeta><?xpacket end='w'?>"
    )
}

/// A photograph with keywords in XMP and in IPTC.
pub(super) fn with_keywords(name: &str, xmp: &[&str], iptc: &[&[u8]]) -> Vec<u8> {
    let packet = packet(xmp);
    let mut records = Vec::new();
    for word in iptc {
        records.extend([0x1c, 2, 25, 0, u8::try_from(word.len()).unwrap()]);
        records.extend_from_slice(word);
    }
    let len = u32::try_from(records.len()).unwrap().to_be_bytes();
    let resource = [b"8BIM\x04\x04\0\0", &len[..], &records].concat();
    let plain = fs::read(photos().join(name)).unwrap();
    [
        plain[..2].to_vec(),
        segment(
            0xe1,
            &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()],
        ),
        segment(0xed, &[b"Photoshop 3.0\0", &resource]),
        plain[2..].to_vec(),
    ]
    .concat()
}

#[test]
fn keywords_in_files_are_tags_of_their_own_kind() {
    let owned = Owned::new(&["coffee.jpg"]);
    let picture = with_keywords(
        "clock.jpg",
        &["Sofas", "K\u{f6}ln"],
        &[b"beach", b"K\xf6ln"],
    );
    fs::write(owned.pictures.join("a.jpg"), picture).unwrap();
    let folder = owned.pictures.to_str().unwrap().to_owned();
    let path = owned.path("a.jpg");
    // Before it is indexed, as it would count.
    let why = out(&owned.run(&["explain", "beach", &path]));
    assert!(
        why.contains("not indexed") && why.contains("tag beach, a keyword in the file"),
        "{why}"
    );
    owned.done(&["index", &folder]);
    assert_eq!(owned.names(&["keyword:k\u{f6}ln"]), ["a.jpg"]);
    assert_eq!(owned.names(&["--", "-keyword:K\u{d6}LN"]), ["coffee.jpg"]);
    assert!(owned.names(&["keyword:zorgle"]).is_empty());
    assert_eq!(owned.names(&["+beach"]), ["a.jpg"]);
    // A synonym in the plural is the tag too.
    assert_eq!(owned.names(&["+couch"]), ["a.jpg"]);
    let hit = &lines(&owned.run(&["search", "--json", "beach"]))[0];
    assert!(hit["path"].as_str().unwrap().ends_with("a.jpg"), "{hit}");
    assert_eq!(hit["why"]["tags"][0]["source"], "keyword");
    assert!(out(&owned.run(&["search", "beach"])).contains("[beach (keyword)]"));
    let shown = out(&owned.done(&["tags", &path]));
    let keywords = "Sofas (keyword), K\u{f6}ln (keyword), beach (keyword)\n";
    assert!(shown.ends_with(keywords), "{shown}");
    // A person has the last word.
    owned.done(&["tag", &path, "-beach"]);
    assert!(owned.names(&["+beach"]).is_empty());
    assert!(owned.names(&["keyword:beach"]).is_empty());
    owned.done(&["tag", &path, "=beach"]);
    assert_eq!(owned.names(&["+beach"]), ["a.jpg"]);
}

#[test]
fn plain_words_find_keywords_that_are_no_tags() {
    let owned = Owned::new(&["coffee.jpg", "rocket.jpg"]);
    let picture = with_keywords(
        "clock.jpg",
        &["Minka", "Cape \u{421}\u{43e}\u{447}\u{438}"],
        &[],
    );
    fs::write(owned.pictures.join("a.jpg"), picture).unwrap();
    owned.done(&["index", owned.pictures.to_str().unwrap()]);
    let first = |query: &str| lines(&owned.done(&["search", "--json", query])).remove(0);
    for query in [
        "minka",
        "a photo of MINKA",
        "cape \u{441}\u{43e}\u{447}\u{438}",
    ] {
        let hit = first(query);
        assert!(
            hit["path"].as_str().unwrap().ends_with("a.jpg"),
            "{query}: {hit}"
        );
        let mut tags = hit["why"]["tags"].as_array().unwrap().iter();
        let keyword = tags.find(|tag| tag["source"] == "keyword");
        assert_eq!(keyword.unwrap()["confidence"], 1.0, "{hit}");
    }
    assert!(out(&owned.run(&["search", "minka"])).contains("[Minka (keyword)]"));
    let why = out(&owned.run(&["explain", "minka", &owned.path("a.jpg")]));
    assert!(
        why.contains("tag Minka") && why.contains("a keyword in the file"),
        "{why}"
    );
    let why = out(&owned.run(&["explain", "minka", &owned.path("coffee.jpg")]));
    let lacks = "tag Minka for \"minka\", probability 0.00, not recognised";
    assert!(why.contains(lacks), "{why}");
    let read = err(&owned.run(&["search", "--explain-query", "minka and a zorgle"]));
    assert!(
        read.contains("minka: Minka (keyword)\n") && read.contains("zorgle: no tag"),
        "{read}"
    );
    assert_eq!(owned.names(&["--legs", "tags", "minka"]), ["a.jpg"]);
    assert!(
        owned
            .names(&["--legs", "tags", "minka type:png"])
            .is_empty()
    );
    assert_eq!(owned.names(&["+minka"]), ["a.jpg"]);
    assert_eq!(owned.names(&["--", "-minka"]).len(), 2);
    let none = owned.run(&["search", "+minka type:png"]);
    assert_eq!(
        (code(&none), err(&none).as_str()),
        (1, "no picture matches\n")
    );
    // What a person says counts at once.
    owned.done(&["tag", "--keyword", &owned.path("rocket.jpg"), "+minka"]);
    assert_eq!(
        owned.names(&["--legs", "tags", "minka"]),
        ["a.jpg", "rocket.jpg"]
    );
    owned.done(&["tag", "--keyword", &owned.path("a.jpg"), "-Minka"]);
    assert_eq!(owned.names(&["--legs", "tags", "minka"]), ["rocket.jpg"]);
    assert!(out(&owned.run(&["search", "minka"])).contains("[minka (added)]"));
    owned.done(&["tag", &owned.path("rocket.jpg"), "=minka"]);
    let read = err(&owned.run(&["search", "--explain-query", "minka"]));
    assert!(!read.contains("(keyword)"), "{read}");
}

#[test]
fn sidecars_are_read_whenever_they_change_and_never_written_to() {
    let owned = Owned::new(&["coffee.jpg"]);
    let picture = with_keywords("clock.jpg", &["Minka"], &[]);
    fs::write(owned.pictures.join("a.jpg"), &picture).unwrap();
    let folder = owned.pictures.to_str().unwrap().to_owned();
    let index = || err(&owned.done(&["index", &folder]));
    let sidecar = |name: &str, words: &[&str]| {
        fs::write(owned.pictures.join(name), packet(words)).unwrap();
    };
    sidecar("a.jpg.xmp", &["beach"]);
    let why = out(&owned.run(&["explain", "beach", &owned.path("a.jpg")]));
    assert!(why.contains("tag beach, a keyword in the file"), "{why}");
    assert!(index().starts_with("added 1"));
    let keywords = |word: &str| owned.names(&[&format!("keyword:{word}")]);
    assert_eq!(keywords("beach"), ["a.jpg"]);
    assert_eq!(keywords("minka"), ["a.jpg"]);
    assert_eq!(owned.names(&["+beach"]), ["a.jpg"]);
    let told = index();
    assert!(told.starts_with("unchanged 2"), "{told}");

    // One that has changed, another one of another program, and none any more.
    sidecar("a.jpg.xmp", &["harbour at night"]);
    let told = index();
    assert!(told.starts_with("updated 1"), "{told}");
    assert!(keywords("beach").is_empty() && owned.names(&["+beach"]).is_empty());
    assert_eq!(keywords("\"harbour at night\""), ["a.jpg"]);
    sidecar("a.xmp", &["Wanda"]);
    sidecar("coffee.XMP", &["Wanda"]);
    let told = index();
    assert!(told.starts_with("updated 2"), "{told}");
    assert_eq!(keywords("wanda"), ["a.jpg", "coffee.jpg"]);
    assert_eq!(
        owned.names(&["--legs", "tags", "wanda"]),
        ["a.jpg", "coffee.jpg"]
    );
    fs::remove_file(owned.pictures.join("a.jpg.xmp")).unwrap();
    fs::remove_file(owned.pictures.join("coffee.XMP")).unwrap();
    let told = index();
    assert!(told.starts_with("updated 2"), "{told}");
    assert_eq!(keywords("wanda"), ["a.jpg"]);
    assert!(keywords("\"harbour at night\"").is_empty());

    // A copy brings its own, and a move takes it along.
    fs::create_dir(owned.pictures.join("copy")).unwrap();
    fs::copy(owned.path("a.jpg"), owned.path("copy/b.jpg")).unwrap();
    sidecar("copy/b.jpg.xmp", &["Rex"]);
    let told = index();
    assert!(told.starts_with("added 1"), "{told}");
    assert_eq!((keywords("rex").len(), keywords("wanda").len()), (1, 1));
    fs::rename(owned.path("copy/b.jpg"), owned.path("copy/c.jpg")).unwrap();
    fs::rename(owned.path("copy/b.jpg.xmp"), owned.path("copy/c.jpg.xmp")).unwrap();
    let told = index();
    assert!(told.starts_with("moved 1"), "{told}");
    assert_eq!(keywords("rex").len(), 1);
    assert_eq!(fs::read(owned.path("a.jpg")).unwrap(), picture);
    assert_eq!(
        fs::read_to_string(owned.path("a.xmp")).unwrap(),
        packet(&["Wanda"])
    );
}

#[cfg(unix)]
#[test]
fn a_sidecar_that_is_no_file_is_passed_over() {
    let owned = Owned::new(&["coffee.jpg"]);
    fs::copy(photos().join("clock.jpg"), owned.path("a.jpg")).unwrap();
    let pipe = Command::new("mkfifo").arg(owned.path("a.jpg.xmp")).status();
    assert!(pipe.unwrap().success());
    fs::create_dir(owned.pictures.join("coffee.xmp")).unwrap();
    let told = err(&owned.done(&["index", owned.pictures.to_str().unwrap()]));
    assert!(told.starts_with("added 1"), "{told}");
}
