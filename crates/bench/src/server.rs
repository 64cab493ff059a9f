//! The server that is measured: `comity serve` as a process of its own.
//!
//! Always holds: it ends when this is dropped, whatever happens. Its configuration differs from the default in what
//! bounds a single device's or network's pace, which a load of few devices reaches; those limits are counted all the same.

use crate::line::{SERVER_NAME, Target};
use crate::metrics::Metrics;
use crate::sample::Usage;
use anyhow::{Context, Result, bail};
use comity_wire::AppId;
use comity_wire::http::AppInfo;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The app that a bench is.
const APP: &str = "bench.localhost";
/// Time that a server has to start or to stop, on all its data.
const START_TIME: Duration = Duration::from_secs(120);

/// How to start one.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// The program with `serve`.
    pub(crate) program: PathBuf,
    /// Where data, certificate and configuration are.
    pub(crate) folder: PathBuf,
    /// Another command, which starts it.
    pub(crate) through: Option<String>,
    /// Lines of its section of limits, when these are not to be raised.
    pub(crate) limits: Option<String>,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pid: u32,
    pub(crate) target: Target,
    pub(crate) app_key: Vec<u8>,
    pub(crate) http: reqwest::Client,
}

/// What the server did and used until some moment.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) usage: Usage,
    pub(crate) metrics: Metrics,
    /// Of this program.
    pub(crate) own: Usage,
}

impl Start {
    /// Starts it and waits until it answers.
    pub(crate) async fn server(&self) -> Result<Server> {
        let certificate = certificate(&self.folder)?;
        let config = self.folder.join("comity.toml");
        std::fs::write(&config, configuration(&self.folder, self.limits.as_deref()))?;
        let program = self.program.as_os_str().to_owned();
        let mut words: Vec<std::ffi::OsString> = Vec::new();
        if let Some(through) = &self.through {
            words.extend(through.split_whitespace().map(Into::into));
        }
        words.extend([program, "serve".into(), "--config".into(), config.into()]);
        let (first, rest) = words.split_first().context("no program")?;
        let log = std::fs::File::create(self.folder.join("server.log"))?;
        let mut child = Command::new(first)
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", first.display()))?;
        let output = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("listening on https://") {
                    return Ok(url.parse()?);
                }
            }
            bail!(
                "the server did not start: see {}/server.log",
                self.folder.display()
            )
        };
        let address = tokio::time::timeout(START_TIME, listening)
            .await
            .context("the server does not start")??;
        // It has nothing more to say; who reads nothing must not stop it.
        tokio::task::spawn_local(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let app: AppId = APP.parse()?;
        let target = Target::new(address, app, certificate)?;
        let http = target.http()?;
        let url = target.url("/v1/app");
        let facts: AppInfo = http.get(url).send().await?.json().await?;
        let outer = child.id().context("the server is gone")?;
        let pid = if self.through.is_some() {
            only_child(outer).context("the server's own process")?
        } else {
            outer
        };
        Ok(Server {
            child,
            pid,
            target,
            app_key: facts.app_key.0,
            http,
        })
    }
}

impl Server {
    /// What it has used.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid)
    }

    /// What it has done and used.
    pub(crate) async fn sample(&self) -> Result<Sample> {
        let url = self.target.url("/metrics");
        let text = self.http.get(url).send().await?.text().await?;
        Ok(Sample {
            at: Instant::now(),
            usage: self.usage()?,
            metrics: Metrics::parse(&text),
            own: Usage::of(std::process::id())?,
        })
    }

    /// Files that it has open, sockets among them.
    pub(crate) fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// Asks it to stop and waits until it has; what it has used all its life.
    pub(crate) async fn stop(mut self) -> Result<Usage> {
        use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
        let raw = i32::try_from(self.pid)?;
        let pid = Pid::from_raw(raw).context("no process")?;
        let mut last = self.usage()?;
        kill_process(pid, Signal::TERM)?;
        let end = Instant::now() + START_TIME;
        // What it writes at its end is told until it is reaped.
        let own = self.child.id() == Some(self.pid);
        while Instant::now() < end {
            if let Ok(usage) = self.usage() {
                last = usage;
            }
            let over = if own {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
                waitid(WaitId::Pid(pid), options)?.is_some()
            } else {
                self.child.try_wait()?.is_some()
            };
            if over {
                if let Ok(usage) = self.usage() {
                    last.written_bytes = last.written_bytes.max(usage.written_bytes);
                    last.cpu = last.cpu.max(usage.cpu);
                }
                self.child.wait().await?;
                return Ok(last);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server does not stop")
    }
}

fn only_child(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path)?;
    Ok(children
        .split_whitespace()
        .next()
        .context("no child")?
        .parse()?)
}

/// A single device's pace, and what one network may do, for a load that is all of few devices.
const RAISED: &str = "code_interval_ms = 0\nregistrations_per_address_per_hour = 100000000\n\
     appends_per_second = 1000000\nappends_burst = 1000000\n";

fn configuration(folder: &Path, limits: Option<&str>) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        "app = {APP:?}\nname = \"Bench\"\nlisten = \"127.0.0.1:0\"\ndata = {:?}\ntls_certificate = {:?}\ntls_key = {:?}\n\
         development = true\n[limits]\n{}[log]\nlevel = \"warn\"\n",
        path("data"),
        path("certificate.pem"),
        path("key.pem"),
        limits.unwrap_or(RAISED),
    )
}

/// The certificate that is in the folder, or a new one.
fn certificate(folder: &Path) -> Result<CertificateDer<'static>> {
    let (chain, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if !chain.exists() {
        let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()])?;
        std::fs::write(&key, made.signing_key.serialize_pem())?;
        std::fs::write(&chain, made.cert.pem())?;
    }
    Ok(CertificateDer::from_pem_file(&chain)?)
}
