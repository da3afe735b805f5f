//! The nonces of identifications, as people read them out and type them in.

/// `194197169` as `194 197 169`.
pub fn in_threes(nonce: &str) -> String {
    let mut formatted = String::with_capacity(nonce.len() + nonce.len() / 3);
    for (place, digit) in nonce.chars().enumerate() {
        if place > 0 && place % 3 == 0 {
            formatted.push(' ');
        }
        formatted.push(digit);
    }
    formatted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_shown_in_groups_of_three() {
        assert_eq!(in_threes("194197169"), "194 197 169");
        assert_eq!(in_threes("1941"), "194 1");
        assert_eq!(in_threes(""), "");
    }
}
