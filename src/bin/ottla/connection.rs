//! The options that every command has: where the cluster is, and the producer's configuration.

use std::sync::Arc;

use clap::Args;
use ottla::{Config, Hooks, Producer};

/// See the file's comment.
#[derive(Args)]
pub struct ConnectionArgs {
    /// Where to learn of the cluster: HOST:PORT, several with commas between
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,

    /// The topic to send to
    #[arg(long)]
    pub topic: String,

    /// A key of the producer's configuration, such as linger.ms=20; may be given often
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
}

impl ConnectionArgs {
    /// A producer as the options say. It connects to nothing yet.
    pub fn producer(&self) -> Result<Arc<Producer>, String> {
        let mut config = Config::new();
        let servers = self.bootstrap_servers.iter().map(|text| ("bootstrap.servers", text));
        let others = self.config.iter().map(|(key, value)| (key.as_str(), value));
        for (key, value) in servers.chain(others) {
            config.set(key, value).map_err(|error| error.message().to_owned())?;
        }
        if config.get("delivery.report.mode").is_some_and(|mode| mode != "poll") {
            let why = "`delivery.report.mode` cannot be set here: the command reads the reports";
            return Err(why.into());
        }
        Producer::new(&config, Hooks::default()).map_err(|error| error.message().to_owned())
    }
}

/// Splits `KEY=VALUE` at the first `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("a name, `=` and a value are expected".into()),
    }
}
