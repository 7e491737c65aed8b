use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../proto/bench.proto");
    let descriptors = protox::compile(["../../proto/bench.proto"], ["../../proto"])?;
    let set = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("bench.binpb");
    std::fs::write(&set, descriptors.encode_to_vec())?;
    connectrpc_build::Config::new()
        .descriptor_set(&set)
        .files(&["bench.proto"])
        .generate_json(false)
        .include_file("_connectrpc.rs")
        .compile()?;
    Ok(())
}
