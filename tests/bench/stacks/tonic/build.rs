fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../proto/bench.proto");
    let descriptors = protox::compile(["../../proto/bench.proto"], ["../../proto"])?;
    Ok(tonic_prost_build::configure().compile_fds(descriptors)?)
}
