//! What the operator sees and does: orders beside the running server, TLS, the pages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_chat::operator;
use comity_wire::SIGN_IN_EXPORTER_LABEL;
use comity_wire::proto::server_frame::Frame;
use common::{House, Person, Socket};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_suspends_and_orders_deletions_beside_the_server() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let conn = operator::open(house.data()).unwrap();
    let account = alice.address.account;
    assert!(operator::suspend(&conn, &account, true).unwrap());
    let closing = alice
        .socket
        .push(|frame| match frame {
            Frame::Closing(closing) => Some(closing.code),
            _ => None,
        })
        .await;
    assert_eq!(closing, "account_gone");
    let refused = Socket::connect(house.running().address)
        .await
        .sign_in(&house.app(), &alice.keys)
        .await;
    assert_eq!(refused.unwrap_err(), "account_gone");
    assert!(operator::suspend(&conn, &account, false).unwrap());
    alice.reconnect(&house).await;
    assert_eq!(operator::stats(&conn).unwrap().accounts, 1);
    assert!(operator::order_deletion(&conn, &account).unwrap());
    for _ in 0..100 {
        if operator::stats(&conn).unwrap().accounts == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the account is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_over_tls_is_bound_to_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut house = House::open().await;
    let alice = Person::sign_up(&house, 1).await;
    house.config.tls_certificate = Some(certificate);
    house.config.tls_key = Some(key);
    house.restart().await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let address = house.running().address;
    for (right, wanted) in [(true, Ok(())), (false, Err("unauthenticated".to_owned()))] {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        let tls = connector.connect(name, tcp).await.unwrap();
        let exporter = tls
            .get_ref()
            .1
            .export_keying_material([0; 32], SIGN_IN_EXPORTER_LABEL, None)
            .unwrap();
        let exporter = if right { exporter } else { [1; 32] };
        let mut socket = Socket::over(Box::new(tls), address, Some(exporter)).await;
        assert_eq!(
            socket.sign_in(&house.app(), &alice.keys).await.map(|_| ()),
            wanted
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_runs_and_refuses_plain_text_beyond_loopback() {
    let mut house = House::open().await;
    let home = house.http.get(house.url("/")).send().await.unwrap();
    assert_eq!(home.status(), 200);
    let policy = home.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'"));
    let words = ["<span>", "</span>"];
    let home = words.iter().fold(home.text().await.unwrap(), |text, tag| {
        text.replace(tag, "")
    });
    assert!(home.contains("comity chat"));
    for path in ["/healthz", "/readyz", "/openapi.json", "/v1/app"] {
        assert_eq!(
            house
                .http
                .get(house.url(path))
                .send()
                .await
                .unwrap()
                .status(),
            200,
            "{path}"
        );
    }
    let metrics = house.http.get(house.url("/metrics")).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("comity_commit_jobs"));
    // A token is for who asks from elsewhere.
    house.config.metrics_token = Some("from elsewhere".to_owned());
    house.restart().await;
    let metrics = house.http.get(house.url("/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), 200);

    let second = comity_chat::Server::start(house.config.clone()).await;
    assert!(second.unwrap_err().to_string().contains("another process"));
    let folder = tempfile::tempdir().unwrap();
    let mut open = house.config.clone();
    open.data = folder.path().join("data");
    open.listen = "0.0.0.0:0".parse().unwrap();
    let refused = comity_chat::Server::start(open).await.unwrap_err();
    assert!(refused.to_string().contains("loopback"));
}
