//! Kill switches: a brand or a product that takes no new rounds (GLI-19 v3.0 2.4.1 and 4.15.1). Rounds in
//! play go on.

use policy_kit::{invalid, Brands, ConfigError, Endpoint, EndpointClass};

use super::config::ClosedConfig;

/// The closed brands and products.
#[derive(Debug, Default)]
pub struct Closed {
    brands: Vec<String>,
    products: Vec<String>,
}

impl Closed {
    /// Compiles the configuration's `closed`.
    ///
    /// # Errors
    /// A brand or a product that does not exist: the switch would stop nothing.
    pub fn compile(
        raw: ClosedConfig,
        brands: &Brands,
        endpoints: &[Endpoint],
    ) -> Result<Self, ConfigError> {
        for (i, brand) in raw.brands.iter().enumerate() {
            if !brands.names().any(|name| name == brand) {
                let at = format!("player_state.closed.brands[{i}]");
                return Err(invalid(at, "is not a brand of `brands`"));
            }
        }
        for (i, product) in raw.products.iter().enumerate() {
            if !endpoints.iter().any(|endpoint| endpoint.product.as_ref() == Some(product)) {
                let at = format!("player_state.closed.products[{i}]");
                return Err(invalid(at, "is not the product of any endpoint"));
            }
        }
        Ok(Self { brands: raw.brands, products: raw.products })
    }

    /// Whether a request would start a round that must not start.
    pub fn stops(&self, class: EndpointClass, product: Option<&str>, brand: Option<&str>) -> bool {
        use EndpointClass::{Launch, Unclassified, Wager};
        let listed = |list: &[String], name: Option<&str>| {
            name.is_some_and(|name| list.iter().any(|listed| listed == name))
        };
        matches!(class, Wager | Launch | Unclassified)
            && (listed(&self.brands, brand) || listed(&self.products, product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(json: &str) -> Result<Closed, ConfigError> {
        let brands = br#"{"otter.example": "otter", "kings.example": "kings"}"#;
        let brands = Brands::compile(policy_kit::parse(brands)?)?;
        let endpoints = br#"[{"path": "/spin", "class": "wager", "product": "casino"}]"#;
        let endpoints: Vec<Endpoint> = policy_kit::parse(endpoints)?;
        Closed::compile(policy_kit::parse(json.as_bytes())?, &brands, &endpoints)
    }

    #[test]
    fn stops_new_rounds_only() {
        let brand = closed(r#"{"brands": ["otter"]}"#).unwrap();
        let product = closed(r#"{"products": ["casino"]}"#).unwrap();
        for class in EndpointClass::ALL {
            let starts = ["wager", "launch", "unclassified"].contains(&class.as_str());
            assert_eq!(brand.stops(class, None, Some("otter")), starts, "{class}");
            assert_eq!(product.stops(class, Some("casino"), None), starts, "{class}");
            for (product_name, brand_name) in [(None, None), (Some("poker"), Some("kings"))] {
                assert!(!brand.stops(class, product_name, brand_name), "{class}");
                assert!(!product.stops(class, product_name, brand_name), "{class}");
            }
        }
    }

    #[test]
    fn rejects_switches_that_stop_nothing() {
        for (json, field) in [
            (r#"{"brands": ["otter", "oter"]}"#, "player_state.closed.brands[1]"),
            (r#"{"products": ["bingo"]}"#, "player_state.closed.products[0]"),
        ] {
            assert_eq!(closed(json).unwrap_err().field, field, "{json}");
        }
    }
}
