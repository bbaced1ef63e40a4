//! Whether there is anything to wear.

use openxr::{ApplicationInfo, Entry, ExtensionSet, FormFactor, Version};

/// Why there is no headset.
#[derive(Debug, thiserror::Error)]
pub enum NoHeadset {
    /// The library that finds runtimes is not installed.
    #[cfg(not(windows))]
    #[error("there is no OpenXR loader ({0})")]
    Loader(#[from] openxr::LoadError),
    /// There is no runtime, or it does not answer.
    #[error("there is no OpenXR runtime ({0})")]
    Runtime(openxr::sys::Result),
    /// The runtime has no headset now.
    #[error("the OpenXR runtime has no headset ({0})")]
    Headset(openxr::sys::Result),
}

/// The name of the headset that can be used now. For apps that must know before they are made; takes as long
/// as a runtime takes to start.
///
/// # Errors
/// If there is none.
pub fn find_headset() -> Result<String, NoHeadset> {
    #[cfg(windows)]
    let entry = Entry::linked();
    // SAFETY: whatever is installed as the OpenXR loader is trusted to be one, as by every app that uses it.
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
