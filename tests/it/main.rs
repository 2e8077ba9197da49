//! Integration tests, one topic a module. What starts with `interop_` runs the real daemon against other people's
//! programs and phones of our own; the rest needs nothing but this package.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests play the outside world")]

mod alerts;
mod baresip;
mod config;
mod configuration;
mod daemon;
mod dashboard;
mod demo;
mod desk;
mod import;
mod interleavings;
mod interop_baresip;
mod interop_daemon;
mod interop_early;
mod interop_report;
mod interop_sipp;
mod interop_torture;
mod interop_wire;
mod ledger;
mod media_engine;
mod media_sdp;
mod metrics;
mod peers;
mod phone;
mod reference_router;
mod report;
mod routing_tests;
mod scenarios;
mod service_level;
mod service_unit;
mod simulation;
mod sip_codec;
mod sip_endpoint;
mod sip_endpoint_agent;
mod sip_endpoint_caller;
mod sip_endpoint_extensions;
mod sip_endpoint_fuzz;
mod sip_endpoint_network;
mod sip_messages;
mod sip_noise;
mod snapshot;
mod sound;
mod stats_json;
mod strategies;
mod tidy;
