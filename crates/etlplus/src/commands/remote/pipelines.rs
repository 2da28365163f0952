//! `etlplus pipelines` and `etlplus pipeline put`: what a server keeps.

use etlplus_api::PutPipeline;
use etlplus_core::Failure;

use super::{absolute_folder, client, failure, submit};
use crate::cli::remote::{PutArgs, RemoteFormat, ServerArgs};
use crate::commands::load::{self, TextFile};
use crate::exit::Exit;
use crate::output::{self, printable};

/// Lists the pipelines that the server keeps.
pub(super) async fn list(server: &ServerArgs) -> Result<Exit, Failure> {
    let list = client(server)?.pipelines().await.map_err(failure)?;
    match server.output {
        RemoteFormat::Json => output::json(&list)?,
        RemoteFormat::Table => output::data(&output::jobs::pipelines(&list.pipelines, output::stdout_width()))?,
    }
    Ok(Exit::Done)
}

/// Keeps a pipeline file on the server.
pub(super) async fn put(arguments: &PutArgs) -> Result<Exit, Failure> {
    let client = client(&arguments.server)?;
    let file = TextFile::read(&arguments.file, "pipeline file")?;
    // The address needs the name in the file, so that its mistakes are found here already.
    let name = match load::parse(&file) {
        Ok(pipeline) => pipeline.name.clone(),
        Err(mistakes) => {
            file.report(&mistakes);
            return Ok(Exit::Error);
        }
    };
    let pipeline = PutPipeline { definition: file.text.clone(), folder: absolute_folder(&file.path)? };
    let kept = match client.put_pipeline(&name, &pipeline).await {
        Ok(kept) => kept,
        Err(error) => return submit::tell_refused(error, Some(&file), arguments.server.output),
    };
    match arguments.server.output {
        RemoteFormat::Json => output::json(&kept)?,
        RemoteFormat::Table => {
            output::talk(&format!("the server keeps {} as version {}", printable(&kept.name), kept.version));
        }
    }
    Ok(Exit::Done)
}
