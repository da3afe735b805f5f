//! The PINs that a thief tries first.

/// What repeats no more digits than this is a repeat: `000000`, `121212`, `123123`.
const REPEATED_DIGITS_MAX: usize = 3;

/// Whether these digits are a run, upwards or downwards and over the end (`123456`, `432109`), or repeat a few.
pub(super) fn is_tried_first(digits: &str) -> bool {
    is_run(digits.as_bytes()) || is_repeat(digits.as_bytes())
}

fn is_run(digits: &[u8]) -> bool {
    let is_next = |from: u8, to: u8| (from.wrapping_sub(b'0') + 1) % 10 == to.wrapping_sub(b'0');
    let pairs = || digits.iter().zip(digits.iter().skip(1));
    pairs().all(|(&a, &b)| is_next(a, b)) || pairs().all(|(&a, &b)| is_next(b, a))
}

fn is_repeat(digits: &[u8]) -> bool {
    (1..=REPEATED_DIGITS_MAX).any(|period| {
        let shifted = digits.iter().skip(period);
        shifted.zip(digits).all(|(later, earlier)| later == earlier)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_repeats_are_tried_first() {
        for (digits, expected) in [
            ("123456", true),
            ("654321", true),
            ("890123", true),
            ("321098", true),
            ("012345678901", true),
            ("000000", true),
            ("777777777", true),
            ("121212", true),
            ("1212121", true),
            ("123123", true),
            ("907907907", true),
            ("402311", false),
            ("123457", false),
            ("112233", false),
            ("000001", false),
            ("135790", false),
            ("12345612", false),
        ] {
            assert_eq!(is_tried_first(digits), expected, "{digits}");
        }
    }
}
