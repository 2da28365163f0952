//! Every route of the router stands in the document, with the role that it needs.

use etlplus_core::access::least_role;

use crate::support::Server;

const REST: &str = include_str!("../../../../docs/rest.md");

#[test]
fn every_route_stands_in_the_document() {
    let table = etlplus_server::route_table();
    assert!(table.len() >= 40, "only {} routes were found", table.len());
    for (method, path, action) in table {
        let role = least_role(action).map_or("", |role| role.as_str());
        let row = format!("\n| `{method} {path}` | {role} |").replace("|  |", "| |");
        assert!(REST.contains(&row), "docs/rest.md has no row{row}");
    }
}

#[tokio::test]
async fn the_documents_are_served_as_they_are_kept() {
    let server = Server::start().await;
    let openapi = server.get("/api/openapi.json").await;
    assert_eq!(openapi.header("content-type"), Some("application/json"));
    assert_eq!(openapi.json(), etlplus_server::openapi_document());
    assert_eq!(server.get("/api/asyncapi.json").await.json(), etlplus_server::asyncapi_document());
}
