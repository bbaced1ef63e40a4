//! What the parts of `bevy_kinest` cost: `cargo bench -p kinest_benches --bench NAME`.
//!
//! | bench | measures |
//! |---|---|
//! | `inference` | a window on the CPU: Burn's operations, the fused scan, the native form |
//! | `streaming` | a frame of a causal network in the native form, in each precision |
//! | `pipeline` | features, decoding and corrections of a frame |
//! | `main_thread` | what avatars cost a game's main thread |
//! | `training` | a step of training, and the part of it that the scans take |
//! | `native_peer` | the program that `benches/peers/run` compares with PyTorch and ONNX Runtime |
//!
//! They are a package of their own, so that nobody who builds an example builds what only measures.
