//! Against a server in this process that behaves in all the ways servers do.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// Ends every connection after so many bytes.
    Breaking(usize),
    /// Begins at the front whatever is asked for.
    WithoutRange,
    /// Says this and nothing else.
    Refusing(&'static str),
}

struct Server {
    url: String,
    ranges: Arc<Mutex<Vec<Option<usize>>>>,
}

/// Serves `content` until the process ends.
fn serve(content: Vec<u8>, manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ranges);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(stream.unwrap(), &content, manner, &seen);
        }
    });
    Server { url, ranges }
}

fn answer(
    mut stream: TcpStream,
    content: &[u8],
    manner: Manner,
    seen: &Mutex<Vec<Option<usize>>>,
) -> io::Result<()> {
    let mut range = None;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_lowercase();
        if let Some(start) = line.strip_prefix("range: bytes=") {
            range = start.trim_end_matches('-').parse().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    seen.lock().unwrap().push(range);
    let close = "Connection: close\r\n\r\n";
    if let Manner::Refusing(status) = manner {
        return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n{close}");
    }
    let start = range.filter(|_| manner != Manner::WithoutRange);
    let status = match start {
        Some(start) if start >= content.len() => {
            let status = "416 Range Not Satisfiable";
            return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n{close}");
        }
        Some(start) => format!(
            "206 Partial Content\r\nContent-Range: bytes {start}-{}/{}",
            content.len() - 1,
            content.len()
        ),
        None => "200 OK".to_owned(),
    };
    let rest = &content[start.unwrap_or(0)..];
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{close}",
        rest.len()
    )?;
    let most = match manner {
        Manner::Breaking(most) => most.min(rest.len()),
        _ => rest.len(),
    };
    stream.write_all(&rest[..most])
}

fn content() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i * 7 / 5) as u8).collect()
}

fn go_on(_: u64, _: Option<u64>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn hash(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, content).unwrap();
    sha256(&file).unwrap()
}

struct Case {
    folder: tempfile::TempDir,
    server: Server,
    sha256: String,
    bytes: Option<u64>,
}

impl Case {
    fn new(manner: Manner) -> Self {
        let content = content();
        Self {
            folder: tempfile::tempdir().unwrap(),
            sha256: hash(&content),
            bytes: Some(content.len() as u64),
            server: serve(content, manner),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn fetch(&self, progress: &mut Progress<'_>) -> Result<(), DownloadError> {
        let remote = Remote {
            url: &self.server.url,
            bytes: self.bytes,
            sha256: Some(&self.sha256),
        };
        Downloader::new(None)
            .unwrap()
            .fetch(remote, &self.file(), progress)
    }

    fn ranges(&self) -> Vec<Option<usize>> {
        self.server.ranges.lock().unwrap().clone()
    }

    fn assert_complete(&self) {
        assert!(fs::read(self.file()).unwrap() == content());
        assert!(!partial(&self.file()).exists());
    }
}

#[test]
fn the_checksum_is_that_of_the_standard() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash(b"abc"), abc);
}

#[test]
fn a_connection_that_breaks_is_gone_on_from() {
    let case = Case::new(Manner::Breaking(1_250_000));
    case.fetch(&mut go_on).unwrap();
    case.assert_complete();
    assert_eq!(case.ranges(), [None, Some(1_250_000), Some(2_500_000)]);
    // What is there is not fetched again.
    case.fetch(&mut go_on).unwrap();
    assert_eq!(case.ranges().len(), 3);
}

#[test]
fn a_run_that_was_stopped_is_gone_on_from() {
    let case = Case::new(Manner::Good);
    let mut stop = |done, total| {
        assert_eq!(total, case.bytes);
        if done > 1_000_000 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let stopped = case.fetch(&mut stop);
    assert!(matches!(stopped, Err(DownloadError::Cancelled)));
    let have = length(&partial(&case.file())) as usize;
    assert!(have > 1_000_000 && !case.file().exists());
    case.fetch(&mut go_on).unwrap();
    case.assert_complete();
    assert_eq!(case.ranges(), [None, Some(have)]);
}

#[test]
fn a_server_without_ranges_starts_again() {
    let case = Case::new(Manner::WithoutRange);
    fs::write(partial(&case.file()), b"something else").unwrap();
    case.fetch(&mut go_on).unwrap();
    case.assert_complete();
    assert_eq!(case.ranges(), [Some(14)]);
}

#[test]
fn too_much_that_was_received_is_thrown_away() {
    let mut case = Case::new(Manner::Good);
    case.bytes = None;
    fs::write(partial(&case.file()), vec![0; 4_000_000]).unwrap();
    case.fetch(&mut go_on).unwrap();
    case.assert_complete();
    assert_eq!(case.ranges(), [Some(4_000_000), None]);
}

#[test]
fn another_file_is_refused_and_not_kept() {
    let mut case = Case::new(Manner::Good);
    let right = std::mem::replace(&mut case.sha256, "00".repeat(32));
    let refused = case.fetch(&mut go_on).unwrap_err();
    assert!(matches!(&refused, DownloadError::Checksum { found, .. } if *found == right));
    assert!(!case.file().exists() && !partial(&case.file()).exists());
    case.bytes = Some(5);
    let refused = case.fetch(&mut go_on).unwrap_err();
    assert!(matches!(
        refused,
        DownloadError::Size {
            expected: 5,
            found: 3_000_000,
            ..
        }
    ));
}

#[test]
fn a_refusal_is_final_and_a_fault_is_tried_again() {
    let case = Case::new(Manner::Refusing("404 Not Found"));
    let refused = case.fetch(&mut go_on).unwrap_err();
    assert!(matches!(&refused, DownloadError::Status { status, .. } if status.starts_with("404")));
    assert_eq!(case.ranges().len(), 1);
    let case = Case::new(Manner::Refusing("503 Service Unavailable"));
    let broken = case.fetch(&mut go_on).unwrap_err();
    assert!(matches!(&broken, DownloadError::Connection { reason, .. } if reason.contains("503")));
    assert_eq!(case.ranges().len(), ATTEMPTS as usize);
}
