//! The floors, kept: reads the manifests and the sources, and fails where an import goes up, SQL leaves its room, or a
//! file outgrows a reader.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what cannot be read must end it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;

struct Room {
    name: String,
    folder: PathBuf,
    floor: i64,
    /// Our own crates that it may use in a build (not in tests).
    uses: Vec<String>,
    manifest: toml::Table,
}

fn rooms() -> BTreeMap<String, Room> {
    let mut folders = vec![PathBuf::from(ROOT), Path::new(ROOT).join("tests/fakes")];
    for parent in ["src", "adapters"] {
        let found = fs::read_dir(Path::new(ROOT).join(parent)).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(found.filter(|path| path.is_dir()));
    }
    folders.into_iter().map(room).map(|room| (room.name.clone(), room)).collect()
}

fn room(folder: PathBuf) -> Room {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} is a folder without a crate", folder.display()));
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    let package = &manifest["package"];
    let name = package["name"].as_str().unwrap().to_owned();
    let floor = package["metadata"]["townkeeper"]["floor"].as_integer();
    let floor = floor.unwrap_or_else(|| panic!("{name} does not say its floor ([package.metadata.townkeeper])"));
    let mut uses: Vec<String> =
        builds_with(&manifest).into_iter().filter(|used| used.starts_with("townkeeper")).collect();
    uses.sort();
    uses.dedup();
    Room { name, folder, floor, uses, manifest }
}

/// The names of all crates that a build takes in, for every platform and for the build script too; not those of tests.
fn builds_with(manifest: &toml::Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(_, target)| target.as_table());
    let mut names = Vec::new();
    for table in std::iter::once(manifest).chain(targets) {
        for kind in ["dependencies", "build-dependencies"] {
            for (key, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                names.push(value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned());
            }
        }
    }
    names
}

impl Room {
    fn is_adapter(&self) -> bool {
        self.folder.starts_with(Path::new(ROOT).join("adapters"))
    }
}

/// Every hand-written source below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn own_sources() -> Vec<PathBuf> {
    ["src", "adapters", "tests"].iter().flat_map(|folder| sources(&Path::new(ROOT).join(folder))).collect()
}

#[test]
fn imports_go_strictly_down() {
    let rooms = rooms();
    for room in rooms.values() {
        for used in &room.uses {
            let below = &rooms[used];
            // The fakes are for tests; the one feature that measures may bring them along.
            let measuring = room.floor == 7 && used == "townkeeper-fakes";
            assert!(
                below.floor < room.floor || measuring,
                "{} (floor {}) uses {used} (floor {})",
                room.name,
                room.floor,
                below.floor
            );
        }
    }
}

#[test]
fn adapters_providers_and_client_see_the_contract_only() {
    for room in rooms().values() {
        let outside = room.is_adapter() || matches!(room.name.as_str(), "townkeeper-providers" | "townkeeper-client");
        assert!(!outside || room.uses == ["townkeeper-contract"], "{} uses {:?}", room.name, room.uses);
    }
}

#[test]
fn the_fakes_are_in_no_default_build() {
    for room in rooms().values() {
        let fakes = room.manifest.get("dependencies").and_then(|all| all.get("townkeeper-fakes"));
        let optional = fakes.is_none_or(|fakes| fakes.get("optional").and_then(toml::Value::as_bool) == Some(true));
        assert!(optional, "{} builds the fakes", room.name);
    }
}

#[test]
fn sql_stays_in_the_store() {
    for room in rooms().values() {
        let names_sqlx = builds_with(&room.manifest).iter().any(|name| name == "sqlx");
        assert_eq!(names_sqlx, room.name == "townkeeper-store", "{} names sqlx", room.name);
    }
}

/// Rooms other than the root that take an adapter in, as `room uses adapter`.
fn users_of_adapters(rooms: &BTreeMap<String, Room>) -> Vec<String> {
    let adapter = |name: &String| rooms.get(name).is_some_and(Room::is_adapter);
    let rooms = rooms.values().filter(|room| room.floor != 7);
    rooms
        .flat_map(|room| room.uses.iter().filter(|used| adapter(used)).map(|used| format!("{} uses {used}", room.name)))
        .collect()
}

#[test]
fn adapters_are_used_by_the_root_alone() {
    let mut rooms = rooms();
    assert!(rooms.values().any(Room::is_adapter), "the adapters were not found");
    assert_eq!(users_of_adapters(&rooms), Vec::<String>::new());
    // The red twin: floors alone would let the web take one in, by any name and any table of its manifest.
    for table in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
        let manifest = format!("[{table}]\nchat = {{ package = \"townkeeper-telegram\", path = \"x\" }}\n");
        rooms.get_mut("townkeeper-web").unwrap().uses = builds_with(&toml::from_str(&manifest).unwrap());
        assert_eq!(users_of_adapters(&rooms), ["townkeeper-web uses townkeeper-telegram"], "{table}");
    }
}

#[test]
fn platforms_are_held_by_the_door_alone() {
    for path in own_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(ROOT).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let held = code.filter(|line| line.contains("dyn Platform")).count();
        let allowed = place == Path::new("src/engine/src/door.rs") || place == Path::new("tests/architecture.rs");
        assert!(held == 0 || allowed, "{} holds a dyn Platform", place.display());
    }
}

#[test]
fn files_and_functions_stay_readable() {
    for path in own_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(ROOT).unwrap().display().to_string();
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES, "{place} has {lines} lines");
        assert!(text.starts_with("//!"), "{place} does not say what it holds");
        for (name, length) in functions(&text) {
            assert!(length <= FUNCTION_LINES, "{place}: {name} has {length} lines");
        }
    }
}

/// Functions with their lengths in lines: from the line with `fn` to the closing brace of the same indent, which is how
/// rustfmt lays them out.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = code.starts_with("fn ") || code.contains(" fn ") && !code.starts_with("//");
        let indent = line.len() - code.len();
        if !is_function || code.ends_with(';') {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[at..].iter().position(|line| *line == close) {
            found.push((code.to_owned(), length + 1));
        }
    }
    found
}
