//! Pickles with NumPy arrays, byte for byte as Python 2 writes them.

/// A pickle of a dictionary.
pub fn file(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\x80\x02}q\x01(".to_vec();
    for (key, value) in entries {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes.extend(b"u.");
    bytes
}

/// A string.
pub fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'U', text.len() as u8];
    bytes.extend(text.as_bytes());
    bytes
}

/// A list.
pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"](".to_vec(), items.concat(), b"e".to_vec()].concat()
}

/// An array of `f8`, from its numbers row by row; `fortran` stores it column by column.
pub fn array(shape: &[usize; 2], numbers: &[f64], fortran: bool) -> Vec<u8> {
    let [rows, columns] = *shape;
    let index = |i: usize| if fortran { i % rows * columns + i / rows } else { i };
    let data: Vec<u8> = (0..numbers.len()).flat_map(|i| numbers[index(i)].to_le_bytes()).collect();
    let whole = |number: usize| [b"J".to_vec(), (number as u32).to_le_bytes().to_vec()].concat();
    [
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR".to_vec(),
        b"(K\x01(".to_vec(),
        whole(rows),
        whole(columns),
        b"tcnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
            .to_vec(),
        if fortran { b"\x88T".to_vec() } else { b"\x89T".to_vec() },
        (data.len() as u32).to_le_bytes().to_vec(),
        data,
        b"tb".to_vec(),
    ]
    .concat()
}
