//! Attachments up and down: sealed and opened one chunk at a time, resumable, checked before
//! anything is handed on.
//!
//! Always holds: however much a server sends, no more than a chunk of it and what came with its end
//! is in memory. An answer that is none of Comity's is no end: what was asked is asked again later.

use crate::clock::{now_ms, sleep, turn};
use crate::files::{Files, Given};
use crate::http::{Body, Piece, SILENCE_MS, Server, Underway, bytes, refused};
use crate::kept::{Keeping, Kept};
use crate::shell::Shell;
use comity_client::attachment::{CiphertextHash, Decryptor, Encryptor, FileError, FileKey, Layout};
use comity_client::{CallError, CopyOf, Download, Input, Method, Source, Target, Upload};
use comity_wire::http::{BlobOffset, BlobStarted, StartBlob};
use comity_wire::{BlobId, ErrorCode, UnixMs, WireError, limits};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::Response;

/// Progress is told this often.
const PROGRESS_MS: i64 = 500;
const PIECE_TIMEOUT_MS: i32 = 120_000;
/// Of an answer about a piece of a file, or of a refusal: many times the longest.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// A line that breaks is taken up this often in a row.
const FAILURES_MAX: u32 = 5;

/// Why a transfer stopped.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) code: String,
    pub(crate) retry: bool,
}

impl Stopped {
    pub(crate) fn for_good(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            retry: false,
        }
    }

    pub(crate) fn for_now(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            retry: true,
        }
    }

    fn unreachable(_: JsValue) -> Self {
        Self::for_now("unreachable")
    }

    fn refused(error: &WireError) -> Self {
        let retry = error.code.http_status() >= 500 && error.code != ErrorCode::QuotaExceeded
            || matches!(
                error.code,
                ErrorCode::RateLimited
                    | ErrorCode::OffsetMismatch
                    | ErrorCode::NotFound
                    | ErrorCode::Unauthenticated
            );
        Self {
            code: error.code.as_str().to_owned(),
            retry,
        }
    }
}

impl From<FileError> for Stopped {
    fn from(_: FileError) -> Self {
        Self::for_good("damaged")
    }
}

impl From<CallError> for Stopped {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(_) => Self::for_now("unreachable"),
            CallError::Refused(error) => Self::refused(&error),
        }
    }
}

/// What a transfer works with.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) server: Server,
    pub(crate) files: Files,
    pub(crate) kept: Kept,
    pub(crate) shell: Shell,
}

impl Work {
    /// Begins to keep what a transfer moves, where it is something that is kept. Whatever becomes
    /// of that, the transfer goes on.
    async fn keeping(&self, transfer: i64, sealed_size: u64) -> Option<Keeping> {
        let of = self.shell.file_of_transfer(transfer)?;
        self.kept.begin(of, sealed_size).await
    }
}

/// Tells how far a transfer is, now and then.
struct Progress<'a> {
    shell: &'a Shell,
    transfer: i64,
    told_ms: UnixMs,
}

impl<'a> Progress<'a> {
    fn of(shell: &'a Shell, transfer: i64) -> Self {
        Self {
            shell,
            transfer,
            told_ms: now_ms(),
        }
    }

    fn tell(&mut self, done_bytes: u64) {
        if now_ms() - self.told_ms >= PROGRESS_MS {
            self.told_ms = now_ms();
            self.shell.input(Input::TransferProgress {
                transfer: self.transfer,
                done_bytes,
            });
        }
    }
}

/// Carries out an upload and tells the core.
pub(crate) async fn upload(work: Work, job: Upload) {
    let transfer = job.transfer;
    work.shell.input(match run_upload(&work, job).await {
        Ok((blake3, blob_size)) => Input::UploadDone {
            transfer,
            blake3,
            blob_size,
        },
        Err(stopped) => failed(transfer, stopped),
    });
}

fn failed(transfer: i64, stopped: Stopped) -> Input {
    Input::TransferFailed {
        transfer,
        code: stopped.code,
        retry: stopped.retry,
    }
}

/// The plaintext, chunk after chunk.
enum Plain {
    Given(Given),
    Memory(Vec<u8>),
}

impl Plain {
    async fn open(files: &Files, source: &Source, size: u64) -> Result<Self, Stopped> {
        match source {
            Source::Memory(bytes) => Ok(Self::Memory(bytes.clone())),
            Source::File(name) => {
                let given = files.open(name).await?;
                if *given.layout() == Layout::new(size)? {
                    Ok(Self::Given(given))
                } else {
                    Err(Stopped::for_good("source_changed"))
                }
            }
        }
    }

    fn next(&mut self, (from, length): (u64, usize)) -> Result<Vec<u8>, Stopped> {
        match self {
            Self::Given(given) => given.next(),
            Self::Memory(all) => usize::try_from(from)
                .ok()
                .and_then(|from| all.get(from..from + length))
                .map(<[u8]>::to_vec)
                .ok_or(Stopped::for_good("source_changed")),
        }
    }
}

async fn run_upload(work: &Work, job: Upload) -> Result<([u8; 32], u64), Stopped> {
    let layout = Layout::new(job.plain_size)?;
    // A given file has a name of its own, drawn at random, and is never written again.
    let stamp = match &job.source {
        Source::File(name) => name.clone(),
        Source::Memory(_) => String::new(),
    };
    let blob = match job.blob {
        Some(_) if stamp != job.stamp => return Err(Stopped::for_good("source_changed")),
        Some(blob) => blob,
        None => {
            if let Some(original) = &job.copy_of {
                check_copy(work, original, &job).await?;
            }
            start_blob(work, job.transfer, stamp, layout.sealed_size(), &job.token).await?
        }
    };
    // What goes up here is there again without being fetched.
    let mut keeping = match job.source {
        Source::File(_) => work.keeping(job.transfer, layout.sealed_size()).await,
        Source::Memory(_) => None,
    };
    let (hash, sent, complete) = send_all(work, &job, &blob, &mut keeping).await?;
    // All bytes are there; that the app also keeps them it has yet to say.
    let mut complete = complete || offset(work, &blob, &job.token).await?.complete;
    if !complete {
        complete = send_piece(work, &blob, sent, &[], &job.token)
            .await?
            .complete;
    }
    if complete {
        let blake3 = hash.finish();
        if let Some(keeping) = keeping {
            keeping.finish(&work.shell, blake3);
        }
        Ok((blake3, layout.sealed_size()))
    } else {
        Err(Stopped::for_now("incomplete"))
    }
}

async fn send_all(
    work: &Work,
    job: &Upload,
    blob: &BlobId,
    keeping: &mut Option<Keeping>,
) -> Result<(CiphertextHash, u64, bool), Stopped> {
    let encryptor = Encryptor::new(&FileKey::from_bytes(&job.key)?, job.plain_size)?;
    let layout = *encryptor.layout();
    let mut plain = Plain::open(&work.files, &job.source, job.plain_size).await?;
    let mut progress = Progress::of(&work.shell, job.transfer);
    let at = offset(work, blob, &job.token).await?;
    let (mut sent, mut complete) = (at.offset, at.complete);
    let mut hash = CiphertextHash::new();
    let mut waiting: Vec<u8> = Vec::new();
    for index in 0..layout.chunks() {
        // What is safe already is sealed again only for the hash: the same bytes come out.
        let sealed = encryptor.chunk(index, &plain.next(layout.plaintext(index))?)?;
        hash.update(&sealed);
        if let Some(keeping) = keeping {
            keeping.write(&sealed);
        }
        let (start, length) = layout.sealed(index);
        let end = start + length as u64;
        if end > at.offset {
            let skip = usize::try_from(at.offset.saturating_sub(start)).unwrap_or(0);
            waiting.extend_from_slice(sealed.get(skip..).unwrap_or_default());
        }
        let last = index + 1 == layout.chunks();
        if waiting.len() + 300 * 1024 > limits::UPLOAD_PIECE_BYTES_MAX
            || (last && !waiting.is_empty())
        {
            let piece = std::mem::take(&mut waiting);
            let now = send_piece(work, blob, sent, &piece, &job.token).await?;
            (sent, complete) = (now.offset, now.complete);
            progress.tell(sent);
        } else {
            // Sealing keeps the worker busy: what tabs ask goes between.
            turn().await;
        }
    }
    Ok((hash, sent, complete))
}

/// Seals the source as the original was, letting nothing out: another plaintext shows in the hash.
async fn check_copy(work: &Work, original: &CopyOf, job: &Upload) -> Result<(), Stopped> {
    let layout = Layout::new(job.plain_size)?;
    let encryptor = Encryptor::new(&FileKey::from_bytes(&original.key)?, job.plain_size)?;
    let mut plain = Plain::open(&work.files, &job.source, job.plain_size).await?;
    let mut hash = CiphertextHash::new();
    for index in 0..layout.chunks() {
        hash.update(&encryptor.chunk(index, &plain.next(layout.plaintext(index))?)?);
        turn().await;
    }
    if hash.finish()[..] == original.blake3[..] {
        Ok(())
    } else {
        Err(Stopped::for_good("source_changed"))
    }
}

async fn start_blob(
    work: &Work,
    transfer: i64,
    stamp: String,
    size: u64,
    token: &str,
) -> Result<BlobId, Stopped> {
    let body =
        serde_json::to_vec(&StartBlob { size }).map_err(|_| Stopped::for_good("internal"))?;
    let answer = work
        .server
        .call(Method::Post, "/v1/blobs", Some(body), Some(token))
        .await?;
    let started: BlobStarted = answered(&answer)?;
    work.shell.input(Input::UploadStarted {
        transfer,
        blob: started.blob,
        stamp,
    });
    Ok(started.blob)
}

async fn offset(work: &Work, blob: &BlobId, token: &str) -> Result<BlobOffset, Stopped> {
    let path = format!("/v1/blobs/{blob}/upload");
    let answer = work
        .server
        .call(Method::Get, &path, None, Some(token))
        .await?;
    answered(&answer)
}

/// What an answer says. A server, or what stands before it, may be itself again later.
fn answered<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, Stopped> {
    serde_json::from_slice(answer).map_err(|_| Stopped::for_now("internal"))
}

async fn send_piece(
    work: &Work,
    blob: &BlobId,
    offset: u64,
    piece: &[u8],
    token: &str,
) -> Result<BlobOffset, Stopped> {
    let request = Piece {
        method: "PATCH",
        path: format!("/v1/blobs/{blob}"),
        token,
        header: Some(("upload-offset", offset.to_string())),
        body: Some(piece),
        timeout_ms: PIECE_TIMEOUT_MS,
    };
    let response = work
        .server
        .piece(request)
        .await
        .map_err(Stopped::unreachable)?;
    let body = bytes(&response.answer, ANSWER_BYTES_MAX)
        .await
        .map_err(Stopped::unreachable)?;
    if !response.answer.ok() {
        return Err(Stopped::refused(&refused(&body)));
    }
    answered(&body)
}

/// Carries out a download and tells the core.
pub(crate) async fn download(work: Work, job: Download) {
    let transfer = job.transfer;
    let input = match run_download(&work, job).await {
        Ok(bytes) => Input::DownloadDone { transfer, bytes },
        Err(stopped) => failed(transfer, stopped),
    };
    work.shell.input(input);
}

/// Where plaintext goes until the whole was checked.
enum Sink {
    Made { name: String, parts: Array },
    Memory(Vec<u8>),
}

impl Sink {
    fn open(files: &Files, target: Target) -> Result<Self, Stopped> {
        match target {
            Target::Memory => Ok(Self::Memory(Vec::new())),
            Target::File(name) if files.has_made(&name) => Err(Stopped::for_good("file_exists")),
            Target::File(name) => Ok(Self::Made {
                name,
                parts: Array::new(),
            }),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Made { parts, .. } => {
                parts.push(&Uint8Array::from(bytes));
            }
            Self::Memory(all) => all.extend_from_slice(bytes),
        }
    }

    fn keep(self, files: &Files) -> Result<Option<Vec<u8>>, Stopped> {
        match self {
            Self::Memory(bytes) => Ok(Some(bytes)),
            Self::Made { name, parts } => files.put_made(name, &parts).map(|()| None),
        }
    }
}

async fn run_download(work: &Work, job: Download) -> Result<Option<Vec<u8>>, Stopped> {
    let key = FileKey::from_bytes(&job.key)?;
    let for_person = matches!(job.target, Target::File(_));
    let mut opening = Opening {
        layout: Layout::new(job.plain_size)?,
        decryptor: Decryptor::new(&key, job.plain_size, job.blob_size, &job.blake3)?,
        sink: Sink::open(&work.files, job.target)?,
        keeping: None,
        waiting: Vec::new(),
        done: 0,
    };
    if for_person {
        opening.keeping = work.keeping(job.transfer, job.blob_size).await;
    }
    let mut progress = Progress::of(&work.shell, job.transfer);
    let mut failures = 0;
    // A line that breaks is taken up at the byte where it broke.
    while !opening.is_whole() {
        let (path, had) = (format!("/v1/blobs/{}", job.blob), opening.done);
        let request = Piece {
            method: "GET",
            path,
            token: &job.token,
            header: (had > 0).then(|| ("range", format!("bytes={had}-"))),
            body: None,
            timeout_ms: SILENCE_MS,
        };
        if let Ok(Underway {
            answer: response, ..
        }) = &work.server.piece(request).await
        {
            if !response.ok() {
                let body = bytes(response, ANSWER_BYTES_MAX)
                    .await
                    .map_err(Stopped::unreachable)?;
                let mut stopped = Stopped::refused(&refused(&body));
                stopped.retry &= stopped.code != "not_found";
                return Err(stopped);
            }
            opening.take_all(response, &mut progress).await?;
        }
        if opening.done > had {
            failures = 0;
        }
        if !opening.is_whole() {
            failures += 1;
            if failures > FAILURES_MAX {
                return Err(Stopped::for_now("unreachable"));
            }
            sleep(300 << failures).await;
        }
    }
    opening.decryptor.finish()?;
    if let (Some(keeping), Ok(blake3)) = (opening.keeping, job.blake3.as_slice().try_into()) {
        keeping.finish(&work.shell, blake3);
    }
    opening.sink.keep(&work.files)
}

/// A file that is being opened as it comes.
struct Opening {
    layout: Layout,
    decryptor: Decryptor,
    sink: Sink,
    /// Where the ciphertext goes, too.
    keeping: Option<Keeping>,
    waiting: Vec<u8>,
    /// Bytes of the ciphertext that came.
    done: u64,
}

impl Opening {
    fn is_whole(&self) -> bool {
        self.decryptor.next_chunk() == self.layout.chunks()
    }

    async fn take_all(
        &mut self,
        response: &Response,
        progress: &mut Progress<'_>,
    ) -> Result<(), Stopped> {
        let mut body = Body::of(response);
        // A line that breaks is taken up again.
        while let Ok(Some(bytes)) = body.next().await {
            self.done += bytes.len() as u64;
            self.waiting.extend_from_slice(&bytes);
            self.open_waiting()?;
            progress.tell(self.done);
        }
        Ok(())
    }

    fn open_waiting(&mut self) -> Result<(), Stopped> {
        while !self.is_whole() {
            let (_, length) = self.layout.sealed(self.decryptor.next_chunk());
            if self.waiting.len() < length {
                return Ok(());
            }
            let rest = self.waiting.split_off(length);
            let sealed = std::mem::replace(&mut self.waiting, rest);
            self.sink.write(&self.decryptor.chunk(&sealed)?);
            if let Some(keeping) = &mut self.keeping {
                keeping.write(&sealed);
            }
        }
        if self.waiting.is_empty() {
            Ok(())
        } else {
            Err(Stopped::for_good("damaged"))
        }
    }
}
