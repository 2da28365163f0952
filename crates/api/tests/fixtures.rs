//! Each fixture is read into its type and written back unchanged, so that clients in other languages can rely on them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use etlplus_api::*;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// Reads and writes it, and holds it to the schema of its type, both as what is sent and as what is taken.
fn same<T: DeserializeOwned + Serialize + JsonSchema>(name: &str, value: &Value) -> T {
    let typed: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let back = serde_json::to_value(&typed).expect("a wire type is JSON");
    assert_eq!(back, *value, "{name}");
    for settings in [SchemaSettings::draft2020_12().for_serialize(), SchemaSettings::draft2020_12().for_deserialize()] {
        let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect(name);
        let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?} by {schema:#}");
    }
    typed
}

#[test]
fn every_fixture_is_read_and_written_back_unchanged() {
    let mut frames = BTreeSet::new();
    for entry in fs::read_dir(Path::new(FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        match name.split_once('.') {
            Some(("problem", code)) => {
                let problem: Problem = same(&name, &value);
                assert_eq!(problem.code, code);
            }
            Some(("client", kind)) => {
                same::<ClientFrame>(&name, &value);
                assert_eq!(value["type"], kind);
            }
            Some(("rest", body)) => rest(body, &name, &value),
            _ => {
                let frame: Frame = same(&name, &value);
                let kind = name.split('.').next().unwrap();
                assert_eq!((kind, value["type"].as_str()), (frame.message.type_name(), Some(kind)));
                frames.insert(kind.to_owned());
            }
        }
    }
    assert_eq!(frames.len(), 13, "each type of frame has a fixture: {frames:?}");
}

fn rest(body: &str, name: &str, value: &Value) {
    match body.split_once('.').map_or(body, |(name, _)| name) {
        "submit_job" => drop(same::<SubmitJob>(name, value)),
        "job" => drop(same::<JobMonitoringData>(name, value)),
        "job_list" => drop(same::<JobList>(name, value)),
        "log_page" => drop(same::<LogPage>(name, value)),
        "metrics_series" => drop(same::<MetricsSeries>(name, value)),
        "rejects_page" => drop(same::<RejectsPage>(name, value)),
        "pipeline_info" => drop(same::<PipelineInfo>(name, value)),
        "pipeline_list" => drop(same::<PipelineList>(name, value)),
        "put_pipeline" => drop(same::<PutPipeline>(name, value)),
        "validate_pipeline" => drop(same::<ValidatePipeline>(name, value)),
        "validated" => drop(same::<Validated>(name, value)),
        "preview_request" => drop(same::<PreviewRequest>(name, value)),
        "previewed" => drop(same::<Previewed>(name, value)),
        "connection_list" => drop(same::<ConnectionList>(name, value)),
        "config" => drop(same::<ConfigView>(name, value)),
        "config_change" => drop(same::<ConfigChange>(name, value)),
        "alert_list" => drop(same::<AlertList>(name, value)),
        "channel_list" => drop(same::<ChannelList>(name, value)),
        "job_events" => drop(same::<JobEvents>(name, value)),
        "schedule_list" => drop(same::<ScheduleList>(name, value)),
        "health" => drop(same::<Health>(name, value)),
        "ready" => drop(same::<Ready>(name, value)),
        "token_info" => drop(same::<TokenInfo>(name, value)),
        "token_list" => drop(same::<TokenList>(name, value)),
        "create_token" => drop(same::<CreateToken>(name, value)),
        "created_token" => drop(same::<CreatedToken>(name, value)),
        "login" => drop(same::<Login>(name, value)),
        "me" => drop(same::<Me>(name, value)),
        "ticket" => drop(same::<Ticket>(name, value)),
        "connection_message" => drop(same::<ConnectionMessage>(name, value)),
        "test_sent" => drop(same::<TestSent>(name, value)),
        "connection_filters" => drop(same::<ConnectionFilters>(name, value)),
        _ => panic!("no type is known for {name}"),
    }
}

#[test]
fn close_codes_invite_to_connect_again_or_do_not() {
    let own = CloseCode::ALL.map(CloseCode::get).into_iter().filter(|code| *code >= 4000);
    assert_eq!(own.collect::<Vec<_>>(), [4005, 4008, 4012, 4500, 4501, 4503]);
}
