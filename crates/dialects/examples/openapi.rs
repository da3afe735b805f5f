//! Writes the OpenAPI document of every dialect into a folder: `cargo run -p countersign-dialects --example
//! openapi -- docs/openapi`.

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| {
        std::io::Error::new(std::io::ErrorKind::InvalidInput, "usage: openapi FOLDER")
    })?;
    std::fs::create_dir_all(&folder)?;
    for (name, text) in countersign_dialects::openapi_documents() {
        std::fs::write(
            std::path::Path::new(&folder).join(format!("{name}.json")),
            text,
        )?;
    }
    Ok(())
}
