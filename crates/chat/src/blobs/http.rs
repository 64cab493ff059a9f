//! HTTP acts of blobs.

use super::range::{self, Asked};
use super::sql;
use crate::access::Signed;
use crate::accounts::me::{Nothing, nothing};
use crate::app::App;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use comity_platform::clock::now_ms;
use comity_platform::{
    Failure,
    http::{Json, Segment},
    secret,
};
use comity_wire::http::{BlobOffset, BlobStarted, StartBlob};
use comity_wire::{BlobId, ErrorCode, limits};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;

fn no_such_blob() -> Failure {
    Failure::refused(ErrorCode::NotFound, "no such blob, or its lease is over")
}

/// `POST /v1/blobs`.
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<StartBlob>,
) -> Result<Json<BlobStarted>, Failure> {
    if request.size == 0 {
        return Err(Failure::refused(ErrorCode::Malformed, "a blob has bytes"));
    }
    if request.size > limits::BLOB_BYTES_MAX {
        return Err(Failure::refused(
            ErrorCode::TooLarge,
            "no blob may have this size",
        ));
    }
    let blob = BlobId::new(secret::random());
    app.blobs.start(&blob).await?;
    let (quota, life) = (
        app.config.limits.blob_quota_bytes,
        app.config.retention.upload_life_ms,
    );
    let stored = app
        .db
        .write(move |conn, _| {
            let account = signed.0.account;
            // It may have been deleted since the token was checked.
            crate::accounts::sql::must_exist(conn, &account)?;
            let (unfinished, all) = sql::counts(conn, &account)?;
            if unfinished >= limits::UPLOADS_MAX || all >= limits::BLOBS_MAX {
                return Err(Failure::refused(
                    ErrorCode::TooMany,
                    "too many uploads are unfinished, or too many blobs kept",
                ));
            }
            if sql::bytes_of(conn, &account)?.saturating_add(request.size) > quota {
                return Err(Failure::refused(
                    ErrorCode::QuotaExceeded,
                    "the storage is full",
                ));
            }
            let now = now_ms();
            sql::insert(conn, &blob, &account, request.size, now, now + life)?;
            Ok(())
        })
        .await;
    if stored.is_err() {
        app.blobs.unstage(&blob).await;
    }
    stored.map(|()| Json(BlobStarted { blob }))
}

async fn own_upload(app: &App, signed: Signed, blob: BlobId) -> Result<sql::Row, Failure> {
    let row = app
        .db
        .read(move |conn| Ok(sql::get(conn, &blob, now_ms())?))
        .await?;
    let row = row.ok_or_else(no_such_blob)?;
    if row.account == signed.0.account {
        Ok(row)
    } else {
        Err(Failure::refused(
            ErrorCode::Forbidden,
            "somebody else's upload",
        ))
    }
}

/// `GET /v1/blobs/{blob}/upload`.
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    signed: Signed,
    Segment(blob): Segment,
) -> Result<Json<BlobOffset>, Failure> {
    let row = own_upload(&app, signed, blob.parse()?).await?;
    Ok(Json(BlobOffset {
        offset: row.safe,
        size: row.size,
        complete: row.complete,
    }))
}

/// `PATCH /v1/blobs/{blob}`.
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    signed: Signed,
    Segment(blob): Segment,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BlobOffset>, Failure> {
    let blob: BlobId = blob.parse()?;
    let claim = app.blobs.claim(blob)?;
    let row = own_upload(&app, signed, blob).await?;
    let offset = headers
        .get("upload-offset")
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .ok_or_else(|| Failure::refused(ErrorCode::Malformed, "no upload-offset"))?;
    if offset != row.safe {
        let text = format!("the upload is at offset {}", row.safe);
        return Err(Failure::refused(ErrorCode::OffsetMismatch, text));
    }
    if row.complete {
        return Ok(Json(BlobOffset {
            offset,
            size: row.size,
            complete: true,
        }));
    }
    // What was begun is finished even when the sender goes away: its bytes are safe then.
    let finished = tokio::spawn(async move {
        let _claim = claim;
        let taken = take_piece(&app, blob, row, body).await;
        if taken
            .as_ref()
            .is_err_and(|failure| failure.code() == ErrorCode::Internal)
        {
            // The account, and so the file, may have gone meanwhile: then that is what to say.
            own_upload(&app, signed, blob).await?;
        }
        taken
    });
    finished.await.map_err(Failure::internal)?.map(Json)
}

async fn take_piece(
    app: &App,
    blob: BlobId,
    row: sql::Row,
    body: Body,
) -> Result<BlobOffset, Failure> {
    let piece_end = row.safe + limits::UPLOAD_PIECE_BYTES_MAX as u64;
    let end = row.size.min(piece_end);
    let body = body
        .into_data_stream()
        .map(|piece| piece.map_err(|_| ()))
        .boxed();
    let (safe, too_much) = app.blobs.write(&blob, row.safe, end, body).await?;
    if too_much {
        // Nothing of it counts: the next piece overwrites it.
        return Err(Failure::refused(
            ErrorCode::TooLarge,
            "more bytes than the piece or the blob may have",
        ));
    }
    let complete = safe == row.size;
    if complete {
        // The last piece counts only once the blob is in the store: who hears the whole size as
        // offset may rely on it. A crash in between asks for that piece again.
        app.blobs.keep(&blob).await?;
    }
    let until_ms = now_ms() + app.config.retention.blob_lease_ms;
    let owned = app
        .db
        .write(move |conn, _| {
            let owned = sql::set_safe(conn, &blob, safe)?;
            if complete {
                sql::set_complete(conn, &blob, until_ms)?;
            }
            Ok(owned)
        })
        .await?;
    if complete {
        app.blobs.unstage(&blob).await;
    }
    if !owned {
        app.blobs.delete(&blob).await;
        return Err(no_such_blob());
    }
    Ok(BlobOffset {
        offset: safe,
        size: row.size,
        complete,
    })
}

/// `GET /v1/blobs/{blob}`.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Segment(blob): Segment,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let blob: BlobId = blob.parse()?;
    let row = app
        .db
        .read(move |conn| Ok(sql::get(conn, &blob, now_ms())?))
        .await?;
    let row = row.filter(|row| row.complete).ok_or_else(no_such_blob)?;
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let (status, range) = match range::parse(asked, row.size) {
        Asked::All => (StatusCode::OK, 0..row.size),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Impossible => {
            let text = format!("the blob has {} bytes", row.size);
            return Err(Failure::refused(ErrorCode::OffsetMismatch, text));
        }
    };
    let bytes = app.blobs.read(&blob, range.clone()).await?;
    let mut response = (status, Body::from_stream(bytes)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(range.end - range.start),
    );
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(format!(
            "bytes {}-{}/{}",
            range.start,
            range.end.saturating_sub(1),
            row.size
        ))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// `POST /v1/blobs/{blob}/renew`.
pub(crate) async fn renew(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Segment(blob): Segment,
) -> Nothing {
    let blob: BlobId = blob.parse()?;
    let lease = app.config.retention.blob_lease_ms;
    let renewed = app
        .db
        .write(move |conn, _| {
            let now = now_ms();
            Ok(sql::renew(conn, &blob, now, now + lease)?)
        })
        .await?;
    if renewed {
        nothing()
    } else {
        Err(no_such_blob())
    }
}
