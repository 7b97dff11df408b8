//! A server out on a network: secrets, encryption, limits and proxies.

mod authority;
mod secrets;
mod tls;
