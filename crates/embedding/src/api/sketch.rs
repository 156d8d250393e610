//! Sketches, which identify a model by one vector in spite of small deviations.
//!
//! A model's numbers vary slightly with hardware, batch and precision, so a hash of them would raise false alarms. A
//! sketch records on which side of [`BITS`] fixed planes through the origin the vector lies. Two vectors at an angle a differ in each bit with probability a / pi (Charikar, "Similarity estimation
//! techniques from rounding algorithms", 2002), so the bits that differ measure the angle.

use sha2::{Digest, Sha256};

/// Number of planes.
const BITS: usize = 128;
/// Maximum number of different bits. A cosine of 0.999, which half precision keeps, makes 2 bits differ on average, and more than
/// 8 once in 10,000 models; unrelated vectors differ in 64, and in 8 or fewer not once in 10^20.
const TOLERANCE: u32 = 8;

/// Side of each plane on which a vector lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sketch(u128);

impl Sketch {
    /// Returns the sketch of a vector of any length.
    pub(super) fn of(vector: &[f32]) -> Self {
        let mut sums = [0.0_f64; BITS];
        for (component, value) in (0_u64..).zip(vector) {
            // The normals have components of 1 and -1 drawn with SHA-256, so they never change.
            let digest = Sha256::digest(component.to_le_bytes());
            let signs = digest.first_chunk().copied().map_or(0, u128::from_le_bytes);
            for (plane, sum) in sums.iter_mut().enumerate() {
                let sign = if signs >> plane & 1 == 1 { 1.0 } else { -1.0 };
                *sum += sign * f64::from(*value);
            }
        }
        let sides = sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0);
        Self(sides.fold(0, |bits, (plane, _)| bits | 1 << plane))
    }

    /// Parses the output of [`Self::to_hex`].
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let bits = u128::from_str_radix(hex, 16).ok()?;
        (hex.len() == BITS / 4).then_some(Self(bits))
    }

    /// Returns 32 hexadecimal digits.
    pub(super) fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// Tells whether both may come from one model.
    pub(super) fn is_like(self, other: Self) -> bool {
        (self.0 ^ other.0).count_ones() <= TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a pseudo-random vector.
    fn vector(seed: u8) -> Vec<f32> {
        let digests = (0_u8..24).map(|part| Sha256::digest([seed, part]));
        digests.flatten().map(|byte| f32::from(byte) - 127.5).collect()
    }

    /// Returns a vector at about the angle whose tangent is `distance`.
    fn moved(vector: &[f32], distance: f32, seed: u8) -> Vec<f32> {
        vector
            .iter()
            .zip(super::tests::vector(seed))
            .map(|(value, noise)| value + distance * noise)
            .collect()
    }

    #[test]
    fn small_differences_are_tolerated_and_scale_does_not_count() {
        for seed in 0..50 {
            let base = vector(seed);
            let scaled: Vec<f32> = base.iter().map(|value| value * 0.25).collect();
            assert_eq!(Sketch::of(&base), Sketch::of(&scaled));
            // A cosine of 0.999.
            let near = Sketch::of(&moved(&base, 0.0447, seed + 100));
            assert!(Sketch::of(&base).is_like(near), "{seed}");
        }
    }

    #[test]
    fn another_model_is_told_apart() {
        for seed in 0..50 {
            let base = vector(seed);
            assert!(!Sketch::of(&base).is_like(Sketch::of(&vector(seed + 100))), "{seed}");
            // A cosine of 0.8.
            let related = Sketch::of(&moved(&base, 0.75, seed + 100));
            assert!(!Sketch::of(&base).is_like(related), "{seed}");
        }
    }

    #[test]
    fn sketches_are_stored_as_hex_and_never_change() {
        let sketch = Sketch::of(&[1.0, -0.5, 0.25]);
        assert_eq!(sketch.to_hex(), "0f660ac74baf8cf77a0b81a1f57055af");
        assert_eq!(Sketch::from_hex(&sketch.to_hex()), Some(sketch));
        assert_eq!(
            Sketch::from_hex("99cc3aefc9b86b80"),
            None,
            "the built-in model's is a hash"
        );
    }
}
