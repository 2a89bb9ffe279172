//! What every store promises, one async function per guarantee.
//!
//! An adapter runs them all by `domain_testkit::store_contract!(harness);`, where `harness` is an
//! `async fn() -> domain_testkit::Harness` of its test that makes a fresh store. The crate that uses the macro needs `tokio`
//! with `macros` and `rt-multi-thread` among its dev-dependencies.

pub mod ordering;

/// Names every contract as a test of the store that `async fn harness() -> Harness` makes.
#[macro_export]
macro_rules! store_contract {
    ($harness:ident) => {
        $crate::store_contract!(@theme $harness ordering:
            stamps_follow_the_clock_and_never_go_back
        );
    };
    (@theme $harness:ident $theme:ident: $($name:ident)*) => {
        mod $theme {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    $crate::contract::$theme::$name(super::$harness().await).await;
                }
            )*
        }
    };
}
