//! The names under which the daemon may be reached. A page of another site can make its own name lead to this machine
//! (DNS rebinding); its script is then of the same origin, and only the name in `Host` tells.

use std::net::{IpAddr, SocketAddr};

/// The names that the configuration gives.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Where there are any, there are no others but `url`'s.
    pub hosts: Vec<String>,
    /// The address under which people reach us.
    pub url: Option<String>,
}

/// What is known of our names.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    /// Without a port.
    named: Vec<String>,
    /// There are no others: they were listed, or we listen for this machine only.
    closed: bool,
    /// They were listed.
    listed: bool,
}

impl Hosts {
    pub(crate) fn new(listening: SocketAddr, names: &Names) -> Self {
        let listed = !names.hosts.is_empty();
        let url = names.url.as_deref().map(|url| url.split_once("://").map_or(url, |(_, rest)| rest));
        let url = url.and_then(|rest| rest.split('/').next());
        let named = names.hosts.iter().map(String::as_str).chain(url).map(|host| without_port(host).to_owned());
        Self { named: named.collect(), closed: listed || listening.ip().is_loopback(), listed }
    }

    /// Whether a `Host` may be ours. An address as such may always be: rebinding needs a name. `proxied`: a proxy stands
    /// before us for sure, whose affair the name then is.
    pub(crate) fn may_be(&self, host: &str, proxied: bool) -> bool {
        let name = without_port(host);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let is = |known: &String| known.eq_ignore_ascii_case(name);
        address
            || name.eq_ignore_ascii_case("localhost")
            || self.named.iter().any(is)
            || !self.closed
            || proxied && !self.listed
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::{Hosts, Names};

    fn hosts(listening: &str, named: &[&str]) -> Hosts {
        let hosts = named.iter().map(|name| (*name).to_owned()).collect();
        Hosts::new(listening.parse().unwrap(), &Names { hosts, url: None })
    }

    #[test]
    fn a_daemon_of_this_machine_has_no_other_name() {
        for listening in ["127.0.0.1:7420", "[::1]:7420"] {
            let hosts = hosts(listening, &[]);
            for own in ["127.0.0.1:7420", "localhost:7420", "LocalHost", "[::1]:7420", "[::1]", "127.0.0.1"] {
                assert!(hosts.may_be(own, false), "{own}");
            }
            for other in
                ["rebound.example.net:7420", "localhost.example.net", "127.0.0.1.example.net:7420", "", ":7420"]
            {
                assert!(!hosts.may_be(other, false), "{other}");
                assert!(hosts.may_be(other, true), "a proxy answers for {other}");
            }
        }
    }

    #[test]
    fn a_daemon_of_the_network_may_have_any_name_until_its_names_are_given() {
        assert!(hosts("0.0.0.0:7420", &[]).may_be("help.example.org", false));
        let hosts = hosts("0.0.0.0:7420", &["help.example.org"]);
        for own in ["help.example.org", "Help.Example.Org:443", "192.0.2.7:7420", "localhost"] {
            assert!(hosts.may_be(own, false), "{own}");
        }
        assert!(!hosts.may_be("rebound.example.net", true), "given names are all names");
    }

    #[test]
    fn the_configured_address_is_a_name_of_ours() {
        let names = || Names { hosts: Vec::new(), url: Some("https://help.example.org:8443/town".to_owned()) };
        let hosts = Hosts::new("127.0.0.1:7420".parse().unwrap(), &names());
        assert!(hosts.may_be("help.example.org", false) && !hosts.may_be("rebound.example.net", false));
        // In a network it may have others beside it.
        assert!(Hosts::new("0.0.0.0:7420".parse().unwrap(), &names()).may_be("keeper.lan", false));
    }
}
