//! Settings: files in three formats, the environment, the command line, changes, and how they lie over one another.

mod changes;
mod channels;
mod environment;
mod files;
mod hostile;
mod layers;
mod mistakes;
mod properties;
mod reference;
mod secrets;
mod support;
