//! The part of the `.npy` array format that motion files need: numbers, any shape, both memory
//! orders.
//!
//! Implemented here because the header of an untrusted file must be distrusted: nothing is
//! allocated or multiplied before the size is checked.

use half::f16;
use std::io::{self, Read, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest accepted header, bytes: NumPy writes 118 or 246 for a plain array.
const MAX_HEADER: usize = 16 * 1024;

/// Most numbers an array may have: 1 GiB of `f64`, two hours of full SMPL-H poses at 120 Hz.
const MAX_VALUES: usize = 1 << 27;

/// The header of an array.
#[derive(Debug)]
pub(super) struct Header {
    pub shape: Vec<u64>,
    fortran_order: bool,
    /// NumPy's name of the element type.
    descr: String,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    big_endian: bool,
    kind: Kind,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Float,
    Int,
    Uint,
}

impl Element {
    fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let big_endian = match chars.next()? {
            '<' | '|' => false,
            '>' => true,
            _ => return None,
        };
        let kind = chars.next()?;
        let bytes = chars.as_str().parse().ok()?;
        let kind = match (kind, bytes) {
            ('f', 2 | 4 | 8) => Kind::Float,
            ('i', 1 | 2 | 4 | 8) => Kind::Int,
            ('u', 1 | 2 | 4 | 8) => Kind::Uint,
            _ => return None,
        };
        Some(Self { big_endian, kind, bytes })
    }

    fn value(self, bytes: &[u8]) -> f64 {
        let mut little = [0; 8];
        little[..self.bytes].copy_from_slice(bytes);
        if self.big_endian {
            little[..self.bytes].reverse();
        }
        let unsigned = u64::from_le_bytes(little);
        match self.kind {
            Kind::Float if self.bytes == 2 => f16::from_bits(unsigned as u16).to_f64(),
            Kind::Float if self.bytes == 4 => f64::from(f32::from_bits(unsigned as u32)),
            Kind::Float => f64::from_bits(unsigned),
            Kind::Uint => unsigned as f64,
            Kind::Int => {
                let unused = 64 - 8 * self.bytes as u32;
                ((unsigned << unused) as i64 >> unused) as f64
            }
        }
    }
}

/// Why an array could not be read, phrased to follow the field's name.
pub(super) type Problem = String;

fn ends_early(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the data end too early".into(),
        _ => format!("the data cannot be read: {error}"),
    }
}

/// The text of `key`'s value in the header's Python dictionary, up to one of `end`.
fn value_of<'a>(header: &'a str, key: &str, start: &str, end: &[char]) -> Option<&'a str> {
    let after_key = header.split_once(&format!("'{key}':"))?.1.trim_start();
    Some(after_key.strip_prefix(start)?.split_once(end)?.0)
}

impl Header {
    /// Reads up to the first number.
    pub fn read(reader: &mut impl Read) -> Result<Self, Problem> {
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(|e| ends_early(&e))?;
        if &start[..6] != MAGIC {
            return Err("not a NumPy array".into());
        }
        let mut length = [0; 4];
        let width = match start[6] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(format!("version {version} of the NumPy format is unknown")),
        };
        reader.read_exact(&mut length[..width]).map_err(|e| ends_early(&e))?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            return Err(format!("a header of {length} bytes is absurd"));
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).map_err(|e| ends_early(&e))?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let malformed = || format!("malformed NumPy header {:?}", text.trim_end());
        // Writers other than NumPy quote names as JSON does, and order them as they like.
        let header = text.replace('"', "'");
        if !header.contains("'descr':") {
            return Err(malformed());
        }
        // A structured type is a list, without a quoted string here.
        let descr = value_of(&header, "descr", "'", &['\'']).unwrap_or("structured").to_owned();
        let order = value_of(&header, "fortran_order", "", &[',', '}']).map(str::trim);
        let fortran_order = match order {
            Some("True") => true,
            Some("False") => false,
            _ => return Err(malformed()),
        };
        let shape = value_of(&header, "shape", "(", &[')']).ok_or_else(malformed)?;
        let shape = shape.split(',').map(str::trim).filter(|s| !s.is_empty());
        let shape: Result<Vec<u64>, _> = shape.map(|s| s.trim_end_matches('L').parse()).collect();
        Ok(Self { shape: shape.map_err(|_| malformed())?, fortran_order, descr })
    }

    /// Why the elements are not numbers, if they are not.
    pub fn element_problem(&self) -> Option<Problem> {
        self.element().err()
    }

    fn element(&self) -> Result<Element, Problem> {
        let descr = &self.descr;
        Element::parse(descr).ok_or_else(|| match descr.as_str() {
            "|O" => "elements of type \"|O\" are pickled objects, which are never opened".into(),
            _ => format!(
                "elements of type {descr:?} are not numbers this can read (float16, float32, \
                 float64, integers)"
            ),
        })
    }

    /// Shape and type in words: `[240, 72] float32`.
    pub fn summary(&self) -> String {
        let bits = |kind| format!("{kind}{}", 8 * self.element().map_or(0, |e| e.bytes));
        let element = match self.element().map(|element| element.kind) {
            Ok(Kind::Float) => bits("float"),
            Ok(Kind::Int) => bits("int"),
            Ok(Kind::Uint) => bits("uint"),
            Err(_) => match self.descr.trim_start_matches(['<', '>', '|', '=']).chars().next() {
                Some('O') => "pickled objects".into(),
                Some('U' | 'S') => "text".into(),
                Some('b') => "bool".into(),
                _ => self.descr.escape_debug().to_string(),
            },
        };
        format!("{} {element}", self.shape_text())
    }

    /// The shape as NumPy prints it.
    pub fn shape_text(&self) -> String {
        let sizes: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        format!("[{}]", sizes.join(", "))
    }

    /// Reads the numbers and returns them in row-major order.
    pub fn read_values(&self, reader: &mut impl Read) -> Result<Vec<f64>, Problem> {
        let count = self.shape.iter().try_fold(1_u64, |n, s| n.checked_mul(*s));
        let Some(count) = count.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MAX_VALUES)
        else {
            return Err(format!("shape {} is absurdly large", self.shape_text()));
        };
        let element = self.element()?;
        // Grow with the data that arrives: a header alone must not allocate gigabytes.
        let mut values = vec![];
        let mut block = vec![0; 8192 * element.bytes];
        while values.len() < count {
            let wanted = (count - values.len()).min(8192) * element.bytes;
            reader.read_exact(&mut block[..wanted]).map_err(|e| ends_early(&e))?;
            let items = block[..wanted].chunks_exact(element.bytes);
            values.extend(items.map(|item| element.value(item)));
        }
        // Reading to the end of a zip entry verifies its checksum.
        match reader.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(format!("more data than shape {} has", self.shape_text())),
            Err(error) => return Err(ends_early(&error)),
        }
        Ok(if self.fortran_order { self.to_c_order(&values) } else { values })
    }

    fn to_c_order(&self, values: &[f64]) -> Vec<f64> {
        let shape: Vec<usize> = self.shape.iter().map(|s| *s as usize).collect();
        let at = |mut index: usize| {
            // Position of row-major `index` when the first axis is contiguous.
            let mut place = 0;
            let mut stride = values.len();
            for size in shape.iter().rev() {
                stride /= size;
                place += (index % size) * stride;
                index /= size;
            }
            values[place]
        };
        (0..values.len()).map(at).collect()
    }
}

/// Writes an array: `descr` is NumPy's name of the element type, `data` the elements,
/// little-endian.
pub(super) fn write(
    writer: &mut impl Write,
    descr: &str,
    shape: &[usize],
    data: &[u8],
) -> io::Result<()> {
    // In Python, a tuple of one element needs a trailing comma.
    let shape: String = shape.iter().map(|s| format!("{s}, ")).collect();
    let shape = shape.trim_end();
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // Numbers start at a multiple of 64 bytes; the ten are magic, version and this length.
    let padding = 63 - (header.len() + 10) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    writer.write_all(MAGIC)?;
    writer.write_all(&[1, 0])?;
    writer.write_all(&(header.len() as u16).to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    writer.write_all(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(Vec<u64>, Vec<f64>), Problem> {
        let mut reader = bytes;
        let header = Header::read(&mut reader)?;
        let values = header.read_values(&mut reader)?;
        Ok((header.shape, values))
    }

    #[test]
    fn every_element_type_is_read() {
        let cases: [(&str, &[u8], f64); 11] = [
            ("'<f8'", &1.5e-300_f64.to_le_bytes(), 1.5e-300),
            ("'>f8'", &(-2.25_f64).to_be_bytes(), -2.25),
            ("'<f4'", &0.5_f32.to_le_bytes(), 0.5),
            // 0x3555 is the half next to a third.
            ("'<f2'", &0x3555_u16.to_le_bytes(), 0.333_251_953_125),
            ("'>f2'", &0xC100_u16.to_be_bytes(), -2.5),
            ("\"<f4\"", &(-0.25_f32).to_le_bytes(), -0.25),
            ("'<i8'", &(-60_i64).to_le_bytes(), -60.0),
            ("'>i2'", &(-300_i16).to_be_bytes(), -300.0),
            ("'|i1'", &[0xff], -1.0),
            ("'|u1'", &[0xff], 255.0),
            ("'<u4'", &4_000_000_000_u32.to_le_bytes(), 4e9),
        ];
        for (descr, data, value) in cases {
            assert_eq!(read(&array(descr, "False", "()", data)), Ok((vec![], vec![value])));
        }
    }

    /// Versions 2 and 3 of the format have a longer length; keys may come in any order.
    #[test]
    fn every_version_and_order_of_keys_is_read() {
        let header = "{'shape': (2,), 'descr': '<i2', 'fortran_order': False}\n";
        for version in 1..=3 {
            let mut bytes = b"\x93NUMPY".to_vec();
            bytes.extend([version, 0]);
            let length = (header.len() as u32).to_le_bytes();
            bytes.extend(&length[..if version == 1 { 2 } else { 4 }]);
            bytes.extend(header.as_bytes());
            bytes.extend([1, 0, 2, 0]);
            assert_eq!(read(&bytes), Ok((vec![2], vec![1.0, 2.0])));
        }
    }

    #[test]
    fn fortran_order_is_transposed() {
        // [[0, 1, 2], [3, 4, 5]] stored column by column.
        let columns = [0, 3, 1, 4, 2, 5];
        let read = read(&array("'|u1'", "True", "(2, 3)", &columns));
        assert_eq!(read, Ok((vec![2, 3], vec![0., 1., 2., 3., 4., 5.])));
    }

    #[test]
    fn a_written_array_reads_back() {
        let data = [1.0_f64, -2.0, 3.0];
        for (shape, data) in [(&[3][..], &data[..]), (&[], &data[..1]), (&[3, 1], &data[..])] {
            let mut bytes = vec![];
            let elements: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
            write(&mut bytes, "<f8", shape, &elements).unwrap();
            assert_eq!((bytes.len() - 8 * data.len()) % 64, 0);
            let shape = shape.iter().map(|s| *s as u64).collect();
            assert_eq!(read(&bytes), Ok((shape, data.to_vec())));
        }
    }

    #[test]
    fn false_headers_and_truncated_arrays_are_refused() {
        let cases = [
            (array("'<f8'", "False", "(4,)", &[0; 24]), "too early"),
            (array("'<f8'", "False", "(2,)", &[0; 24]), "more data"),
            (array("'<f8'", "False", "(9999999999999999, 9999999999999999)", &[]), "absurdly"),
            (array("'<f8'", "False", "(134217728,)", &[]), "too early"),
            (array("'<f8'", "False", "(-1,)", &[]), "malformed"),
            (array("'<f8'", "Maybe", "(1,)", &[0; 8]), "malformed"),
            (array("'|O'", "False", "()", &[]), "|O"),
            (array("'<U4'", "False", "()", &[]), "<U4"),
            (array("'<f16'", "False", "()", &[0; 16]), "<f16"),
            (array("'<c8'", "False", "()", &[0; 8]), "<c8"),
            (array("'|b1'", "False", "()", &[0]), "|b1"),
            (array("[('a', '<f8')]", "False", "()", &[]), "structured"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "4294967295"),
            (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "version 9"),
            (b"not an array at all".to_vec(), "not a NumPy array"),
            (vec![], "too early"),
        ];
        for (bytes, expected) in cases {
            let problem = read(&bytes).unwrap_err();
            assert!(problem.contains(expected), "{problem:?} does not say {expected:?}");
        }
    }
}
