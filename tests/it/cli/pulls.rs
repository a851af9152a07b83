//! Models that are downloaded, from a server in this process that serves the reduced reference networks.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;

const TAG2TEXT: &str = "0207fe3686ab935ecfe897bce738e237e05997c65c1ca94a21a7de005ca43a24";
const BLIP: &str = "860fc285d1283641f56233a4101f8da086c06894583db2dac9d2549cef17aac2";

/// Serves the folder of golden files. What is asked for below `breaking/` ends after a megabyte a connection; below `whole/` it
/// starts at the front whatever is asked for.
struct Server {
    address: String,
    asked: Arc<Asked>,
}

/// Paths, with the start of the range that was asked of each.
type Asked = Mutex<Vec<(String, Option<u64>)>>;

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), &seen);
            }
        });
        Self { address, asked }
    }

    /// Starts of the ranges that were asked of a file.
    fn ranges(&self, file: &str) -> Vec<Option<u64>> {
        let asked = self.asked.lock().unwrap();
        let of_file = asked.iter().filter(|(path, _)| path.ends_with(file));
        of_file.map(|(_, range)| *range).collect()
    }
}

fn answer(mut stream: TcpStream, seen: &Asked) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?.to_lowercase();
        match line.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_owned(), value.to_owned()),
            None => break,
        };
    }
    let range = headers.get("range").and_then(|range| {
        let start = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        start.parse::<u64>().ok()
    });
    seen.lock().unwrap().push((path.clone(), range));
    let name = path.rsplit('/').next().unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden");
    let Ok(content) = fs::read(folder.join(name)) else {
        return write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    };
    let start = range.filter(|_| !path.contains("/whole/")).unwrap_or(0) as usize;
    let rest = &content[start.min(content.len())..];
    let head = if start > 0 {
        let (last, all) = (content.len() - 1, content.len());
        format!("206 Partial Content\r\nContent-Range: bytes {start}-{last}/{all}")
    } else {
        "200 OK".to_owned()
    };
    let length = rest.len();
    write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    let most = if path.contains("/breaking/") {
        1 << 20
    } else {
        length
    };
    stream.write_all(&rest[..most.min(length)])
}

/// A home, a server, and a table of models that lie there.
struct Case {
    home: TempDir,
    server: Server,
}

impl Case {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            server: Server::start(),
        }
    }

    /// Tag2Text with its weights at `weights` below the server.
    fn table(&self, weights: &str, sha256: &str) -> PathBuf {
        let at = |path: &str| serde_json::json!({ "address": format!("{}/{path}", self.server.address) });
        let mut checkpoint = at(weights);
        checkpoint["sha256"] = sha256.into();
        let table = serde_json::json!([{
            "name": "mini", "kind": "tag2text", "what": "a reduced network", "licence": "none",
            "weights": checkpoint, "config": at("mini_config.json"), "tags": at("mini_tags.txt"),
            "vocab": at("mini_vocab.txt"),
        }]);
        let file = self.home.path().join("table.json");
        fs::write(&file, table.to_string()).unwrap();
        file
    }

    fn pull(&self, table: &Path, options: &[&str]) -> Output {
        let table = table.to_str().unwrap();
        let args = [&["model", "pull", "mini", "--table", table][..], options].concat();
        run(self.home.path(), &args)
    }

    fn models(&self) -> PathBuf {
        self.home.path().join(".local/share/imgsearch-models")
    }

    fn downloaded(&self) -> usize {
        fs::read_dir(self.models().join(".downloads/mini")).map_or(0, Iterator::count)
    }
}

#[test]
fn a_broken_download_is_gone_on_from_and_becomes_a_model() {
    let case = Case::new();
    let table = case.table("breaking/tag2text_mini.pth", TAG2TEXT);
    let pulled = case.pull(&table, &["--yes"]);
    assert_eq!(
        (code(&pulled), out(&pulled).as_str()),
        (0, "mini\n"),
        "{}",
        err(&pulled)
    );
    assert!(err(&pulled).contains("licence none"), "{}", err(&pulled));
    let mib = 1 << 20;
    let expected = [None, Some(mib), Some(2 * mib), Some(3 * mib), Some(4 * mib)];
    assert_eq!(case.server.ranges("tag2text_mini.pth"), expected);
    assert!(!case.models().join(".downloads").exists());
    let cat = photos().join("cat.jpg");
    let tags = [
        "tags",
        cat.to_str().unwrap(),
        "--all",
        "--json",
        "--model",
        "mini",
    ];
    let tags = lines(&run(case.home.path(), &tags));
    assert_eq!(tags[0]["tags"].as_array().unwrap().len(), 50);
    refused(&case.pull(&table, &["--yes", "-q"]), "installed already");
    let renamed = case.pull(&table, &["--yes", "--name", "other", "--dtype", "f32"]);
    assert_eq!(out(&renamed), "other\n", "{}", err(&renamed));
}

#[test]
fn what_was_received_before_is_used_also_where_the_server_starts_again() {
    for (folder, expected) in [("", vec![Some(1000)]), ("whole/", vec![Some(1000)])] {
        let case = Case::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden");
        let content = fs::read(root.join("tag2text_mini.pth")).unwrap();
        let downloads = case.models().join(".downloads/mini");
        fs::create_dir_all(&downloads).unwrap();
        fs::write(downloads.join("weights.part"), &content[..1000]).unwrap();
        let table = case.table(&format!("{folder}tag2text_mini.pth"), TAG2TEXT);
        let pulled = case.pull(&table, &["--yes"]);
        assert_eq!(code(&pulled), 0, "{}", err(&pulled));
        assert_eq!(case.server.ranges("tag2text_mini.pth"), expected);
    }
}

#[test]
fn another_file_than_the_table_says_is_thrown_away() {
    let case = Case::new();
    refused(
        &case.pull(&case.table("tag2text_mini.pth", BLIP), &["--yes", "-q"]),
        "SHA-256",
    );
    // The small files were right and are kept; nothing is installed.
    assert_eq!(case.downloaded(), 3);
    let models = lines(&run(case.home.path(), &["model", "list", "--json"]));
    assert_eq!(models.len(), 1);
}

#[test]
fn what_is_not_there_is_told_with_its_address() {
    let case = Case::new();
    let table = case.table("nowhere.pth", TAG2TEXT);
    refused(
        &case.pull(&table, &["--yes", "-q"]),
        "/nowhere.pth: the server answers 404",
    );
    let elsewhere = case.table("tag2text_mini.pth", TAG2TEXT);
    let args = [
        "model",
        "pull",
        "huge",
        "--table",
        elsewhere.to_str().unwrap(),
    ];
    refused(
        &run(case.home.path(), &args),
        "no model is called huge; there are mini",
    );
    refused(
        &run(
            case.home.path(),
            &["model", "pull", "--table", "missing.json"],
        ),
        "missing.json",
    );
}

#[test]
fn nothing_is_fetched_without_a_yes() {
    let case = Case::new();
    let table = case.table("tag2text_mini.pth", TAG2TEXT);
    let asked = case.pull(&table, &[]);
    let told = err(&asked);
    assert_eq!(code(&asked), 2, "{told}");
    assert!(
        told.contains("a reduced network") && told.contains("--yes"),
        "{told}"
    );
    assert!(case.server.asked.lock().unwrap().is_empty());
}

#[test]
fn a_mirror_stands_in_for_hugging_face() {
    let case = Case::new();
    let table = case.table("tag2text_mini.pth", TAG2TEXT);
    let text = fs::read_to_string(&table).unwrap();
    let there = format!("{}/tag2text_mini.pth", case.server.address);
    let text = text.replace(
        &there,
        "https://huggingface.co/a/resolve/main/tag2text_mini.pth",
    );
    fs::write(&table, text).unwrap();
    let pulled = case.pull(&table, &["--yes", "--mirror", &case.server.address]);
    assert_eq!(code(&pulled), 0, "{}", err(&pulled));
    let asked = case.server.asked.lock().unwrap();
    assert!(
        asked
            .iter()
            .any(|(path, _)| path == "/a/resolve/main/tag2text_mini.pth")
    );
}

#[test]
fn the_published_models_are_listed_with_size_and_licence() {
    let listed = run(index(), &["model", "pull"]);
    let listed = out(&listed);
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(listed.contains("tag2text-swin-14m  Tag2Text"), "{listed}");
    assert!(listed.contains("4.17 GiB; licence Apache-2.0"), "{listed}");
    assert!(
        listed.contains("about 853.54 MiB; licence BSD-3-Clause"),
        "{listed}"
    );
}
