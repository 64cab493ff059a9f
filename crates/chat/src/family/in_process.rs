//! A link between servers of one process, with the faults of a network when its maker wants them.
//!
//! Always holds: bytes cross as they would anywhere; an answer that is lost stays lost, and what
//! was asked is carried out all the same. A stream keeps its order: what is lost of it ends it.
//! Deliberately absent: randomness; who makes the switchboard says what becomes of each crossing.

use super::door::Door;
use super::link::{BoxFuture, Link, LinkError, Pushes};
use comity_wire::AppId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Which way something crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A request.
    Request,
    /// Its answer.
    Reply,
    /// A piece of a stream.
    Push,
}

/// Something that crosses now.
#[derive(Debug)]
pub struct Crossing<'a> {
    /// Where it comes from.
    pub from: &'a AppId,
    /// Where it goes.
    pub to: &'a AppId,
    /// Which way.
    pub way: Way,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// It is lost.
    pub lost: bool,
    /// It arrives so late.
    pub delay: Duration,
    /// It arrives twice.
    pub twice: bool,
}

type Fates = Box<dyn FnMut(&Crossing<'_>) -> Fate + Send>;

struct Inner {
    doors: Mutex<BTreeMap<AppId, Door>>,
    fates: Mutex<Option<Fates>>,
    breaks: watch::Sender<Breaks>,
}

/// What ends streams.
#[derive(Debug, Default)]
struct Breaks {
    /// Pairs that can not reach each other.
    cut: BTreeSet<(AppId, AppId)>,
    /// How often each app's server went.
    went: BTreeMap<AppId, u64>,
}

impl Breaks {
    fn went(&self, app: &AppId) -> u64 {
        self.went.get(app).copied().unwrap_or_default()
    }
}

/// Connects the apps that are attached to it.
#[derive(Clone)]
pub struct Switchboard(Arc<Inner>);

impl std::fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Switchboard")
    }
}

impl Default for Switchboard {
    fn default() -> Self {
        Self(Arc::new(Inner {
            doors: Mutex::default(),
            fates: Mutex::default(),
            breaks: watch::Sender::new(Breaks::default()),
        }))
    }
}

fn pair(one: &AppId, other: &AppId) -> (AppId, AppId) {
    if one <= other {
        (one.clone(), other.clone())
    } else {
        (other.clone(), one.clone())
    }
}

impl Switchboard {
    /// Makes an app reachable, in place of what had its name.
    pub fn attach(&self, door: Door) {
        if let Ok(mut doors) = self.0.doors.lock() {
            doors.insert(door.id().clone(), door);
        }
    }

    /// Makes an app unreachable; its server is gone, and so are its streams.
    pub fn detach(&self, app: &AppId) {
        if let Ok(mut doors) = self.0.doors.lock() {
            doors.remove(app);
        }
        self.0.breaks.send_modify(|breaks| {
            *breaks.went.entry(app.clone()).or_default() += 1;
        });
    }

    /// The link from one app to another.
    #[must_use]
    pub fn link(&self, from: &AppId, to: &AppId) -> Arc<dyn Link> {
        Arc::new(Wire {
            inner: self.0.clone(),
            from: from.clone(),
            to: to.clone(),
        })
    }

    /// Decides what becomes of each crossing from now on.
    pub fn set_fates(&self, fates: impl FnMut(&Crossing<'_>) -> Fate + Send + 'static) {
        if let Ok(mut current) = self.0.fates.lock() {
            *current = Some(Box::new(fates));
        }
    }

    /// Everything arrives from now on.
    pub fn no_fates(&self) {
        if let Ok(mut current) = self.0.fates.lock() {
            *current = None;
        }
    }

    /// Cuts two apps off from each other.
    pub fn cut(&self, one: &AppId, other: &AppId) {
        self.0.breaks.send_modify(|breaks| {
            breaks.cut.insert(pair(one, other));
        });
    }

    /// Lets them reach each other again.
    pub fn mend(&self, one: &AppId, other: &AppId) {
        self.0.breaks.send_modify(|breaks| {
            breaks.cut.remove(&pair(one, other));
        });
    }
}

struct Wire {
    inner: Arc<Inner>,
    from: AppId,
    to: AppId,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wire({} to {})", self.from, self.to)
    }
}

impl Inner {
    fn is_cut(&self, one: &AppId, other: &AppId) -> bool {
        self.breaks.borrow().cut.contains(&pair(one, other))
    }

    fn fate(&self, from: &AppId, to: &AppId, way: Way) -> Fate {
        let crossing = Crossing { from, to, way };
        let mut fates = self.fates.lock().ok();
        fates
            .as_mut()
            .and_then(|fates| fates.as_mut())
            .map_or_else(Fate::default, |fates| fates(&crossing))
    }

    fn door(&self, app: &AppId) -> Option<Door> {
        self.doors.lock().ok()?.get(app).cloned()
    }
}

async fn late(fate: Fate) {
    if !fate.delay.is_zero() {
        tokio::time::sleep(fate.delay).await;
    }
}

impl Link for Wire {
    fn ask(&self, request: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, LinkError>> {
        Box::pin(async move {
            if self.inner.is_cut(&self.from, &self.to) {
                return Err(LinkError::Down);
            }
            let fate = self.inner.fate(&self.from, &self.to, Way::Request);
            late(fate).await;
            if fate.lost {
                return std::future::pending().await;
            }
            let door = self.inner.door(&self.to).ok_or(LinkError::Down)?;
            if fate.twice {
                let (door, from, request) = (door.clone(), self.from.clone(), request.clone());
                tokio::spawn(async move { door.answer(&from, &request).await });
            }
            let from = self.from.clone();
            // Whoever waits may go away: what was asked is carried out.
            let answer = tokio::spawn(async move { door.answer(&from, &request).await });
            let answer = answer.await.map_err(|_| LinkError::Down)?;
            if self.inner.is_cut(&self.from, &self.to) {
                return Err(LinkError::Down);
            }
            let fate = self.inner.fate(&self.to, &self.from, Way::Reply);
            late(fate).await;
            if fate.lost {
                return std::future::pending().await;
            }
            Ok(answer)
        })
    }

    fn open(&self) -> BoxFuture<'_, Result<Box<dyn Pushes>, LinkError>> {
        Box::pin(async move {
            if self.inner.is_cut(&self.from, &self.to) {
                return Err(LinkError::Down);
            }
            let door = self.inner.door(&self.to).ok_or(LinkError::Down)?;
            let stream = door.open(&self.from).map_err(|_| LinkError::Down)?;
            let pushes: Box<dyn Pushes> = Box::new(Stream {
                inner: self.inner.clone(),
                from: self.to.clone(),
                to: self.from.clone(),
                breaks: self.inner.breaks.subscribe(),
                went: self.inner.breaks.borrow().went(&self.to),
                stream,
                again: None,
                late: None,
            });
            Ok(pushes)
        })
    }
}

struct Stream {
    inner: Arc<Inner>,
    from: AppId,
    to: AppId,
    breaks: watch::Receiver<Breaks>,
    /// How often its server had gone when it was opened.
    went: u64,
    stream: Box<dyn Pushes>,
    /// A piece that arrives twice.
    again: Option<Vec<u8>>,
    /// A piece that is still on its way; whoever waits may have gone to look at something else.
    late: Option<(tokio::time::Instant, Vec<u8>)>,
}

impl Pushes for Stream {
    fn next(&mut self) -> BoxFuture<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            if let Some(piece) = self.again.take() {
                return Some(piece);
            }
            let pair = pair(&self.from, &self.to);
            let (from, went) = (self.from.clone(), self.went);
            let mut breaks = self.breaks.clone();
            let ended = async move {
                let broken =
                    |breaks: &Breaks| breaks.cut.contains(&pair) || breaks.went(&from) != went;
                let _ = breaks.wait_for(broken).await;
            };
            tokio::pin!(ended);
            if self.late.is_none() {
                let piece = tokio::select! {
                    biased;
                    () = &mut ended => return None,
                    piece = self.stream.next() => piece?,
                };
                let fate = self.inner.fate(&self.from, &self.to, Way::Push);
                if fate.lost {
                    return None;
                }
                if fate.twice {
                    self.again = Some(piece.clone());
                }
                self.late = Some((tokio::time::Instant::now() + fate.delay, piece));
            }
            let at = self.late.as_ref().map(|(at, _)| *at)?;
            tokio::select! {
                biased;
                () = &mut ended => return None,
                () = tokio::time::sleep_until(at) => {}
            }
            self.late.take().map(|(_, piece)| piece)
        })
    }
}
