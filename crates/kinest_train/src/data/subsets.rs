//! Names of the collections in AMASS.

/// The collections of AMASS: the name on the download page, then other names of the folder.
/// Compared without case and punctuation.
const SUBSETS: [&[&str]; 24] = [
    &["ACCAD"],
    &["BMLhandball"],
    &["BMLmovi"],
    &["BMLrub", "BioMotionLab_NTroje"],
    &["CMU"],
    &["CNRS"],
    &["DanceDB"],
    &["DFaust", "DFaust_67"],
    &["EKUT"],
    &["EyesJapanDataset"],
    &["GRAB"],
    &["HDM05", "MPI_HDM05"],
    &["HUMAN4D"],
    &["HumanEva"],
    &["KIT"],
    &["MoSh", "MPI_mosh"],
    &["PosePrior", "MPI_Limits"],
    &["SFU"],
    &["SOMA"],
    &["SSM", "SSM_synced"],
    &["TCDHands", "TCD_handMocap"],
    &["TotalCapture"],
    &["Transitions", "Transitions_mocap"],
    &["WEIZMANN"],
];

/// The collection that a folder is named after, by its name on the download page.
#[must_use]
pub fn subset_named(folder: &str) -> Option<&'static str> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let folder = plain(folder);
    let found = SUBSETS.iter().find(|names| names.iter().any(|name| plain(name) == folder))?;
    Some(found[0])
}

/// The collection of a clip: the first folder in its name that is a collection of AMASS, or else
/// the first folder; empty if there is none. Folders are separated by `/`.
#[must_use]
pub fn subset_of(name: &str) -> &str {
    let Some((folders, _)) = name.rsplit_once('/') else { return "" };
    let known = folders.split('/').find_map(subset_named);
    known.unwrap_or_else(|| folders.split('/').next().unwrap_or_default())
}

/// The name of a clip in AMASS, independent of the release and of where it was unpacked: its
/// collection, then the path inside it, without the extension. `None` if it is in no folder of
/// AMASS.
///
/// `AMASS/smplh/MPI_HDM05/bd/HDM_bd_01_poses.npz` is `HDM05/bd/hdm_bd_01`, and so is its
/// `_stageii`.
#[must_use]
pub fn amass_key(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    let (file, folders) = parts.split_last()?;
    let (at, subset) = folders.iter().enumerate().find_map(|(i, f)| Some((i, subset_named(f)?)))?;
    // Unpacking often nests a folder in one of the same name.
    let inside = folders[at..].iter().skip_while(|f| subset_named(f) == Some(subset));
    let stem = file.strip_suffix(".npz").unwrap_or(file);
    let stem = stem.strip_suffix("_poses").or(stem.strip_suffix("_stageii")).unwrap_or(stem);
    let inside: Vec<&str> = inside.copied().chain([stem]).collect();
    Some(format!("{subset}/{}", inside.join("/").to_lowercase().replace(' ', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_known_by_all_their_names() {
        for (name, subset) in [
            ("CMU/01/01_01_poses.npz", "CMU"),
            ("download/amass/BioMotionLab_NTroje/rub001/a_poses.npz", "BMLrub"),
            ("Eyes_Japan_Dataset/aita/a_poses.npz", "EyesJapanDataset"),
            ("transitions_mocap/a/b.npz", "Transitions"),
            ("mine/CMUsic/a.npz", "mine"),
            ("CMU.npz", ""),
        ] {
            assert_eq!(subset_of(name), subset, "{name}");
        }
    }

    #[test]
    fn a_clip_has_the_same_key_in_every_release_and_folder() {
        for name in [
            "MPI_HDM05/bd/HDM_bd_01_120_poses.npz",
            "HDM05/HDM05/bd/HDM_bd_01_120_stageii.npz",
            "amass\\mpi_hdm05\\bd\\HDM_bd_01_120.npz",
            "./data/MPI_HDM05/bd/HDM bd 01_120_poses",
        ] {
            assert_eq!(amass_key(name).as_deref(), Some("HDM05/bd/hdm_bd_01_120"), "{name}");
        }
        assert_ne!(amass_key("CMU/01/a_poses.npz"), amass_key("CMU/02/a_poses.npz"));
        assert_eq!(amass_key("mine/a_poses.npz"), None);
    }
}
