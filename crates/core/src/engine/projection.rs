//! Projection of vectors to the plane of their two principal components.
//!
//! The axes come from subspace iteration (Golub and Van Loan, Matrix Computations, 8.2.4) on a sample: they only place
//! points on a map, where the last digit cannot be seen.

/// Number of vectors that the axes are found on.
const SAMPLE: usize = 2000;
/// Number of iterations. Ratios of the first eigenvalues of embeddings are near 1.1, so that this leaves an error of some
/// percent at worst.
const ITERATIONS: usize = 24;

/// A direction, of the length of the vectors.
type Axis = Vec<f32>;

/// Returns the place of each vector, with both coordinates scaled to 0..=1. All vectors have one length.
pub(super) fn project(vectors: &[Vec<f32>]) -> Vec<[f32; 2]> {
    let Some(first) = vectors.first() else {
        return Vec::new();
    };
    let mean = mean(vectors, first.len());
    let step = vectors.len().div_ceil(SAMPLE);
    let sample: Vec<Axis> = vectors
        .iter()
        .step_by(step)
        .map(|vector| minus(vector, &mean))
        .collect();
    let axes = axes(&sample, first.len());
    let mut places: Vec<[f32; 2]> = vectors
        .iter()
        .map(|vector| {
            let centred = minus(vector, &mean);
            [dot(&centred, &axes[0]), dot(&centred, &axes[1])]
        })
        .collect();
    for axis in 0..2 {
        scale(&mut places, axis);
    }
    places
}

/// Returns the directions of the largest variance, orthogonal and with a sign that stays the same between calls.
fn axes(sample: &[Axis], dimensions: usize) -> [Axis; 2] {
    // Any start that is not orthogonal to an axis does.
    let start = |shift: usize| -> Axis {
        let mut axis = vec![0.0; dimensions];
        for (at, value) in axis.iter_mut().enumerate() {
            *value = if (at + shift).is_multiple_of(3) { 1.0 } else { -0.5 };
        }
        axis
    };
    let mut axes = [start(0), start(1)];
    orthonormalise(&mut axes);
    for _ in 0..ITERATIONS {
        let mut next = [vec![0.0; dimensions], vec![0.0; dimensions]];
        for vector in sample {
            for (next, axis) in next.iter_mut().zip(&axes) {
                add(next, vector, dot(vector, axis));
            }
        }
        axes = next;
        orthonormalise(&mut axes);
    }
    for axis in &mut axes {
        let largest = axis.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if largest.is_some_and(|value| value < 0.0) {
            for value in axis {
                *value = -*value;
            }
        }
    }
    axes
}

fn orthonormalise([first, second]: &mut [Axis; 2]) {
    normalise(first);
    let overlap = dot(first, second);
    add(second, first, -overlap);
    normalise(second);
}

/// A vector of zeros, as of equal vectors, stays one.
fn normalise(axis: &mut Axis) {
    let length = dot(axis, axis).sqrt();
    if length > f32::MIN_POSITIVE {
        for value in axis.iter_mut() {
            *value /= length;
        }
    } else {
        axis.fill(0.0);
    }
}

fn scale(places: &mut [[f32; 2]], axis: usize) {
    let (low, high) = places.iter().fold((f32::MAX, f32::MIN), |(low, high), place| {
        (low.min(place[axis]), high.max(place[axis]))
    });
    let width = high - low;
    for place in places {
        // Equal vectors lie in the middle.
        place[axis] = if width > f32::EPSILON {
            (place[axis] - low) / width
        } else {
            0.5
        };
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a map has fewer points than an f32 counts exactly"
)]
fn mean(vectors: &[Vec<f32>], dimensions: usize) -> Axis {
    let mut mean = vec![0.0; dimensions];
    for vector in vectors {
        add(&mut mean, vector, 1.0 / vectors.len() as f32);
    }
    mean
}

fn minus(vector: &[f32], other: &[f32]) -> Axis {
    vector.iter().zip(other).map(|(value, other)| value - other).collect()
}

fn add(sum: &mut [f32], vector: &[f32], factor: f32) {
    for (sum, value) in sum.iter_mut().zip(vector) {
        *sum += factor * value;
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn groups_that_are_apart_stay_apart_and_in_the_same_place() {
        // Two groups along one direction of many dimensions, each a little spread along another.
        let vector = |group: f32, spread: f32| {
            let mut vector = vec![0.1; 64];
            vector[7] = group;
            vector[40] = spread;
            vector
        };
        let vectors: Vec<_> = (0_u8..40)
            .map(|at| vector(if at % 2 == 0 { 5.0 } else { -5.0 }, f32::from(at) / 40.0))
            .collect();
        let places = project(&vectors);
        for (at, [x, y]) in places.iter().enumerate() {
            assert_eq!(*x > 0.9, at % 2 == 0, "{at}: {x}");
            assert!((0.0..=1.0).contains(y));
        }
        assert!(places[38][1] > places[0][1] + 0.9, "the second axis is the spread");
        assert_eq!(places, project(&vectors));
    }

    #[test]
    fn equal_vectors_lie_in_the_middle() {
        assert!(project(&[]).is_empty());
        assert_eq!(project(&[vec![0.3; 8]]), [[0.5, 0.5]]);
        assert_eq!(project(&vec![vec![0.3; 8]; 5]), [[0.5, 0.5]; 5]);
    }

    proptest! {
        #[test]
        fn every_place_is_on_the_map(vectors in prop::collection::vec(prop::collection::vec(-10.0_f32..10.0, 4), 0..30)) {
            let places = project(&vectors);
            prop_assert_eq!(places.len(), vectors.len());
            for place in places {
                prop_assert!(place.iter().all(|at| (0.0..=1.0).contains(at)), "{:?}", place);
            }
        }
    }
}
