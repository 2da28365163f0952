//! What holds of the store on SQLite alone: its files, its tables, and the ends that it can come to.

mod alerts;
mod checks;
mod children;
mod disk;
mod kill;
mod metrics;
mod migrate;
mod open;
mod read_only;
mod refused;
mod replaced;
mod space;
