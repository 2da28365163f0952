//! What a server can be told: typed, checked settings, and the layers that they come from.
//!
//! One table (`keys`) says which keys there are. Each source (a file, the environment, the command line, a change while
//! the server runs) is read by it into a [`Layer`]; [`Layers::settle`] lays them over one another.

mod channels;
mod hosts;
mod keys;
mod kind;
mod layer;
mod model;
mod monitoring;
mod pairs;
mod parse;
mod read;
mod reference;
mod secret;
mod settle;
mod value;
mod view;
mod withhold;

pub use layer::{Checked, Layer};
pub use model::{
    AccessSettings, JobSettings, Keep, LogFormat, LogSettings, RetentionSettings, ServerSettings, Settings,
};
pub use monitoring::{
    ChannelKind, ChannelSettings, JobTrackingSettings, MonitoringSettings, NotificationSettings, SmtpTls,
    WebSocketSettings,
};
pub use pairs::{environment, flags};
pub use read::{Change, Format, read};
pub use reference::{json_schema, reference_markdown};
pub(crate) use secret::reference as secret_reference;
pub use secret::{SecretRef, UrlValue};
pub use settle::{Layers, Settled};
pub use view::{Applies, Entry, Origin};
pub use withhold::secret_lines;
