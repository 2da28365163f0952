use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

pub(super) fn allowing(hosts: &[&str]) -> NotificationSettings {
    let allowed_private_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    NotificationSettings { allowed_private_hosts, ..NotificationSettings::default() }
}

fn refused(url: &str) -> Refused {
    check_url(url, &allowing(&[])).expect_err(url)
}

#[test]
fn a_public_host_may_be_called() {
    for url in [
        "https://hooks.example.com/alerts?token=x",
        "http://93.184.216.34:8080/",
        "https://[2606:2800:220:1::1]/",
        "https://[64:ff9b::5db8:d822]/",
        "HTTPS://HOOKS.EXAMPLE.COM./",
    ] {
        assert!(check_url(url, &allowing(&[])).is_ok(), "{url}");
    }
}

#[test]
fn private_hosts_are_refused_in_every_spelling() {
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://0/",
        "http://①②⑦.⓪.⓪.①/",
        "http://%31%32%37.0.0.1/",
        "http:127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http://127.0.0.1\\@hooks.example.com/",
        "http://\t127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:10.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:53aa:64c::1]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[fc00::1]/",
        "http://[fdff::1]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://[3fff::1]/",
        "http://[::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://a.b.localhost:8080/",
        "http://localh%6fst/",
    ] {
        let refused = refused(url);
        assert!(refused.remedy.contains("allowed_private_hosts"), "{url}: {refused}");
    }
}

#[test]
fn every_net_that_is_not_public_is_refused_at_both_its_ends() {
    for address in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
    ] {
        assert!(check_address("a", address.parse().unwrap(), &allowing(&[])).is_err(), "{address}");
    }
    for neighbour in [
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
    ] {
        assert_eq!(check_address("a", neighbour.parse().unwrap(), &allowing(&[])), Ok(()), "{neighbour}");
    }
}

#[test]
fn other_schemes_credentials_and_nonsense_are_refused_with_a_remedy() {
    for (url, message) in [
        ("file:///etc/passwd", "no scheme of a webhook"),
        ("ftp://hooks.example.com/", "no scheme of a webhook"),
        ("javascript:alert(1)", "no scheme of a webhook"),
        ("https://user@hooks.example.com/", "user name or a password"),
        ("https://user:secret@hooks.example.com/", "user name or a password"),
        ("https://:secret@hooks.example.com/", "user name or a password"),
        ("http://hooks.example.com@127.0.0.1/", "user name or a password"),
        ("hooks.example.com/alerts", "no URL"),
        ("https://", "no URL"),
        ("https://[::1/", "no URL"),
        ("", "no URL"),
    ] {
        let refused = refused(url);
        assert!(refused.message.contains(message) && !refused.remedy.is_empty(), "{url}: {refused}");
        assert!(!refused.to_string().contains("secret@"), "{refused}");
    }
}

#[test]
fn what_the_settings_name_may_be_called_and_nothing_beside_it() {
    let allowed = allowing(&["10.1.0.0/16", "192.168.7.7", "fd00::/8", "hooks.internal", "localhost"]);
    for url in [
        "http://10.1.255.255/",
        "http://[::ffff:10.1.0.1]/",
        "http://192.168.7.7/",
        "http://[fd12::1]/",
        "http://LOCALHOST./",
        "http://hooks.internal/",
    ] {
        assert!(check_url(url, &allowed).is_ok(), "{url}");
    }
    for url in
        ["http://10.2.0.0/", "http://192.168.7.8/", "http://[fc00::1]/", "http://127.0.0.1/", "http://a.localhost/"]
    {
        assert!(check_url(url, &allowed).is_err(), "{url}");
    }
    assert_eq!(check_address("hooks.internal", "10.9.9.9".parse().unwrap(), &allowed), Ok(()));
    assert!(check_address("other.internal", "10.9.9.9".parse().unwrap(), &allowed).is_err());
}

/// Addresses that must not be called.
fn private_v4() -> impl Strategy<Value = Ipv4Addr> {
    let within = |net: u32, bits: u32| (0..1_u64 << bits).prop_map(move |low| Ipv4Addr::from(net | low as u32));
    prop_oneof![
        within(0x7f00_0000, 24),
        within(0x0a00_0000, 24),
        within(0x6440_0000, 22),
        within(0xa9fe_0000, 16),
        within(0xac10_0000, 20),
        within(0xc0a8_0000, 16),
        within(0xe000_0000, 28),
        within(0xf000_0000, 28),
        within(0, 24),
    ]
}

/// A number as URLs may spell it.
fn number(value: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(value.to_string()),
        Just(format!("0x{value:x}")),
        Just(format!("0X{value:X}")),
        Just(format!("0x000{value:x}")),
        Just(format!("0{value:o}")),
        Just(format!("00{value:o}")),
    ]
}

/// An IPv4 address as URLs may spell it: one to four numbers, the last of which fills what is left.
fn spelling(address: Ipv4Addr) -> impl Strategy<Value = String> {
    let bits = u32::from(address);
    let [a, b, c, _] = address.octets().map(u32::from);
    let forms = prop_oneof![
        number(bits),
        (number(a), number(bits & 0x00ff_ffff)).prop_map(|(a, rest)| format!("{a}.{rest}")),
        (number(a), number(b), number(bits & 0xffff)).prop_map(|(a, b, rest)| format!("{a}.{b}.{rest}")),
        (number(a), number(b), number(c), number(bits & 0xff)).prop_map(|(a, b, c, d)| format!("{a}.{b}.{c}.{d}")),
        Just(format!("[::ffff:{address}]")),
        Just(format!("[::{address}]")),
        Just(format!("[64:ff9b::{address}]")),
        Just(format!("[2002:{:x}:{:x}::]", bits >> 16, bits & 0xffff)),
    ];
    (forms, any::<bool>()).prop_map(|(form, dot)| if dot && !form.ends_with(']') { form + "." } else { form })
}

proptest! {
    #[test]
    fn no_spelling_of_a_private_address_passes((address, host) in private_v4().prop_flat_map(|a| (Just(a), spelling(a)))) {
        let url = format!("http://{host}:8080/path");
        let outcome = check_url(&url, &allowing(&[]));
        prop_assert!(outcome.is_err(), "{} stands for {} and was let through", url, address);
    }

    #[test]
    fn no_address_outside_the_global_ones_passes(bits: u128) {
        let address = Ipv6Addr::from(bits >> 3);
        let is_nat64 = (bits >> 3) >> 32 == 0x0064_ff9b_0000_0000_0000_0000;
        if address.to_ipv4_mapped().is_none() && !is_nat64 {
            prop_assert!(check_address("a", address.into(), &allowing(&[])).is_err(), "{}", address);
        }
    }

    #[test]
    fn any_text_is_checked_without_panic(text in "\\PC{0,60}", scheme in prop_oneof!["http://", "https://", ""]) {
        let _ = check_url(&format!("{scheme}{text}"), &allowing(&[]));
    }
}
