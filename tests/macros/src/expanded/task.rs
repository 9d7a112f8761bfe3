// What a macro writes; see `oneiric-macros/src/tests.rs`.

/// Charges a customer.
pub async fn charge(
    ctx: oneiric::Ctx,
    order: String,
    amount: u64,
) -> Result<u64, std::io::Error> {
    let _ = (ctx, order);
    Ok(amount)
}
///The task [`charge`](charge()) as a workflow names it.
#[allow(unused_imports, dead_code)]
pub mod charge {
    use super::*;
    /// The task.
    #[derive(Clone, Copy, Debug)]
    pub struct Def;
    /// Its arguments.
    pub struct Args {
        ///The argument `order`.
        pub order: ::oneiric::value::Bind<String>,
        ///The argument `amount`.
        pub amount: ::oneiric::value::Bind<u64>,
    }
    impl Args {
        /// The arguments in the function's order.
        #[allow(clippy::too_many_arguments)]
        pub fn new(
            order: ::oneiric::value::Bind<String>,
            amount: ::oneiric::value::Bind<u64>,
        ) -> Self {
            Self { order, amount }
        }
    }
    impl ::oneiric::task::Definition for Def {
        const PATH: &'static str = ::core::module_path!();
        const ARGUMENTS: &'static [&'static str] = &["order", "amount"];
        const RETRY: ::oneiric::Retry = ::oneiric::Retry::attempts(5)
            .base_delay(::oneiric::secs(1));
        const TIMEOUT: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(
            ::oneiric::secs(30),
        );
        type Args = Args;
        type Values = (String, u64);
        type Output = <Result<
            u64,
            std::io::Error,
        > as ::oneiric::__private::Fallible>::Output;
        fn visit(args: &Args, visitor: &mut dyn ::oneiric::task::Visitor) {
            visitor.argument("order", &args.order);
            visitor.argument("amount", &args.amount);
            let _ = (args, visitor);
        }
        fn read(
            args: &Args,
            scope: &::oneiric::value::Scope<'_>,
        ) -> ::core::result::Result<Self::Values, ::oneiric::task::Error> {
            let _ = (args, scope);
            ::core::result::Result::Ok((
                args.order.read(scope)?,
                args.amount.read(scope)?,
            ))
        }
        fn call(
            values: Self::Values,
            ctx: ::oneiric::task::Ctx,
        ) -> ::oneiric::task::Attempt<Self::Output> {
            let (argument_0, argument_1) = values;
            ::oneiric::__private::cancellable(
                ctx,
                move |ctx| ::std::boxed::Box::pin(async move {
                    ::oneiric::__private::settle(
                        super::charge(ctx, argument_0, argument_1).await,
                    )
                }),
            )
        }
    }
    const _: () = {
        ::oneiric::__private::argument::<String>();
        ::oneiric::__private::argument::<u64>();
    };
}
