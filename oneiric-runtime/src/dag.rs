//! A workflow as it is declared, one statement a node.
//!
//! An edge is a variable, so an edge to nothing, or a cycle, cannot be written.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json::Json;
use crate::run::NodeId;
use crate::stand_in::StandIns;
use crate::task::{Definition, Retry, TakesInput, Undoes, Visitor};
use crate::value::{self, AnyBind, Bind, Input, Item};
use crate::workflow::{self, Does, Exec, Step, Task, Workflow};

/// A workflow under construction.
#[derive(Default)]
pub struct Dag {
    draft: RefCell<Draft>,
    stand_ins: Arc<StandIns>,
}

#[derive(Default)]
struct Draft {
    nodes: Vec<workflow::Node>,
    max_parallel: Option<u32>,
    timeout: Option<Duration>,
}

impl Dag {
    /// One in which some tasks are something else.
    pub(crate) fn with_stand_ins(stand_ins: Arc<StandIns>) -> Self {
        Self { draft: RefCell::default(), stand_ins }
    }

    /// How many nodes of a run may be under way at once.
    pub fn max_parallel(&self, nodes: u32) {
        self.draft.borrow_mut().max_parallel = Some(nodes);
    }

    /// How long a run may take.
    pub fn timeout(&self, timeout: Duration) {
        self.draft.borrow_mut().timeout = Some(timeout);
    }

    /// The run's input.
    pub fn input(&self) -> Input {
        Input(())
    }

    /// A node that calls a Rust function.
    pub fn task<D: Definition>(&self, name: &'static str, _task: D) -> Unbound<'_, Typed<D>> {
        Unbound { dag: self, name, kind: Typed(PhantomData) }
    }

    /// A node that starts a program.
    pub fn exec<const N: usize>(&self, name: &'static str, argv: [&'static str; N]) -> Unbound<'_, Program> {
        Unbound { dag: self, name, kind: Program(argv.to_vec()) }
    }

    /// A node that only waits. The timer goes on after a restart.
    pub fn wait(&self, name: &'static str, duration: Duration) -> Node<'_, Output<()>> {
        self.add(name, Does::Wait(duration), Uses::default())
    }

    /// The finished workflow.
    pub(crate) fn finish(self, name: &'static str) -> Workflow {
        let draft = self.draft.into_inner();
        Workflow::new(name, draft.nodes, draft.max_parallel, draft.timeout)
    }

    fn add<K>(&self, name: &'static str, does: Does, uses: Uses) -> Node<'_, K> {
        let mut draft = self.draft.borrow_mut();
        let id = NodeId(u32::try_from(draft.nodes.len()).expect("fewer than 2^32 nodes"));
        let Uses { mut needs, mut secrets } = uses;
        needs.sort_unstable();
        needs.dedup();
        secrets.sort_unstable();
        secrets.dedup();
        draft.nodes.push(workflow::Node {
            name,
            does,
            needs,
            secrets,
            retry: Retry::ONCE,
            timeout: None,
            continues: false,
            when: Vec::new(),
            each: None,
            undo: None,
        });
        Node { dag: self, id, name, kind: PhantomData }
    }
}

/// A node that has no arguments yet.
#[must_use = "a node joins the workflow when it is given its arguments"]
pub struct Unbound<'d, K> {
    dag: &'d Dag,
    name: &'static str,
    kind: K,
}

/// The kind of a node that calls the function of `D`.
pub struct Typed<D>(PhantomData<fn() -> D>);

/// The kind of a node that starts a program.
pub struct Program(Vec<&'static str>);

impl<'d, D: Definition> Unbound<'d, Typed<D>> {
    /// Gives the node its arguments.
    pub fn with(self, args: D::Args) -> Node<'d, Output<D::Output>> {
        let mut uses = Uses::default();
        D::visit(&args, &mut uses);
        let stand_in = self.dag.stand_ins.of::<D>();
        let step: Box<dyn Step> = Box::new(Task::<D> { args, stand_in });
        let node = self.dag.add(self.name, Does::Step(step), uses);
        node.change(|node| {
            node.retry = D::RETRY;
            node.timeout = D::TIMEOUT;
        })
    }

    /// Makes an instance of the node for each element of `list`, and gives it its arguments. The node returns what they
    /// return, in the order of the list.
    pub fn each<T: Serialize + DeserializeOwned + 'static>(
        self,
        list: Bind<Vec<T>>,
        args: impl FnOnce(Item<T>) -> D::Args,
    ) -> Node<'d, Output<Vec<D::Output>>> {
        self.with(args(Item::new())).for_each(list.json().parse(), false)
    }

    /// Makes an instance of the node for each element of `list`, which is its one argument.
    pub fn each_alone<T: Serialize + DeserializeOwned + 'static>(
        self,
        list: Bind<Vec<T>>,
    ) -> Node<'d, Output<Vec<D::Output>>>
    where
        D: TakesInput,
    {
        self.with_input().for_each(list.json().parse(), true)
    }

    /// Gives the node the run's input as its one argument.
    pub fn with_input(self) -> Node<'d, Output<D::Output>>
    where
        D: TakesInput,
    {
        let input = self.dag.input();
        self.with(D::from_input(input))
    }
}

impl<'d> Unbound<'d, Program> {
    /// Gives the program what it reads.
    pub fn with(self, stdin: Bind<Json>) -> Node<'d, Untyped> {
        let mut uses = Uses::default();
        uses.argument("stdin", &stdin);
        let argv = self.kind.0.into_iter().map(str::to_owned).collect();
        self.dag.add(self.name, Does::Step(Box::new(Exec { argv, stdin })), uses)
    }

    /// Makes an instance of the node for each element of `list`, and gives each what it reads. The node gives a list of
    /// what they give, in the order of the list.
    pub fn each<T: Serialize + DeserializeOwned + 'static>(
        self,
        list: Bind<Vec<T>>,
        stdin: impl FnOnce(Item<T>) -> Bind<Json>,
    ) -> Node<'d, Untyped> {
        self.with(stdin(Item::new())).for_each(list.json().parse(), false)
    }

    /// Makes an instance of the node for each element of `list`, which is what it reads.
    pub fn each_alone<T: Serialize + DeserializeOwned + 'static>(
        self,
        list: Bind<Vec<T>>,
    ) -> Node<'d, Untyped> {
        self.with_input().for_each(list.json().parse(), true)
    }

    /// Gives the program the run's input.
    pub fn with_input(self) -> Node<'d, Untyped> {
        let input = self.dag.input().whole();
        self.with(input)
    }
}

/// What the arguments of a node are made of.
#[derive(Default)]
struct Uses {
    needs: Vec<NodeId>,
    secrets: Vec<&'static str>,
}

impl Visitor for Uses {
    fn argument(&mut self, _name: &'static str, value: &dyn AnyBind) {
        self.needs.extend_from_slice(value.needs());
        self.secrets.extend_from_slice(value.secrets());
    }
}

/// A node of the workflow, standing for its output.
pub struct Node<'d, K> {
    dag: &'d Dag,
    id: NodeId,
    name: &'static str,
    kind: PhantomData<fn() -> K>,
}

/// The kind of a node whose output is a `T`.
pub struct Output<T>(PhantomData<fn() -> T>);

/// The kind of a node whose output is JSON of no known type.
pub struct Untyped(());

impl<K> Clone for Node<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Node<'_, K> {}

impl<'d, K> Node<'d, K> {
    /// How failed attempts are tried again.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn retry(self, retry: Retry) -> Self {
        self.change(|node| node.retry = retry)
    }

    /// How long one attempt may take.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|node| node.timeout = Some(timeout))
    }

    /// Nodes that it waits for besides those whose output it is given.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn after<const N: usize>(self, nodes: [NodeId; N]) -> Self {
        self.change(|node| {
            node.needs.extend(nodes);
            node.needs.sort_unstable();
            node.needs.dedup();
        })
    }

    /// Lets the run go on when this node fails.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn continue_on_failure(self) -> Self {
        self.change(|node| node.continues = true)
    }

    /// Lets it run only where `condition` holds. Where it does not, the node is skipped, and its dependants run without its
    /// output. It can be said several times; then all have to hold.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn when(self, condition: Bind<bool>) -> Self {
        self.change(|node| {
            node.needs.extend_from_slice(condition.needs());
            node.needs.sort_unstable();
            node.needs.dedup();
            node.when.push(condition);
        })
    }

    /// How many instances of a node with a list may be under way at once.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn max_parallel(self, instances: u32) -> Self {
        self.change(|node| {
            if let Some(each) = &mut node.each {
                each.max_parallel = Some(instances.max(1) as usize);
            }
        })
    }

    /// Its id, for [`after`](Self::after).
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The node with an instance for each element of `list`.
    fn for_each<L>(self, list: Bind<Vec<Json>>, is_input: bool) -> Node<'d, L> {
        let Self { dag, id, name, .. } = self.change(|node| {
            node.needs.extend_from_slice(list.needs());
            node.needs.sort_unstable();
            node.needs.dedup();
            node.each = Some(workflow::Each { list, max_parallel: None, is_input });
        });
        Node { dag, id, name, kind: PhantomData }
    }

    /// The node with what undoes it.
    fn undone_by(self, step: Box<dyn Step>, retry: Retry, timeout: Option<Duration>) -> Self {
        self.change(|node| node.undo = Some(workflow::Undo { step, retry, timeout }))
    }

    /// The node with a task that undoes it.
    fn undone_by_task<D: TakesInput>(self) -> Self {
        let args = D::from_input(self.dag.input());
        let stand_in = self.dag.stand_ins.of::<D>();
        self.undone_by(Box::new(Task::<D> { args, stand_in }), D::RETRY, D::TIMEOUT)
    }

    fn change(self, change: impl FnOnce(&mut workflow::Node)) -> Self {
        change(&mut self.dag.draft.borrow_mut().nodes[self.id.index()]);
        self
    }
}

impl<T: DeserializeOwned + 'static> Node<'_, Output<T>> {
    /// What it returns.
    pub fn output(self) -> Bind<T> {
        value::output(self.id)
    }

    /// Part of what it returns. The value is cloned.
    pub fn path<U: Clone + 'static>(self, pick: fn(&T) -> Option<&U>) -> Bind<U> {
        value::output_path(self.id, self.name, pick)
    }

    /// Has the task `undo` undo it when the run fails after it has completed. The task is given what the node returned;
    /// how its failures are tried again is for the task itself to say.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn compensate<D: Undoes<T>>(self, _undo: D) -> Self {
        self.undone_by_task::<D>()
    }

    /// What it returns, if it completes: for a node that may fail, or be skipped, and let the run go on.
    pub fn outcome(self) -> Bind<Option<T>> {
        value::outcome(self.id)
    }

    /// Part of what it returns, if it completes.
    pub fn outcome_path<U: Clone + 'static>(self, pick: fn(&T) -> Option<&U>) -> Bind<Option<U>> {
        value::outcome_path(self.id, pick)
    }
}

impl<K> Node<'_, K> {
    /// Has a program undo it when the run fails after it has completed. The program reads what the node returned.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn compensate_exec<const N: usize>(self, argv: [&'static str; N]) -> Self {
        let stdin = self.dag.input().whole();
        let argv = argv.map(str::to_owned).into();
        self.undone_by(Box::new(Exec { argv, stdin }), Retry::ONCE, None)
    }

    /// How failures of undoing it are tried again, instead of as the task says.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn compensate_retry(self, retry: Retry) -> Self {
        self.change(|node| node.undo.iter_mut().for_each(|undo| undo.retry = retry))
    }

    /// How long one attempt to undo it may take, instead of as the task says.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn compensate_timeout(self, timeout: Duration) -> Self {
        self.change(|node| node.undo.iter_mut().for_each(|undo| undo.timeout = Some(timeout)))
    }
}

impl Node<'_, Untyped> {
    /// Has the task `undo` undo it when the run fails after it has completed. The task is given what the program gave.
    #[expect(clippy::return_self_not_must_use, reason = "the option is set either way")]
    pub fn compensate<D: TakesInput>(self, _undo: D) -> Self {
        self.undone_by_task::<D>()
    }

    /// The JSON that it gives, read as a `T`; `null` if it failed and let the run go on.
    pub fn output<T: DeserializeOwned>(self) -> Bind<T> {
        self.get("")
    }

    /// The part at `path` of the JSON that it gives.
    pub fn get<T: DeserializeOwned>(self, path: &'static str) -> Bind<T> {
        value::output_part(self.id, self.name, path)
    }
}
