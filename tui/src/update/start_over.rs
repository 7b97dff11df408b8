//! The shop's log was replaced by another one: forgets everything that came from the old log.

use crate::settings::Settings;
use crate::state::{Model, StartedOver};
use crate::update::Effect;

/// How long every screen says that the shop was started over, in milliseconds.
const STARTED_OVER_NOTICE_MS: i64 = 30_000;

/// Resets the model: nothing that was known, chosen or on its way is valid any more. What the shopper has typed and how
/// the client looks stays.
pub(super) fn start_over(model: &mut Model) -> Vec<Effect> {
    let settings =
        Settings { basket: None, checking_out: None, customer: None, product: None, log: None, ..model.settings() };
    let until = model.in_ms(STARTED_OVER_NOTICE_MS);
    let fresh = Model {
        zone: model.zone.clone(),
        size: model.size,
        embedded: model.embedded,
        open_to_network: model.open_to_network,
        shop_url: model.shop_url.take(),
        mailbox_url: model.mailbox_url.take(),
        actor: model.actor.take(),
        connection: model.connection.clone(),
        theme: model.theme,
        toasts: std::mem::take(&mut model.toasts),
        keys: std::mem::take(&mut model.keys),
        mouse: model.mouse,
        started_over: Some(StartedOver { at: model.now, until }),
        ..Model::new(&settings, model.now, model.new_id)
    };
    *model = fresh;
    vec![Effect::FollowAnew]
}
