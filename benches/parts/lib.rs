//! Only benchmarks; see `benches/`.
