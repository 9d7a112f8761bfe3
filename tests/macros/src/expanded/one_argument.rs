// What a macro writes; see `oneiric-macros/src/tests.rs`.

/// Looks up an order.
pub fn fetch(id: String) -> String {
    id
}
///The task [`fetch`](fetch()) as a workflow names it.
#[allow(unused_imports, dead_code)]
pub mod fetch {
    use super::*;
    /// The task.
    #[derive(Clone, Copy, Debug)]
    pub struct Def;
    /// Its arguments.
    pub struct Args {
        ///The argument `id`.
        pub id: ::oneiric::value::Bind<String>,
    }
    impl Args {
        /// The arguments in the function's order.
        #[allow(clippy::too_many_arguments)]
        pub fn new(id: ::oneiric::value::Bind<String>) -> Self {
            Self { id }
        }
    }
    impl ::oneiric::task::Definition for Def {
        const PATH: &'static str = ::core::module_path!();
        const ARGUMENTS: &'static [&'static str] = &["id"];
        type Args = Args;
        type Values = (String,);
        type Output = String;
        fn visit(args: &Args, visitor: &mut dyn ::oneiric::task::Visitor) {
            visitor.argument("id", &args.id);
            let _ = (args, visitor);
        }
        fn read(
            args: &Args,
            scope: &::oneiric::value::Scope<'_>,
        ) -> ::core::result::Result<Self::Values, ::oneiric::task::Error> {
            let _ = (args, scope);
            ::core::result::Result::Ok((args.id.read(scope)?,))
        }
        fn call(
            values: Self::Values,
            ctx: ::oneiric::task::Ctx,
        ) -> ::oneiric::task::Attempt<Self::Output> {
            let (argument_0,) = values;
            {
                let _ = ctx;
                ::oneiric::__private::blocking(move || ::core::result::Result::Ok(
                    super::fetch(argument_0),
                ))
            }
        }
    }
    const _: () = {};
    impl ::oneiric::task::Undoes<String> for Def {}
    impl ::oneiric::task::TakesInput for Def {
        fn from_input(input: ::oneiric::value::Input) -> Args {
            let _ = input;
            Args { id: input.whole() }
        }
    }
}
