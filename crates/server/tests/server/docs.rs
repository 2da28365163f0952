//! Every route of the router stands in the document.

const REST: &str = include_str!("../../../../docs/rest.md");

#[test]
fn every_route_stands_in_the_document() {
    let table = etlplus_server::route_table();
    assert!(table.len() >= 40, "only {} routes were found", table.len());
    for (method, path, _) in table {
        let route = format!("`{method} {path}`");
        assert!(REST.contains(&route), "docs/rest.md does not name {route}");
    }
}
