//! What the shop answers to each effect of the client.

use super::*;

impl Client {
    /// Answers an effect, or refuses a write with [`Client::refuse_with`].
    pub(crate) fn answer(&mut self, effect: Effect) -> Msg {
        let writes = matches!(
            effect,
            Effect::SendChange { .. }
                | Effect::CheckOut { .. }
                | Effect::CancelOrder { .. }
                | Effect::Submit { .. }
                | Effect::Account(AccountRequest::Register { .. })
        );
        if writes && let Some(problem) = self.refuse_with.take() {
            return failed(effect, Failure::Refused(Box::new(problem)));
        }
        match effect {
            Effect::FetchProducts { ask, query } => {
                let mut items = a_shelf();
                let words = query.q.unwrap_or_default().to_lowercase();
                items.retain(|product| product.name.to_lowercase().contains(&words));
                items.retain(|product| query.in_stock != Some(true) || product.available > 0);
                let total = items.len() as u64;
                let suggestion = (words == "mgu").then(|| "mug".to_owned());
                let found = ProductPage { items, next_cursor: None, total, suggestion };
                Msg::Products { ask, result: Ok(found) }
            }
            Effect::FetchCategories => {
                let items = ["Garden", "Kitchen"].map(|name| Category { name: name.into(), products: 5 }).to_vec();
                Msg::Categories(Ok(CategoryList { items }))
            }
            Effect::FetchPicture(id) => Msg::Picture { id, result: Ok(None) },
            Effect::FetchBasket(id) => {
                Msg::Basket { id, result: Ok(self.orders.iter().find(|order| order.id == id).cloned()) }
            }
            Effect::SendChange { order_id, key, change } => {
                let order = self.order_mut(order_id);
                carry_out(order, change);
                Msg::Changed { key, result: Ok(order.clone()) }
            }
            Effect::CheckOut { order_id, key, request } => {
                let order = self.order_mut(order_id);
                order.status = OrderStatus::CheckedOut;
                order.payment_status = PaymentStatus::Pending;
                order.email = Some(request.email);
                order.version += 1;
                Msg::CheckedOut { key, result: Ok(order.clone()) }
            }
            Effect::FetchOrders { ask, .. } => {
                let items: Vec<OrderSummary> = self.orders.iter().rev().map(summary).collect();
                let total = items.len() as u64;
                Msg::Orders { ask, result: Ok(Page { items, next_cursor: None, total }) }
            }
            Effect::FetchTimeline { id, after } => {
                let head = self.head;
                let about = id.to_string();
                let events = (after + 1..=head).map(|at| an_event(at, "order.item_added", &about)).collect();
                let steps = steps([StepState::Done, StepState::Running, StepState::Pending, StepState::Pending]);
                let order = self.order_mut(id).clone();
                Msg::Timeline {
                    id,
                    result: Ok(Timeline { events, next_after: head, head, steps, order, reset: false }),
                }
            }
            Effect::CancelOrder { id, key } => {
                let order = self.order_mut(id);
                order.status = OrderStatus::Cancelled;
                Msg::Cancelled { key, result: Ok(order.clone()) }
            }
            Effect::FetchDiff { id, position } => {
                let order = self.order_mut(id).clone();
                let change = FieldChange {
                    path: "/items/enamel-mug/quantity".into(),
                    before: Some(json!(position)),
                    after: Some(json!(position + 1)),
                };
                let version = order.version;
                let diff = OrderDiff { from: version, to: version, changes: vec![change], order: Some(order) };
                Msg::Diff { id, position, result: Ok(diff) }
            }
            Effect::FetchDiagram { id, copy } => Msg::Diagram { id, copy, result: Ok("# Order".into()) },
            Effect::FindOrder(number) => {
                let has = |order: &&Order| order.number.as_deref() == Some(&number.to_string());
                Msg::OrderFound { number, result: Ok(self.orders.iter().find(has).map(|order| order.id)) }
            }
            Effect::Find { sequence, words } => Msg::Found { sequence, result: Ok(self.find(&words.to_lowercase())) },
            Effect::Counter(request) => self.fetch(request),
            Effect::Account(request) => self.purses.answer(request),
            Effect::Submit { key, request } => Msg::Submitted { key, result: Ok(self.agree(*request)) },
            Effect::Processes(request) => Msg::Processes(self.backstage.answer(request)),
            Effect::Lab(request) => Msg::Lab(self.laboratory.answer(request)),
            Effect::Copy(_)
            | Effect::Save { .. }
            | Effect::Keep(_)
            | Effect::Configure(_)
            | Effect::FollowAnew
            | Effect::Examine
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Quit => Msg::Tick,
        }
    }

    /// The products and orders with a word.
    fn find(&self, words: &str) -> Found {
        let mut products = a_shelf();
        products.retain(|product| product.name.to_lowercase().contains(words));
        let has = |order: &&Order| {
            let number = order.number.clone().unwrap_or_default().to_lowercase();
            number == words || order.items.iter().any(|item| item.name.to_lowercase().contains(words))
        };
        Found { products, orders: self.orders.iter().filter(has).map(summary).collect() }
    }

    /// Does what a form asks for.
    fn agree(&mut self, request: Request) -> Accepted {
        match request {
            Request::Counter(request) => Accepted::Counter(self.keep_shop(request)),
            Request::Lab(broken) => {
                self.laboratory.break_there(broken.stub, broken.faults);
                Accepted::Lab(broken)
            }
            Request::UseVoucher { order_id, code } => {
                let order = self.order_mut(order_id);
                carry_out(order, Change::UseVoucher { code });
                Accepted::Voucher(Box::new(order.clone()))
            }
        }
    }
}

fn carry_out(order: &mut Order, change: Change) {
    match change {
        Change::Add { line } => match order.items.iter_mut().find(|item| item.product_id == line.product_id) {
            Some(item) => item.quantity += line.quantity,
            None => {
                let product = a_shelf().into_iter().find(|product| product.id == line.product_id).unwrap();
                order.items.extend(an_order(0, &[(&product, line.quantity)]).items);
            }
        },
        Change::Set { product_id, quantity } => {
            order
                .items
                .iter_mut()
                .filter(|item| item.product_id == product_id)
                .for_each(|item| item.quantity = quantity);
        }
        Change::Remove { product_id } => order.items.retain(|item| item.product_id != product_id),
        Change::Empty => order.items.clear(),
        Change::UseVoucher { code } => order.voucher = Some(code),
        Change::DropVoucher => order.voucher = None,
    }
    order.version += 1;
    add_up(order);
}

pub(super) fn failed(effect: Effect, failure: Failure) -> Msg {
    match effect {
        Effect::FetchProducts { ask, .. } => Msg::Products { ask, result: Err(failure) },
        Effect::FetchCategories => Msg::Categories(Err(failure)),
        Effect::FetchPicture(id) => Msg::Picture { id, result: Err(failure) },
        Effect::FetchBasket(id) => Msg::Basket { id, result: Err(failure) },
        Effect::SendChange { key, .. } => Msg::Changed { key, result: Err(failure) },
        Effect::CheckOut { key, .. } => Msg::CheckedOut { key, result: Err(failure) },
        Effect::FetchOrders { ask, .. } => Msg::Orders { ask, result: Err(failure) },
        Effect::FetchTimeline { id, .. } => Msg::Timeline { id, result: Err(failure) },
        Effect::CancelOrder { key, .. } => Msg::Cancelled { key, result: Err(failure) },
        Effect::FetchDiff { id, position } => Msg::Diff { id, position, result: Err(failure) },
        Effect::FetchDiagram { id, copy } => Msg::Diagram { id, copy, result: Err(failure) },
        Effect::Find { sequence, .. } => Msg::Found { sequence, result: Err(failure) },
        Effect::FindOrder(number) => Msg::OrderFound { number, result: Err(failure) },
        Effect::Counter(request) => counter::failed(request, failure),
        Effect::Account(request) => account::failed(request, failure),
        Effect::Submit { key, .. } => Msg::Submitted { key, result: Err(failure) },
        Effect::Processes(request) => Msg::Processes(backstage::failed(request, failure)),
        Effect::Lab(request) => Msg::Lab(laboratory::failed(request, failure)),
        Effect::Copy(_)
        | Effect::Save { .. }
        | Effect::Keep(_)
        | Effect::Configure(_)
        | Effect::FollowAnew
        | Effect::Examine
        | Effect::Suspend
        | Effect::Redraw
        | Effect::Quit => Msg::Tick,
    }
}
