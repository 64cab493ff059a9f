//! Reading a batch of frames, counted before anything is made of it.
//!
//! Always holds: what a batch makes in memory is bounded by its bytes times a small number; an
//! empty frame costs two bytes on the wire and a hundred in memory, so they are counted first.
//! Deliberately absent: what the frames mean.

use crate::proto::{ClientBatch, ServerBatch};
use crate::{ErrorCode, WireError, limits};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Field numbers, of frames.proto.
const FRAMES: u32 = 1;
const ACKNOWLEDGE: u32 = 6;
const POSITIONS: u32 = 1;

/// The batch that these bytes hold.
///
/// # Errors
/// `malformed`; `too_large` when it has more frames, or a frame more positions, than
/// [`limits::BATCH_FRAMES_MAX`] and [`limits::POSITIONS_MAX`].
pub fn decode_batch(bytes: &[u8]) -> Result<ClientBatch, WireError> {
    let mut frames = 0_usize;
    each(bytes, FRAMES, &mut |frame| {
        frames += 1;
        if frames > limits::BATCH_FRAMES_MAX {
            return Err(too_many("a batch", limits::BATCH_FRAMES_MAX, "frames"));
        }
        each(frame, ACKNOWLEDGE, &mut |acknowledge| {
            let mut positions = 0_usize;
            each(acknowledge, POSITIONS, &mut |_| {
                positions += 1;
                if positions > limits::POSITIONS_MAX {
                    return Err(too_many(
                        "an acknowledgement",
                        limits::POSITIONS_MAX,
                        "positions",
                    ));
                }
                Ok(())
            })
        })
    })?;
    ClientBatch::decode(bytes).map_err(|_| malformed())
}

/// Frames in a batch of the server's, at most: many times what one sends at once.
const SERVER_FRAMES_MAX: usize = 65_536;

/// The server's batch that these bytes hold.
///
/// # Errors
/// `malformed`; `too_large` when it has more frames than any server sends at once.
pub fn decode_server_batch(bytes: &[u8]) -> Result<ServerBatch, WireError> {
    let mut frames = 0_usize;
    each(bytes, FRAMES, &mut |_| {
        frames += 1;
        if frames > SERVER_FRAMES_MAX {
            return Err(too_many("a batch", SERVER_FRAMES_MAX, "frames"));
        }
        Ok(())
    })?;
    ServerBatch::decode(bytes).map_err(|_| malformed())
}

fn malformed() -> WireError {
    WireError::new(ErrorCode::Malformed, "not a batch")
}

fn too_many(what: &str, most: usize, of: &str) -> WireError {
    WireError::new(
        ErrorCode::TooLarge,
        format!("{what} has {most} {of} at most"),
    )
}

type Visit<'v> = &'v mut dyn FnMut(&[u8]) -> Result<(), WireError>;

/// Visits each occurrence of a field that holds bytes.
fn each(mut rest: &[u8], field: u32, visit: Visit<'_>) -> Result<(), WireError> {
    while !rest.is_empty() {
        let (number, wire_type) = decode_key(&mut rest).map_err(|_| malformed())?;
        if number == field && wire_type == WireType::LengthDelimited {
            let length = decode_varint(&mut rest).map_err(|_| malformed())?;
            let length = usize::try_from(length).map_err(|_| malformed())?;
            let (value, tail) = rest.split_at_checked(length).ok_or_else(malformed)?;
            visit(value)?;
            rest = tail;
        } else {
            skip_field(wire_type, number, &mut rest, DecodeContext::default())
                .map_err(|_| malformed())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Acknowledge, ClientFrame, Position, client_frame::Act};

    #[test]
    fn what_was_written_is_read_back() {
        let act = Some(Act::Acknowledge(Acknowledge {
            positions: vec![Position::default(); 3],
        }));
        let batch = ClientBatch {
            frames: vec![ClientFrame { request: 7, act }, ClientFrame::default()],
        };
        assert_eq!(decode_batch(&batch.encode_to_vec()).unwrap(), batch);
    }

    #[test]
    fn millions_of_empty_frames_or_positions_are_refused_unread() {
        let empty = [0x0a, 0x00].repeat(2_000_000);
        assert_eq!(decode_batch(&empty).unwrap_err().code, ErrorCode::TooLarge);
        let refused = decode_server_batch(&empty).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooLarge);
        let act = Some(Act::Acknowledge(Acknowledge {
            positions: vec![Position::default(); limits::POSITIONS_MAX + 1],
        }));
        let batch = ClientBatch {
            frames: vec![ClientFrame { request: 0, act }],
        };
        let refused = decode_batch(&batch.encode_to_vec()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooLarge);
    }

    #[test]
    fn junk_is_malformed() {
        for junk in [&b"\x0a\x05ab"[..], b"\xff\xff\xff", b"\x0b\x0b"] {
            assert_eq!(decode_batch(junk).unwrap_err().code, ErrorCode::Malformed);
        }
    }
}
