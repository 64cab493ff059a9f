//! A server on loopback and people with raw clients: every answer is seen as it came.
#![allow(dead_code, unreachable_pub, missing_docs, unused_imports)]

pub mod family;
mod person;
mod socket;
pub mod steps;

pub use person::{Person, device, introduction_key, next_manifest, number, prove, random16};
pub use socket::{Given, Socket};

use comity_chat::{Config, Running, Server};
use comity_wire::http::ErrorBody;
use comity_wire::{AppId, Bytes64};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

pub struct House {
    pub folder: tempfile::TempDir,
    pub running: Option<Running>,
    pub config: Config,
    pub http: reqwest::Client,
}

/// An HTTP answer: the value, or status and error.
pub type Answer<T> = Result<T, (u16, ErrorBody)>;

/// The code of a refused act.
pub fn code<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    answer.unwrap_err().1.error.code
}

impl House {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            app: "chat.example".to_owned(),
            data: folder.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            development: true,
            ..Config::default()
        };
        config.limits.code_interval_ms = 0;
        config.limits.registrations_per_address_per_hour = 100_000;
        config.log.level = "warn".to_owned();
        change(&mut config);
        let running = Server::start(config.clone()).await.unwrap();
        Self {
            folder,
            running: Some(running),
            config,
            http: reqwest::Client::new(),
        }
    }

    pub fn app(&self) -> AppId {
        self.config.app.parse().unwrap()
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn data(&self) -> &Path {
        &self.config.data
    }

    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await;
        self.running = Some(Server::start(self.config.clone()).await.unwrap());
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running().url())
    }

    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        token: Option<&[u8]>,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Answer<T> {
        let mut request = self.http.request(method.parse().unwrap(), self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(data_encoding::BASE64URL_NOPAD.encode(token));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Self::read(request.send().await.unwrap()).await
    }

    pub async fn read<T: DeserializeOwned>(response: reqwest::Response) -> Answer<T> {
        let status = response.status();
        let bytes = response.bytes().await.unwrap();
        if status.is_success() {
            Ok(serde_json::from_slice(&bytes).unwrap())
        } else {
            Err((status.as_u16(), serde_json::from_slice(&bytes).unwrap()))
        }
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Answer<T> {
        self.call("POST", path, None, Some(body)).await
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        self.call("GET", path, None, None::<&()>).await
    }
}

pub fn bytes64(bytes: &[u8]) -> Bytes64 {
    Bytes64(bytes.to_vec())
}
