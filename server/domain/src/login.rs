//! Which customer signs in with a mail address. Each address has a stream of its own, so an address belongs to one customer
//! under any concurrency.

use storefront_api::CustomerId;

/// An event of a mail address; stream `login-{digest of the address}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginEvent {
    /// The address belongs to a customer from now on.
    Claimed { customer_id: CustomerId },
    /// The address is free again.
    Released,
}

/// A command to a mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginCommand {
    Claim {
        customer_id: CustomerId,
    },
    /// Give the address free; nothing for one that is free.
    Release,
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error("there is an account with this mail address already")]
    Taken,
}

/// The customer whom a mail address belongs to; `None` for one that is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Login(pub Option<CustomerId>);

/// The address after an event. Takes history as it is.
pub fn evolve(_login: Login, event: &LoginEvent) -> Login {
    match event {
        LoginEvent::Claimed { customer_id } => Login(Some(*customer_id)),
        LoginEvent::Released => Login(None),
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// When the address belongs to a customer already.
pub fn decide(login: &Login, command: LoginCommand) -> Result<Vec<LoginEvent>, LoginError> {
    match (login.0, command) {
        (None, LoginCommand::Claim { customer_id }) => Ok(vec![LoginEvent::Claimed { customer_id }]),
        (Some(_), LoginCommand::Claim { .. }) => Err(LoginError::Taken),
        (Some(_), LoginCommand::Release) => Ok(vec![LoginEvent::Released]),
        (None, LoginCommand::Release) => Ok(vec![]),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_address_belongs_to_one_customer_until_it_is_released() {
        let [ada, bob] = [1, 2].map(|number| CustomerId(Uuid::from_u128(number)));
        let claimed = LoginEvent::Claimed { customer_id: ada };
        assert_eq!(decide(&Login(None), LoginCommand::Claim { customer_id: ada }), Ok(vec![claimed.clone()]));
        let login = evolve(Login(None), &claimed);
        assert_eq!(decide(&login, LoginCommand::Claim { customer_id: bob }), Err(LoginError::Taken));
        assert_eq!(decide(&login, LoginCommand::Release), Ok(vec![LoginEvent::Released]));
        let login = evolve(login, &LoginEvent::Released);
        assert_eq!(decide(&login, LoginCommand::Release), Ok(vec![]));
        assert_eq!(login, Login(None));
    }
}
