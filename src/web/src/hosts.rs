//! The names under which the daemon may be reached. A page of another site can make its own name lead to this machine
//! (DNS rebinding); its script is then of the same origin, and only the name in `Host` tells.

use std::net::{IpAddr, SocketAddr};

/// What is known of our names.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    /// We listen for this machine only, so no other name can be meant, unless a proxy stands before us.
    local: bool,
    /// Names that the configuration gives, without a port. Where there are any, there are no others.
    named: Vec<String>,
}

impl Hosts {
    pub(crate) fn new(listening: SocketAddr, named: Vec<String>) -> Self {
        Self { local: listening.ip().is_loopback(), named }
    }

    /// Whether a `Host` may be ours. An address as such may always be: rebinding needs a name. `proxied`: the request
    /// says that it comes by way of a proxy, whose affair the name then is.
    pub(crate) fn may_be(&self, host: &str, proxied: bool) -> bool {
        let name = without_port(host);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let is = |known: &String| known.eq_ignore_ascii_case(name);
        address
            || name.eq_ignore_ascii_case("localhost")
            || self.named.iter().any(is)
            || self.named.is_empty() && (proxied || !self.local)
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
    use super::Hosts;

    fn hosts(listening: &str, named: &[&str]) -> Hosts {
        Hosts::new(listening.parse().unwrap(), named.iter().map(|name| (*name).to_owned()).collect())
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
}
