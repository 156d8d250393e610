//! The vector of a text from those of its tokens.

/// Way to make one vector of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Mean of all tokens, special ones included.
    Mean,
    /// The first token, `[CLS]`.
    Cls,
    /// The largest value of each component.
    Max,
}

impl Pooling {
    /// Parses a name that starts with that of the way.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let ways = [("mean", Self::Mean), ("cls", Self::Cls), ("max", Self::Max)];
        let name = name.trim_start().to_ascii_lowercase();
        ways.into_iter()
            .find_map(|(way, pooling)| name.starts_with(way).then_some(pooling))
    }

    /// Returns the vector of a text, not normalised; empty without tokens.
    pub(super) fn of<'a>(self, tokens: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
        let mut count = 0.0;
        let mut pooled: Vec<f32> = Vec::new();
        for token in tokens {
            count += 1.0;
            if pooled.is_empty() {
                pooled = token.to_vec();
                continue;
            }
            let components = pooled.iter_mut().zip(token);
            match self {
                Self::Mean => components.for_each(|(sum, value)| *sum += value),
                Self::Cls => break,
                Self::Max => components.for_each(|(most, value)| *most = most.max(*value)),
            }
        }
        if self == Self::Mean {
            for sum in &mut pooled {
                *sum /= count;
            }
        }
        pooled
    }
}

/// Returns a vector of length 1; `None` if it has no direction or holds numbers that are not finite.
pub(super) fn normalised(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !length.is_normal() {
        return None;
    }
    for value in &mut vector {
        *value /= length;
    }
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_makes_one_vector_of_many() {
        let tokens = [[1.0, -4.0], [3.0, 2.0]];
        for (name, expected) in [
            ("mean over all tokens", [2.0, -1.0]),
            ("CLS", [1.0, -4.0]),
            ("max_tokens", [3.0, 2.0]),
        ] {
            let pooling = Pooling::parse(name).unwrap();
            assert_eq!(pooling.of(tokens.iter().map(<[f32; 2]>::as_slice)), expected, "{name}");
        }
        assert_eq!(Pooling::parse("lasttoken"), None);
        assert_eq!(normalised(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
        assert_eq!(normalised(vec![0.0, 0.0]), None);
        assert_eq!(normalised(vec![f32::NAN, 1.0]), None);
    }
}
