fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../unread.proto");
    let descriptors = protox::compile(["../unread.proto"], [".."])?;
    Ok(tonic_prost_build::configure().compile_fds(descriptors)?)
}
