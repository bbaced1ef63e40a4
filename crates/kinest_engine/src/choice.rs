//! The device to run on.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The device that a network runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeviceChoice {
    /// The first of CUDA, wgpu and the CPU that is compiled in and works.
    #[default]
    Auto,
    /// An NVIDIA GPU; needs the feature `cuda`.
    Cuda,
    /// Any GPU with Vulkan, Metal or DirectX 12, or a software adapter; needs the feature `wgpu`.
    Wgpu,
    /// The CPU; always available.
    Cpu,
}

impl DeviceChoice {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Cuda, Self::Wgpu, Self::Cpu];

    /// Its name: `auto`, `cuda`, `wgpu`, `cpu`. For a GPU this is also the name of the required
    /// feature.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text is not the name of a [`DeviceChoice`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown device `{0}`: expected auto, cuda, wgpu or cpu")]
pub struct UnknownDevice(String);

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let found = Self::ALL.into_iter().find(|choice| choice.name() == text);
        found.ok_or_else(|| UnknownDevice(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_others_refused() {
        for choice in DeviceChoice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        let error = "tpu".parse::<DeviceChoice>().unwrap_err().to_string();
        assert!(error.contains("tpu") && error.contains("cuda"), "{error}");
    }
}
