//! Attachments up and down, sealed for real, over the simulated network.
//!
//! Always holds: as in the shell that ships, an upload goes on where its blob stands and a
//! download is checked whole before it is told. Files are the device's, in memory.

use crate::malice::{Answer, Ask};
use crate::network::{Unreachable, Way};
use bytes::Bytes;
use comity_client::Input;
use comity_e2ee::attachment::{CiphertextHash, Decryptor, Encryptor, FileKey, Layout};
use comity_wire::http::{BlobOffset, BlobStarted, ErrorBody, StartBlob};
use comity_wire::{BlobId, ErrorCode};
use http::{HeaderMap, HeaderValue, Method};
use serde::de::DeserializeOwned;

/// [`comity_client::Effect::Upload`], its plaintext at hand.
pub(crate) struct Upload {
    pub(crate) transfer: i64,
    pub(crate) plain: Option<Vec<u8>>,
    pub(crate) key: Vec<u8>,
    pub(crate) blob: Option<BlobId>,
    pub(crate) plain_size: u64,
    pub(crate) token: String,
}

/// [`comity_client::Effect::Download`].
pub(crate) struct Download {
    pub(crate) blob: BlobId,
    pub(crate) key: Vec<u8>,
    pub(crate) blake3: Vec<u8>,
    pub(crate) plain_size: u64,
    pub(crate) blob_size: u64,
    pub(crate) token: String,
}

pub(crate) struct Stopped {
    pub(crate) code: String,
    pub(crate) retry: bool,
}

fn for_good(code: &str) -> Stopped {
    Stopped {
        code: code.to_owned(),
        retry: false,
    }
}

impl From<Unreachable> for Stopped {
    fn from(_: Unreachable) -> Self {
        Self {
            code: "unreachable".to_owned(),
            retry: true,
        }
    }
}

/// Headers of an act.
pub(crate) fn headers(token: Option<&str>, more: &[(&'static str, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let bearer = token.map(|token| ("authorization", format!("Bearer {token}")));
    for (name, value) in bearer.into_iter().chain(more.iter().cloned()) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers
}

async fn call(
    way: &Way,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Bytes, Stopped> {
    let ask = Ask {
        method,
        path,
        headers,
        body: Bytes::from(body),
    };
    let answer = way.call(ask).await?;
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    Err(refused(&answer))
}

fn refused(answer: &Answer) -> Stopped {
    let code = serde_json::from_slice::<ErrorBody>(&answer.body)
        .ok()
        .and_then(|body| ErrorCode::parse(&body.error.code))
        .unwrap_or(ErrorCode::Internal);
    Stopped {
        retry: code.http_status() >= 500 && code != ErrorCode::QuotaExceeded
            || matches!(
                code,
                ErrorCode::RateLimited
                    | ErrorCode::OffsetMismatch
                    | ErrorCode::NotFound
                    | ErrorCode::Unauthenticated
            ),
        code: code.as_str().to_owned(),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Stopped> {
    serde_json::from_slice(body).map_err(|_| for_good("internal"))
}

/// Makes or finds the blob: its id and whether it is new.
pub(crate) async fn begin(way: &Way, job: &Upload) -> Result<(BlobId, bool), Stopped> {
    if let Some(blob) = job.blob {
        return Ok((blob, false));
    }
    let size = Layout::new(job.plain_size)
        .map_err(|_| for_good("damaged"))?
        .sealed_size();
    let body = serde_json::to_vec(&StartBlob { size }).map_err(|_| for_good("internal"))?;
    let headers = headers(
        Some(&job.token),
        &[("content-type", "application/json".to_owned())],
    );
    let path = "/v1/blobs".to_owned();
    let started: BlobStarted = parse(&call(way, Method::POST, path, headers, body).await?)?;
    Ok((started.blob, true))
}

/// Sends what the blob does not have yet.
pub(crate) async fn upload(way: &Way, job: &Upload, blob: BlobId) -> Result<Input, Stopped> {
    let damaged = |_| for_good("damaged");
    let plain = job.plain.as_ref().ok_or_else(|| for_good("source_gone"))?;
    if u64::try_from(plain.len()) != Ok(job.plain_size) {
        return Err(for_good("source_changed"));
    }
    let key = FileKey::from_bytes(&job.key).map_err(damaged)?;
    let encryptor = Encryptor::new(&key, job.plain_size).map_err(damaged)?;
    let layout = Layout::new(job.plain_size).map_err(damaged)?;
    let mut sealed = Vec::new();
    for index in 0..layout.chunks() {
        let (from, length) = layout.plaintext(index);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let chunk = plain.get(from..from.saturating_add(length));
        let chunk = chunk.ok_or_else(|| for_good("source_changed"))?;
        sealed.extend(encryptor.chunk(index, chunk).map_err(damaged)?);
    }
    let mut hash = CiphertextHash::new();
    hash.update(&sealed);
    let path = format!("/v1/blobs/{blob}/upload");
    let token = Some(job.token.as_str());
    let at: BlobOffset =
        parse(&call(way, Method::GET, path, headers(token, &[]), Vec::new()).await?)?;
    let rest = usize::try_from(at.offset)
        .ok()
        .and_then(|offset| sealed.get(offset..))
        .unwrap_or_default();
    if !rest.is_empty() {
        let more = [
            ("upload-offset", at.offset.to_string()),
            ("content-type", "application/octet-stream".to_owned()),
        ];
        let path = format!("/v1/blobs/{blob}");
        call(
            way,
            Method::PATCH,
            path,
            headers(token, &more),
            rest.to_vec(),
        )
        .await?;
    }
    Ok(Input::UploadDone {
        transfer: job.transfer,
        blake3: hash.finish(),
        blob_size: layout.sealed_size(),
    })
}

/// Fetches, checks and opens.
pub(crate) async fn download(way: &Way, job: &Download) -> Result<Vec<u8>, Stopped> {
    let damaged = |_| for_good("damaged");
    let key = FileKey::from_bytes(&job.key).map_err(damaged)?;
    let mut decryptor =
        Decryptor::new(&key, job.plain_size, job.blob_size, &job.blake3).map_err(damaged)?;
    let layout = Layout::new(job.plain_size).map_err(damaged)?;
    let path = format!("/v1/blobs/{}", job.blob);
    let headers = headers(Some(&job.token), &[]);
    let sealed = call(way, Method::GET, path, headers, Vec::new())
        .await
        .map_err(|stopped| Stopped {
            retry: stopped.retry && stopped.code != "not_found",
            ..stopped
        })?;
    let mut plain = Vec::new();
    let mut rest = &sealed[..];
    for index in 0..layout.chunks() {
        let (_, length) = layout.sealed(index);
        let (chunk, after) = rest
            .split_at_checked(length)
            .ok_or_else(|| for_good("damaged"))?;
        plain.extend(decryptor.chunk(chunk).map_err(damaged)?);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(for_good("damaged"));
    }
    decryptor.finish().map_err(damaged)?;
    Ok(plain)
}
