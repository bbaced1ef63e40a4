//! Names files that hold motion in another format, or none, by their first bytes.

const BVH: &str =
    "a BVH file, which `kinest-train convert --motion FILE --out FILE.npz` turns into .npz";
const GLTF: &str = "a glTF file (.glb, .vrm, .vrma), which `kinest-train convert --motion FILE --out FILE.npz` turns into .npz";
const AMC: &str = "an AMC file, which `kinest-train convert --motion FILE --out FILE.npz` turns into .npz with the .asf file beside it";
const ASF: &str = "an ASF file, the skeleton of the .amc files beside it, which `kinest-train convert --motion FILE.amc --out FILE.npz` turns into .npz";
const FBX: &str = "an FBX file, which nothing here reads: export it as BVH or glTF, which `kinest-train convert` turns into .npz";
const JSON: &str = "JSON; if it is glTF, `kinest-train convert --motion FILE.gltf --out FILE.npz` turns it into .npz";

/// First bytes of files that people have motion in, and what these are.
const KINDS: [(&[u8], &str); 16] = [
    (b"\x93NUMPY", "a single NumPy array (.npy)"),
    (b"HIERARCHY", BVH),
    (b"Kaydara FBX Binary", FBX),
    (b"; FBX", FBX),
    (b"glTF", GLTF),
    (b":FULLY-SPECIFIED", AMC),
    (b":DEGREES", AMC),
    (b"#!OML:ASF", AMC),
    (b"# AST/ASF", ASF),
    (b":version", ASF),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"\x89HDF", "an HDF5 or MATLAB file"),
    (b"{", JSON),
    (b"[", JSON),
    (b"\xff\xfe", "text in UTF-16: save it as UTF-8"),
    (b"version https://git-lfs", "a Git LFS pointer, whose file was not downloaded"),
];

/// How many of the first bytes [`kind`] wants.
pub(crate) const FIRST_BYTES: usize = 64;

/// What a file is that starts with these bytes, if that is known and no zip archive.
pub(crate) fn kind(start: &[u8]) -> Option<&'static str> {
    // Versions 2 to 5 of the pickle format; older ones are text that looks like anything.
    if matches!(start, [0x80, 2..=5, ..]) {
        return Some("a Python pickle, which is never opened, for it can run programs");
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let known = KINDS.iter().find(|(first, _)| text.starts_with(first));
    known.map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        for (start, expected) in [
            (&b"HIERARCHY\r\nROOT Hips"[..], "BVH"),
            (b"\xef\xbb\xbf\nHIERARCHY", "BVH"),
            (b"Kaydara FBX Binary  \0", "FBX"),
            (b"; FBX 7.4.0 project file", "FBX"),
            (b"\x80\x04\x95\x10", "pickle"),
            (b"\x93NUMPY\x01\0", ".npy"),
            (b" {\"poses\": []}", "JSON"),
            (b"[[0.1", "JSON"),
            (b"glTF\x02\0\0\0", "glTF"),
            (b"#!OML:ASF H:\\Justin.ASF", "AMC"),
            (b"\xff\xfeH\0I\0", "UTF-16"),
            (b"# AST/ASF file generated using VICON BodyLanguage", "ASF"),
        ] {
            let found = kind(start).unwrap_or_default();
            assert!(found.contains(expected), "{found} for {expected}");
        }
        // What is read here says how, and what is not, too.
        for start in [&b"HIERARCHY"[..], b":DEGREES", b":version 1.10", b"glTF", b"{\"asset\""] {
            assert!(
                kind(start).unwrap_or_default().contains("`kinest-train convert --motion FILE")
            );
        }
        assert!(kind(b"; FBX 7.4.0").unwrap_or_default().contains("nothing here reads"));
        for start in [&b""[..], b"PK\x03\x04", b"this is text", b"\x80\x09"] {
            assert_eq!(kind(start), None);
        }
    }
}
