//! Every route of the router stands in the document.

const ROUTER: &str = include_str!("../../src/rest/mod.rs");
const REST: &str = include_str!("../../../../docs/rest.md");

#[test]
fn every_route_stands_in_the_document() {
    let mut found = 0;
    for route in ROUTER.split(".route(\"").skip(1) {
        let (path, handlers) = route.split_once("\", ").expect("a route has a path and handlers");
        let handlers = handlers.lines().next().expect("a route has handlers");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if handlers.contains(&format!("{}(", method.to_lowercase())) {
                found += 1;
                let route = format!("`{method} {path}`");
                assert!(REST.contains(&route), "docs/rest.md does not name {route}");
            }
        }
    }
    assert!(found >= 20, "only {found} routes were found in the router's source");
}
