//! One motion, written in every layout and type that people have, reads to the same clip.

use crate::motion::{ClipFrame, MotionClip, MotionError, amass};
use glam::DVec3;
use half::f16;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const FRAMES: usize = 6;
const RATE_HZ: f64 = 30.0;

/// How an array is written.
#[derive(Clone, Copy)]
struct Form {
    descr: &'static str,
    fortran: bool,
    version: u8,
    method: CompressionMethod,
}

const PLAIN: Form =
    Form { descr: "<f4", fortran: false, version: 1, method: CompressionMethod::Stored };

/// A named array: shape, and its numbers in row-major order.
#[derive(Clone)]
struct Numbers(&'static str, Vec<usize>, Vec<f64>);

/// An element that is no number: NumPy's type, shape and bytes.
struct Raw(&'static str, &'static str, &'static str, Vec<u8>);

fn bytes_of(value: f64, descr: &str) -> Vec<u8> {
    let mut little = match &descr[1..] {
        "f2" => f16::from_f64(value).to_le_bytes().to_vec(),
        "f4" => (value as f32).to_le_bytes().to_vec(),
        "f8" => value.to_le_bytes().to_vec(),
        "i2" => (value as i16).to_le_bytes().to_vec(),
        "u1" => vec![value as u8],
        "i8" => (value as i64).to_le_bytes().to_vec(),
        other => unreachable!("{other}"),
    };
    if descr.starts_with('>') {
        little.reverse();
    }
    little
}

fn npy(descr: &str, fortran: bool, shape: &str, version: u8, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    let length = (header.len() as u32).to_le_bytes();
    bytes.extend(&length[..if version == 1 { 2 } else { 4 }]);
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Row-major numbers in the order of Fortran, which counts the first axis fastest.
fn columns_first(shape: &[usize], numbers: &[f64]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let mut out = vec![];
    for _ in 0..numbers.len() {
        let place = index.iter().zip(shape).fold(0, |place, (i, size)| place * size + i);
        out.push(numbers[place]);
        for (i, size) in index.iter_mut().zip(shape) {
            *i += 1;
            if *i < *size {
                break;
            }
            *i = 0;
        }
    }
    out
}

fn npz(arrays: &[Numbers], others: &[Raw], form: Form) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(form.method);
    let mut put = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    };
    for Raw(name, descr, shape, data) in others {
        put(name, &npy(descr, false, shape, 1, data));
    }
    for Numbers(name, shape, numbers) in arrays {
        let fortran = form.fortran && shape.len() > 1;
        let numbers = if fortran { columns_first(shape, numbers) } else { numbers.clone() };
        let data: Vec<u8> = numbers.iter().flat_map(|v| bytes_of(*v, form.descr)).collect();
        let sizes: String = shape.iter().map(|s| format!("{s},")).collect();
        put(name, &npy(form.descr, fortran, &format!("({sizes})"), form.version, &data));
    }
    archive.finish().unwrap().into_inner()
}

fn read(bytes: &[u8]) -> Result<MotionClip, MotionError> {
    amass::read(Cursor::new(bytes), "some/clip.npz")
}

/// Small whole numbers, which every type represents exactly.
fn rotation(frame: usize, joint: usize) -> [f64; 3] {
    [0, 1, 2].map(|axis| ((7 * frame + 3 * joint + axis) % 5) as f64)
}

fn place(frame: usize) -> [f64; 3] {
    [frame as f64, 2.0, (frame % 2) as f64]
}

/// What every file here must read to.
fn truth() -> MotionClip {
    let frame = |f| ClipFrame {
        translation: place(f).into(),
        rotations: std::array::from_fn(|j| DVec3::from_array(rotation(f, j))),
    };
    MotionClip { rate_hz: RATE_HZ, frames: (0..FRAMES).map(frame).collect() }
}

/// The rotations of some joints; those past the body's are hands and face, never read.
fn rotations(
    name: &'static str,
    shape: &[usize],
    joints: impl Iterator<Item = usize> + Clone,
) -> Numbers {
    let of = |frame| joints.clone().flat_map(move |joint| rotation(frame, joint));
    Numbers(name, shape.into(), (0..FRAMES).flat_map(of).collect())
}

fn moves(name: &'static str, shape: &[usize]) -> Numbers {
    Numbers(name, shape.into(), (0..FRAMES).flat_map(place).collect())
}

fn hz(name: &'static str, shape: &[usize]) -> Numbers {
    Numbers(name, shape.into(), vec![RATE_HZ])
}

/// Every way to lay out the motion: a name, and its arrays.
fn layouts() -> Vec<(&'static str, Vec<Numbers>)> {
    const T: usize = FRAMES;
    let trans = || moves("trans", &[T, 3]);
    let rate = || hz("mocap_framerate", &[]);
    let whole = |joints: usize| rotations("poses", &[T, 3 * joints], 0..joints);
    let root = |name| rotations(name, &[T, 3], 0..1);
    let body = |name, joints: usize| rotations(name, &[T, 3 * joints], 1..1 + joints);
    let mut all = vec![
        ("body only", vec![whole(22), trans(), rate()]),
        ("SMPL", vec![whole(24), trans(), rate()]),
        ("SMPL-H", vec![whole(52), trans(), rate()]),
        ("SMPL-X", vec![whole(55), trans(), rate()]),
        ("joints apart", vec![rotations("poses", &[T, 24, 3], 0..24), trans(), rate()]),
        ("body joints apart", vec![rotations("poses", &[T, 22, 3], 0..22), trans(), rate()]),
        (
            "one person of a batch",
            vec![rotations("poses", &[1, T, 72], 0..24), moves("trans", &[1, T, 3]), rate()],
        ),
        ("AMASS in parts", vec![root("root_orient"), body("pose_body", 21), trans(), rate()]),
        ("SMPL-X in parts", vec![root("global_orient"), body("body_pose", 21), trans(), rate()]),
        ("SMPL in parts", vec![root("global_orient"), body("body_pose", 23), trans(), rate()]),
        ("names of both", vec![root("global_orient"), body("pose_body", 21), trans(), rate()]),
        (
            "parts and joints apart",
            vec![
                rotations("global_orient", &[T, 1, 3], 0..1),
                rotations("body_pose", &[T, 23, 3], 1..24),
                moves("transl", &[T, 1, 3]),
                rate(),
            ],
        ),
        (
            "21 joints apart",
            vec![
                rotations("root_orient", &[T, 1, 3], 0..1),
                rotations("body_pose", &[T, 21, 3], 1..22),
                trans(),
                rate(),
            ],
        ),
        (
            "parts beside the whole",
            vec![
                whole(55),
                root("root_orient"),
                body("pose_body", 21),
                rotations("pose_hand", &[T, 90], 25..55),
                trans(),
                rate(),
            ],
        ),
        ("transl", vec![whole(24), moves("transl", &[T, 3]), rate()]),
        (
            "shape in any number",
            vec![whole(52), trans(), rate(), Numbers("betas", vec![1, 10], vec![0.0; 10])],
        ),
        ("rate twice", vec![whole(52), trans(), rate(), hz("fps", &[1])]),
    ];
    for name in super::RATE {
        all.push((name, vec![whole(24), trans(), hz(name, &[])]));
        all.push((name, vec![whole(24), trans(), hz(name, &[1])]));
        all.push((name, vec![whole(24), trans(), hz(name, &[1, 1])]));
    }
    all
}

#[test]
fn the_same_motion_in_every_layout_is_the_same_clip() {
    for (name, arrays) in layouts() {
        let clip = read(&npz(&arrays, &[], PLAIN)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(clip, truth(), "{name}");
    }
}

#[test]
fn the_same_motion_in_every_type_and_order_is_the_same_clip() {
    for (name, arrays) in layouts() {
        for descr in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|u1", ">i2", "<i8"] {
            for (fortran, version) in [(false, 2), (true, 3), (true, 1)] {
                for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
                    let form = Form { descr, fortran, version, method };
                    let clip = read(&npz(&arrays, &[], form));
                    let clip = clip.unwrap_or_else(|e| panic!("{name}, {descr}: {e}"));
                    assert_eq!(clip, truth(), "{name}, {descr}, version {version}");
                }
            }
        }
    }
}

/// Numbers between those that float16 has are rounded to it, and nothing else happens to them.
#[test]
fn halves_are_read_to_their_own_precision() {
    let mut arrays = layouts().swap_remove(1).1;
    for number in &mut arrays[0].2 {
        *number = (*number + 0.1).sin();
    }
    let clip = read(&npz(&arrays, &[], Form { descr: "<f2", ..PLAIN })).unwrap();
    for (frame, row) in clip.frames.iter().zip(arrays[0].2.chunks(72)) {
        for (i, expected) in row[..66].iter().enumerate() {
            assert_eq!(frame.rotations[i / 3][i % 3], f16::from_f64(*expected).to_f64());
        }
    }
}

#[test]
fn a_gender_of_any_form_does_not_matter() {
    let utf32 = |text: &str| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let (_, arrays) = layouts().swap_remove(1);
    for gender in [
        Raw("gender", "<U7", "()", utf32("neutral")),
        Raw("gender", "<U6", "()", utf32("Female")),
        Raw("gender", "<U4", "(1,)", utf32("male")),
        Raw("gender", "|S4", "()", b"male".into()),
        Raw("gender", "|S6", "(1,)", b"female".into()),
        Raw("gender", "|S10", "()", b"b'female'\0".into()),
        Raw("gender", "|O", "()", b"\x80\x04a pickle nobody opens".into()),
        Raw("gender", "<U0", "()", vec![]),
        Raw("gender", "<f4", "(0,)", vec![]),
        Raw("cloth", "[('a', '<f8')]", "(1,)", vec![0; 8]),
    ] {
        let (descr, shape) = (gender.1, gender.2);
        let clip = read(&npz(&arrays, &[gender], PLAIN));
        assert_eq!(clip.unwrap_or_else(|e| panic!("{descr} {shape}: {e}")), truth());
    }
}

fn refusal(arrays: &[Numbers], others: &[Raw]) -> String {
    let message = read(&npz(arrays, others, PLAIN)).unwrap_err().to_string();
    assert!(message.contains("some/clip.npz"), "{message}");
    message
}

/// A message names the field, what is needed, and what is there.
#[test]
fn refused_layouts_are_told_what_is_needed_and_what_is_there() {
    const T: usize = FRAMES;
    let whole = || rotations("poses", &[T, 72], 0..24);
    let trans = || moves("trans", &[T, 3]);
    let rate = || hz("fps", &[]);
    let root = || rotations("global_orient", &[T, 3], 0..1);
    let named = |name, width: usize| Numbers(name, vec![T, width], vec![0.0; T * width]);
    let matrices = Numbers("body_pose", vec![T, 23, 3, 3], vec![0.0; T * 207]);
    let short = Numbers("body_pose", vec![T - 1, 63], vec![0.0; (T - 1) * 63]);
    let slow = Numbers("mocap_framerate", vec![], vec![120.0]);
    let pickled = |name| Raw(name, "|O", "(6, 72)", b"\x80\x04".into());
    let text = |name| Raw(name, "<U2", "()", vec![51, 0, 0, 0, 48, 0, 0, 0]);
    let cases: Vec<(Vec<Numbers>, Vec<Raw>, &[&str])> = vec![
        (
            vec![named("pose", 72), trans(), rate()],
            vec![],
            &[
                "`poses`",
                "missing",
                "`global_orient`",
                "`pose_body`",
                "the file has `pose` [6, 72] float32, `trans` [6, 3] float32, `fps` [] float32",
            ],
        ),
        (vec![root(), trans(), rate()], vec![], &["`pose_body`", "`body_pose`", "only the root"]),
        (
            vec![named("body_pose", 63), trans(), rate()],
            vec![],
            &["`root_orient`", "`global_orient`", "lacks the root", "`body_pose` [6, 63] float32"],
        ),
        (
            vec![root(), named("body_pose", 66), trans(), rate()],
            vec![],
            &["`body_pose`", "[frames, 63 or 69]", "found [6, 66]"],
        ),
        (vec![root(), matrices, trans(), rate()], vec![], &["found [6, 23, 3, 3]", "axis-angle"]),
        (
            vec![root(), short, trans(), rate()],
            vec![],
            &["`body_pose`: 5 frames, but `global_orient` has 6"],
        ),
        (vec![whole(), rate()], vec![], &["`trans`", "`transl`", "`poses` [6, 72] float32"]),
        (vec![whole(), named("transl", 4), rate()], vec![], &["`transl`", "found [6, 4]"]),
        (
            vec![whole(), trans()],
            vec![],
            &[
                "`mocap_framerate`",
                "`mocap_frame_rate`, `mocap_fps`, `fps`, `frame_rate`, `framerate`",
                "`trans` [6, 3] float32",
            ],
        ),
        (vec![whole(), trans(), rate(), slow], vec![], &["`fps`: 30 Hz", "says 120 Hz"]),
        (vec![whole(), trans()], vec![text("fps")], &["`fps`", "not numbers", "`fps` [] text"]),
        (
            vec![trans(), rate()],
            vec![pickled("poses")],
            &["`poses`", "never opened", "`poses` [6, 72] pickled objects"],
        ),
        (vec![], vec![pickled("arr_0")], &["`poses`", "`arr_0` [6, 72] pickled objects"]),
        (vec![], vec![], &["`poses`", "the file has nothing"]),
    ];
    for (arrays, others, expected) in cases {
        let message = refusal(&arrays, &others);
        for expected in expected {
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}

/// What a message lists of a foreign file is bounded and printable.
#[test]
fn a_list_of_arrays_is_bounded_and_printable() {
    let names: Vec<String> = (0..500).map(|i| format!("tensor\n\u{1b}[2J{i}")).collect();
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    for name in &names {
        archive.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        archive.write_all(b"no array").unwrap();
    }
    let message = read(&archive.finish().unwrap().into_inner()).unwrap_err().to_string();
    assert!(message.contains("and 476 more") && message.contains("no array"), "{message}");
    assert!(message.len() < 2000 && !message.contains(char::is_control), "{message:?}");
}

#[test]
fn other_formats_are_refused_by_name() {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    archive.start_file("archive/data.pkl", SimpleFileOptions::default()).unwrap();
    archive.write_all(b"\x80\x02").unwrap();
    let pytorch = archive.finish().unwrap().into_inner();
    for (bytes, kind) in [
        (&b"HIERARCHY\nROOT Hips\n"[..], "a BVH file"),
        (b"Kaydara FBX Binary  \0\x1a\0", "an FBX file"),
        (b"\x80\x04\x95\0\0", "a Python pickle"),
        (b"{\"poses\": []}", "JSON"),
        (&npy("<f4", false, "(2,)", 1, &[0; 8]), "a single NumPy array"),
        (&pytorch, "a PyTorch file"),
    ] {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, MotionError::Foreign { .. }), "{error:?}");
        let message = error.to_string();
        for expected in ["some/clip.npz", kind, ".npz", "`poses`"] {
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
