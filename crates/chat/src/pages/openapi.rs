//! The OpenAPI document of the HTTP acts, made from one table.
//!
//! Always holds: every route of the router is in the table, which a test checks. Deliberately
//! absent: the frames of the WebSocket (docs/protocol.md).

use super::acts::{ACTS, Act, OCTETS};
use comity_wire::ErrorCode;
use utoipa::openapi::path::{
    OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref,
    RefOr, Required, SecurityRequirement, schema::Schema, schema::Type,
};

fn content(name: &str) -> (&'static str, utoipa::openapi::Content) {
    if name == OCTETS {
        ("application/octet-stream", ContentBuilder::new().build())
    } else {
        let schema = RefOr::<Schema>::Ref(Ref::from_schema_name(name));
        (
            "application/json",
            ContentBuilder::new().schema(Some(schema)).build(),
        )
    }
}

fn operation(act: &Act) -> utoipa::openapi::path::Operation {
    let mut answer = ResponseBuilder::new().description("Done.");
    if let Some(name) = act.answer {
        let (kind, content) = content(name);
        answer = answer.content(kind, content);
    }
    let (kind, error) = content("ErrorBody");
    let error = ResponseBuilder::new()
        .description("An error with its stable code.")
        .content(kind, error)
        .build();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(act.name))
        .summary(Some(act.what))
        .response("200", answer.build())
        .response("default", error);
    for parameter in act.path.split('/').filter_map(|part| {
        part.strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
    }) {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(parameter)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build(),
        );
    }
    if let Some(name) = act.body {
        let (kind, content) = content(name);
        let body = RequestBodyBuilder::new()
            .content(kind, content)
            .required(Some(Required::True))
            .build();
        operation = operation.request_body(Some(body));
    }
    if act.signed {
        let needed = SecurityRequirement::new("token", Vec::<String>::new());
        operation = operation.security(needed);
    }
    operation.build()
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for act in ACTS {
        // A second method of a path joins the first.
        paths = paths.path(act.path, PathItem::new(act.method.clone(), operation(act)));
    }
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
    let code = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes));
    let mut components = ComponentsBuilder::new()
        .schema("ErrorCode", code)
        .security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
    for body in comity_wire::http::BODIES {
        let mut object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(body.doc.trim()));
        for field in body.fields {
            object = object.property(field.name, schema(field));
            if !field.optional && !field.type_name.starts_with("Option<") {
                object = object.required(field.name);
            }
        }
        components = components.schema(body.name, object);
    }
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Comity app").version("1").build())
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

fn schema(field: &comity_wire::http::Field) -> RefOr<Schema> {
    let of = |kind: Type| {
        ObjectBuilder::new()
            .schema_type(kind)
            .description(Some(field.doc.trim()))
    };
    let name: String = field
        .type_name
        .chars()
        .filter(|letter| *letter != ' ')
        .collect();
    let inner = name
        .strip_prefix("Option<")
        .and_then(|name| name.strip_suffix('>'))
        .unwrap_or(&name);
    if let Some(item) = inner
        .strip_prefix("Vec<")
        .and_then(|name| name.strip_suffix('>'))
    {
        let items = plain(item, &of);
        return RefOr::T(Schema::Array(
            utoipa::openapi::ArrayBuilder::new()
                .items(items)
                .description(Some(field.doc.trim()))
                .build(),
        ));
    }
    plain(inner, &of)
}

fn plain(name: &str, of: &dyn Fn(Type) -> ObjectBuilder) -> RefOr<Schema> {
    let object = match name {
        "bool" => of(Type::Boolean),
        "u32" | "u64" | "i32" | "UnixMs" => of(Type::Integer),
        "Bytes64" => of(Type::String).content_encoding("base64url"),
        known
            if comity_wire::http::BODIES
                .iter()
                .any(|body| body.name == known) =>
        {
            return RefOr::Ref(Ref::from_schema_name(known));
        }
        _ => of(Type::String),
    };
    RefOr::T(Schema::Object(object.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_as_it_was_reviewed() {
        insta::assert_json_snapshot!(document());
    }

    #[test]
    fn every_route_is_in_the_table() {
        let router = include_str!("../router.rs");
        for line in router.lines().filter(|line| line.contains(".route(\"/v1/")) {
            let path = line.split('"').nth(1).unwrap();
            assert!(
                ACTS.iter().any(|act| act.path == path),
                "{path} is not in the table"
            );
        }
        for act in ACTS {
            assert!(
                router.contains(&format!("\"{}\"", act.path)),
                "{} has no route",
                act.path
            );
        }
    }
}
