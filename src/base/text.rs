//! Texts that strangers have written, and people read; and bytes that programs write as text.

/// Whether a character cannot be seen where it stands, and may change how others look: control
/// characters (a terminal obeys them), Unicode's own line ends, marks that turn the direction of
/// writing, and characters without width.
pub fn is_unseen(c: char) -> bool {
    let format = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    format || c.is_control()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_unseen() {
        assert!("\u{1b}\u{9b}\u{7}\r\n\t\u{7f}\u{202e}\u{200b}\u{feff}".chars().all(is_unseen));
        assert!(!"Góðan daginn, \"Anne\" ⁂ 日本 😀".chars().any(is_unseen));
    }
}
