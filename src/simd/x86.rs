//! What AVX2 and AVX-512 have in common.

/// A token, the proof that this CPU has some features, and how it runs a kernel compiled for them.
macro_rules! token {
    ($(#[$doc:meta])* $token:ident, $vector:ident, $($feature:tt),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $token(());

        impl $token {
            pub(super) fn detect() -> Option<Self> {
                let found = $(std::arch::is_x86_feature_detected!($feature))&&+;
                found.then_some(Self(()))
            }

            #[inline]
            pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
                #[target_feature($(enable = $feature),+)]
                fn shell<K: Kernel>(token: $token, kernel: K) -> K::Output {
                    kernel.run::<$vector>(token)
                }
                // SAFETY: `self` exists only after `detect` has found these features.
                unsafe { shell(self, kernel) }
            }

            #[inline]
            pub(super) fn run_exact<K: Kernel>(self, kernel: K) -> K::Output {
                #[target_feature($(enable = $feature),+)]
                fn shell<K: Kernel>(token: $token, kernel: K) -> K::Output {
                    kernel.run::<Exact<$vector, false>>(token)
                }
                // SAFETY: as above.
                unsafe { shell(self, kernel) }
            }
        }
    };
}

/// The methods of [`Vector`](super::Vector) that are one intrinsic each.
///
/// In every block a vector or a token proves that the instructions were detected; where memory is
/// accessed, the caller vouches for its `LANES` values.
macro_rules! intrinsics {
    ($token:ident: $splat:ident, $load:ident, $store:ident, $mul_add:ident,
     $($binary:ident: $intrinsic:ident),+) => {
        #[inline(always)]
        fn splat(_: $token, value: f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { $splat(value) })
        }
        #[inline(always)]
        unsafe fn load(_: $token, source: *const f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { $load(source) })
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            // SAFETY: as above.
            unsafe { $store(target, self.0) }
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, addend: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { $mul_add(self.0, factor.0, addend.0) })
        }
        $(
            #[inline(always)]
            fn $binary(self, other: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        )+
        #[inline(always)]
        fn prefetch(_: $token, source: *const u8) {
            // SAFETY: any address may be asked for.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(source.cast()) }
        }
    };
}

/// The methods of [`Vector`](super::Vector) on integers; as [`intrinsics`].
macro_rules! integer_intrinsics {
    ($token:ident, $ints:ident: $splat:ident, $load:ident, $store:ident, $dots:ident, $add:ident, $of_ints:ident,
     $round:ident, $cut:ident, $shuffle:ident) => {
        type Ints = $ints;

        #[inline(always)]
        fn splat_ints(_: $token, value: i32) -> $ints {
            // SAFETY: as above.
            unsafe { $splat(value) }
        }
        #[inline(always)]
        unsafe fn load_ints(_: $token, source: *const i32) -> $ints {
            // SAFETY: as above.
            unsafe { $load(source.cast()) }
        }
        #[inline(always)]
        unsafe fn store_ints(ints: $ints, target: *mut i32) {
            // SAFETY: as above.
            unsafe { $store(target.cast(), ints) }
        }
        #[inline(always)]
        fn add_dots(sum: $ints, a: $ints, b: $ints) -> $ints {
            // SAFETY: as above.
            unsafe { $add(sum, $dots(a, b)) }
        }
        #[inline(always)]
        fn of_ints(ints: $ints) -> Self {
            // SAFETY: as above.
            Self(unsafe { $of_ints(ints) })
        }
        #[inline(always)]
        fn round(self) -> $ints {
            // SAFETY: as above.
            unsafe { $round(self.0) }
        }
        #[inline(always)]
        fn pair(lower: Self, upper: Self) -> $ints {
            // Each quarter of a register has four of the lower ones, then four of the upper.
            // SAFETY: as above.
            unsafe { $shuffle($cut(lower.round(), upper.round()), alternate()) }
        }
    };
}

/// The methods of [`Vector`](super::Vector) on lines of bytes, for which AVX2 is enough; as [`intrinsics`].
macro_rules! line_intrinsics {
    ($token:ident) => {
        #[inline(always)]
        fn interpolate(
            _: $token,
            line: (&[u8; 32], &[u8; 32]),
            shifts: (&[i16; 32], i16, &[i8; 32], i16),
        ) -> [u8; 32] {
            // SAFETY: as above.
            unsafe { lines::interpolate(line, shifts) }
        }
        #[inline(always)]
        fn transpose_tile(_: $token, tile: &[[u8; 32]; 32]) -> [[u8; 32]; 32] {
            // SAFETY: as above.
            unsafe { lines::transpose_tile(tile) }
        }
    };
}
