//! The shipped configuration, moved to where a test wants it and changed as the test says.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A configuration to be written for a daemon.
pub struct Configuration {
    root: Table,
    address: IpAddr,
}

impl Configuration {
    /// `config/centralino.toml`, but all of it on one address, with these ports.
    pub fn shipped(sip: SocketAddr, http: SocketAddr) -> Configuration {
        let text = std::fs::read_to_string(shipped_file("centralino.toml")).expect("the shipped configuration");
        let root = text.parse().expect("TOML");
        Configuration { root, address: sip.ip() }
            .with("sip", "udp", sip.to_string())
            .with("sip", "tcp", sip.to_string())
            .with("sip", "advertised_address", sip.ip().to_string())
            .with("media", "address", sip.ip().to_string())
            .with("http", "listen", http.to_string())
    }

    /// The address of everything.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Sets a key of a table (`queue.switchboard`).
    pub fn set(&mut self, table: &str, key: &str, value: impl Into<Value>) {
        let mut place = &mut self.root;
        for name in table.split('.') {
            place = place.get_mut(name).and_then(Value::as_table_mut).unwrap_or_else(|| panic!("no table {table}"));
        }
        place.insert(key.to_owned(), value.into());
    }

    /// The names of all pools.
    pub fn pools(&self) -> Vec<Value> {
        self.root["pools"].as_array().cloned().unwrap_or_default()
    }

    /// Sets a key outside any table.
    pub fn set_root(&mut self, key: &str, value: impl Into<Value>) {
        self.root.insert(key.to_owned(), value.into());
    }

    /// Adds a table to the whole.
    pub fn add(&mut self, name: &str, table: Table) {
        self.root.insert(name.to_owned(), table.into());
    }

    /// How long phones ring for callers of the switchboard.
    pub fn set_ring(&mut self, seconds: u32) {
        self.set("queue.switchboard", "ring", format!("{seconds} s"));
    }

    /// Gives an agent a fixed contact instead of a registration.
    pub fn set_contact(&mut self, agent: &str, contact: &str) {
        let agents = self.root["agent"].as_table_mut().expect("agents");
        let agent = agents[agent].as_table_mut().expect("an agent");
        agent.remove("password");
        agent.insert("contact".to_owned(), contact.into());
    }

    /// As it is to be written.
    pub fn text(&self) -> String {
        self.root.to_string()
    }

    fn with(mut self, table: &str, key: &str, value: String) -> Configuration {
        self.set(table, key, value);
        self
    }
}

/// A file of `config/`.
pub fn shipped_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}
