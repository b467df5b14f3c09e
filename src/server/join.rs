//! The address at which a class follows: as text, and as a QR code drawn in SVG.

use qrcode::{Color, EcLevel, QrCode};

/// The code of `address` as a picture, black on white whatever the page's colours: cameras want it so. Empty if the address is too
/// long for any code.
pub fn svg(address: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(address, EcLevel::M) else { return String::new() };
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row[x..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                // The quiet zone around a code is four modules wide.
                path.push_str(&format!("M{} {}h{run}v1h-{run}z", x + 4, y + 4));
            }
            x += run.max(1);
        }
    }
    let side = width + 8;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>\n"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_has_its_finders_and_nothing_around() {
        let svg = super::svg("http://192.168.1.5:8000/join");
        assert!(svg.contains("M4 4h7v1h-7z"), "{svg}");
        assert!(!svg.contains("M3 ") && !svg.contains("M0 1"), "{svg}");
        assert_eq!(super::svg(&"x".repeat(5000)), "");
    }
}
