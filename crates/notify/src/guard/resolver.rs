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
    use std::error::Error;

    use tokio::net::TcpListener;

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

    /// The client never sees the address of a name that is refused, so that nothing connects to it.
    #[tokio::test]
    async fn a_client_makes_no_connection_to_a_name_that_is_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let client = |allowed| {
            let resolver = Resolver::new(Arc::new(allowed));
            reqwest::Client::builder().no_proxy().dns_resolver(resolver).build().unwrap()
        };

        let error = client(allowing(&[])).get(&url).send().await.unwrap_err();
        let mut sources = std::iter::successors(error.source(), |error| (*error).source());
        assert!(sources.any(|source| source.is::<Refused>()), "{error:?}");

        // The control: the same name, allowed, is called.
        let allowed = allowing(&["localhost"]);
        let request = tokio::spawn(client(allowed).get(&url).send());
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
        assert!(request.await.unwrap().is_err());
    }
}
