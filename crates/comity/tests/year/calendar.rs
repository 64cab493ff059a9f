//! The year's days on which somebody does something, and who does.

/// A day of the story.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Days since the beginning.
    pub(crate) day: u64,
    /// Devices besides the main ones that come by.
    pub(crate) others: Vec<&'static str>,
    /// What happens once.
    pub(crate) events: Vec<Happening>,
}

/// What happens once in the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Ada sends a file that Ben saves at once; after the lease it is gone.
    File,
    /// The file of [`Happening::File`] can no longer be fetched.
    FileGone,
    /// Month 7: Ada links a tablet, which gets the history of all months.
    Tablet,
    /// Month 9: Cleo loses her phone and recovers with her phrase.
    Recovery,
    /// Month 11: Dan signs up and writes to Ada, who is not there.
    Stranger,
    /// Ada accepts Dan, whose introduction is from the session before.
    Accepted,
}

/// All days.
pub(crate) struct Calendar(Vec<Session>);

impl Calendar {
    /// Steps of 29 days: nobody who comes each time is ever stale, but only just.
    pub(crate) fn short() -> Self {
        use Happening::{Accepted, File, FileGone, Recovery, Stranger, Tablet};
        let mut sessions: Vec<Session> = (0..=12).map(|step| session(step * 29)).collect();
        sessions.push(session(365));
        // Away 29 days, then 58, 87, 116 (a friend links a device meanwhile), 29 and 46.
        for step in [0, 1, 3, 6, 10, 11, 13] {
            sessions[step].others.push("ben-laptop");
        }
        // Linked in month 7 (step 7) and with her from then on.
        for session in sessions.iter_mut().skip(8) {
            session.others.push("ada-tablet");
        }
        for (step, event) in [
            (1, File),
            (3, FileGone),
            (7, Tablet),
            (9, Recovery),
            (11, Stranger),
            (12, Accepted),
        ] {
            sessions[step].events.push(event);
        }
        Self(sessions)
    }

    /// Week by week, with absences of 10, 20, 29, 35, 60 and 100 days.
    pub(crate) fn full() -> Self {
        use Happening::{Accepted, File, FileGone, Recovery, Stranger, Tablet};
        let mut days: Vec<u64> = (0..=52).map(|week| week * 7).collect();
        let visits = [0, 10, 30, 59, 94, 154, 254, 264];
        days.extend(visits);
        days.extend([318, 347, 365]);
        days.sort_unstable();
        days.dedup();
        let mut sessions: Vec<Session> = days.into_iter().map(session).collect();
        for session in &mut sessions {
            if visits.contains(&session.day) || session.day == 365 {
                session.others.push("ben-laptop");
            }
            if session.day > 203 {
                session.others.push("ada-tablet");
            }
            session.events = match session.day {
                35 => vec![File],
                70 => vec![FileGone],
                203 => vec![Tablet],
                259 => vec![Recovery],
                318 => vec![Stranger],
                347 => vec![Accepted],
                _ => Vec::new(),
            };
        }
        Self(sessions)
    }

    /// In order.
    pub(crate) fn sessions(&self) -> &[Session] {
        &self.0
    }
}

fn session(day: u64) -> Session {
    Session {
        day,
        others: Vec::new(),
        events: Vec::new(),
    }
}
