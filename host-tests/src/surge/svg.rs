//! SVG, as much of it as the picture needs.
use std::fmt::Display;

/// A picture in the making.
#[derive(Debug)]
pub(super) struct Svg(String);

/// Where a text stands at its point.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// A picture of this size, with a title and a description for those who do not see it.
    pub(super) fn new(
        width: f64,
        height: f64,
        title: &str,
        description: &str,
        style: &str,
    ) -> Self {
        let (title, description) = (escaped(title), escaped(description));
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\" \
             font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"desc\">{description}</desc>\n\
             <style>\n{style}</style>\n"
        ))
    }

    /// A box; `class` is one of the style's.
    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            width.max(0.0),
            height.max(0.0)
        ));
    }

    /// A line.
    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A text.
    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// The whole document.
    pub(super) fn finish(self) -> String {
        self.0 + "</svg>\n"
    }

    fn add(&mut self, element: impl Display) {
        self.0 += &element.to_string();
        self.0.push('\n');
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_end_an_element() {
        let mut svg = Svg::new(10.0, 5.0, "a < b", "c & d", "");
        svg.text("t", (1.0, 2.0), Anchor::End, "</text>");
        let text = svg.finish();
        for part in ["a &lt; b</title>", "c &amp; d</desc>", "\"end\">&lt;/text&gt;</text>"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
