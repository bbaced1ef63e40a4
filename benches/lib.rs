//! Benchmarks of `bevy_kinest`: `cargo bench -p kinest_benches --bench NAME`.
//!
//! | bench | measures |
//! |---|---|
//! | `inference` | a window on the CPU: Burn operations, the fused scan, the native implementation |
//! | `streaming` | a frame of a causal network in the native implementation, in each precision |
//! | `pipeline` | features, decoding and corrections of a frame |
//! | `main_thread` | cost of avatars on a game's main thread |
//! | `training` | a training step, and the scans' share of it |
//! | `native_peer` | the program that `benches/peers/run` compares with PyTorch and ONNX Runtime |
//!
//! A package of their own, so that building an example does not build what only benchmarks need.
