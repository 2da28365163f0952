//! A server that cannot start says why and what to do about it, and harms nothing.

use std::fs;

use crate::server::Server;
use crate::support::{Folder, Ran};

fn refused(folder: &Folder, arguments: &[&str]) -> Ran {
    match Server::try_start(folder, arguments) {
        Ok(_) => panic!("the server starts"),
        Err(ran) => ran.exits(1),
    }
}

/// A folder whose store was made by a server.
fn used() -> Folder {
    let folder = Folder::new();
    assert!(Server::start(&folder, &[]).terminate().success());
    folder
}

#[test]
fn an_address_that_others_can_reach_is_refused_where_nobody_is_asked() {
    let settings = "access: { required: false }\n";
    let folder = Folder::new().file("open.yaml", settings);
    for address in ["0.0.0.0:0", "[::]:0"] {
        let ran = refused(&folder, &["--config", "open.yaml", "--listen", address]);
        ran.tells(&["access.required", "127.0.0.1", "open.yaml:1:"]);
    }
    assert_eq!(folder.files(), ["open.yaml"], "nothing was made");
}

#[test]
fn a_port_in_use_is_named() {
    let folder = Folder::new();
    let first = Server::start(&folder, &[]);
    let address = format!("127.0.0.1:{}", first.port());
    refused(&folder, &["--data", "other", "--listen", &address]).tells(&["cannot_listen", &address, "--listen"]);
}

#[test]
fn a_folder_has_one_server() {
    let folder = Folder::new();
    let first = Server::start(&folder, &[]);
    refused(&folder, &[]).tells(&["in use", &first.pid().to_string()]);
    drop(first);
    Server::start(&folder, &[]);
}

#[test]
fn a_truncated_store_is_refused_and_left_as_it_is() {
    let folder = used();
    let whole = fs::read(folder.path("data/etlplus.db")).expect("there is a store");
    for length in [0, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(folder.path("data/etlplus.db"), &whole[..length]).expect("it can be written");
        refused(&folder, &[]).tells(&["damaged", "etlplus.db", "backup"]);
        assert_eq!(fs::read(folder.path("data/etlplus.db")).expect("it is there"), whole[..length]);
    }
    fs::write(folder.path("data/etlplus.db"), whole).expect("it can be written");
    Server::start(&folder, &[]);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = used();
    let path = folder.path("data/etlplus.db");
    let mut bytes = fs::read(&path).expect("there is a store");
    // The user version stands at byte 60 of the header (SQLite's file format, section 1.3).
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&path, bytes).expect("it can be written");
    refused(&folder, &[]).tells(&["version 99", "a later one"]);
}

#[test]
fn a_data_folder_that_is_a_file_is_refused() {
    let folder = Folder::new().file("data", "a file");
    refused(&folder, &[]).tells(&["data folder", "name a folder"]);
}
