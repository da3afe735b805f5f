//! Write the sample configurations of proxies into `deploy/`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    for (path, text) in countersign::gateway::samples::all() {
        let path = deploy.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
