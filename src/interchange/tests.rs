//! Files of other programs that are read and refused, and what is written for them.

use crate::interchange::*;
use crate::network::Shape;

const SHAPE: Shape = Shape {
    inputs: 6,
    hidden: 4,
    classes: 3,
};

fn tensor(name: &str, dimensions: &[usize]) -> NamedTensor {
    let count: usize = dimensions.iter().product();
    NamedTensor {
        name: name.to_owned(),
        dimensions: dimensions.to_vec(),
        // Values that tell where they come from.
        values: (0..count)
            .map(|index| (name.len() * 1000 + index) as f32)
            .collect(),
    }
}

/// W, b, V and c under these names, in a layout.
fn named(names: [&str; 4], layout: Layout, parameters: &Parameters) -> Vec<NamedTensor> {
    let mut tensors = tensors_of(parameters, layout);
    for (tensor, name) in tensors.iter_mut().zip(names) {
        tensor.name = name.to_owned();
    }
    tensors.into()
}

#[test]
fn the_names_of_many_programs_are_understood() {
    let parameters = Parameters::initialise(SHAPE, 3);
    for layout in [Layout::Fused, Layout::PyTorch] {
        for names in [
            ["0.weight", "0.bias", "2.weight", "2.bias"],
            ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
            [
                "linear1.weight",
                "linear1.bias",
                "linear2.weight",
                "linear2.bias",
            ],
            [
                "layers.0.weight",
                "layers.0.bias",
                "layers.3.weight",
                "layers.3.bias",
            ],
            ["hidden.weight", "hidden.bias", "a.weight", "a.bias"],
            [
                "params/Dense_0/kernel",
                "params/Dense_0/bias",
                "params/Dense_1/kernel",
                "params/Dense_1/bias",
            ],
            [
                "linear1_weight",
                "linear1_bias",
                "linear2_weight",
                "linear2_bias",
            ],
            ["coefs_0", "intercepts_0", "coefs_1", "intercepts_1"],
            ["W1", "b1", "W2", "b2"],
            [
                "dense/kernel:0",
                "dense/bias:0",
                "dense_1/kernel:0",
                "dense_1/bias:0",
            ],
            ["arr_0", "arr_1", "arr_2", "arr_3"],
            // The shapes tell the order, against the numbers.
            ["out1.weight", "out1.bias", "in2.weight", "in2.bias"],
        ] {
            let mut tensors = named(names, layout, &parameters);
            assert_eq!(
                parameters_from(&tensors).as_ref(),
                Ok(&parameters),
                "{names:?}"
            );
            tensors.reverse();
            assert_eq!(
                parameters_from(&tensors).as_ref(),
                Ok(&parameters),
                "{names:?}"
            );
            // A bias may be a row or a column, as may one of the two.
            for (index, axis) in [(0, 0), (2, 1)] {
                tensors[index].dimensions.insert(axis, 1);
                assert_eq!(
                    parameters_from(&tensors).as_ref(),
                    Ok(&parameters),
                    "{names:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_two_layers_is_refused() {
    let good = [
        tensor("0.weight", &[4, 6]),
        tensor("0.bias", &[4]),
        tensor("2.weight", &[3, 4]),
        tensor("2.bias", &[3]),
    ];
    assert!(parameters_from(&good).is_ok());
    let with = |index: usize, name: &str, dimensions: &[usize]| {
        let mut tensors = good.clone();
        tensors[index] = tensor(name, dimensions);
        parameters_from(&tensors).unwrap_err()
    };
    for error in [
        parameters_from(&[]).unwrap_err(),
        parameters_from(&good[..3]).unwrap_err(),
        parameters_from(&good[..2]).unwrap_err(),
        with(0, "0.weight", &[24]),
        with(1, "0.bias", &[4, 1, 1]),
        with(1, "0.scale", &[]),
    ] {
        assert!(matches!(error, LayerError::Arrays { .. }), "{error}");
    }
    let mut more = good.to_vec();
    more.extend([tensor("4.weight", &[3, 3]), tensor("4.bias", &[3])]);
    let error = parameters_from(&more).unwrap_err();
    assert!(error.to_string().contains("4.weight [3, 3]"), "{error}");
    for error in [
        with(0, "0.weight", &[5, 6]),
        with(2, "2.weight", &[3, 5]),
        with(2, "2.weight", &[4, 3]), // Transposed, unlike the first.
        with(3, "2.bias", &[2]),
    ] {
        assert!(matches!(error, LayerError::Shapes { .. }), "{error}");
        assert!(error.to_string().contains("0.bias [4"), "{error}");
    }
    let mut infinite = good.clone();
    infinite[2].values[5] = f32::INFINITY;
    let error = parameters_from(&infinite).unwrap_err();
    assert_eq!(error, LayerError::NotFinite);
    let single = named(
        ["0.weight", "0.bias", "2.weight", "2.bias"],
        Layout::PyTorch,
        &Parameters::zeros(Shape {
            classes: 1,
            ..SHAPE
        }),
    );
    assert!(matches!(
        parameters_from(&single),
        Err(LayerError::Network(_))
    ));
}

#[test]
fn what_fits_twice_is_refused() {
    let names = ["0.weight", "0.bias", "2.weight", "2.bias"];
    // Both layouts fit 4-4-4; 6-4-6 may be 4-6-4.
    for (inputs, hidden, classes) in [(4, 4, 4), (6, 4, 6)] {
        let shape = Shape {
            inputs,
            hidden,
            classes,
        };
        let tensors = named(names, Layout::PyTorch, &Parameters::initialise(shape, 1));
        let error = parameters_from(&tensors).unwrap_err();
        assert!(matches!(error, LayerError::Ambiguous { .. }), "{error}");
    }
}

#[test]
fn containers_give_back_what_was_put_into_them() {
    let parameters = Parameters::initialise(SHAPE, 3);
    for layout in [Layout::Fused, Layout::PyTorch] {
        let tensors = tensors_of(&parameters, layout);
        assert_eq!(read_npz(&npz_bytes(&tensors)).unwrap(), tensors);
        let mut read = read_safetensors(&safetensors_bytes(&tensors)).unwrap();
        read.sort_by_key(|tensor| tensor.dimensions.clone());
        let mut expected = tensors.to_vec();
        expected.sort_by_key(|tensor| tensor.dimensions.clone());
        assert_eq!(read, expected);
    }
    assert!(is_npz(&npz_bytes(&tensors_of(&parameters, Layout::Fused))));
}

/// An array file with this header.
fn npy(version: u8, header: &str, values: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

#[test]
fn arrays_of_every_order_and_width_are_read() {
    let header = |descr: &str, order: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': (2, 3), }}\n")
    };
    let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
    let expected = (vec![2, 3], rows.map(|value| value as f32).to_vec());
    type Encode = fn(f64) -> Vec<u8>;
    let encodings: [(&str, Encode); 2] = [
        ("<f4", |value| (value as f32).to_le_bytes().into()),
        ("<f8", |value| value.to_le_bytes().into()),
    ];
    for (descr, encode) in encodings {
        for (order, values) in [("False", rows), ("True", columns)] {
            let values: Vec<u8> = values.into_iter().flat_map(encode).collect();
            let file = npy(1, &header(descr, order), &values);
            assert_eq!(
                npy::parse_npy(&file).as_ref(),
                Ok(&expected),
                "{descr} {order}"
            );
        }
    }
    let file = npy_bytes(&[2, 3], &rows.map(|value| value as f32));
    assert_eq!(file.len(), 64 * 2 + 24);
    assert_eq!(npy::parse_npy(&file), Ok(expected));
}

#[test]
fn broken_arrays_are_refused() {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    assert!(npy::parse_npy(&npy(1, good, &[0; 8])).is_ok());
    let with = |part: &str, other: &str| npy(1, &good.replace(part, other), &[0; 8]);
    for (file, expected) in [
        (b"\x93NUMPY".to_vec(), "format 1.0"),
        (npy(2, good, &[0; 8]), "format 1.0"),
        (npy(1, good, &[0; 8])[..30].to_vec(), "format 1.0"),
        (with("<f4", "<i8"), "found numbers of the type <i8"),
        (with("<f4", ">f4"), "found numbers of the type >f4"),
        (with("descr", "desc"), "no sound descr"),
        (with("False", "Maybe"), "no sound fortran_order"),
        (with("(2,)", "(-2,)"), "no sound shape"),
        (with("(2,)", "2"), "no sound shape"),
        (with("(2,)", "(3,)"), "its values have 8 bytes"),
        (with("(2,)", "(2, 1, 2)"), "its values have 8 bytes"),
        (
            with("(2,)", "(4611686018427387904, 4)"),
            "its values have 8 bytes",
        ),
    ] {
        let error = npy::parse_npy(&file).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!(error.matches("expected").count(), 1, "{error}");
    }
}

#[test]
fn archives_of_other_programs_are_read_and_ours_by_them() {
    use zip::{
        CompressionMethod, ZipWriter, read::read_zipfile_from_stream, write::SimpleFileOptions,
    };
    let tensors = [tensor("a", &[300, 7]), tensor("b", &[5])];
    let ours = npz_bytes(&tensors);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        // Sizes of eight bytes, as `numpy.savez` writes them.
        let options = SimpleFileOptions::default().compression_method(method);
        let options = options.large_file(true);
        let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        // From header to header, without the directory.
        let mut rest = &ours[..];
        while let Some(mut file) = read_zipfile_from_stream(&mut rest).unwrap() {
            archive.start_file(file.name().unwrap(), options).unwrap();
            std::io::copy(&mut file, &mut archive).unwrap();
        }
        let mut theirs = archive.finish().unwrap().into_inner();
        assert_eq!(read_npz(&theirs).unwrap(), tensors);
        let place = theirs.len() / 4;
        theirs[place] ^= 1;
        let error = read_npz(&theirs).unwrap_err().to_string();
        assert!(error.contains("npz file: a.npy: "), "{error}");
    }
}
