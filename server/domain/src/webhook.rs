//! The addresses to which the shop sends its events. All stand in one stream, so their number is limited under any concurrency.

use storefront_api::{Timestamp, WebhookEndpointId, WebhookSecretId};

/// Maximum number of endpoints.
pub const MAX_WEBHOOK_ENDPOINTS: usize = 50;
/// How long the secret of before signs beside a new one.
pub const OLD_SECRET_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// What can be changed of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub url: String,
    /// Types of events, or prefixes that end in `*`; none for all.
    pub event_types: Vec<String>,
    pub description: Option<String>,
}

/// An endpoint to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    pub id: WebhookEndpointId,
    pub settings: Settings,
    /// The id of its secret, which stands beside the log.
    pub secret_id: WebhookSecretId,
    /// Position of the log after which events are sent.
    pub after: u64,
}

/// An event of the endpoints; stream `webhook-list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    Created(NewEndpoint),
    Changed {
        id: WebhookEndpointId,
        settings: Settings,
    },
    SecretRotated {
        id: WebhookEndpointId,
        secret_id: WebhookSecretId,
    },
    /// No more is sent; with the reason if the shop itself ended it.
    Disabled {
        id: WebhookEndpointId,
        reason: Option<String>,
    },
    Enabled {
        id: WebhookEndpointId,
    },
    Deleted {
        id: WebhookEndpointId,
    },
}

/// A command to the endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookCommand {
    Create(NewEndpoint),
    /// What is `None` stays as it is.
    Change {
        id: WebhookEndpointId,
        url: Option<String>,
        event_types: Option<Vec<String>>,
        description: Option<String>,
        enabled: Option<bool>,
    },
    RotateSecret {
        id: WebhookEndpointId,
        secret_id: WebhookSecretId,
    },
    /// The shop itself sends no more.
    Disable {
        id: WebhookEndpointId,
        reason: String,
    },
    Delete {
        id: WebhookEndpointId,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("there is no such webhook endpoint")]
    NotFound,
    #[error("there are {MAX_WEBHOOK_ENDPOINTS} webhook endpoints already")]
    TooMany,
}

/// An endpoint that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub id: WebhookEndpointId,
    pub settings: Settings,
    pub secret_id: WebhookSecretId,
    /// The secret of before, and until when it signs too.
    pub old_secret: Option<(WebhookSecretId, Timestamp)>,
    pub after: u64,
    pub enabled: bool,
    pub disabled_reason: Option<String>,
    pub created_at: Timestamp,
}

impl Endpoint {
    /// The ids of the secrets that sign at a time, the newest first.
    pub fn secret_ids(&self, now: Timestamp) -> Vec<WebhookSecretId> {
        let old = self.old_secret.filter(|(_, until)| now < *until).map(|(id, _)| id);
        std::iter::once(self.secret_id).chain(old).collect()
    }

    /// Whether events of a type are sent to it.
    pub fn wants(&self, kind: &str) -> bool {
        let is_wanted = |wanted: &String| match wanted.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == wanted,
        };
        self.settings.event_types.is_empty() || self.settings.event_types.iter().any(is_wanted)
    }
}

/// The endpoints that were not deleted, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints(pub Vec<Endpoint>);

impl Endpoints {
    /// The endpoint with an id.
    pub fn find(&self, id: WebhookEndpointId) -> Option<&Endpoint> {
        self.0.iter().find(|endpoint| endpoint.id == id)
    }
}

/// The endpoints after an event that happened at a time. Takes history as it is.
pub fn evolve(mut endpoints: Endpoints, event: &WebhookEvent, time: Timestamp) -> Endpoints {
    let id = match event {
        WebhookEvent::Created(new) => {
            endpoints.0.push(created(new.clone(), time));
            return endpoints;
        }
        WebhookEvent::Deleted { id } => {
            endpoints.0.retain(|endpoint| endpoint.id != *id);
            return endpoints;
        }
        WebhookEvent::Changed { id, .. }
        | WebhookEvent::SecretRotated { id, .. }
        | WebhookEvent::Disabled { id, .. }
        | WebhookEvent::Enabled { id } => *id,
    };
    if let Some(endpoint) = endpoints.0.iter_mut().find(|endpoint| endpoint.id == id) {
        change(endpoint, event, time);
    }
    endpoints
}

fn created(NewEndpoint { id, settings, secret_id, after }: NewEndpoint, created_at: Timestamp) -> Endpoint {
    Endpoint { id, settings, secret_id, old_secret: None, after, enabled: true, disabled_reason: None, created_at }
}

fn change(endpoint: &mut Endpoint, event: &WebhookEvent, time: Timestamp) {
    match event {
        WebhookEvent::Changed { settings, .. } => endpoint.settings = settings.clone(),
        WebhookEvent::SecretRotated { secret_id, .. } => {
            let until = Timestamp::from_unix_ms(time.unix_ms() + OLD_SECRET_LIFE_MS);
            endpoint.old_secret = Some((endpoint.secret_id, until));
            endpoint.secret_id = *secret_id;
        }
        WebhookEvent::Disabled { reason, .. } => {
            (endpoint.enabled, endpoint.disabled_reason) = (false, reason.clone());
        }
        WebhookEvent::Enabled { .. } => (endpoint.enabled, endpoint.disabled_reason) = (true, None),
        WebhookEvent::Created(_) | WebhookEvent::Deleted { .. } => {}
    }
}

/// The events of a command.
///
/// # Errors
/// See [`WebhookError`].
pub fn decide(endpoints: &Endpoints, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookError> {
    let find = |id| endpoints.find(id).ok_or(WebhookError::NotFound);
    Ok(match command {
        WebhookCommand::Create(_) if endpoints.0.len() >= MAX_WEBHOOK_ENDPOINTS => return Err(WebhookError::TooMany),
        WebhookCommand::Create(new) => vec![WebhookEvent::Created(new)],
        WebhookCommand::Change { id, url, event_types, description, enabled } => {
            let endpoint = find(id)?;
            let old = endpoint.settings.clone();
            let settings = Settings {
                url: url.unwrap_or(old.url),
                event_types: event_types.unwrap_or(old.event_types),
                description: description.or(old.description),
            };
            let changed = (settings != endpoint.settings).then_some(WebhookEvent::Changed { id, settings });
            let switched = enabled.filter(|enabled| *enabled != endpoint.enabled).map(|enabled| match enabled {
                true => WebhookEvent::Enabled { id },
                false => WebhookEvent::Disabled { id, reason: None },
            });
            changed.into_iter().chain(switched).collect()
        }
        WebhookCommand::RotateSecret { id, secret_id } => {
            find(id)?;
            vec![WebhookEvent::SecretRotated { id, secret_id }]
        }
        WebhookCommand::Disable { id, reason } => {
            let disabled = WebhookEvent::Disabled { id, reason: Some(reason) };
            if find(id)?.enabled { vec![disabled] } else { vec![] }
        }
        WebhookCommand::Delete { id } => {
            find(id)?;
            vec![WebhookEvent::Deleted { id }]
        }
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ID: WebhookEndpointId = WebhookEndpointId(Uuid::from_u128(1));

    fn new(number: u128) -> NewEndpoint {
        let settings = Settings {
            url: "https://example.com/".to_owned(),
            event_types: vec![],
            description: Some("Till".to_owned()),
        };
        NewEndpoint {
            id: WebhookEndpointId(Uuid::from_u128(number)),
            settings,
            secret_id: WebhookSecretId(Uuid::from_u128(7)),
            after: 3,
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    fn run(endpoints: Endpoints, command: WebhookCommand, time: Timestamp) -> Endpoints {
        let events = decide(&endpoints, command).unwrap();
        events.iter().fold(endpoints, |endpoints, event| evolve(endpoints, event, time))
    }

    #[test]
    fn there_are_no_more_endpoints_than_the_limit_and_a_deleted_one_makes_room() {
        let all = (1..=MAX_WEBHOOK_ENDPOINTS as u128)
            .fold(Endpoints::default(), |all, number| run(all, WebhookCommand::Create(new(number)), at(0)));
        assert_eq!(decide(&all, WebhookCommand::Create(new(99))), Err(WebhookError::TooMany));
        let all = run(all, WebhookCommand::Delete { id: ID }, at(0));
        assert_eq!(all.find(ID), None);
        assert_eq!(decide(&all, WebhookCommand::Delete { id: ID }), Err(WebhookError::NotFound));
        assert!(decide(&all, WebhookCommand::Create(new(99))).is_ok());
    }

    #[test]
    fn the_old_secret_signs_beside_the_new_one_for_a_day() {
        let all = run(Endpoints::default(), WebhookCommand::Create(new(1)), at(0));
        let (old, secret_id) = (WebhookSecretId(Uuid::from_u128(7)), WebhookSecretId(Uuid::from_u128(8)));
        let all = run(all, WebhookCommand::RotateSecret { id: ID, secret_id }, at(1000));
        let endpoint = all.find(ID).unwrap();
        assert_eq!(endpoint.secret_ids(at(1000 + OLD_SECRET_LIFE_MS - 1)), [secret_id, old]);
        assert_eq!(endpoint.secret_ids(at(1000 + OLD_SECRET_LIFE_MS)), [secret_id]);
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_writes_nothing_when_all_is_the_same() {
        let all = run(Endpoints::default(), WebhookCommand::Create(new(1)), at(0));
        let nothing =
            WebhookCommand::Change { id: ID, url: None, event_types: None, description: None, enabled: Some(true) };
        assert_eq!(decide(&all, nothing), Ok(vec![]));
        let types = Some(vec!["order.*".to_owned(), "stock.set".to_owned()]);
        let change =
            WebhookCommand::Change { id: ID, url: None, event_types: types, description: None, enabled: Some(false) };
        let all = run(all, change, at(0));
        let endpoint = all.find(ID).unwrap();
        assert_eq!((endpoint.settings.description.as_deref(), endpoint.enabled), (Some("Till"), false));
        let wanted = ["order.confirmed", "orders", "stock.set", "stock.settled"].map(|kind| endpoint.wants(kind));
        assert_eq!(wanted, [true, false, true, false]);
    }

    #[test]
    fn an_endpoint_is_disabled_once_with_its_reason_until_it_is_enabled() {
        let all = run(Endpoints::default(), WebhookCommand::Create(new(1)), at(0));
        let disable = WebhookCommand::Disable { id: ID, reason: "gone".to_owned() };
        let all = run(all, disable.clone(), at(0));
        assert_eq!(all.find(ID).unwrap().disabled_reason.as_deref(), Some("gone"));
        assert_eq!(decide(&all, disable), Ok(vec![]));
        let enable =
            WebhookCommand::Change { id: ID, url: None, event_types: None, description: None, enabled: Some(true) };
        let all = run(all, enable, at(0));
        assert_eq!((all.find(ID).unwrap().enabled, &all.find(ID).unwrap().disabled_reason), (true, &None));
    }
}
