//! Control flow that is not data flow: what to write instead, at the token.

#[oneiric::task]
fn number() -> u64 {
    4
}

#[oneiric::task]
fn double(n: u64) -> u64 {
    n * 2
}

#[oneiric::dag]
async fn branches(n: u64) {
    if n > 3 {
        number();
    }
    match n {
        _ => number(),
    };
}

#[oneiric::dag]
async fn loops(n: u64) {
    for _ in 0..n {
        number();
    }
    while n > 3 {}
    loop {
        break;
    }
}

#[oneiric::dag]
async fn asynchronous() -> u64 {
    let a = number().await;
    let b = number()?;
    return double(a);
}

#[oneiric::dag]
async fn assignments() {
    let mut a = number();
    let b = number();
    b = double(a);
    let a = double(b);
    let (c, d) = number();
    let e: u64 = number();
    let f;
    let _ = number();
    let ref g = number();
    let Some(h) = number() else { return };
}

#[oneiric::dag]
async fn expressions(n: u64) {
    let a = number();
    double(a + 1);
    double(!a);
    double(&a);
    double(a.clone());
    double(a.pow(2));
    double(double(a));
    double(a as u64);
    double((a, 1));
    double([a][n]);
    double(u64::MAX);
    double(|| a);
    double(vec![a]);
    double('x');
    double(a.0);
    double(a[n]);
    double(nowhere);
    double(number::<u64>);
    let b = n;
    let c = async { a };
    let d = { a };
    let e = unsafe { a };
    let g = const { 3 };
    println!("{a}");
    const F: u64 = 3;
}

fn main() {}
