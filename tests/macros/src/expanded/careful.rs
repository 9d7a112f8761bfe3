// What a macro writes; see `oneiric-macros/src/tests.rs`.

/// Charge each line of an order, and give the money back when the parcel is lost.
#[allow(unused_imports, dead_code, clippy::get_first)]
pub mod careful {
    use super::*;
    ///The workflow `careful`.
    #[derive(Clone, Copy, Debug)]
    pub struct Def;
    impl ::oneiric::flow::Flow for Def {
        type Output = u64;
        const NAME: &'static str = "careful";
        const SKETCH: ::oneiric::__private::Sketch = ::oneiric::__private::Sketch {
            json: [
                &["{\"digest\": \""],
                &[
                    "\", \"description\": \"Charge each line of an order, and give the money back when the parcel is lost.\", \"node_count\": 5, \"edge_count\": 5, \"entry_nodes\": [\"order\"], \"levels\": [[\"order\"], [\"paid\"], [\"quick\"], [\"slow\"], [\"count\"]], \"nodes\": [{\"id\": \"order\", \"does\": \"run\", \"task\": \"fetch\", \"run\": \"",
                    <fetch::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"with\": {\"",
                    ::oneiric::__private::argument_name::<fetch::Def>(0),
                    "\": \"${input.id}\"}}, {\"id\": \"paid\", \"does\": \"run\", \"task\": \"charge\", \"run\": \"",
                    <charge::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"for_each\": \"${input.lines}\", \"max_parallel\": 2, \"with\": {\"",
                    ::oneiric::__private::argument_name::<charge::Def>(0),
                    "\": \"${order}\", \"",
                    ::oneiric::__private::argument_name::<charge::Def>(1),
                    "\": \"${item}\"}, \"depends_on\": [\"order\"], \"compensate\": {\"does\": \"run\", \"task\": \"refund\", \"run\": \"",
                    <refund::Def as ::oneiric::task::Definition>::PATH,
                    "\"}}, {\"id\": \"quick\", \"does\": \"run\", \"task\": \"charge\", \"run\": \"",
                    <charge::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"when\": [{\"value\": \"${input.express}\", \"any_of\": [true]}], \"with\": {\"",
                    ::oneiric::__private::argument_name::<charge::Def>(0),
                    "\": \"${order}\", \"",
                    ::oneiric::__private::argument_name::<charge::Def>(1),
                    "\": 1}, \"depends_on\": [\"order\", \"paid\"]}, {\"id\": \"slow\", \"does\": \"run\", \"task\": \"count\", \"run\": \"",
                    <count::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"when\": [{\"value\": \"${input.express}\", \"any_of\": [false]}], \"with\": {\"",
                    ::oneiric::__private::argument_name::<count::Def>(0),
                    "\": \"${quick}\"}, \"depends_on\": [\"quick\"], \"on_failure\": \"continue\"}, {\"id\": \"count\", \"does\": \"run\", \"task\": \"count\", \"run\": \"",
                    <count::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"with\": {\"",
                    ::oneiric::__private::argument_name::<count::Def>(0),
                    "\": \"${slow}\"}, \"depends_on\": [\"slow\"]}]}",
                ],
            ],
            form: "oneiric workflow 1",
            nodes: &[
                ::oneiric::__private::Line {
                    head: "5:count run ",
                    path: ::core::option::Option::Some(
                        <count::Def as ::oneiric::task::Definition>::PATH,
                    ),
                    with: ::core::option::Option::Some(
                        &[
                            (
                                ::oneiric::__private::argument_name::<count::Def>(0),
                                "output 4:slow[]",
                            ),
                        ],
                    ),
                    tail: " needs [4:slow,]",
                    undo: ::core::option::Option::None,
                },
                ::oneiric::__private::Line {
                    head: "5:order run ",
                    path: ::core::option::Option::Some(
                        <fetch::Def as ::oneiric::task::Definition>::PATH,
                    ),
                    with: ::core::option::Option::Some(
                        &[
                            (
                                ::oneiric::__private::argument_name::<fetch::Def>(0),
                                "input [2:id,]",
                            ),
                        ],
                    ),
                    tail: " needs []",
                    undo: ::core::option::Option::None,
                },
                ::oneiric::__private::Line {
                    head: "4:paid run ",
                    path: ::core::option::Option::Some(
                        <charge::Def as ::oneiric::task::Definition>::PATH,
                    ),
                    with: ::core::option::Option::Some(
                        &[
                            (
                                ::oneiric::__private::argument_name::<charge::Def>(0),
                                "output 5:order[]",
                            ),
                            (
                                ::oneiric::__private::argument_name::<charge::Def>(1),
                                "item []",
                            ),
                        ],
                    ),
                    tail: " needs [5:order,] each input [5:lines,] compensate run ",
                    undo: ::core::option::Option::Some(
                        <refund::Def as ::oneiric::task::Definition>::PATH,
                    ),
                },
                ::oneiric::__private::Line {
                    head: "5:quick run ",
                    path: ::core::option::Option::Some(
                        <charge::Def as ::oneiric::task::Definition>::PATH,
                    ),
                    with: ::core::option::Option::Some(
                        &[
                            (
                                ::oneiric::__private::argument_name::<charge::Def>(0),
                                "output 5:order[]",
                            ),
                            (
                                ::oneiric::__private::argument_name::<charge::Def>(1),
                                "literal 1",
                            ),
                        ],
                    ),
                    tail: " needs [5:order,4:paid,] when [input [7:express,][any [true,],],]",
                    undo: ::core::option::Option::None,
                },
                ::oneiric::__private::Line {
                    head: "4:slow run ",
                    path: ::core::option::Option::Some(
                        <count::Def as ::oneiric::task::Definition>::PATH,
                    ),
                    with: ::core::option::Option::Some(
                        &[
                            (
                                ::oneiric::__private::argument_name::<count::Def>(0),
                                "output 5:quick[]",
                            ),
                        ],
                    ),
                    tail: " needs [5:quick,] continue when [input [7:express,][any [false,],],]",
                    undo: ::core::option::Option::None,
                },
            ],
            result: ::core::option::Option::Some(("count", "")),
        };
        fn build(dag: &::oneiric::Dag) {
            let _ = dag;
            let input = dag.input();
            let order = dag
                .task("order", fetch::Def)
                .with(
                    <<fetch::Def as ::oneiric::task::Definition>::Args>::new(
                        input.get::<String>("id"),
                    ),
                );
            let paid = dag
                .task("paid", charge::Def)
                .each(
                    input.get::<Vec<u64>>("lines"),
                    |item| <<charge::Def as ::oneiric::task::Definition>::Args>::new(
                        order.output(),
                        item.whole(),
                    ),
                )
                .max_parallel(2)
                .compensate(refund::Def);
            let quick = dag
                .task("quick", charge::Def)
                .with(
                    <<charge::Def as ::oneiric::task::Definition>::Args>::new(
                        order.output(),
                        ::oneiric::value::constant(1),
                    ),
                )
                .when(input.get::<bool>("express"))
                .after([paid.id()]);
            let slow = dag
                .task("slow", count::Def)
                .with(
                    <<count::Def as ::oneiric::task::Definition>::Args>::new(
                        quick.outcome(),
                    ),
                )
                .when(
                    ::oneiric::value::any_of(
                        input.get::<bool>("express").json(),
                        ["false"],
                    ),
                )
                .continue_on_failure();
            let count = dag
                .task("count", count::Def)
                .with(
                    <<count::Def as ::oneiric::task::Definition>::Args>::new(
                        slow.outcome(),
                    ),
                );
            let _: ::oneiric::Bind<u64> = count.output();
        }
    }
    /// Starts a run. Returns when it is on disk.
    pub async fn start(
        engine: &::oneiric::Engine,
        id: String,
        lines: Vec<u64>,
        express: bool,
    ) -> ::core::result::Result<
        ::oneiric::flow::Started<u64>,
        ::oneiric::engine::StartError,
    > {
        ::oneiric::__private::start::<
            Def,
        >(
                engine,
                ::core::option::Option::None,
                ::oneiric::__private::input([
                    ("id", ::oneiric::Json::of(&id)),
                    ("lines", ::oneiric::Json::of(&lines)),
                    ("express", ::oneiric::Json::of(&express)),
                ]),
            )
            .await
    }
    /// Starts the run of this id, or joins it if there is one: however often it is called, it runs once.
    pub async fn start_as(
        engine: &::oneiric::Engine,
        run_id: impl ::core::convert::Into<::std::string::String>,
        id: String,
        lines: Vec<u64>,
        express: bool,
    ) -> ::core::result::Result<
        ::oneiric::flow::Started<u64>,
        ::oneiric::engine::StartError,
    > {
        let run_id = ::core::option::Option::Some(run_id.into());
        ::oneiric::__private::start::<
            Def,
        >(
                engine,
                run_id,
                ::oneiric::__private::input([
                    ("id", ::oneiric::Json::of(&id)),
                    ("lines", ::oneiric::Json::of(&lines)),
                    ("express", ::oneiric::Json::of(&express)),
                ]),
            )
            .await
    }
    const _: () = {
        ::oneiric::__private::parameter::<String>();
        ::oneiric::__private::parameter::<Vec<u64>>();
        ::oneiric::__private::parameter::<bool>();
    };
}
