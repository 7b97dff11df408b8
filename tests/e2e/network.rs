//! A server out on a network: secrets, encryption, limits and proxies.

mod authority;
mod limits;
mod outsiders;
mod proxies;
mod secrets;
mod tls;
