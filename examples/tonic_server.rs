//! A tonic server that verifies every request: `cargo run --example tonic_server`.
//!
//! The layer wraps the whole server, so it applies to all its services. The handler finds the
//! verified key in the request's extensions. The program calls its own server, first unsigned,
//! which ends with the code `Unauthenticated`, then signed. It ends with an error if an answer is
//! not as expected.
//!
//! The server uses Kong's scheme and requires the request's target, which for gRPC is the method's
//! name. For clients of Tencent's scheme, which cannot sign the target, use `Verifier::new()`.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, transport};
use tower::{BoxError, ServiceBuilder};
use tower_hmac_auth::{
    KeyPair, Scheme, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
};

use self::greeter::{Greeter, GreeterClient, GreeterServer};

#[path = "support/greeter.rs"]
mod greeter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    // Without `require`, a signature over the date alone would be valid for any method.
    let verifier = Verifier::builder()
        .scheme(Scheme::Kong)
        .require(["@request-target"])
        .build()?;
    let server = transport::Server::builder()
        .layer(VerifyLayer::new(StaticKeys::from(keys.clone())).verifier(verifier))
        .add_service(GreeterServer::new(Hello))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);

    let channel = transport::Channel::from_shared(format!("http://{address}"))?;
    let channel = channel.connect().await?;
    match GreeterClient::new(channel.clone()).greet("Ada").await {
        Err(status) if status.code() == Code::Unauthenticated => println!("unsigned: {status}"),
        other => return Err(format!("the unsigned call should be refused: {other:?}").into()),
    }

    // The example `tonic_client` shows the client's side in full.
    let signer = Signer::builder(keys)
        .scheme(Scheme::Kong)
        .authority(address.to_string().parse()?)
        .allowed_hosts([address.to_string()])
        .build()?;
    let channel = ServiceBuilder::new()
        .layer(SignLayer::new(signer))
        .service(channel);
    match GreeterClient::new(channel).greet("Ada").await {
        Ok(response) if response.get_ref() == "hello Ada, signed by AKIDexample" => {
            println!("signed: {}", response.get_ref());
            Ok(())
        }
        other => Err(format!("the signed call should be accepted: {other:?}").into()),
    }
}

struct Hello;

impl Greeter for Hello {
    async fn greet(&self, request: Request<String>) -> Result<Response<String>, Status> {
        let key = request.extensions().get::<VerifiedKey>();
        // Only a server without the layer gets here without a key.
        let key = key.ok_or_else(|| Status::internal("the request was not verified"))?;
        let (name, key_id) = (request.get_ref(), key.key_id());
        Ok(Response::new(format!("hello {name}, signed by {key_id}")))
    }
}
