//! Instructions of a Validate and of a Place, by callgrind.

use crate::Fallible;
use crate::callgrind::{instructions_per_call, is_here};
use crate::load::{Until, closed_loop, place_resting, validate};
use crate::report::{Report, Target};
use crate::rig::{self, GatewayOptions, Server};

pub(crate) async fn count(report: &mut Report) -> Fallible<()> {
    if !is_here() {
        return Err("valgrind is not installed".into());
    }
    let ours = instructions_per_call(300, 1_300, start_gateway, validate_64).await?;
    let bare = instructions_per_call(
        300,
        1_300,
        |options| async move { rig::echo_under(&under(&options)) },
        validate_64,
    )
    .await?;
    report.add(
        "Validate, instructions against bare tonic echo",
        ours / bare,
        "×",
        Target::AtMost(1.3),
        format!("{ours:.0} against {bare:.0} per call"),
    );
    let alone = instructions_per_call(100, 500, start_gateway, place_1).await?;
    let busy = instructions_per_call(200, 1_000, start_gateway, place_64).await?;
    report.add(
        "Place, instructions, 1 in flight",
        alone,
        "",
        Target::None,
        format!(
            "{busy:.0} with 64 in flight; everything from the request to the stored answer of TWS"
        ),
    );
    Ok(())
}

fn under(options: &[String]) -> Vec<&str> {
    std::iter::once("valgrind")
        .chain(options.iter().map(String::as_str))
        .collect()
}

async fn start_gateway(options: Vec<String>) -> Fallible<Server> {
    rig::gateway(GatewayOptions {
        under: &under(&options),
        ..GatewayOptions::default()
    })
    .await
}

async fn validate_64(server: Server, calls: u64) -> Fallible<Server> {
    let channels = server.channels(4).await?;
    closed_loop(&channels, 64, Until::Calls(calls), validate).await?;
    Ok(server)
}

async fn place_1(server: Server, calls: u64) -> Fallible<Server> {
    let channels = server.channels(1).await?;
    closed_loop(&channels, 1, Until::Calls(calls), place_resting).await?;
    Ok(server)
}

async fn place_64(server: Server, calls: u64) -> Fallible<Server> {
    let channels = server.channels(4).await?;
    closed_loop(&channels, 64, Until::Calls(calls), place_resting).await?;
    Ok(server)
}
