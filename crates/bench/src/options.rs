//! What can be asked for.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// Connections that do nothing, after one message each way.
    Idle,
    /// One-to-one, 64 pairs, 8 in flight each.
    Pairs,
    /// The same over 50,000 conversations, drawn at random.
    Many,
    /// 500 pairs with one in flight each.
    Single,
    /// Paced sending, whatever comes back; latency from the time that each was due.
    Paced,
    /// Storing for people who are away; then they sign in and fetch.
    Offline,
    /// One conversation of two at a group's pace.
    Pair,
    /// A group of 8 devices, all acknowledging.
    #[value(name = "group-8")]
    Group8,
    /// A group of 64 devices, all acknowledging.
    #[value(name = "group-64")]
    Group64,
    /// A group of 1,024 devices, all acknowledging.
    #[value(name = "group-1024")]
    Group1024,
    /// Full handshakes and sign-ins.
    Logins,
    /// One device that fetches what it missed.
    CatchUp,
    /// From the start of the program to the first message, on all the data.
    Cold,
    /// An even load beside comers and goers, slow readers, floods and abuse, with all limits on: what has to hold then
    /// is judged. Only when it is asked for.
    Lasting,
    /// The client: a text from the act to the hub's answer, by the size of the conversation.
    Encrypt,
    /// The client: a text that is pushed, by the size of the conversation.
    Decrypt,
    /// The client: what it missed, from connecting to the last line.
    ClientCatchUp,
    /// The client: opening a large store and showing the first screen.
    OpenStore,
    /// The client: loading one group of many.
    LoadGroup,
    /// A world for who uses the app in a browser, told by lines on standard input what happens there; nothing is
    /// measured here (`npm run bench` in `web/`). Only when it is asked for.
    Browser,
}

impl Scenario {
    /// It measures the client, not the server.
    pub(crate) const fn is_of_the_client(self) -> bool {
        matches!(
            self,
            Self::Encrypt
                | Self::Decrypt
                | Self::ClientCatchUp
                | Self::OpenStore
                | Self::LoadGroup
                | Self::Browser
        )
    }
}

/// Arguments of `comity bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// What to run, one or more; all of them but `lasting` and `browser` when left out.
    #[arg(value_enum, value_name = "SCENARIO")]
    pub scenarios: Vec<Scenario>,
    /// A folder of accounts and conversations that is made when it is not there, added to when it lacks something, and
    /// kept. Without it all of it is made anew and thrown away. It is for one version of the program.
    #[arg(long, value_name = "FOLDER")]
    pub prepared: Option<PathBuf>,
    /// Seconds that each scenario is measured for, after one second of warming up.
    #[arg(long, value_name = "SECONDS", default_value_t = 8.0)]
    pub seconds: f64,
    /// Bytes of a message as it is sent, sealed, at least: it is padded to steps of 64. Of the client's scenarios: of
    /// the text.
    #[arg(long, value_name = "BYTES", default_value_t = 300)]
    pub bytes: usize,
    /// `pairs`, `many`, `paced`: people who write, each to one who reads.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub pairs: usize,
    /// `pairs`, `many`: messages of each that are on their way at once.
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    pub in_flight: usize,
    /// `many`: conversations.
    #[arg(long, value_name = "COUNT", default_value_t = 50_000)]
    pub conversations: usize,
    /// `single`: pairs.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub single_pairs: usize,
    /// `paced`: messages a second, all together.
    #[arg(long, value_name = "COUNT", default_value_t = 40_000)]
    pub rate: u32,
    /// `idle`: connections. Two files each: one here, one in the server.
    #[arg(long, value_name = "COUNT", default_value_t = 15_000)]
    pub connections: usize,
    /// `offline`: people who are away.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub away: usize,
    /// `offline`: messages stored, all together.
    #[arg(long, value_name = "COUNT", default_value_t = 400_000)]
    pub stored: usize,
    /// `pair`, `group…`: messages a second.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub group_rate: u32,
    /// `pair`, `group…`: messages, all together.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub group_messages: usize,
    /// `logins`: sign-ins.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub logins: usize,
    /// `catch-up`, `client-catch-up`, `browser`: messages that were missed.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub missed: usize,
    /// `lasting`: sets a limit of the server otherwise, as in its configuration; the load then has to notice.
    #[arg(long, value_name = "NAME=VALUE")]
    pub limit: Vec<String>,
    /// `encrypt`, `decrypt`: devices in a conversation; one size after the other.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_values_t = [2, 8, 64, 1_024])]
    pub devices: Vec<usize>,
    /// `encrypt`, `decrypt`: messages in each conversation.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub said: usize,
    /// `open-store`, `browser`: messages in the store.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub store_messages: usize,
    /// `open-store`, `browser`: conversations that they are in, as many in each.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub store_conversations: usize,
    /// `browser`: of these messages, those that are in one conversation; the others have as many each.
    #[arg(long, value_name = "COUNT", default_value_t = 60_000)]
    pub store_longest: usize,
    /// `open-store`: how often it is opened.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub openings: usize,
    /// `load-group`: groups in the store.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub store_groups: usize,
    /// `load-group`: groups that are loaded.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub loads: usize,
    /// Small and short: shows that all of it works, and says nothing about speed.
    #[arg(long)]
    pub quick: bool,
    /// Write the report as JSON into this file.
    #[arg(long, value_name = "FILE")]
    pub json_file: Option<PathBuf>,
    /// Draw the report into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Print the report as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Start the server through this command, which is given the server's own as arguments: a profiler, for instance.
    #[arg(long, value_name = "COMMAND")]
    pub through: Option<String>,
}

impl BenchArgs {
    /// With what `--quick` makes small.
    pub(crate) fn effective(&self) -> Self {
        let mut args = self.clone();
        if args.scenarios.is_empty() {
            args.scenarios = Scenario::value_variants().to_vec();
            args.scenarios
                .retain(|scenario| !matches!(scenario, Scenario::Lasting | Scenario::Browser));
            if args.quick {
                // A thousand devices take minutes in a debug build.
                args.scenarios
                    .retain(|scenario| *scenario != Scenario::Group1024);
            }
        }
        if args.quick {
            let alone = args.scenarios == [Scenario::Lasting];
            args.seconds = args.seconds.min(if alone { 6.0 } else { 0.5 });
            args.pairs = args.pairs.min(3);
            args.in_flight = args.in_flight.min(4);
            args.conversations = args.conversations.min(9);
            args.single_pairs = args.single_pairs.min(4);
            args.rate = args.rate.min(200);
            args.connections = args.connections.min(8);
            args.away = args.away.min(4);
            args.stored = args.stored.min(400);
            args.group_rate = args.group_rate.min(50);
            args.group_messages = args.group_messages.min(20);
            args.logins = args.logins.min(20);
            args.missed = args.missed.min(200);
            // A thousand devices take minutes here, too.
            for devices in &mut args.devices {
                *devices = (*devices).min(8);
            }
            args.devices.dedup();
            args.said = args.said.min(20);
            args.store_messages = args.store_messages.min(60);
            args.store_conversations = args.store_conversations.min(3);
            args.openings = args.openings.min(5);
            args.store_groups = args.store_groups.min(30);
            args.loads = args.loads.min(20);
        }
        args
    }

    pub(crate) fn runs(&self, scenario: Scenario) -> bool {
        self.scenarios.contains(&scenario)
    }
}
