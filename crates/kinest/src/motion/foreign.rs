//! Names files that hold motion in another format, or none, by their first bytes.

/// First bytes of files that people have motion in, and what these are.
const KINDS: [(&[u8], &str); 12] = [
    (b"\x93NUMPY", "a single NumPy array (.npy)"),
    (b"HIERARCHY", "a BVH file, which `kinest-train convert` turns into .npz"),
    (b"Kaydara FBX Binary", "an FBX file"),
    (b"; FBX", "an FBX file"),
    (b"glTF", "a glTF file"),
    (b":FULLY-SPECIFIED", "an AMC file, which `kinest-train convert` turns into .npz"),
    (b"#!OML:ASF", "an AMC file, which `kinest-train convert` turns into .npz"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"\x89HDF", "an HDF5 or MATLAB file"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"version https://git-lfs", "a Git LFS pointer, whose file was not downloaded"),
];

/// How many of the first bytes [`kind`] wants.
pub(super) const FIRST_BYTES: usize = 64;

/// What a file is that starts with these bytes, if that is known and no zip archive.
pub(super) fn kind(start: &[u8]) -> Option<&'static str> {
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
        ] {
            let found = kind(start).unwrap_or_default();
            assert!(found.contains(expected), "{found} for {expected}");
        }
        for start in [&b""[..], b"PK\x03\x04", b"this is text", b"\x80\x09"] {
            assert_eq!(kind(start), None);
        }
    }
}
