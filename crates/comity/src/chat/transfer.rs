//! Attachments up and down: streamed through the sealing of `e2ee`, one chunk in memory at a
//! time, resumable, checked before anything is kept.
//!
//! Always holds: however much a server sends, no more than a chunk of it and what came with its end
//! is in memory. An answer that is none of Comity's is no end: what was asked is asked again later.

use super::net::{Server, answer, refusal};
use anyhow::Result;
use comity_client::{CopyOf, Download, Input, Method, Source, Target, Upload};
use comity_e2ee::attachment::{CiphertextHash, Decryptor, Encryptor, FileError, FileKey, Layout};
use comity_wire::http::{BlobOffset, BlobStarted, StartBlob};
use comity_wire::{BlobId, ErrorCode, limits};
use futures_util::StreamExt;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Progress is told this often.
const PROGRESS: Duration = Duration::from_millis(500);
/// Of an answer about a piece of a file, or of a refusal: many times the longest.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Why a transfer stopped.
#[derive(Debug)]
struct Stopped {
    code: String,
    retry: bool,
}

impl Stopped {
    fn for_good(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            retry: false,
        }
    }

    fn for_now(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            retry: true,
        }
    }
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::for_good("source_gone"),
            std::io::ErrorKind::AlreadyExists => Self::for_good("file_exists"),
            _ => Self::for_good("disk"),
        }
    }
}

impl From<FileError> for Stopped {
    fn from(_: FileError) -> Self {
        Self::for_good("damaged")
    }
}

impl From<reqwest::Error> for Stopped {
    fn from(_: reqwest::Error) -> Self {
        Self::for_now("unreachable")
    }
}

fn refused(body: &[u8]) -> Stopped {
    let error = refusal(body);
    let retry = error.code.http_status() >= 500
        || matches!(
            error.code,
            ErrorCode::RateLimited
                | ErrorCode::OffsetMismatch
                | ErrorCode::NotFound
                | ErrorCode::Unauthenticated
        );
    Stopped {
        code: error.code.as_str().to_owned(),
        retry,
    }
}

/// Carries out an upload and tells the core.
pub(super) async fn upload(server: Server, inputs: mpsc::Sender<Input>, job: Upload) {
    let transfer = job.transfer;
    let input = match run_upload(&server, &inputs, job).await {
        Ok((blake3, blob_size)) => Input::UploadDone {
            transfer,
            blake3,
            blob_size,
        },
        Err(stopped) => Input::TransferFailed {
            transfer,
            code: stopped.code,
            retry: stopped.retry,
        },
    };
    let _ = inputs.send(input).await;
}

enum Plain {
    File(std::fs::File),
    Memory(Vec<u8>),
}

impl Plain {
    fn read(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, Stopped> {
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; length];
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(&mut bytes)
                    .map_err(|_| Stopped::for_good("source_changed"))?;
                Ok(bytes)
            }
            Self::Memory(bytes) => {
                let start =
                    usize::try_from(offset).map_err(|_| Stopped::for_good("source_changed"))?;
                bytes
                    .get(start..start + length)
                    .map(<[u8]>::to_vec)
                    .ok_or(Stopped::for_good("source_changed"))
            }
        }
    }
}

/// Opens what is to be sent: a plain file. Anything else could keep the reader waiting for ever.
fn open_source(path: &Path) -> Result<std::fs::File, Stopped> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(Stopped::for_good("not_a_file"));
    }
    Ok(std::fs::File::open(path)?)
}

async fn run_upload(
    server: &Server,
    inputs: &mpsc::Sender<Input>,
    job: Upload,
) -> Result<([u8; 32], u64), Stopped> {
    let key = FileKey::from_bytes(&job.key)?;
    let encryptor = Encryptor::new(&key, job.plain_size)?;
    let layout = Layout::new(job.plain_size)?;
    let (mut plain, stamp) = match job.source {
        Source::File(path) => {
            let file = open_source(Path::new(&path))?;
            let facts = file.metadata()?;
            if facts.len() != job.plain_size {
                return Err(Stopped::for_good("source_changed"));
            }
            let changed = facts.modified()?.duration_since(std::time::UNIX_EPOCH);
            let stamp = format!("{} {}", facts.len(), changed.unwrap_or_default().as_nanos());
            (Plain::File(file), stamp)
        }
        Source::Memory(bytes) => (Plain::Memory(bytes), String::new()),
    };
    let blob = match job.blob {
        Some(_) if stamp != job.stamp => return Err(Stopped::for_good("source_changed")),
        Some(blob) => blob,
        None => {
            if let Some(original) = &job.copy_of {
                check_copy(original, job.plain_size, &mut plain)?;
            }
            start_blob(
                server,
                inputs,
                (job.transfer, stamp),
                layout.sealed_size(),
                &job.token,
            )
            .await?
        }
    };
    let at = upload_offset(server, &blob, &job.token).await?;
    let offset = at.offset;
    let mut hash = CiphertextHash::new();
    let mut waiting: Vec<u8> = Vec::new();
    let (mut sent, mut complete, mut told) = (offset, at.complete, Instant::now());
    for index in 0..layout.chunks() {
        let (from, length) = layout.plaintext(index);
        // What is safe already is sealed again only for the hash: the same bytes come out.
        let sealed = encryptor.chunk(index, &plain.read(from, length)?)?;
        hash.update(&sealed);
        let (start, _) = layout.sealed(index);
        let end = start + u64::try_from(sealed.len()).unwrap_or(0);
        if end > offset {
            let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(0);
            waiting.extend_from_slice(sealed.get(skip..).unwrap_or_default());
        }
        let last = index + 1 == layout.chunks();
        if waiting.len() + 300 * 1024 > limits::UPLOAD_PIECE_BYTES_MAX
            || (last && !waiting.is_empty())
        {
            let piece = std::mem::take(&mut waiting);
            let now = send_piece(server, &blob, sent, piece, &job.token).await?;
            (sent, complete) = (now.offset, now.complete);
            if told.elapsed() > PROGRESS {
                told = Instant::now();
                let _ = inputs
                    .send(Input::TransferProgress {
                        transfer: job.transfer,
                        done_bytes: sent,
                    })
                    .await;
            }
        }
    }
    // All bytes are there; that the app also keeps them it has yet to say.
    if !complete {
        complete = upload_offset(server, &blob, &job.token).await?.complete;
    }
    if !complete {
        complete = send_piece(server, &blob, sent, Vec::new(), &job.token)
            .await?
            .complete;
    }
    if complete {
        Ok((hash.finish(), layout.sealed_size()))
    } else {
        Err(Stopped::for_now("incomplete"))
    }
}

/// Seals the source as the original was, letting nothing out: another plaintext shows in the hash.
fn check_copy(original: &CopyOf, size: u64, plain: &mut Plain) -> Result<(), Stopped> {
    let layout = Layout::new(size)?;
    let encryptor = Encryptor::new(&FileKey::from_bytes(&original.key)?, size)?;
    let mut hash = CiphertextHash::new();
    for index in 0..layout.chunks() {
        let (from, length) = layout.plaintext(index);
        hash.update(&encryptor.chunk(index, &plain.read(from, length)?)?);
    }
    if hash.finish()[..] == original.blake3[..] {
        Ok(())
    } else {
        Err(Stopped::for_good("source_changed"))
    }
}

async fn start_blob(
    server: &Server,
    inputs: &mpsc::Sender<Input>,
    (transfer, stamp): (i64, String),
    size: u64,
    token: &str,
) -> Result<BlobId, Stopped> {
    let body =
        serde_json::to_vec(&StartBlob { size }).map_err(|_| Stopped::for_good("internal"))?;
    let answer = server
        .call(Method::Post, "/v1/blobs", Some(body), Some(token))
        .await
        .map_err(of_call)?;
    let started: BlobStarted = answered(&answer)?;
    let _ = inputs
        .send(Input::UploadStarted {
            transfer,
            blob: started.blob,
            stamp,
        })
        .await;
    Ok(started.blob)
}

async fn upload_offset(server: &Server, blob: &BlobId, token: &str) -> Result<BlobOffset, Stopped> {
    let answer = server
        .call(
            Method::Get,
            &format!("/v1/blobs/{blob}/upload"),
            None,
            Some(token),
        )
        .await
        .map_err(of_call)?;
    answered(&answer)
}

/// What an answer says. A server, or what stands before it, may be itself again later.
fn answered<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, Stopped> {
    serde_json::from_slice(answer).map_err(|_| Stopped::for_now("internal"))
}

fn of_call(error: comity_client::CallError) -> Stopped {
    match error {
        comity_client::CallError::Unreachable(_) => Stopped::for_now("unreachable"),
        comity_client::CallError::Refused(error) => Stopped {
            retry: error.code.http_status() >= 500 && error.code != ErrorCode::QuotaExceeded
                || matches!(
                    error.code,
                    ErrorCode::RateLimited | ErrorCode::NotFound | ErrorCode::Unauthenticated
                ),
            code: error.code.as_str().to_owned(),
        },
    }
}

async fn send_piece(
    server: &Server,
    blob: &BlobId,
    offset: u64,
    piece: Vec<u8>,
    token: &str,
) -> Result<BlobOffset, Stopped> {
    let response = server
        .http
        .patch(server.url(&format!("/v1/blobs/{blob}")))
        .bearer_auth(token)
        .header("upload-offset", offset)
        .header("content-type", "application/octet-stream")
        .body(piece)
        .send()
        .await?;
    let ok = response.status().is_success();
    let bytes = answer(response, ANSWER_BYTES_MAX).await.map_err(of_call)?;
    if !ok {
        return Err(refused(&bytes));
    }
    answered(&bytes)
}

/// Carries out a download and tells the core.
pub(super) async fn download(server: Server, inputs: mpsc::Sender<Input>, job: Download) {
    let transfer = job.transfer;
    let input = match run_download(&server, &inputs, job).await {
        Ok(bytes) => Input::DownloadDone { transfer, bytes },
        Err(stopped) => Input::TransferFailed {
            transfer,
            code: stopped.code,
            retry: stopped.retry,
        },
    };
    let _ = inputs.send(input).await;
}

/// Where plaintext goes until the whole was checked.
enum Sink {
    /// Under a name of its own beside the target; gone with this, unless it was kept.
    File {
        target: PathBuf,
        file: tempfile::NamedTempFile,
    },
    Memory(Vec<u8>),
}

impl Sink {
    fn open(target: Target) -> Result<Self, Stopped> {
        match target {
            Target::Memory => Ok(Self::Memory(Vec::new())),
            Target::File(path) => {
                let target = PathBuf::from(path);
                // A link that leads nowhere is there too.
                if target.symlink_metadata().is_ok() {
                    return Err(Stopped::for_good("file_exists"));
                }
                let folder = match target.parent() {
                    Some(folder) if !folder.as_os_str().is_empty() => folder,
                    _ => Path::new("."),
                };
                let file = tempfile::Builder::new()
                    .prefix(".comity-")
                    .suffix(".part")
                    .tempfile_in(folder)
                    .map_err(|error| match error.kind() {
                        std::io::ErrorKind::NotFound => Stopped::for_good("folder_missing"),
                        _ => error.into(),
                    })?;
                Ok(Self::File { target, file })
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        match self {
            Self::File { file, .. } => Ok(file.write_all(bytes)?),
            Self::Memory(all) => {
                all.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// All was right: the file gets its name.
    fn keep(self) -> Result<Option<Vec<u8>>, Stopped> {
        match self {
            Self::Memory(bytes) => Ok(Some(bytes)),
            Self::File { target, file } => {
                file.as_file().sync_all()?;
                file.persist_noclobber(&target)
                    .map_err(|refused| Stopped::from(refused.error))?;
                Ok(None)
            }
        }
    }
}

async fn run_download(
    server: &Server,
    inputs: &mpsc::Sender<Input>,
    job: Download,
) -> Result<Option<Vec<u8>>, Stopped> {
    let key = FileKey::from_bytes(&job.key)?;
    let mut decryptor = Decryptor::new(&key, job.plain_size, job.blob_size, &job.blake3)?;
    let layout = Layout::new(job.plain_size)?;
    let mut sink = Sink::open(job.target)?;
    let url = server.url(&format!("/v1/blobs/{}", job.blob));
    let outcome = fetch_all(
        server,
        inputs,
        job.transfer,
        &url,
        &job.token,
        &layout,
        &mut decryptor,
        &mut sink,
    )
    .await;
    match outcome {
        Ok(()) => {
            decryptor.finish()?;
            sink.keep()
        }
        Err(stopped) => Err(stopped),
    }
}

#[allow(clippy::too_many_arguments)]
async fn fetch_all(
    server: &Server,
    inputs: &mpsc::Sender<Input>,
    transfer: i64,
    url: &str,
    token: &str,
    layout: &Layout,
    decryptor: &mut Decryptor,
    sink: &mut Sink,
) -> Result<(), Stopped> {
    let (mut index, mut done, mut failures, mut told) = (0, 0_u64, 0, Instant::now());
    let mut waiting: Vec<u8> = Vec::new();
    // A line that breaks is taken up at the byte where it broke.
    while index < layout.chunks() {
        let mut request = server.http.get(url).bearer_auth(token);
        if done > 0 {
            request = request.header("range", format!("bytes={done}-"));
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if failures < 5 => {
                tracing::debug!(%error, "download interrupted");
                failures += 1;
                tokio::time::sleep(Duration::from_millis(300 << failures)).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if !response.status().is_success() {
            let answer = answer(response, ANSWER_BYTES_MAX).await.map_err(of_call)?;
            let mut stopped = refused(&answer);
            stopped.retry &= stopped.code != "not_found";
            return Err(stopped);
        }
        let mut stream = response.bytes_stream();
        while let Some(Ok(bytes)) = stream.next().await {
            done += u64::try_from(bytes.len()).unwrap_or(0);
            waiting.extend_from_slice(&bytes);
            while index < layout.chunks() {
                let (_, length) = layout.sealed(index);
                if waiting.len() < length {
                    break;
                }
                let rest = waiting.split_off(length);
                let sealed = std::mem::replace(&mut waiting, rest);
                sink.write(&decryptor.chunk(&sealed)?)?;
                index += 1;
                failures = 0;
            }
            // Behind the last chunk there is nothing: who sends more would fill the memory.
            if index == layout.chunks() && !waiting.is_empty() {
                return Err(Stopped::for_good("damaged"));
            }
            if told.elapsed() > PROGRESS {
                told = Instant::now();
                let _ = inputs
                    .send(Input::TransferProgress {
                        transfer,
                        done_bytes: done,
                    })
                    .await;
            }
        }
        if index < layout.chunks() {
            failures += 1;
            if failures > 5 {
                return Err(Stopped::for_now("unreachable"));
            }
        }
    }
    Ok(())
}
