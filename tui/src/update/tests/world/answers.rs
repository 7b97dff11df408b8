//! What the shop responds to each request of the client.

use super::*;

impl Client {
    /// Answers a request, or refuses a write with [`Client::refuse_with`].
    pub(crate) fn answer(&mut self, request: Request) -> Msg {
        let writes = matches!(
            request,
            Request::Change { .. }
                | Request::CheckOut { .. }
                | Request::Cancel { .. }
                | Request::Submit { .. }
                | Request::Register { .. }
        );
        if writes && let Some(problem) = self.refuse_with.take() {
            return Msg::Response(failed(request, Failure::Refused(Box::new(problem))));
        }
        Msg::Response(self.respond(request))
    }

    fn respond(&mut self, request: Request) -> Response {
        match request {
            Request::Products { ask, query } => {
                let mut items = a_shelf();
                let words = query.q.unwrap_or_default().to_lowercase();
                items.retain(|product| product.name.to_lowercase().contains(&words));
                items.retain(|product| query.in_stock != Some(true) || product.available > 0);
                let total = items.len() as u64;
                let suggestion = (words == "mgu").then(|| "mug".to_owned());
                let found = ProductPage { items, next_cursor: None, total, suggestion };
                Response::Products { ask, result: Ok(found) }
            }
            Request::Categories => {
                let items = ["Garden", "Kitchen"].map(|name| Category { name: name.into(), products: 5 }).to_vec();
                Response::Categories { result: Ok(CategoryList { items }) }
            }
            Request::Picture { id } => Response::Picture { id, result: Ok(None) },
            Request::BeginAsGuest => Response::Guest { result: Ok(super::account::a_guest()) },
            Request::Basket { id } => {
                Response::Basket { id, result: Ok(self.orders.iter().find(|order| order.id == id).cloned()) }
            }
            Request::Change { order_id, key, change } => {
                let order = self.order_mut(order_id);
                carry_out(order, change);
                Response::Changed { key, result: Ok(order.clone()) }
            }
            Request::CheckOut { order_id, key, request } => {
                let order = self.order_mut(order_id);
                order.status = OrderStatus::CheckedOut;
                order.payment_status = PaymentStatus::Pending;
                order.email = Some(request.email);
                order.version += 1;
                Response::CheckedOut { key, result: Ok(order.clone()) }
            }
            Request::Orders { ask, .. } => {
                let items: Vec<OrderSummary> = self.orders.iter().rev().map(summary).collect();
                let total = items.len() as u64;
                Response::Orders { ask, result: Ok(Page { items, next_cursor: None, total }) }
            }
            Request::Timeline { id, after } => {
                let head = self.head;
                let about = id.to_string();
                let events = (after + 1..=head).map(|at| an_event(at, "order.item_added", &about)).collect();
                let steps = steps([StepState::Done, StepState::Running, StepState::Pending, StepState::Pending]);
                let order = self.order_mut(id).clone();
                Response::Timeline {
                    id,
                    result: Ok(Timeline { events, next_after: head, head, steps, order, reset: false }),
                }
            }
            Request::Cancel { id, key } => {
                let order = self.order_mut(id);
                order.status = OrderStatus::Cancelled;
                Response::Cancelled { key, result: Ok(order.clone()) }
            }
            Request::Diff { id, position } => {
                let order = self.order_mut(id).clone();
                let change = FieldChange {
                    path: "/items/enamel-mug/quantity".into(),
                    before: Some(json!(position)),
                    after: Some(json!(position + 1)),
                };
                let version = order.version;
                let diff = OrderDiff { from: version, to: version, changes: vec![change], order: Some(order) };
                Response::Diff { id, position, result: Ok(diff) }
            }
            Request::Diagram { id, copy } => Response::Diagram { id, copy, result: Ok("# Order".into()) },
            Request::FindOrder { number } => {
                let has = |order: &&Order| order.number.as_deref() == Some(&number.to_string());
                Response::OrderFound { number, result: Ok(self.orders.iter().find(has).map(|order| order.id)) }
            }
            Request::Find { sequence, words } => {
                Response::Found { sequence, result: Ok(self.find(&words.to_lowercase())) }
            }
            Request::Submit { key, request } => Response::Submitted { key, result: Ok(self.agree(*request)) },
            Request::OrderDocuments { .. }
            | Request::Register { .. }
            | Request::Renew { .. }
            | Request::Me { .. }
            | Request::Sessions { .. }
            | Request::Addresses { .. }
            | Request::Wallet { .. }
            | Request::Movements { .. }
            | Request::Vouchers { .. }
            | Request::Invoices { .. }
            | Request::Mails { .. }
            | Request::DocumentText { .. }
            | Request::DocumentFile { .. } => self.accounts.answer(request),
            Request::Processes | Request::Parked { .. } | Request::Control { .. } => self.backstage.answer(request),
            Request::Scenarios | Request::Faults | Request::Play { .. } | Request::Break { .. } | Request::Reset => {
                self.laboratory.answer(request)
            }
            Request::Stock { .. }
            | Request::CounterProducts { .. }
            | Request::CounterOrders { .. }
            | Request::Sales { .. }
            | Request::Charges { .. } => self.fetch(request),
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
    fn agree(&mut self, request: FormRequest) -> Accepted {
        match request {
            FormRequest::Account(request) => Accepted::Account(self.accounts.agree(request)),
            FormRequest::Counter(request) => Accepted::Counter(self.keep_shop(request)),
            FormRequest::Lab(broken) => {
                self.laboratory.break_there(broken.stub, broken.faults);
                Accepted::Lab(broken)
            }
            FormRequest::UseVoucher { order_id, code } => {
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

/// The response to a request that came to nothing.
pub(crate) fn failed(request: Request, failure: Failure) -> Response {
    match request {
        Request::Products { ask, .. } => Response::Products { ask, result: Err(failure) },
        Request::Categories => Response::Categories { result: Err(failure) },
        Request::Picture { id } => Response::Picture { id, result: Err(failure) },
        Request::BeginAsGuest => Response::Guest { result: Err(failure) },
        Request::Find { sequence, .. } => Response::Found { sequence, result: Err(failure) },
        Request::FindOrder { number } => Response::OrderFound { number, result: Err(failure) },
        Request::Basket { id } => Response::Basket { id, result: Err(failure) },
        Request::Change { key, .. } => Response::Changed { key, result: Err(failure) },
        Request::CheckOut { key, .. } => Response::CheckedOut { key, result: Err(failure) },
        Request::Submit { key, .. } => Response::Submitted { key, result: Err(failure) },
        Request::Orders { ask, .. } => Response::Orders { ask, result: Err(failure) },
        Request::Timeline { id, .. } => Response::Timeline { id, result: Err(failure) },
        Request::Cancel { key, .. } => Response::Cancelled { key, result: Err(failure) },
        Request::Diff { id, position } => Response::Diff { id, position, result: Err(failure) },
        Request::Diagram { id, copy } => Response::Diagram { id, copy, result: Err(failure) },
        Request::OrderDocuments { order, .. } => Response::OrderDocuments { order, result: Err(failure) },
        Request::Register { key, .. } => Response::Registered { key, result: Err(failure) },
        Request::Renew { key } => Response::Renewed { key, result: Err(failure) },
        Request::Me { customer } => Response::Me { customer, result: Err(failure) },
        Request::Sessions { ask } => Response::Sessions { ask, result: Err(failure) },
        Request::Addresses { ask } => Response::Addresses { ask, result: Err(failure) },
        Request::Wallet { customer } => Response::Wallet { customer, result: Err(failure) },
        Request::Movements { ask, .. } => Response::Movements { ask, result: Err(failure) },
        Request::Vouchers { ask, .. } => Response::Vouchers { ask, result: Err(failure) },
        Request::Invoices { ask, .. } => Response::Invoices { ask, result: Err(failure) },
        Request::Mails { ask, .. } => Response::Mails { ask, result: Err(failure) },
        Request::DocumentText { number } => Response::DocumentText { number, result: Err(failure) },
        Request::DocumentFile { number, kind } => Response::DocumentFile { number, kind, result: Err(failure) },
        Request::Processes => Response::Processes { result: Err(failure) },
        Request::Parked { process, .. } => Response::Parked { process, result: Err(failure) },
        Request::Control { key, .. } => Response::Controlled { key, result: Err(failure) },
        Request::Scenarios => Response::Scenarios { result: Err(failure) },
        Request::Faults => Response::Faults { result: Err(failure) },
        Request::Play { name } => Response::Played { name, result: Err(failure) },
        Request::Break { stub, .. } => Response::Broken { stub, result: Err(failure) },
        Request::Reset => Response::Reset { result: Err(failure) },
        Request::Stock { sequence, .. } => Response::Stock { sequence, result: Err(failure) },
        Request::CounterProducts { ask, .. } => Response::CounterProducts { ask, result: Err(failure), service: None },
        Request::CounterOrders { ask, .. } => Response::CounterOrders { ask, result: Err(failure) },
        Request::Sales { sequence, .. } => Response::Sales { sequence, result: Err(failure) },
        Request::Charges { sequence } => Response::Charges { sequence, result: Err(failure) },
    }
}
