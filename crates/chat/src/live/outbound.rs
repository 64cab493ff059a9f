//! What waits to be written to one connection.
//!
//! Always holds: replies are never dropped; pushes are, when too many bytes wait, and `Behind` is
//! then said once the rest was written. Entries of one log keep their order.

use crate::family::Followed;
use crate::logs::LogName;
use comity_wire::proto::{
    Behind, Closing, Cursors, Deliver, Entry, Marks, Reply, ServerFrame, Signal, StateChanged,
    reply, server_frame::Frame,
};
use comity_wire::{ErrorCode, Message};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// One thing that waits.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Reply(Reply),
    Entry {
        log: WireLog,
        entry: Arc<Entry>,
        head_seq: u64,
    },
    /// There is more in the log: what exactly is to be fetched.
    Grown {
        log: WireLog,
        head_seq: u64,
    },
    Cursors(Arc<Cursors>),
    Marks(Arc<Marks>),
    Signal(Arc<Signal>),
    StateChanged(Arc<StateChanged>),
}

/// A log as frames name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireLog {
    /// None: this app.
    hub: Option<Arc<Followed>>,
    pub(crate) name: LogName,
}

impl WireLog {
    pub(crate) fn of(log: LogName, followed: Option<&Arc<Followed>>) -> Self {
        Self {
            hub: followed.cloned(),
            name: followed.map_or(log, |followed| followed.conversation),
        }
    }

    /// Empty for this app.
    pub(crate) fn hub(&self) -> String {
        self.hub
            .as_ref()
            .map_or_else(String::new, |followed| followed.hub.to_string())
    }
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Reply(reply) => reply.encoded_len(),
            Self::Entry { entry, .. } => entry.body.len() + 160,
            Self::Grown { .. } => 64,
            Self::Cursors(cursors) => cursors.encoded_len(),
            Self::Marks(marks) => marks.encoded_len(),
            Self::Signal(signal) => signal.encoded_len(),
            Self::StateChanged(changed) => changed.encoded_len(),
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    behind: bool,
    closing: Option<Closing>,
    replaced: bool,
    /// Who writes it out was told, or is going to be, and has not looked yet.
    told: bool,
}

thread_local! {
    /// Connections that have something to write and are told of it later.
    static HELD: RefCell<Option<Vec<Arc<Outbound>>>> = const { RefCell::new(None) };
}

/// From now on this thread wakes no connection: whatever comes for one until [`give_wakes`] leaves
/// in one write.
pub(crate) fn hold_wakes() {
    HELD.with_borrow_mut(|held| *held = Some(Vec::new()));
}

/// Wakes those for whom something came meanwhile.
pub(crate) fn give_wakes() {
    for outbound in HELD.with_borrow_mut(Option::take).unwrap_or_default() {
        outbound.wake.notify_one();
    }
}

/// The queue of one connection.
#[derive(Debug)]
pub(crate) struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
    room: Notify,
    gone: Notify,
    bytes_max: usize,
}

/// What to write next.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) frames: Vec<ServerFrame>,
    /// Nothing may be written after these.
    pub(crate) last: bool,
}

/// A connection that was replaced may go on writing for so long.
const REPLACED_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// Bytes in one batch, about.
const TURN_BYTES: usize = 256 * 1024;

impl Outbound {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Notify::new(),
            room: Notify::new(),
            gone: Notify::new(),
            bytes_max,
        }
    }

    /// Queues a reply.
    pub(crate) fn reply(self: &Arc<Self>, request: u64, result: reply::Result) {
        if request == 0 {
            return;
        }
        self.add(
            Item::Reply(Reply {
                request,
                result: Some(result),
            }),
            true,
        );
    }

    /// Queues a push, unless the connection is too slow.
    pub(crate) fn push(self: &Arc<Self>, item: Item) {
        self.add(item, false);
    }

    /// Something is otherwise that no push tells of: the device is to ask what changed.
    pub(crate) fn fall_behind(self: &Arc<Self>) {
        let Ok(mut queue) = self.queue.lock() else {
            return;
        };
        queue.behind = true;
        drop(queue);
        self.wake.notify_one();
    }

    fn add(self: &Arc<Self>, item: Item, always: bool) {
        let Ok(mut queue) = self.queue.lock() else {
            return;
        };
        if queue.closing.is_some() {
            return;
        }
        if !always && (queue.behind || queue.bytes > self.bytes_max) {
            queue.behind = true;
            return;
        }
        queue.bytes += item.bytes();
        queue.items.push_back(item);
        let told = std::mem::replace(&mut queue.told, true);
        drop(queue);
        if told {
            return;
        }
        HELD.with_borrow_mut(|held| match held {
            Some(held) => held.push(self.clone()),
            None => self.wake.notify_one(),
        });
    }

    /// Ends the connection: this is the last thing that it is told.
    pub(crate) fn close(&self, code: ErrorCode, retry_after_ms: u32) {
        if let Ok(mut queue) = self.queue.lock() {
            queue.closing = Some(Closing {
                code: code.as_str().to_owned(),
                retry_after_ms,
            });
        }
        self.wake.notify_one();
        self.room.notify_waiters();
    }

    /// Ends the connection because its device has a newer one: what waits is for nobody any more.
    pub(crate) fn replace(&self) {
        if let Ok(mut queue) = self.queue.lock() {
            queue.items = VecDeque::new();
            queue.bytes = 0;
            queue.replaced = true;
        }
        self.close(ErrorCode::Exists, 0);
        self.gone.notify_waiters();
    }

    /// Waits until the connection was replaced, and a little longer: for a write under way.
    pub(crate) async fn replaced(&self) {
        loop {
            let mut gone = std::pin::pin!(self.gone.notified());
            gone.as_mut().enable();
            if self.queue.lock().is_ok_and(|queue| queue.replaced) {
                break;
            }
            gone.await;
        }
        tokio::time::sleep(REPLACED_GRACE).await;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.queue
            .lock()
            .map_or(true, |queue| queue.closing.is_some())
    }

    /// Waits until there is something to write.
    pub(crate) async fn filled(&self) {
        self.wake.notified().await;
    }

    /// Waits until not too much waits: who sends requests and reads no replies is not served on.
    pub(crate) async fn has_room(&self) {
        loop {
            // Listens before it looks, so that no wake-up falls between the two.
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            let full = self.queue.lock().is_ok_and(|queue| {
                queue.bytes > self.bytes_max.saturating_mul(4) && queue.closing.is_none()
            });
            if !full {
                return;
            }
            room.await;
        }
    }

    /// Takes what to write next.
    pub(crate) fn take(&self) -> Turn {
        let mut turn = Turn::default();
        let Ok(mut queue) = self.queue.lock() else {
            return Turn { last: true, ..turn };
        };
        let mut bytes = 0;
        while bytes < TURN_BYTES {
            let Some(item) = queue.items.pop_front() else {
                break;
            };
            let size = item.bytes();
            bytes += size;
            queue.bytes = queue.bytes.saturating_sub(size);
            put(&mut turn.frames, item);
        }
        queue.told = !queue.items.is_empty();
        if queue.items.is_empty() {
            // A connection that waits keeps no room for what came once.
            queue.items = VecDeque::new();
            if queue.behind {
                queue.behind = false;
                turn.frames.push(frame(Frame::Behind(Behind {})));
            }
            if let Some(closing) = &queue.closing {
                turn.frames.push(frame(Frame::Closing(closing.clone())));
                turn.last = true;
            }
        } else {
            self.wake.notify_one();
        }
        drop(queue);
        self.room.notify_waiters();
        turn
    }
}

fn frame(frame: Frame) -> ServerFrame {
    ServerFrame { frame: Some(frame) }
}

fn put(frames: &mut Vec<ServerFrame>, item: Item) {
    let made = match item {
        Item::Reply(reply) => Frame::Reply(reply),
        Item::Cursors(cursors) => Frame::Cursors(Arc::unwrap_or_clone(cursors)),
        Item::Marks(marks) => Frame::Marks(Arc::unwrap_or_clone(marks)),
        Item::Signal(signal) => Frame::Signal(Arc::unwrap_or_clone(signal)),
        Item::StateChanged(changed) => Frame::StateChanged(Arc::unwrap_or_clone(changed)),
        Item::Grown { log, head_seq } => Frame::Deliver(Deliver {
            hub: log.hub(),
            log: log.name.to_vec(),
            head_seq,
            ..Deliver::default()
        }),
        Item::Entry {
            log,
            entry,
            head_seq,
        } => {
            let entry = Arc::unwrap_or_clone(entry);
            // Entries of one log that follow each other share a frame.
            if let Some(ServerFrame {
                frame: Some(Frame::Deliver(last)),
            }) = frames.last_mut()
                && last.log == log.name
                && last.hub == log.hub()
                && last
                    .entries
                    .last()
                    .is_some_and(|before| before.seq + 1 == entry.seq)
            {
                last.entries.push(entry);
                last.head_seq = head_seq;
                return;
            }
            Frame::Deliver(Deliver {
                hub: log.hub(),
                log: log.name.to_vec(),
                entries: vec![entry],
                head_seq,
                gap_until_seq: 0,
            })
        }
    };
    frames.push(frame(made));
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_wire::proto::Done;

    fn entry(log: u8, seq: u64, bytes: usize) -> Item {
        let entry = Entry {
            seq,
            body: vec![0; bytes],
            ..Entry::default()
        };
        Item::Entry {
            log: WireLog::of([log; 16], None),
            entry: Arc::new(entry),
            head_seq: seq,
        }
    }

    #[test]
    fn entries_of_one_log_share_a_frame_and_replies_keep_their_place() {
        let outbound = Arc::new(Outbound::new(1_000_000));
        outbound.push(entry(1, 1, 10));
        outbound.push(entry(1, 2, 10));
        outbound.reply(9, reply::Result::Done(Done {}));
        outbound.push(entry(1, 4, 10));
        outbound.push(entry(2, 1, 10));
        let turn = outbound.take();
        let shape: Vec<_> = turn
            .frames
            .iter()
            .map(|frame| match frame.frame.as_ref().unwrap() {
                Frame::Deliver(deliver) => deliver.entries.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(shape, [2, 0, 1, 1]);
        assert!(!turn.last);
    }

    #[test]
    fn a_slow_connection_loses_pushes_and_hears_that_it_is_behind() {
        let outbound = Arc::new(Outbound::new(1_000));
        for seq in 1..100 {
            outbound.push(entry(1, seq, 100));
        }
        outbound.reply(1, reply::Result::Done(Done {}));
        let frames = outbound.take().frames;
        assert!(matches!(
            frames.last().unwrap().frame,
            Some(Frame::Behind(_))
        ));
        assert!(
            frames
                .iter()
                .any(|f| matches!(f.frame, Some(Frame::Reply(_))))
        );
        let Some(Frame::Deliver(deliver)) = &frames[0].frame else {
            panic!()
        };
        assert!(deliver.entries.len() < 10);
        // From then on pushes come again.
        outbound.push(entry(1, 100, 10));
        assert_eq!(outbound.take().frames.len(), 1);
    }

    #[tokio::test]
    async fn what_comes_while_wakes_are_held_is_told_once_and_then() {
        let outbound = Arc::new(Outbound::new(1_000_000));
        hold_wakes();
        outbound.push(entry(1, 1, 10));
        outbound.push(entry(1, 2, 10));
        let none = tokio::time::timeout(std::time::Duration::from_millis(5), outbound.filled());
        assert!(none.await.is_err());
        give_wakes();
        outbound.filled().await;
        assert_eq!(outbound.take().frames.len(), 1);
        // From then on as it comes.
        outbound.push(entry(1, 3, 10));
        outbound.filled().await;
        assert_eq!(outbound.take().frames.len(), 1);
    }

    #[test]
    fn after_closing_nothing_more_is_taken() {
        let outbound = Arc::new(Outbound::new(1_000));
        outbound.close(ErrorCode::Unavailable, 5);
        outbound.push(entry(1, 1, 1));
        let turn = outbound.take();
        assert!(turn.last);
        assert_eq!(turn.frames.len(), 1);
    }
}
