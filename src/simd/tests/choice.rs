//! The choice of the instruction set.

use crate::simd::{Isa, IsaError, IsaRequest, MAX_LANES};

#[test]
fn every_request_is_parsed_from_its_name() {
    for request in IsaRequest::ALL {
        assert_eq!(request.name().parse(), Ok(request));
    }
    assert_eq!("avx512".parse(), Ok(IsaRequest::Avx512));
    assert_eq!("avx2".parse(), Ok(IsaRequest::Avx2));
    assert_eq!("portable".parse(), Ok(IsaRequest::Portable));
    assert_eq!("auto".parse(), Ok(IsaRequest::Auto));
    assert_eq!(IsaRequest::default(), IsaRequest::Auto);
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
    for name in ["avx", "AVX2", " avx2", "avx2 ", "", "neon"] {
        let found: Result<IsaRequest, IsaError> = name.parse();
        let expected = IsaError::Unknown {
            found: name.to_owned(),
        };
        assert_eq!(found, Err(expected.clone()));
        let message = expected.to_string();
        assert!(message.contains(&format!("{name:?}")), "{message}");
        for request in IsaRequest::ALL {
            assert!(message.contains(request.name()), "{message}");
        }
    }
}

#[test]
fn an_available_set_is_selected_and_an_absent_one_refused() {
    let available = Isa::available();
    assert_eq!(Isa::select(IsaRequest::Auto), Ok(available[0]));
    for request in IsaRequest::ALL {
        if request == IsaRequest::Auto {
            continue;
        }
        let found = Isa::select(request);
        match available.iter().find(|isa| isa.name() == request.name()) {
            Some(&isa) => assert_eq!(found, Ok(isa)),
            None => {
                let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
                let expected = IsaError::Absent {
                    requested: request.name(),
                    available: names.join(", "),
                };
                assert_eq!(found, Err(expected));
            }
        }
    }
}

#[test]
fn an_absent_set_is_named_in_the_error_with_those_that_there_are() {
    let error = IsaError::Absent {
        requested: "avx512",
        available: "avx2, portable".to_owned(),
    };
    let message = error.to_string();
    assert!(message.contains("instruction set avx512"), "{message}");
    assert!(message.contains("only: avx2, portable"), "{message}");
}

#[test]
fn the_sets_are_listed_best_first_and_end_with_the_portable_one() {
    let available = Isa::available();
    assert_eq!(available.last().map(|isa| isa.name()), Some("portable"));
    let lanes: Vec<_> = available.iter().map(|isa| isa.lanes()).collect();
    assert!(lanes.is_sorted_by(|a, b| a >= b), "{lanes:?}");
    for isa in available {
        assert_eq!(isa.to_string(), isa.name());
        assert!(MAX_LANES.is_multiple_of(isa.lanes()));
        let expected = if isa.name() == "avx512" { 16 } else { 8 };
        assert_eq!(isa.lanes(), expected, "{isa}");
    }
}
