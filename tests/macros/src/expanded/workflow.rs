// What a macro writes; see `oneiric-macros/src/tests.rs`.

/// Charge an order once.
#[allow(unused_imports, dead_code, clippy::get_first)]
pub mod fulfil {
    use super::*;
    ///The workflow `fulfil`.
    #[derive(Clone, Copy, Debug)]
    pub struct Def;
    impl ::oneiric::flow::Flow for Def {
        type Output = u64;
        const NAME: &'static str = "fulfil";
        const SKETCH: ::oneiric::__private::Sketch = ::oneiric::__private::Sketch {
            json: [
                &["{\"digest\": \""],
                &[
                    "\", \"description\": \"Charge an order once.\", \"node_count\": 3, \"edge_count\": 3, \"entry_nodes\": [\"order\"], \"timeout_ms\": 7200000, \"levels\": [[\"order\"], [\"pause\"], [\"charge\"]], \"nodes\": [{\"id\": \"order\", \"does\": \"run\", \"task\": \"fetch\", \"run\": \"",
                    <fetch::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"with\": {\"",
                    ::oneiric::__private::argument_name::<fetch::Def>(0),
                    "\": \"${input.id}\"}, \"timeout_ms\": 5000}, {\"id\": \"pause\", \"does\": \"wait\", \"wait_ms\": 60000, \"depends_on\": [\"order\"]}, {\"id\": \"charge\", \"does\": \"run\", \"task\": \"charge\", \"run\": \"",
                    <charge::Def as ::oneiric::task::Definition>::PATH,
                    "\", \"with\": {\"",
                    ::oneiric::__private::argument_name::<charge::Def>(0),
                    "\": \"${order}\", \"",
                    ::oneiric::__private::argument_name::<charge::Def>(1),
                    "\": \"${input.amount}\"}, \"depends_on\": [\"order\", \"pause\"], \"retry\": {\"attempts\": 3}}]}",
                ],
            ],
            form: "oneiric workflow 1",
            nodes: &[
                ::oneiric::__private::Line {
                    head: "6:charge run ",
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
                                "input [6:amount,]",
                            ),
                        ],
                    ),
                    tail: " needs [5:order,5:pause,]",
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
                    head: "5:pause wait 60000",
                    path: ::core::option::Option::None,
                    with: ::core::option::Option::None,
                    tail: " needs [5:order,]",
                    undo: ::core::option::Option::None,
                },
            ],
            result: ::core::option::Option::Some(("charge", "")),
        };
        fn build(dag: &::oneiric::Dag) {
            let _ = dag;
            let _: ::core::time::Duration = secs(5);
            let _: ::core::time::Duration = mins(1);
            dag.timeout(::oneiric::hours(2));
            let input = dag.input();
            let order = dag
                .task("order", fetch::Def)
                .with(
                    <<fetch::Def as ::oneiric::task::Definition>::Args>::new(
                        input.get::<String>("id"),
                    ),
                )
                .timeout(::oneiric::secs(5));
            let pause = dag.wait("pause", ::oneiric::mins(1)).after([order.id()]);
            let charge = dag
                .task("charge", charge::Def)
                .with(
                    <<charge::Def as ::oneiric::task::Definition>::Args>::new(
                        order.output(),
                        input.get::<u64>("amount"),
                    ),
                )
                .retry(::oneiric::Retry::attempts(3))
                .after([pause.id()]);
            let _: ::oneiric::Bind<u64> = charge.output();
        }
    }
    /// Starts a run. Returns when it is on disk.
    pub async fn start(
        engine: &::oneiric::Engine,
        id: String,
        amount: u64,
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
                    ("amount", ::oneiric::Json::of(&amount)),
                ]),
            )
            .await
    }
    /// Starts the run of this id, or joins it if there is one: however often it is called, it runs once.
    pub async fn start_as(
        engine: &::oneiric::Engine,
        run_id: impl ::core::convert::Into<::std::string::String>,
        id: String,
        amount: u64,
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
                    ("amount", ::oneiric::Json::of(&amount)),
                ]),
            )
            .await
    }
    const _: () = {
        ::oneiric::__private::parameter::<String>();
        ::oneiric::__private::parameter::<u64>();
    };
}
