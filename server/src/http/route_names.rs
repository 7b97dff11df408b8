//! Names of routes for metrics: the path as the description has it, such as `/v1/orders/{id}`.

use axum::http::Method;
use matchit::Router;

/// Finds the name of a path. What has none is counted under one name, so that no client makes up names.
#[derive(Debug, Default)]
pub(crate) struct RouteNames(Router<String>);

impl RouteNames {
    pub(crate) fn of<'a>(paths: impl IntoIterator<Item = &'a String>) -> Self {
        let mut names = Router::new();
        for path in paths {
            // The routes would not be there if two paths were in conflict.
            let _ = names.insert(path, path.clone());
        }
        Self(names)
    }

    pub(crate) fn name<'a>(&'a self, path: &str) -> &'a str {
        self.0.at(path).map_or("other", |found| found.value)
    }
}

/// The name of a method, of which there are few.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_name_of_its_route_and_others_have_one_name() {
        let document = crate::http::document();
        let names = RouteNames::of(document.paths.paths.keys());
        assert_eq!(names.name("/v1/orders/7/items/mug"), "/v1/orders/{id}/items/{product_id}");
        assert_eq!(names.name("/v1/events"), "/v1/events");
        assert_eq!(names.name("/v1/nothing"), "other");
        for path in document.paths.paths.keys() {
            assert_eq!(names.name(&path.replace(['{', '}'], "x")), path);
        }
    }
}
