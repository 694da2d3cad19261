//! Finding the running daemon: its address and the operator's token lie in the data folder.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use townkeeper_client::Client;

use crate::cli::{Daemon, Place};
use crate::{settings, workspaces};

/// Holds the address of the daemon that runs on this data folder.
const ADDRESS: &str = "daemon.url";

/// Holds the operator's token; only its owner may read it.
const TOKEN: &str = "api.token";

/// A client for the daemon that a command should talk to.
pub(crate) fn client(place: &Place, daemon: &Daemon) -> anyhow::Result<Client> {
    let folder = settings::data_folder(place)?;
    let url = match &daemon.url {
        Some(url) => url.clone(),
        None => fs::read_to_string(folder.join(ADDRESS))
            .ok()
            .map(|url| url.trim().to_owned())
            .with_context(|| format!("no daemon runs on {}; start one with `townkeeper serve`", folder.display()))?,
    };
    let token = match &daemon.token_file {
        Some(file) => Some(settings::secret("--token-file", &file.display().to_string())?),
        // The token of this folder is nobody's business on another machine: an address may be mistyped.
        None if daemon.url.as_deref().is_some_and(|url| !is_here(url)) => None,
        None => fs::read_to_string(folder.join(TOKEN)).ok().map(|token| SecretString::from(token.trim().to_owned())),
    };
    let base = match place.workspace.as_deref() {
        None | Some(workspaces::MAIN) => url,
        Some(name) => format!("{}/w/{name}", url.trim_end_matches('/')),
    };
    Ok(Client::new(&base, token)?)
}

/// Whether an address is of this machine.
fn is_here(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next();
    let name = authority.unwrap_or_default();
    let port = |text: &str| text.is_empty() || text.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.strip_prefix(own).is_some_and(port))
}

/// Tells commands where the daemon is.
pub(crate) fn publish(folder: &Path, url: &str) -> anyhow::Result<()> {
    let path = folder.join(ADDRESS);
    fs::write(&path, format!("{url}\n")).with_context(|| format!("cannot write {}", path.display()))
}

/// The daemon is gone.
pub(crate) fn withdraw(folder: &Path) {
    if let Err(error) = fs::remove_file(folder.join(ADDRESS)) {
        tracing::debug!(%error, "the address file was gone already");
    }
}

/// The operator's token, made at the first start.
pub(crate) fn token(folder: &Path) -> anyhow::Result<SecretString> {
    let path = folder.join(TOKEN);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().len() >= 32 => {
            private(&path)?;
            return Ok(SecretString::from(text.trim().to_owned()));
        }
        Ok(_) => bail!("{} holds no token; delete it, and the next start makes a new one", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let token = townkeeper_core::secret::token(&townkeeper_engine::ids::bytes::<32>()?);
    // Written beside its place and then put there: a start that is killed half-way leaves no half a token.
    let draft = folder.join("api.token.new");
    let unable = || format!("cannot write {}", path.display());
    // One that is left over, or that somebody put there, would keep its own mode.
    fs::remove_file(&draft).ok();
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft).with_context(unable)?;
    writeln!(file, "{token}").and_then(|()| file.sync_all()).with_context(unable)?;
    fs::rename(&draft, &path).with_context(unable)?;
    Ok(SecretString::from(token))
}

/// Refuses a token that others may read: whoever has it holds the house.
#[cfg(unix)]
fn private(path: &Path) -> anyhow::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions()) & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        bail!("{path} may be read by others (mode {mode:03o}); delete it, and the next start makes a new token");
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_this_machine_gets_the_folders_token() {
        for own in
            ["http://127.0.0.1:7420", "http://localhost", "http://[::1]:7420/", "http://127.0.0.1:7420/w/harbour"]
        {
            assert!(is_here(own), "{own}");
        }
        for other in [
            "http://192.0.2.7:7420",
            "https://keeper.example.org",
            "http://127.0.0.1.example.net:7420",
            "http://127.0.0.1:7420@example.net",
            "http://localhost@example.net/",
            "http://example.net/127.0.0.1",
            "http://localhost\\@example.net",
            "",
        ] {
            assert!(!is_here(other), "{other}");
        }
    }
}
