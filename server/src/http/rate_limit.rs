//! How many requests a client may send: an address, or an account once somebody is signed in. A client that sends too many is
//! asked to wait, and every counted answer says what is left (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! A quota is refilled evenly over its window. Each server counts for itself.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use storefront_api::CustomerId;

use crate::clock;
use crate::config::{Config, Quota};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Maximum number of clients that are counted under one quota; a further one replaces the one that came first.
const MAX_CLIENTS: usize = 16_384;
/// Routes by which somebody may guess a password or an order.
const GUESSING_ROUTES: [(Method, &str); 5] = [
    (Method::GET, "/v1/orders/lookup"),
    (Method::POST, "/v1/sessions"),
    (Method::POST, "/v1/customers"),
    (Method::PUT, "/v1/customers/me/password"),
    (Method::DELETE, "/v1/customers/me"),
];

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    /// An address of IPv4, or a network of IPv6, which one subscriber has as a whole.
    Address(IpAddr),
    Customer(CustomerId),
}

/// The quotas of a server, and what clients have used of them.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    requests: Option<Counters>,
    sign_ins: Option<Counters>,
    secured: bool,
}

impl RateLimiter {
    pub(crate) fn from_config(config: &Config) -> Self {
        let counters = |quota: Option<Quota>, name| quota.map(|quota| Counters::new(name, quota));
        Self {
            requests: counters(config.rate_limit, "default"),
            sign_ins: counters(config.sign_in_limit, "sign-in"),
            secured: config.secured,
        }
    }

    /// Counts a request from an address, for an account once somebody is signed in. The shop itself has no address.
    ///
    /// Addresses of this machine are not counted: everybody on it, and behind a proxy on it, has the same one.
    pub(crate) fn admit(
        &self,
        method: &Method,
        path: &str,
        account: Option<CustomerId>,
        address: Option<IpAddr>,
    ) -> Admission {
        let Some(client) = self.client(account, address).filter(|_| !path.starts_with("/health/")) else {
            return Admission::default();
        };
        let is_a_guess = GUESSING_ROUTES.iter().any(|(known, route)| known == method && *route == path);
        let sign_ins = self.sign_ins.as_ref().filter(|_| is_a_guess);
        let now_us = i64::try_from(clock::elapsed().as_micros()).unwrap_or(i64::MAX);
        let counters = [self.requests.as_ref(), sign_ins].into_iter().flatten();
        Admission(counters.map(|counters| counters.count(client, now_us)).collect())
    }

    fn client(&self, account: Option<CustomerId>, address: Option<IpAddr>) -> Option<Client> {
        let address = address?;
        match account {
            Some(id) if self.secured || !address.is_loopback() => Some(Client::Customer(id)),
            Some(_) | None => (!address.is_loopback()).then(|| Client::Address(network_of(address))),
        }
    }
}

/// The address of IPv4, or the /64 of IPv6.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.segments();
            Ipv6Addr::new(one, two, three, four, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What a request has used of each quota that it counts under.
#[derive(Debug, Default)]
pub(crate) struct Admission(Vec<Standing>);

impl Admission {
    /// The answer to a request that came too soon.
    pub(crate) fn refusal(&self) -> Option<Response> {
        let wait_s = self.0.iter().filter_map(|standing| standing.wait_s).max()?;
        let detail = format!("This client has sent too many requests. Wait for {wait_s} s.");
        let mut response = ApiError::new(ErrorCode::TooManyRequests, detail).into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_s));
        Some(response)
    }

    /// Adds what is left to a response.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let (mut policies, mut left) = (String::new(), String::new());
        for (at, Standing { name, quota, remaining, reset_s, .. }) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let (requests, window_s) = (quota.requests, quota.window.as_secs());
            // Writing into a text does not fail.
            let _ = write!(policies, "{comma}\"{name}\";q={requests};w={window_s}");
            let _ = write!(left, "{comma}\"{name}\";r={remaining};t={reset_s}");
        }
        for (name, text) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// What a client has used of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    name: &'static str,
    quota: Quota,
    remaining: i64,
    /// Time after which the whole quota is there again.
    reset_s: i64,
    /// Time after which the next request is answered, for one that is refused.
    wait_s: Option<i64>,
}

/// The clients that use one quota.
#[derive(Debug)]
struct Counters {
    name: &'static str,
    quota: Quota,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    /// When the whole quota of a client is there again, in microseconds of monotonic time.
    full_at_us: HashMap<Client, i64>,
    /// In the order in which they came.
    order: VecDeque<Client>,
}

impl Counters {
    fn new(name: &'static str, quota: Quota) -> Self {
        Self { name, quota, clients: Mutex::default() }
    }

    fn count(&self, client: Client, now_us: i64) -> Standing {
        let window_us = i64::try_from(self.quota.window.as_micros()).unwrap_or(i64::MAX);
        let cost_us = (window_us / i64::from(self.quota.requests.max(1))).max(1);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at_us = clients.full_at_us(client).max(now_us);
        let next_us = full_at_us + cost_us;
        let refused_us = (next_us - now_us - window_us).max(0);
        let full_at_us = if refused_us > 0 { full_at_us } else { next_us };
        clients.full_at_us.insert(client, full_at_us);
        Standing {
            name: self.name,
            quota: self.quota,
            remaining: (window_us - (full_at_us - now_us)).max(0) / cost_us,
            reset_s: seconds(full_at_us - now_us),
            wait_s: (refused_us > 0).then(|| seconds(refused_us)),
        }
    }
}

impl Clients {
    /// When the quota of a client is whole again; a new one replaces the oldest where there is no room.
    fn full_at_us(&mut self, client: Client) -> i64 {
        if let Some(full_at_us) = self.full_at_us.get(&client) {
            return *full_at_us;
        }
        if self.order.len() >= MAX_CLIENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.full_at_us.remove(&oldest);
        }
        self.order.push_back(client);
        0
    }
}

/// Whole seconds, rounded up.
fn seconds(us: i64) -> i64 {
    (us + 999_999) / 1_000_000
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    const SECOND_US: i64 = 1_000_000;
    const ACCOUNT: CustomerId = CustomerId(Uuid::from_u128(1));

    fn a_quota(requests: u32, window_s: u64) -> Quota {
        Quota { requests, window: Duration::from_secs(window_s) }
    }

    fn address(last: u8) -> Client {
        Client::Address(IpAddr::from([192, 0, 2, last]))
    }

    fn limiter(secured: bool) -> RateLimiter {
        let mut config = Config::in_memory(String::new(), String::new(), String::new());
        (config.secured, config.rate_limit, config.sign_in_limit) =
            (secured, Some(a_quota(3, 60)), Some(a_quota(1, 60)));
        RateLimiter::from_config(&config)
    }

    #[test]
    fn a_quota_is_used_up_and_refilled_evenly() {
        let counters = Counters::new("default", a_quota(4, 60));
        let at = |s: i64| {
            let standing = counters.count(address(1), s * SECOND_US);
            (standing.remaining, standing.reset_s, standing.wait_s)
        };
        assert_eq!([at(0), at(0), at(0), at(0)], [(3, 15, None), (2, 30, None), (1, 45, None), (0, 60, None)]);
        assert_eq!(at(0), (0, 60, Some(15)), "refused until a quarter of the window has passed");
        assert_eq!(at(14), (0, 46, Some(1)), "a refused request costs nothing");
        assert_eq!(at(15), (0, 60, None));
        assert_eq!(at(1_000), (3, 15, None), "no more than the quota is saved up");
        assert_eq!(counters.count(address(2), 0).remaining, 3, "others have quotas of their own");
    }

    #[test]
    fn only_so_many_clients_are_counted_and_the_oldest_is_replaced() {
        let counters = Counters::new("default", a_quota(2, 60));
        let client = |number: usize| Client::Customer(CustomerId(Uuid::from_u128(number as u128)));
        (0..=MAX_CLIENTS).for_each(|number| assert_eq!(counters.count(client(number), 0).remaining, 1));
        assert_eq!(counters.count(client(1), 0).remaining, 0, "it is counted still");
        assert_eq!(counters.count(client(0), 0).remaining, 1, "it was replaced");
        let clients = counters.clients.lock().unwrap();
        assert_eq!((clients.full_at_us.len(), clients.order.len()), (MAX_CLIENTS, MAX_CLIENTS));
    }

    #[test]
    fn an_address_and_an_account_are_counted_apart_and_this_machine_not_at_all() {
        let ip = |text: &str| Some(text.parse().unwrap());
        let admit = |limiter: &RateLimiter, account, address| {
            limiter.admit(&Method::GET, "/v1/orders", account, address).0.first().map(|standing| standing.remaining)
        };
        let secured = limiter(true);
        for left in [Some(2), Some(1), Some(0)] {
            assert_eq!(admit(&secured, None, ip("192.0.2.1")), left);
        }
        let refused = secured.admit(&Method::GET, "/v1/orders", None, ip("192.0.2.1")).refusal().unwrap();
        assert_eq!((refused.status().as_u16(), &refused.headers()[RETRY_AFTER]), (429, &HeaderValue::from(20)));
        assert_eq!(
            admit(&secured, Some(ACCOUNT), ip("192.0.2.1")),
            Some(2),
            "an account at that address is not locked out"
        );
        assert_eq!(admit(&secured, Some(ACCOUNT), ip("198.51.100.7")), Some(1), "one account has one quota everywhere");
        assert_eq!(admit(&secured, Some(ACCOUNT), ip("127.0.0.1")), Some(0));
        assert_eq!(admit(&secured, None, ip("192.0.2.2")), Some(2));
        assert_eq!(admit(&secured, None, ip("2001:db8::1")), Some(2));
        assert_eq!(admit(&secured, None, ip("2001:db8::2")), Some(1), "of one network");
        assert_eq!(admit(&secured, None, ip("2001:db8:0:1::2")), Some(2));
        let open = limiter(false);
        for free in [ip("127.0.0.1"), ip("::1"), None] {
            assert_eq!(admit(&open, None, free), None);
            assert_eq!(admit(&open, Some(ACCOUNT), free), None);
        }
        assert!(secured.admit(&Method::GET, "/health/ready", None, ip("192.0.2.1")).0.is_empty());
    }

    #[test]
    fn signing_in_has_a_quota_of_its_own_and_both_are_told_as_structured_fields() {
        let limiter = limiter(true);
        let ip = Some(IpAddr::from([192, 0, 2, 1]));
        let sign_in = || limiter.admit(&Method::POST, "/v1/sessions", None, ip);
        let mut headers = HeaderMap::new();
        sign_in().add_headers(&mut headers);
        assert_eq!(headers[RATE_LIMIT_POLICY], "\"default\";q=3;w=60, \"sign-in\";q=1;w=60");
        assert_eq!(headers[RATE_LIMIT], "\"default\";r=2;t=20, \"sign-in\";r=0;t=60");
        assert!(sign_in().refusal().is_some());
        assert!(limiter.admit(&Method::GET, "/v1/sessions", None, ip).refusal().is_none());
        let mut headers = HeaderMap::new();
        Admission::default().add_headers(&mut headers);
        assert!(headers.is_empty());
    }
}
