//! The addresses of a name, each checked before a connection can be made to any.

use std::net::SocketAddr;
use std::sync::Arc;

use etlplus_core::settings::NotificationSettings;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Refused, check_address};

/// Gives the HTTP client its addresses, so that it connects to none that was not checked.
#[derive(Debug, Clone)]
pub struct Resolver {
    settings: Arc<NotificationSettings>,
}

impl Resolver {
    /// One that lets through what is public, or allowed by the settings.
    pub fn new(settings: Arc<NotificationSettings>) -> Self {
        Self { settings }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let settings = self.settings.clone();
        Box::pin(async move {
            // The port is the client's to set: it replaces a zero by the URL's.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let checked = check(name.as_str(), found, &settings)?;
            Ok(Box::new(checked.into_iter()) as Addrs)
        })
    }
}

/// All of a name's addresses must be allowed: which of them is taken is not ours to say.
fn check(name: &str, found: Vec<SocketAddr>, settings: &NotificationSettings) -> Result<Vec<SocketAddr>, Refused> {
    found.iter().try_for_each(|address| check_address(name, address.ip(), settings))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::tests::allowing;

    fn socket(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 0)
    }

    #[test]
    fn one_private_address_among_public_ones_is_enough_to_refuse() {
        let allowed = allowing(&[]);
        let public = vec![socket("93.184.216.34"), socket("2606:2800:220:1::1")];
        assert_eq!(check("a.example", public.clone(), &allowed), Ok(public.clone()));
        for private in ["127.0.0.1", "10.0.0.1", "::1", "::ffff:169.254.169.254", "fe80::1"] {
            let mixed = [public.clone(), vec![socket(private)]].concat();
            let refused = check("a.example", mixed.clone(), &allowed).unwrap_err();
            assert!(refused.message.contains("a.example stands for"), "{refused}");
            assert!(refused.remedy.contains("allowed_private_hosts"), "{refused}");
            let by_name = allowing(&["a.example"]);
            assert_eq!(check("A.Example.", mixed.clone(), &by_name), Ok(mixed));
        }
    }
}
