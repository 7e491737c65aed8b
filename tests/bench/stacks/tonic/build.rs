fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../proto");
    let protos = ["../../proto/bench.proto", "../../proto/work.proto"];
    let descriptors = protox::compile(protos, ["../../proto"])?;
    Ok(tonic_prost_build::configure().compile_fds(descriptors)?)
}
