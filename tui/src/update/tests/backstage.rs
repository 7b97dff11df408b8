//! What the shop of the tests does by itself, and what an operator has asked of it.

use storefront_api::{
    Page, ParkedSequence, ParkedState, Process, ProcessList, ProcessState, Retry, Timestamp, View, ViewList,
    WaitingEvent,
};

use super::world::START;
use crate::state::{ControlCommand, Target};
use crate::update::{Request, Response};

/// An order that something waits for.
pub(crate) const STRUCK: &str = "0192f3a0-0000-7000-8000-00000000beef";

/// The processes and read models, and what was asked of them.
#[derive(Debug)]
pub(crate) struct Backstage {
    /// What came again; most tests are about a shop where nothing did.
    pub(crate) repeats: Option<storefront_api::Repeats>,
    pub(crate) processes: Vec<Process>,
    pub(crate) views: Vec<View>,
    /// What is parked in the process `mail`.
    pub(crate) parked: Vec<ParkedSequence>,
    /// Everything that was asked, with its key, once for each time that it was sent.
    pub(crate) steered: Vec<(String, ControlCommand)>,
    /// How often somebody looked.
    pub(crate) looks: usize,
}

impl Default for Backstage {
    fn default() -> Self {
        Self {
            processes: ["checkout", "idle_baskets", "mail", "payments"].map(a_process).to_vec(),
            views: ["orders", "products"].map(a_view).to_vec(),
            repeats: None,
            parked: Vec::new(),
            steered: Vec::new(),
            looks: 0,
        }
    }
}

pub(crate) fn a_process(name: &str) -> Process {
    Process {
        name: name.into(),
        position: 128,
        head: 128,
        lag: 0,
        state: ProcessState::Idle,
        unfinished: 0,
        in_flight: 0,
        retrying: 0,
        retries: Vec::new(),
        parked: 0,
        steps: 0,
        next: Vec::new(),
    }
}

pub(crate) fn a_view(name: &str) -> View {
    View {
        name: name.into(),
        position: 128,
        lag: 0,
        left_out: 0,
        last_left_out: None,
        rebuilding: None,
        paused: false,
        next: Vec::new(),
    }
}

pub(crate) fn a_parked_mail() -> ParkedSequence {
    ParkedSequence {
        sequence: STRUCK.into(),
        state: ParkedState::Parked,
        position: 120,
        kind: "email.requested".into(),
        stream: "email-7".into(),
        attempts: 5,
        error: "The mail server cannot be reached: connection refused.".into(),
        parked_at: Timestamp::from_unix_ms(START),
        waiting: 2,
    }
}

impl Backstage {
    pub(crate) fn process(&mut self, name: &str) -> &mut Process {
        self.processes.iter_mut().find(|process| process.name == name).unwrap()
    }

    /// The process `mail` could not handle an event, and the next is tried again.
    pub(crate) fn park_a_mail(&mut self) {
        self.parked = vec![a_parked_mail()];
        let mail = self.process("mail");
        mail.parked = 1;
        (mail.state, mail.retrying, mail.unfinished) = (ProcessState::Retrying, 1, 1);
        mail.retries = vec![Retry {
            position: 124,
            kind: "email.requested".into(),
            sequence: "0192f3a0-0000-7000-8000-00000000cafe".into(),
            attempts: 2,
            next_attempt_at: Some(Timestamp::from_unix_ms(START + 4_000)),
            error: "The mail server said 451: try again later.".into(),
        }];
    }

    /// The process `checkout` is paused, and two events wait.
    pub(crate) fn hold_the_checkout(&mut self) {
        let next =
            [(126, "order.checked_out", STRUCK), (127, "payment.succeeded", "0192f3a0-0000-7000-8000-00000000cafe")];
        let next = next.map(|(position, kind, sequence)| WaitingEvent {
            position,
            kind: kind.into(),
            sequence: sequence.into(),
        });
        let checkout = self.process("checkout");
        (checkout.state, checkout.position, checkout.lag, checkout.unfinished) = (ProcessState::Paused, 125, 3, 2);
        checkout.next = next.to_vec();
    }

    /// How many times each key was sent.
    pub(crate) fn keys(&self) -> usize {
        self.steered.iter().map(|(key, _)| key).collect::<std::collections::BTreeSet<_>>().len()
    }

    pub(crate) fn answer(&mut self, request: Request) -> Response {
        match request {
            Request::Processes => {
                self.looks += 1;
                let processes = ProcessList { items: self.processes.clone() };
                let views = ViewList { items: self.views.clone() };
                Response::Processes { result: Ok((processes, views, self.repeats.clone())) }
            }
            Request::Parked { process, .. } => {
                let items = if process == "mail" { self.parked.clone() } else { Vec::new() };
                let total = items.len() as u64;
                Response::Parked { process, result: Ok(Page { items, next_cursor: None, total }) }
            }
            Request::Control { key, command } => {
                self.steered.push((key.clone(), command.clone()));
                self.carry_out(command);
                Response::Controlled { key, result: Ok(()) }
            }
            other => panic!("{other:?} is not about processes"),
        }
    }

    fn carry_out(&mut self, command: ControlCommand) {
        match command {
            ControlCommand::Pause(Target::Process(name)) => self.process(&name).state = ProcessState::Paused,
            ControlCommand::Resume(Target::Process(name)) => self.process(&name).state = ProcessState::Idle,
            ControlCommand::Step(Target::Process(name)) => {
                let process = self.process(&name);
                process.next.drain(..1.min(process.next.len()));
                process.unfinished = process.next.len() as u64;
            }
            ControlCommand::Pause(Target::View(name)) => self.view(&name).paused = true,
            ControlCommand::Resume(Target::View(name)) => self.view(&name).paused = false,
            ControlCommand::Step(Target::View(_)) | ControlCommand::Rebuild { .. } => {}
            ControlCommand::Retry { .. } => self.parked[0].state = ParkedState::Retrying,
            ControlCommand::Skip { .. } => {
                self.parked.clear();
                self.process("mail").parked = 0;
            }
        }
    }

    pub(crate) fn view(&mut self, name: &str) -> &mut View {
        self.views.iter_mut().find(|view| view.name == name).unwrap()
    }
}
