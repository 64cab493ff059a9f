//! Both ends of a pair at NATS: publishing with the acknowledgement awaited, and a durable push consumer.
//!
//! Always holds: a publication is acknowledged by its own answer; the reader acknowledges each batch by its last message.
//! Deliberately absent: message ids, by which the server would look for doubles: that costs it more.

use crate::flow::Flow;
use crate::server::PATIENCE;
use anyhow::{Context, Result, anyhow};
use async_nats::jetstream::consumer::push::{Config, Messages};
use async_nats::jetstream::consumer::{AckPolicy, PushConsumer};
use async_nats::jetstream::{self, Message};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use std::future::IntoFuture as _;
use std::rc::Rc;

/// What the reader of a pair gets.
pub(super) async fn subscribe(
    context: &jetstream::Context,
    stream: &str,
    subject: &str,
    place: usize,
) -> Result<Messages> {
    let stream = context.get_stream(stream).await?;
    let config = Config {
        deliver_subject: format!("deliver.{place}"),
        durable_name: Some(format!("reader-{place}")),
        filter_subject: subject.to_owned(),
        ack_policy: AckPolicy::All,
        // Nothing is sent again because a busy machine was slow.
        ack_wait: PATIENCE,
        ..Config::default()
    };
    let consumer: PushConsumer = stream.create_consumer(config).await?;
    Ok(consumer.messages().await?)
}

/// Says what the flow lets it say, until it is over.
pub(super) async fn write(
    context: jetstream::Context,
    subject: String,
    flow: Rc<Flow>,
) -> Result<()> {
    let mut waiting = FuturesUnordered::new();
    loop {
        for number in flow.take() {
            let text = flow.text(number).into();
            let answer = context.publish(subject.clone(), text).await?;
            waiting.push(answer.into_future().map(move |answer| (number, answer)));
        }
        if flow.is_over() {
            return Ok(());
        }
        tokio::select! {
            Some((number, answer)) = waiting.next() => {
                answer.context("a message was not taken")?;
                flow.acknowledged(number)?;
            }
            () = flow.changed() => {}
        }
    }
}

/// Gets what is pushed and acknowledges what came together.
pub(super) async fn read(
    connection: jetstream::Context,
    mut messages: Messages,
    flow: Rc<Flow>,
) -> Result<()> {
    // The connection stays for as long as somebody reads.
    let _connection = connection;
    loop {
        let mut last = take(messages.next().await, &flow)?;
        while let Some(more) = messages.next().now_or_never() {
            last = take(more, &flow)?;
        }
        last.ack().await.map_err(|error| anyhow!(error))?;
    }
}

fn take<E: std::error::Error + Send + Sync + 'static>(
    message: Option<Result<Message, E>>,
    flow: &Flow,
) -> Result<Message> {
    let message = message.context("the server hung up")??;
    flow.received(&message.payload)?;
    Ok(message)
}
