//! Integration tests, one topic a module.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests play the outside world")]

mod config;
mod desk;
mod media_engine;
mod media_sdp;
mod metrics;
mod reference_router;
mod scenarios;
mod service_level;
mod simulation;
mod sip_codec;
mod sip_endpoint;
mod sip_endpoint_agent;
mod sip_endpoint_caller;
mod sip_endpoint_fuzz;
mod sip_endpoint_network;
mod sip_messages;
mod sip_noise;
mod snapshot;
mod tidy;
