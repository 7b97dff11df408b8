//! A server out on a network: secrets, encryption, limits and proxies.

mod secrets;
