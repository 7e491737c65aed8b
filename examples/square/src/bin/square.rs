//! Serves the square service on free ports, and calls it in all four kinds.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use square::squarerpc_service::{SquareServiceStub, add_square_service_servicer_to_server};
use square::{Answers, Squares, calls};
use stubwright::{Channel, Result, Server};

#[tokio::main]
async fn main() -> io::Result<()> {
    let (each_server, each) = serve(Answers::Each).await?;
    let (collecting_server, collecting) = serve(Answers::Collected).await?;
    println!("serving on {each}, and on {collecting} with collected answers");

    call(each, collecting).await.map_err(io::Error::other)?;

    each_server.stop(Duration::from_secs(1)).await;
    collecting_server.stop(Duration::from_secs(1)).await;
    Ok(())
}

/// Starts a server on a free port. Returns its address.
async fn serve(answers: Answers) -> io::Result<(Server, SocketAddr)> {
    let mut server = Server::new();
    add_square_service_servicer_to_server(Squares::new(answers), &mut server);
    let address = server.add_insecure_port("127.0.0.1:0").await?;
    server.start()?;
    Ok((server, address))
}

/// Calls the server that answers each request at once. For the last kind it also calls the server that collects.
async fn call(each: SocketAddr, collecting: SocketAddr) -> Result<()> {
    let stub = SquareServiceStub::new(Channel::insecure(each.to_string())?);
    let square = calls::square(&stub, 12.3).await?;
    println!("square(12.3) = {square:.2}");
    let squares = calls::range_square(&stub, 12.0).await?;
    println!("rangeSquare(12) = {squares:?}");
    let sum = calls::sum_square(&stub, 0..12).await?;
    println!("sumSquare(0..12) = {sum}");
    let squares = calls::streamrange_square_in_turn(&stub, 0..12, Duration::from_secs(10)).await?;
    println!("streamrangeSquare(0..12), each answered as it comes = {squares:?}");

    let stub = SquareServiceStub::new(Channel::insecure(collecting.to_string())?);
    let squares = calls::streamrange_square(&stub, 0..12).await?;
    println!("streamrangeSquare(0..12), answered at the end = {squares:?}");
    Ok(())
}
