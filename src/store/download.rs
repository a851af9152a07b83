//! One file over HTTP: what was received is kept and gone on from, and nothing counts before its checksum is right. The
//! only file that names `ureq` and `sha2`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::{Agent, Body, Proxy, http};

/// How often a connection that brings nothing new is tried.
const ATTEMPTS: u32 = 5;
/// What is waited before the second try; each further one waits that much longer.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 500 });
/// A server that says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);
const CHUNK: usize = 1 << 20;

/// A file that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The caller asked to stop.
    #[error("stopped; what was received is kept, the same command goes on from there")]
    Cancelled,
    /// The server cannot be reached, or breaks off again and again.
    #[error("{url}: {reason}; what was received is kept, the same command goes on from there")]
    Connection {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server refuses.
    #[error("{url}: the server answers {status}")]
    Status {
        /// The address.
        url: String,
        /// The status code, with its name.
        status: String,
    },
    /// What the server offers is not the file.
    #[error("{url} has {found} bytes, and {expected} were expected; it is another file")]
    Size {
        /// The address.
        url: String,
        /// Bytes of the file that is wanted.
        expected: u64,
        /// Bytes that the server offers.
        found: u64,
    },
    /// What was received is not the file.
    #[error(
        "{url} has the SHA-256 {found}, and {expected} was expected; what was received is thrown away"
    )]
    Checksum {
        /// The address.
        url: String,
        /// Checksum of the file that is wanted, as hex.
        expected: String,
        /// Checksum of what was received, as hex.
        found: String,
    },
    /// The proxy is no address.
    #[error("the proxy {proxy} is no address: {reason}")]
    Proxy {
        /// What was given.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What is received cannot be stored, or not read again.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A file that somebody serves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote<'a> {
    pub(crate) url: &'a str,
    pub(crate) bytes: Option<u64>,
    /// As hex.
    pub(crate) sha256: Option<&'a str>,
}

/// Called with the bytes that are there and, when known, those that there will be.
pub(crate) type Progress<'a> = dyn FnMut(u64, Option<u64>) -> ControlFlow<()> + 'a;

/// Why a connection ended before the file did.
enum Broken {
    /// Worth another try.
    Passing(String),
    Final(DownloadError),
}

/// Fetches files.
pub(crate) struct Downloader {
    agent: Agent,
}

impl Downloader {
    /// Goes through `proxy` when one is given; the environment is not asked.
    pub(crate) fn new(proxy: Option<&str>) -> Result<Self, DownloadError> {
        let proxy = proxy
            .map(|proxy| {
                Proxy::new(proxy).map_err(|error| DownloadError::Proxy {
                    proxy: proxy.to_owned(),
                    reason: error.to_string(),
                })
            })
            .transpose()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(proxy)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .accept_encoding("identity")
            .user_agent(concat!("imgsearch/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
        })
    }

    /// Fetches `remote` to the file `to`, going on from what an earlier call has received. A file that is there already is
    /// checked and taken.
    pub(crate) fn fetch(
        &self,
        remote: Remote<'_>,
        to: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<(), DownloadError> {
        if to.is_file() && self.verify(remote, to).is_ok() {
            return Ok(());
        }
        let part = partial(to);
        self.receive(remote, &part, progress)?;
        if let Err(error) = self.verify(remote, &part) {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        fs::rename(&part, to).map_err(|source| file_error(to, source))
    }

    fn receive(
        &self,
        remote: Remote<'_>,
        part: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<(), DownloadError> {
        let mut failures = 0;
        loop {
            let before = length(part);
            if remote.bytes == Some(before) {
                return Ok(());
            }
            let reason = match self.attempt(remote, part, before, progress) {
                Ok(()) => return Ok(()),
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Passing(reason)) => reason,
            };
            failures = if length(part) > before {
                1
            } else {
                failures + 1
            };
            if failures == ATTEMPTS {
                return Err(DownloadError::Connection {
                    url: remote.url.to_owned(),
                    reason,
                });
            }
            std::thread::sleep(PAUSE * failures);
        }
    }

    /// One connection: appends to `part`, which holds `have` bytes, or starts it anew where the server begins at the front.
    fn attempt(
        &self,
        remote: Remote<'_>,
        part: &Path,
        have: u64,
        progress: &mut Progress<'_>,
    ) -> Result<(), Broken> {
        let mut request = self.agent.get(remote.url);
        if have > 0 {
            request = request.header(RANGE, format!("bytes={have}-"));
        }
        let response = request
            .call()
            .map_err(|error| Broken::Passing(error.to_string()))?;
        let status = response.status();
        let start = match status.as_u16() {
            200 => 0,
            206 if starts_at(&response, have) => have,
            // More is here than there, or something else: from the start, then.
            206 | 416 => {
                let _ = fs::remove_file(part);
                return Err(Broken::Passing(format!("the server answers {status}")));
            }
            408 | 429 | 500..=599 => {
                return Err(Broken::Passing(format!("the server answers {status}")));
            }
            _ => {
                return Err(Broken::Final(DownloadError::Status {
                    url: remote.url.to_owned(),
                    status: status.to_string(),
                }));
            }
        };
        let body = response.into_body();
        let total = body.content_length().map(|length| start + length);
        if let (Some(expected), Some(found)) = (remote.bytes, total)
            && expected != found
        {
            return Err(Broken::Final(DownloadError::Size {
                url: remote.url.to_owned(),
                expected,
                found,
            }));
        }
        store(body, part, start, total.or(remote.bytes), progress)
    }

    fn verify(&self, remote: Remote<'_>, file: &Path) -> Result<(), DownloadError> {
        if let Some(expected) = remote.bytes
            && length(file) != expected
        {
            return Err(DownloadError::Size {
                url: remote.url.to_owned(),
                expected,
                found: length(file),
            });
        }
        let Some(expected) = remote.sha256 else {
            return Ok(());
        };
        let found = sha256(file).map_err(|source| file_error(file, source))?;
        if found.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        Err(DownloadError::Checksum {
            url: remote.url.to_owned(),
            expected: expected.to_owned(),
            found,
        })
    }
}

/// Where what was received of a file waits for the rest.
fn partial(to: &Path) -> PathBuf {
    let mut name = OsString::from(to);
    name.push(".part");
    name.into()
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |facts| facts.len())
}

fn starts_at(response: &http::Response<Body>, have: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE);
    range
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| range.starts_with(&format!("bytes {have}-")))
}

fn store(
    body: Body,
    part: &Path,
    start: u64,
    total: Option<u64>,
    progress: &mut Progress<'_>,
) -> Result<(), Broken> {
    let failed = |source| Broken::Final(file_error(part, source));
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(start > 0)
        .truncate(start == 0)
        .open(part)
        .map_err(failed)?;
    let mut done = start;
    let mut body = body.into_reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        if progress(done, total).is_break() {
            return Err(Broken::Final(DownloadError::Cancelled));
        }
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broken::Passing(error.to_string())),
        };
        file.write_all(&buffer[..read]).map_err(failed)?;
        done += read as u64;
    }
    if total.is_some_and(|total| done < total) {
        return Err(Broken::Passing("the connection broke off".to_owned()));
    }
    file.sync_all().map_err(failed)
}

fn sha256(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn file_error(path: &Path, source: io::Error) -> DownloadError {
    DownloadError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
