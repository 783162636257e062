//! `bootstrap.servers`: text to hosts and ports.

use std::fmt;

/// One address to start from: a name or an IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Parses a comma-separated list; blank text is the empty list. The error is the reason as a
/// sentence's end, and names the entry.
pub(super) fn parse(list: &str) -> Result<Vec<HostPort>, String> {
    if list.trim().is_empty() {
        return Ok(Vec::new());
    }
    list.split(',')
        .enumerate()
        .map(|(i, entry)| {
            parse_entry(entry.trim()).map_err(|why| match entry.trim() {
                "" => format!("entry {} of the list {why}", i + 1),
                entry => format!("its entry {} {why}", super::quote(entry)),
            })
        })
        .collect()
}

fn parse_entry(entry: &str) -> Result<HostPort, String> {
    if entry.is_empty() {
        return Err("is empty".into());
    }
    // Java and librdkafka allow a listener's protocol in front.
    let address = match entry.split_once("://") {
        Some((protocol, rest)) if protocol.eq_ignore_ascii_case("PLAINTEXT") => rest,
        Some(_) => return Err("has a protocol other than PLAINTEXT in front".into()),
        None => entry,
    };
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err("has no port; write host:port, such as kafka1:9092".into());
    };
    let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(Some(v6)) => check_v6(v6)?,
        Some(None) => return Err("has no `]` before the port; write [::1]:9092".into()),
        None if host.contains(':') => {
            return Err("has more than one `:`; write IPv6 addresses as [::1]:9092".into());
        }
        None => check_name(host)?,
    };
    // `parse` takes a leading `+`, which no one means here.
    match port.parse::<u16>() {
        Ok(port) if port > 0 && !address.contains('+') => Ok(HostPort { host: host.into(), port }),
        _ => Err("needs a port from 1 to 65535 after the last `:`".into()),
    }
}

fn check_v6(host: &str) -> Result<&str, String> {
    let address = host.split_once('%').map_or(host, |(address, _zone)| address);
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(_) => Ok(host),
        Err(_) => Err("has no IPv6 address between its brackets".into()),
    }
}

fn check_name(host: &str) -> Result<&str, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match host {
        "" => Err("has no host before the `:`".into()),
        _ if host.len() > 255 => Err("has a host of more than 255 bytes".into()),
        // A name beyond ASCII must come in its xn-- form, as the resolver does not convert it.
        _ if !host.chars().all(good) => {
            Err("has a host with other characters than letters, digits, `.`, `-` and `_`".into())
        }
        _ => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &str) -> Vec<String> {
        parse(list).unwrap().iter().map(HostPort::to_string).collect()
    }

    #[test]
    fn names_addresses_and_protocols_are_read() {
        assert_eq!(
            shown("a:1, b.c-d_e:65535 ,10.0.0.1:9092"),
            ["a:1", "b.c-d_e:65535", "10.0.0.1:9092"]
        );
        assert_eq!(shown("[::1]:9092,[fe80::1%eth0]:9093"), ["[::1]:9092", "[fe80::1%eth0]:9093"]);
        assert_eq!(shown("PLAINTEXT://kafka:9092"), ["kafka:9092"]);
        assert_eq!(parse("[::1]:9092").unwrap()[0].host, "::1");
        assert_eq!(parse(" ").unwrap(), []);
    }

    #[test]
    fn a_bad_entry_is_named() {
        for (list, why) in [
            ("a:1,kafka", "its entry `kafka` has no port"),
            ("a:1,,b:2", "entry 2 of the list is empty"),
            ("a:1,", "entry 2 of the list is empty"),
            (":9092", "has no host"),
            ("a:0", "port from 1 to 65535"),
            ("a:65536", "port from 1 to 65535"),
            ("a:", "port from 1 to 65535"),
            ("a:+1", "port from 1 to 65535"),
            ("::1:9092", "write IPv6 addresses as [::1]:9092"),
            ("[::1:9092", "no `]`"),
            ("[x]:9092", "no IPv6 address"),
            ("SSL://a:1", "protocol other than PLAINTEXT"),
            ("kafka é:1", "other characters"),
            ("a b:1", "other characters"),
        ] {
            let error = parse(list).unwrap_err();
            assert!(error.contains(why), "{list}: {error}");
        }
    }
}
