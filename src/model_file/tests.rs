//! Model files that are accepted and refused.

use crate::model_file::*;

const SHAPE: Shape = Shape {
    inputs: 6,
    hidden: 4,
    classes: 3,
};

#[test]
fn a_model_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let parameters = Parameters::initialise(SHAPE, 3);
    let metadata = Metadata::new(2, 3);
    save(&path, &parameters, &metadata).unwrap();
    assert_eq!(
        load(&path).unwrap(),
        (parameters.clone(), Some(metadata.clone()))
    );
    assert_eq!(
        std::fs::read(&path).unwrap(),
        to_bytes(&parameters, &metadata)
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A file with these tensors, all zero, and no metadata.
fn file(tensors: &[(&str, Dtype, &[usize])]) -> Vec<u8> {
    let zeros = vec![0; 4096];
    let views = tensors.iter().map(|&(name, dtype, shape)| {
        let len = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        (
            name,
            TensorView::new(dtype, shape.to_vec(), &zeros[..len]).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

fn refusal(bytes: &[u8]) -> ModelError {
    from_bytes(bytes, Path::new("model")).unwrap_err()
}

#[test]
fn files_of_other_programs_need_no_metadata() {
    let [w, b, v, c] = TENSOR_NAMES;
    let bytes = file(&[
        (w, Dtype::F32, &[6, 4]),
        (b, Dtype::F32, &[4]),
        (v, Dtype::F32, &[4, 3]),
        (c, Dtype::F32, &[3]),
    ]);
    let (parameters, metadata) = from_bytes(&bytes, Path::new("model")).unwrap();
    assert_eq!(parameters, Parameters::zeros(SHAPE));
    assert_eq!(metadata, None);
}

#[test]
fn every_wrong_file_is_refused() {
    let [w, b, v, c] = TENSOR_NAMES;
    let good: [(&str, Dtype, &[usize]); 4] = [
        (w, Dtype::F32, &[6, 4]),
        (b, Dtype::F32, &[4]),
        (v, Dtype::F32, &[4, 3]),
        (c, Dtype::F32, &[3]),
    ];
    let with = |index: usize, tensor| {
        let mut tensors = good;
        tensors[index] = tensor;
        file(&tensors)
    };
    for (bytes, tensor) in [
        (with(0, (w, Dtype::F32, &[4, 6])), b),
        (with(0, (w, Dtype::F32, &[24])), w),
        (with(0, (w, Dtype::F64, &[6, 4])), w),
        (with(0, (w, Dtype::F32, &[0, 4])), w),
        (with(1, (b, Dtype::F32, &[5])), b),
        (with(2, (v, Dtype::F32, &[3, 4])), v),
        (with(3, (c, Dtype::F32, &[1])), c),
        (with(3, (c, Dtype::F32, &[300])), c),
    ] {
        let error = refusal(&bytes);
        assert!(
            matches!(&error, ModelError::Tensor { tensor: found, .. } if *found == tensor),
            "{error}"
        );
    }
    let error = refusal(&with(3, ("bias", Dtype::F32, &[3])));
    assert!(matches!(error, ModelError::Tensors { .. }), "{error}");
    let error = refusal(&file(&good[..3]));
    assert!(matches!(error, ModelError::Tensors { .. }), "{error}");
    let whole = file(&good);
    for len in [0, 1, 7, 8, 50, whole.len() - 1] {
        let error = refusal(&whole[..len]);
        assert!(matches!(error, ModelError::Format { .. }), "{len}: {error}");
    }
}

#[test]
fn metadata_of_another_network_are_refused() {
    let parameters = Parameters::initialise(SHAPE, 3);
    let good = Metadata::new(2, 3);
    let layers = vec!["linear1".to_owned(), "relu".to_owned()];
    for wrong in [
        Metadata {
            version: 2,
            ..good.clone()
        },
        Metadata {
            input: "byte".to_owned(),
            ..good.clone()
        },
        Metadata {
            layers,
            ..good.clone()
        },
        Metadata {
            rows: 3,
            ..good.clone()
        },
        Metadata {
            rows: usize::MAX,
            ..good.clone()
        },
    ] {
        let error = refusal(&to_bytes(&parameters, &wrong));
        assert!(matches!(error, ModelError::Metadata { .. }), "{error}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let mut parameters = Parameters::initialise(SHAPE, 3);
    parameters.linear2_weight[5] = f32::NAN;
    let error = refusal(&to_bytes(&parameters, &Metadata::new(2, 3)));
    assert!(
        matches!(
            error,
            ModelError::NotFinite {
                tensor: "linear2.weight",
                position: 5,
                ..
            }
        ),
        "{error}"
    );
}
