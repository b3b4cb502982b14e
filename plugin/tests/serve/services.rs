//! The services beside the provider's own, and the shutdown that the client requests.

use std::time::Duration;

use terraform_plugin_server::grpc::go_plugin::proto::ConnInfo;
use terraform_plugin_server::grpc::go_plugin::proto::grpc_broker_client::GrpcBrokerClient;
use terraform_plugin_server::grpc::go_plugin::proto::grpc_stdio_client::GrpcStdioClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::plugin::{ClientIdentity, Plugin, authenticated, command, connect, connect_plainly, ping, shutdown};

/// The time after which Terraform kills a plugin that does not exit.
const KILLED_AFTER: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_requested_shutdown_ends_the_process_at_once() {
    let client = ClientIdentity::new();
    let mut plugin = Plugin::with_tls(&client);
    let tls = authenticated(&plugin, &client);
    let channel = connect(plugin.address(), tls).await.unwrap();
    ping(channel.clone()).await.unwrap();

    // Both streams are still open at the shutdown, as with the client of go-plugin.
    let stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await;
    let mut stdio = stdio.unwrap().into_inner();
    let knocks = tokio_stream::pending::<ConnInfo>();
    let broker = GrpcBrokerClient::new(channel.clone()).start_stream(knocks).await;
    let mut broker = broker.unwrap().into_inner();

    shutdown(channel).await;
    assert_eq!(stdio.message().await.unwrap(), None);
    assert_eq!(broker.message().await.unwrap(), None);
    drop((stdio, broker));
    let (status, took) = plugin.wait().await;
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_millis(500), "{took:?}");
    plugin.assert_unlinked();
    assert_eq!(plugin.rest_of_stdout(), Vec::<String>::new());
    assert_eq!(plugin.stderr(), "");
}

#[tokio::test]
async fn a_call_without_an_end_does_not_prevent_the_shutdown() {
    let mut plugin = Plugin::start(&mut command());
    let channel = connect_plainly(plugin.address()).await.unwrap();
    let service = "plugin".to_owned();
    let watch = HealthClient::new(channel.clone())
        .watch(HealthCheckRequest { service })
        .await
        .unwrap();

    shutdown(channel).await;
    let (status, took) = plugin.wait().await;
    assert!(status.success(), "{status}");
    assert!(took < KILLED_AFTER, "{took:?}");
    plugin.assert_unlinked();
    drop(watch);
}

#[tokio::test]
async fn only_the_plugin_service_is_healthy() {
    let plugin = Plugin::start(&mut command());
    let channel = connect_plainly(plugin.address()).await.unwrap();
    let service = "something else".to_owned();
    let refused = HealthClient::new(channel)
        .check(HealthCheckRequest { service })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
