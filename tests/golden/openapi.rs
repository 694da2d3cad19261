//! The OpenAPI document and the routes: made from one list, so they say the same, and `docs/openapi.json` is it. After
//! a deliberate change: `TOWNKEEPER_BLESS=1 cargo nextest run -p townkeeper openapi`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use townkeeper_contract::access::{Permission, Role};
use townkeeper_core::access::allows;
use townkeeper_web::routes::{Access, Endpoint, endpoints};

use crate::daemon::{Daemon, Home, http, question, say};

async fn served(daemon: &Daemon) -> Value {
    let response = http().get(format!("{}/v1/openapi.json", daemon.url)).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_document_is_as_checked_in() {
    let home = Home::new();
    let document = served(&Daemon::start(&home).await).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("TOWNKEEPER_BLESS").is_some() {
        fs::write(&path, format!("{document:#}\n")).unwrap();
    }
    // As values: another crate of the same build may make maps keep their order.
    let checked_in: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(checked_in == document, "docs/openapi.json is not what is served; bless it and look at git diff");
}

/// Every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// What is wrong with a document, by the rules of OpenAPI 3.1 that concern ours.
fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut demand = |holds: bool, what: String| faults.extend((!holds).then_some(what));
    demand(document["openapi"] == "3.1.0", "openapi".to_owned());
    demand(document["info"]["title"].is_string() && document["info"]["version"].is_string(), "info".to_owned());
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let at = format!("{method} {path}");
        demand(path.starts_with('/') && matches!(method, "get" | "post" | "put" | "delete" | "patch"), at.clone());
        demand(ids.insert(operation["operationId"].as_str()), format!("{at}: operationId"));
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|one| one["in"] == "path" && one["required"] == true);
        let given: BTreeSet<&str> = in_path.filter_map(|one| one["name"].as_str()).collect();
        let named = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        demand(given == named, format!("{at}: parameters"));
        let responses = operation["responses"].as_object();
        demand(responses.is_some_and(|all| all.len() > 1), format!("{at}: responses"));
        for (status, response) in responses.into_iter().flatten() {
            let known = status == "default" || status.len() == 3 && status.parse::<u16>().is_ok();
            demand(known && response["description"].is_string(), format!("{at}: {status}"));
        }
        for requirement in operation["security"].as_array().into_iter().flatten() {
            let schemes = &document["components"]["securitySchemes"];
            let known = requirement.as_object().unwrap().keys().all(|name| !schemes[name]["type"].is_null());
            demand(known, format!("{at}: security"));
        }
    }
    let mut found = Vec::new();
    references(document, &mut found);
    for reference in found {
        let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        demand(target.is_some_and(|target| target.is_object() || target.is_boolean()), reference.to_owned());
    }
    faults
}

#[tokio::test]
async fn the_document_keeps_the_rules_of_openapi() {
    let document = townkeeper_web::openapi::document();
    assert_eq!(faults(&document), Vec::<String>::new());
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["ChatBody", "ErrorBody", "Envelope", "SocketRequest", "SocketAnswer"] {
        assert!(schemas.contains_key(name), "{name}");
    }
    // The red twin: each fault is found.
    for (pointer, wrong) in [
        ("/openapi", "3.0.0"),
        ("/paths/~1healthz/get/operationId", "get_metrics"),
        ("/paths/~1v1~1chat/post/requestBody/content/application~1json/schema/$ref", "#/components/schemas/Nobody"),
        ("/paths/~1v1~1turns~1{turn}~1cancel/post/parameters/0/name", "nobody"),
    ] {
        let mut broken = document.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong.into();
        assert_ne!(faults(&broken), Vec::<String>::new(), "{pointer}");
    }
}

/// Asks for an endpoint as a stranger, or with a token. What varies in its path is there: `turn` is one that ended.
async fn call(daemon: &Daemon, endpoint: &Endpoint, turn: &str, token: Option<&str>) -> Response {
    let mut path = endpoint.path.replace("{name}", "chat.css").replace("{turn}", turn).replace("{role}", "editor");
    path = path.replace("{number}", "999").replace("{entry}", "how-to-migrate");
    // Nobody of that name is there: whoever may is told so.
    for absent in ["{item}", "{person}", "{token}", "{secret}", "{platform}", "{id}", "{account}", "{place}"] {
        path = path.replace(absent, "nobody");
    }
    assert!(!path.contains('{'), "{path}: what could stand there?");
    let request = http().request(endpoint.method.clone(), format!("{}{path}", daemon.url.trim_end_matches('/')));
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
    .send()
    .await
    .unwrap()
}

#[tokio::test]
async fn every_route_in_the_list_answers_to_whom_the_list_says() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let turn = say(&daemon.client(), &question("/help")).await.envelopes[0].turn.clone();
    let token = fs::read_to_string(home.data().join("api.token")).unwrap();
    let document = served(&daemon).await;
    assert_eq!(operations(&document).count(), endpoints().len());
    for endpoint in endpoints() {
        let at = format!("{} {}", endpoint.method, endpoint.path);
        let operation = &document["paths"][endpoint.path][endpoint.method.as_str().to_lowercase()];
        assert_eq!(operation["summary"], endpoint.summary, "{at}");
        let absent = endpoint.path.contains("{person}")
            || endpoint.path.contains("{token}")
            || endpoint.path.contains("{secret}")
            || endpoint.path.contains("{item}")
            || endpoint.path.contains("{number}");
        let mut statuses = Vec::new();
        for token in [None, Some("tk_of_nobody"), Some(token.trim())] {
            let status = call(&daemon, &endpoint, turn.as_str(), token).await.status().as_u16();
            assert!((status != 404 || absent) && status != 405 && status < 500, "{at}: {status}");
            statuses.push(status);
        }
        match endpoint.access {
            Access::Public | Access::Visitor => assert!(!statuses.contains(&401), "{at}: {statuses:?}"),
            Access::Someone | Access::Own(_) | Access::Needs(_) => {
                // After twenty wrong tokens a source is told to wait instead.
                assert!(statuses[..2].iter().all(|status| matches!(status, 401 | 429)), "{at}: {statuses:?}");
                assert!(!matches!(statuses[2], 401 | 403 | 429), "{at}: {statuses:?}");
            }
        }
        assert_eq!(endpoint.mutates(), endpoint.method != Method::GET, "{at}");
    }
    assert!(endpoints().iter().any(|endpoint| matches!(endpoint.access, Access::Needs(_))));
    // What is in no list is nowhere.
    assert_eq!(http().get(format!("{}/v1/nothing", daemon.url)).send().await.unwrap().status(), 404);
}

/// Every mutating route, and every one that becomes a socket, refuses other sites before it does anything.
#[tokio::test]
async fn every_route_that_acts_refuses_other_sites() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let mut acting = 0;
    for endpoint in endpoints() {
        let path = endpoint.path.replace("{name}", "chat.css").replace("{turn}", "any");
        for (origin, own) in [("https://lumen-claim.example.net", false), ("null", false), (daemon.url.as_str(), true)]
        {
            let request = http().request(endpoint.method.clone(), format!("{}{path}", daemon.url));
            let status = request.header("origin", origin).send().await.unwrap().status().as_u16();
            let refuses = !own && (endpoint.mutates() || endpoint.is_socket());
            assert_eq!(status == 403, refuses, "{} {}: {origin} {status}", endpoint.method, endpoint.path);
            acting += usize::from(refuses);
        }
    }
    assert!(acting >= 8, "the routes that act were not found");
}

/// Every endpoint × every role, from the list itself: who may is who the table of roles says, and nobody else. What is
/// asked about belongs to nobody, so it is never one's own.
#[tokio::test]
async fn every_route_lets_in_the_roles_that_may_and_no_other() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let operator = fs::read_to_string(home.data().join("api.token")).unwrap().trim().to_owned();
    for role in Role::ALL {
        let token = token_of(&daemon, &operator, *role).await;
        // The list of people and tokens is changed by nobody here: what could be changed is not there.
        for endpoint in endpoints() {
            let permission = match endpoint.access {
                Access::Needs(permission) | Access::Own(permission) => Some(permission),
                Access::Someone => None,
                Access::Public | Access::Visitor => continue,
            };
            let may = permission.is_none_or(|permission| allows(*role, permission));
            if matches!(endpoint.path, "/v1/freeze" | "/v1/thaw" | "/v1/key/rotate") && endpoint.mutates() && may {
                // These act on the whole town; tests of their own show that they let in whom they should.
                continue;
            }
            let status = call(&daemon, &endpoint, "nobody", Some(&token)).await.status().as_u16();
            let at = format!("{} {} as {role}", endpoint.method, endpoint.path);
            assert_eq!(status != 403, may, "{at}: {status}");
            assert_ne!(status, 401, "{at}");
        }
    }
}

/// The list is its own oracle for the test above; so what it lets anybody do is named here once more.
#[test]
fn nothing_acts_without_a_permission_but_this() {
    let open = endpoints().into_iter().filter(Endpoint::mutates);
    let open = open.filter(|endpoint| !matches!(endpoint.access, Access::Needs(_) | Access::Own(_)));
    let open: Vec<&str> = open.map(|endpoint| endpoint.path).collect();
    assert_eq!(open, ["/", "/v1/chat", "/v1/turns/{turn}/cancel", "/login/{secret}", "/v1/logout"]);
}

/// A token with every scope there is, of somebody with this role alone: the role decides.
async fn token_of(daemon: &Daemon, operator: &str, role: Role) -> String {
    let base = daemon.url.trim_end_matches('/');
    let send = |method: Method, path: String, body: Option<Value>| {
        let request = http().request(method, format!("{base}{path}")).bearer_auth(operator);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        async move {
            let response = request.send().await.unwrap();
            assert!(response.status().is_success(), "{path}: {}", response.status());
            response.json::<Value>().await.unwrap()
        }
    };
    let person = send(Method::POST, "/v1/people".to_owned(), Some(json!({ "name": format!("Robin {role}") }))).await;
    let person = person["id"].as_str().unwrap().to_owned();
    send(Method::PUT, format!("/v1/people/{person}/roles/{role}"), None).await;
    let scopes: Vec<String> = Permission::ALL.iter().map(ToString::to_string).collect();
    let body = json!({ "name": "matrix", "person": person, "scopes": scopes, "days": 1 });
    let made = send(Method::POST, "/v1/tokens".to_owned(), Some(body)).await;
    made["token"].as_str().unwrap().to_owned()
}
