//! NATS JetStream: a server of our own, on file storage, over TLS.
//!
//! Always holds: before anything is asked of it, the server has told in its own words (`/jsz`) whether it syncs each
//! message before it acknowledges. Deliberately absent: clusters; users, whose check would cost it more.

mod load;

use crate::flow::{Flow, number_of};
use crate::server::{Ends, PATIENCE, Place, Sync, certificate, lives, tls};
use anyhow::{Context, Result, bail, ensure};
use async_nats::jetstream::{self, stream};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// A running nats-server.
pub(crate) struct Server {
    child: Child,
    pid: u32,
    url: String,
    tls: rustls::ClientConfig,
    streams: usize,
    pub(crate) version: String,
    pub(crate) settings: String,
}

/// The file that the server writes its ports to.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

#[derive(Deserialize)]
struct Jsz {
    config: JetStreamConfig,
}

#[derive(Debug, Deserialize)]
struct JetStreamConfig {
    /// In nanoseconds.
    #[serde(default)]
    sync_interval: u64,
    #[serde(default)]
    sync_always: bool,
}

#[derive(Deserialize)]
struct Varz {
    version: String,
}

impl Server {
    /// Starts one on what is in its folder.
    pub(crate) async fn start(place: &Place<'_>) -> Result<Self> {
        let program = place.options.nats_server.as_ref().context(
            "no nats-server: give one by --nats-server FILE (2.10 or later), or leave it out by --only ejabberd",
        )?;
        let folder = &place.folder;
        let tls = tls(certificate(folder)?)?;
        for old in ports_files(folder)? {
            std::fs::remove_file(old)?;
        }
        let (config, log) = (folder.join("nats.conf"), place.logs.join("nats.log"));
        std::fs::write(&config, configuration(folder, place.sync))?;
        let output = std::fs::File::create(&log)?;
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let pid = child.id().context("nats-server is gone")?;
        let ports = loop {
            lives(&mut child, &log)?;
            if let Some(ports) = read_ports(folder) {
                break ports;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let url = ports.nats.into_iter().next().context("no port")?;
        let monitor = ports.monitoring.into_iter().next().context("no monitor")?;
        let jsz: Jsz = serde_json::from_str(&get(&monitor, "/jsz").await?)?;
        hold(&jsz.config, place.sync)?;
        let varz: Varz = serde_json::from_str(&get(&monitor, "/varz").await?)?;
        let streams = place.options.streams();
        Ok(Self {
            child,
            pid,
            url,
            tls,
            streams,
            version: varz.version,
            settings: format!(
                "JetStream, file storage, {streams} streams, sync_always = {} (/jsz)",
                jsz.config.sync_always
            ),
        })
    }

    pub(crate) fn roots(&self) -> Vec<u32> {
        vec![self.pid]
    }

    pub(crate) fn into_children(self) -> Vec<Child> {
        vec![self.child]
    }

    /// A connection of its own.
    async fn connect(&self) -> Result<jetstream::Context> {
        let options = async_nats::ConnectOptions::new()
            .require_tls(true)
            .tls_client_config(self.tls.clone())
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE));
        let client = options.connect(&self.url).await?;
        let mut context = jetstream::new(client);
        context.set_timeout(PATIENCE);
        Ok(context)
    }

    /// Makes the streams.
    pub(crate) async fn prepare(&self, _: usize) -> Result<()> {
        let context = self.connect().await?;
        for number in 0..self.streams {
            let config = stream::Config {
                name: stream_name(number),
                subjects: vec![format!("{}.*", stream_name(number))],
                storage: stream::StorageType::File,
                ..stream::Config::default()
            };
            context.create_stream(config).await?;
        }
        Ok(())
    }

    /// Connects both ends of a pair.
    pub(crate) async fn open(&self, flow: Rc<Flow>) -> Result<Ends> {
        let stream = stream_name(flow.place % self.streams);
        let subject = format!("{stream}.{}", flow.place);
        let reader = self.connect().await?;
        let messages = load::subscribe(&reader, &stream, &subject, flow.place).await?;
        let writer = self.connect().await?;
        Ok(Ends {
            writer: Box::pin(load::write(writer, subject, flow.clone())),
            reader: Box::pin(load::read(reader, messages, flow)),
        })
    }

    /// Everything that the streams hold.
    pub(crate) async fn stored(&self) -> Result<BTreeSet<(usize, u64)>> {
        let context = self.connect().await?;
        let mut stored = BTreeSet::new();
        for number in 0..self.streams {
            let stream = context.get_stream(stream_name(number)).await?;
            let state = &stream.cached_info().state;
            for sequence in state.first_sequence.max(1)..=state.last_sequence {
                // One that is damaged is one that is lost.
                let Ok(message) = stream.get_raw_message(sequence).await else {
                    continue;
                };
                stored.extend(number_of(&message.payload));
            }
        }
        Ok(stored)
    }
}

fn stream_name(number: usize) -> String {
    format!("stream-{number}")
}

/// What nats-server reads. Without the line, it syncs every two minutes.
fn configuration(folder: &Path, sync: Sync) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let interval = match sync {
        Sync::Always => "  sync_interval: always\n",
        Sync::Off => "",
    };
    format!(
        "listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\nports_file_dir: {:?}\ntls {{\n  cert_file: {:?}\n  key_file: {:?}\n  timeout: {}\n}}\n\
         jetstream {{\n  store_dir: {:?}\n{interval}}}\n",
        folder.display().to_string(),
        path("certificate.pem"),
        path("key.pem"),
        // Its own is two seconds, which is short where others keep the machine busy.
        PATIENCE.as_secs(),
        path("store"),
    )
}

/// Holds what the server says about itself against what was asked for.
fn hold(config: &JetStreamConfig, sync: Sync) -> Result<()> {
    ensure!(
        config.sync_always == (sync == Sync::Always),
        "nats-server syncs otherwise than it was told: {config:?}; `sync_interval: always` needs 2.10"
    );
    let minute = 60_000_000_000;
    if sync == Sync::Off && config.sync_interval < minute {
        bail!("nats-server syncs by itself meanwhile: {config:?}");
    }
    Ok(())
}

fn ports_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "ports")
        {
            found.push(path);
        }
    }
    Ok(found)
}

/// None while it is not there, or not yet whole.
fn read_ports(folder: &Path) -> Option<Ports> {
    let file = ports_files(folder).ok()?.into_iter().next()?;
    let ports: Ports = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    (!ports.nats.is_empty() && !ports.monitoring.is_empty()).then_some(ports)
}

/// A page of the server's monitor.
async fn get(monitor: &str, path: &str) -> Result<String> {
    let address = monitor.strip_prefix("http://").context("no monitor")?;
    let address: SocketAddr = address.parse()?;
    let mut socket = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.contains(" 200 "), "{path}: {head}");
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncing_is_asked_for_unless_it_is_the_control() {
        let folder = Path::new("/data here");
        let always = configuration(folder, Sync::Always);
        assert!(always.contains(
            "jetstream {\n  store_dir: \"/data here/store\"\n  sync_interval: always\n}"
        ));
        assert!(always.contains("cert_file: \"/data here/certificate.pem\""));
        assert!(!configuration(folder, Sync::Off).contains("sync_interval"));
    }

    /// As nats-server 2.10 writes it.
    fn told(config: &str) -> JetStreamConfig {
        let text = format!("{{\"server_id\": \"A\", \"config\": {config}, \"streams\": 0}}");
        serde_json::from_str::<Jsz>(&text).unwrap().config
    }

    #[test]
    fn a_server_that_syncs_otherwise_than_it_was_told_is_not_measured() {
        let always =
            told("{\"max_memory\": 1, \"sync_interval\": 120000000000, \"sync_always\": true}");
        assert!(hold(&always, Sync::Always).is_ok());
        assert!(hold(&always, Sync::Off).is_err());
        // Before 2.10 the setting does not exist.
        assert!(hold(&told("{\"max_memory\": 1}"), Sync::Always).is_err());
        let default = told("{\"sync_interval\": 120000000000}");
        assert!(hold(&default, Sync::Always).is_err());
        assert!(hold(&default, Sync::Off).is_ok());
        // It would sync during the control, which then could see no loss.
        assert!(hold(&told("{\"sync_interval\": 1000000000}"), Sync::Off).is_err());
    }

    #[test]
    fn ports_are_read_once_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_ports(folder.path()).is_none());
        let file = folder.path().join("nats-server_12.ports");
        std::fs::write(&file, "{\"nats\":[\"tls://127").unwrap();
        assert!(read_ports(folder.path()).is_none());
        let whole = "{\"nats\":[\"tls://127.0.0.1:4\"],\"monitoring\":[\"http://127.0.0.1:5\"]}";
        std::fs::write(&file, whole).unwrap();
        assert_eq!(
            read_ports(folder.path()).unwrap().nats,
            ["tls://127.0.0.1:4"]
        );
    }
}
