//! Detects a headset.

use openxr::{ApplicationInfo, Entry, ExtensionSet, FormFactor, Version};

/// Why no headset is available.
#[derive(Debug, thiserror::Error)]
pub enum NoHeadset {
    /// The OpenXR loader library is not installed.
    #[cfg(not(windows))]
    #[error("there is no OpenXR loader ({0})")]
    Loader(#[from] openxr::LoadError),
    /// There is no runtime, or it does not respond.
    #[error("there is no OpenXR runtime ({0})")]
    Runtime(openxr::sys::Result),
    /// The runtime has no headset at the moment.
    #[error("the OpenXR runtime has no headset ({0})")]
    Headset(openxr::sys::Result),
}

/// The name of the available headset, for apps that must check before they are built. Blocks until
/// the runtime has started.
///
/// # Errors
/// If no headset is available.
#[cfg_attr(
    not(windows),
    expect(unsafe_code, reason = "the OpenXR loader is a C library found at run time")
)]
pub fn find_headset() -> Result<String, NoHeadset> {
    #[cfg(windows)]
    let entry = Entry::linked();
    // SAFETY: the library installed as OpenXR loader is trusted to be one, as in every OpenXR app.
    #[cfg(not(windows))]
    let entry = unsafe { Entry::load()? };
    let app = ApplicationInfo {
        application_name: "bevy_kinest",
        application_version: 0,
        engine_name: "Bevy",
        engine_version: 0,
        api_version: Version::new(1, 0, 0),
    };
    let instance =
        entry.create_instance(&app, &ExtensionSet::default(), &[]).map_err(NoHeadset::Runtime)?;
    let system = instance.system(FormFactor::HEAD_MOUNTED_DISPLAY).map_err(NoHeadset::Headset)?;
    let properties = instance.system_properties(system).map_err(NoHeadset::Headset)?;
    Ok(properties.system_name)
}
