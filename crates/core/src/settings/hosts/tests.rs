//! Which hosts, addresses and networks are what.

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text} is an address"))
}

#[test]
fn special_addresses_are_not_public() {
    for text in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(address(text)), "{text}");
    }
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.0.1",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.1.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
    ] {
        assert!(is_public(address(text)), "{text}");
    }
}

#[test]
fn an_address_is_seen_in_any_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
    ] {
        assert!(address_of(host).is_some_and(|address| address.to_canonical().is_loopback()), "{host}");
    }
    for host in ["example.com", "127.0.0.1.example.com", "256.256.256.256", "1.2.3.4.5", "0x", "08.1", "4294967296"] {
        assert!(address_of(host).is_none_or(|address| !address.is_loopback()), "{host}");
    }
}

#[test]
fn the_host_of_an_address_is_found_or_it_is_refused() {
    for (url, host) in [
        ("https://example.com", Some("example.com")),
        ("HTTP://Example.com:8080/a?b#c", Some("Example.com")),
        ("https://[::1]:80/", Some("[::1]")),
        ("http://127.1?x", Some("127.1")),
        ("ftp://example.com", None),
        ("https://user@example.com/", None),
        ("https://user:password@127.0.0.1/", None),
        ("https://example.com\\@127.0.0.1/", None),
        ("https://ex%61mple.com/", None),
        ("https://１２７.0.0.1/", None),
        ("https://example.com:0/", None),
        ("https://example.com:99999/", None),
        ("https:///x", None),
        ("https://[::1/", None),
        ("https://[fe80::1%25eth0]/", None),
        ("https://[::1]x/", None),
        ("example.com", None),
        ("", None),
    ] {
        assert_eq!(of_url(url), host, "{url}");
    }
}

#[test]
fn a_private_address_is_reached_only_where_that_is_allowed() {
    let mut settings = NotificationSettings::default();
    assert!(settings.may_reach("example.com", address("8.8.8.8")));
    assert!(!settings.may_reach("hooks.lan", address("10.1.2.3")));
    for (allowed, reached, other) in [
        ("10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ("10.1.2.3", "::ffff:10.1.2.3", "::ffff:10.1.2.4"),
        ("fd00::/8", "fd12::1", "fc00::1"),
        ("0.0.0.0/0", "127.0.0.1", "::1"),
        ("::/0", "::1", "127.0.0.1"),
    ] {
        settings.allowed_private_hosts = vec![network(allowed).expect("it is a network")];
        assert!(settings.may_reach("x", address(reached)), "{allowed} has {reached}");
        let is_public = is_public(address(other));
        assert_eq!(settings.may_reach("x", address(other)), is_public, "{allowed} has not {other}");
    }
    settings.allowed_private_hosts = vec![network("Hooks.LAN").expect("it is a name")];
    assert!(settings.may_reach("hooks.lan.", address("10.1.2.3")));
    for spelled in ["0x7f.1", "127.1", "[::ffff:127.0.0.1]"] {
        assert_eq!(network(spelled).ok().as_deref(), Some("127.0.0.1"), "{spelled}");
    }
    assert!(!settings.may_reach("other.lan", address("10.1.2.3")));
    for wrong in ["10.0.0.0/33", "x/8", "10.0.0/8", "", "a b", "http://a", "a:80", "/"] {
        assert!(network(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn mail_addresses_are_told_from_other_texts() {
    for good in ["ops@example.com", "a.b+c@localhost", "ETL Plus <etl@example.com>"] {
        assert!(mail(good).is_ok(), "{good}");
    }
    for wrong in
        ["", "ops", "@example.com", "ops@", "a b@example.com", "a@b@c", "x <a@b", "a@b\r\nBcc: c@d", "a@b, c@d"]
    {
        assert!(mail(wrong).is_err(), "{wrong}");
    }
}
