//! Writes NumPy files, valid and invalid.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// A `.npy` array of any type.
pub fn array(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|s| format!("{s},")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A `.npy` array of `f64`.
pub fn npy(shape: &[usize], value: impl Fn(usize) -> f64) -> Vec<u8> {
    let count = shape.iter().product();
    let data: Vec<u8> = (0..count).flat_map(|i| value(i).to_le_bytes()).collect();
    array("<f8", shape, &data)
}

/// An archive of arrays.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
