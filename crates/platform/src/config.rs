//! Configuration: structs whose fields carry their own documentation, read from one TOML file,
//! and printed as an annotated file.
//!
//! Always holds: the annotated file that is printed reads back as the same configuration; a field
//! that is not known is an error that names it.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a configuration could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("can not read the configuration")]
    File(#[from] std::io::Error),
    /// It is not TOML of the right shape.
    #[error("the configuration is wrong")]
    Shape(#[from] toml::de::Error),
    /// Its fields contradict each other or what the server allows.
    #[error("the configuration can not be used: {0}")]
    Refused(String),
}

/// A struct made by [`documented!`](crate::documented).
pub trait Documented: Serialize + DeserializeOwned + Default {
    /// Documentation of the struct.
    const DOC: &'static str;

    /// Writes the annotated fields, then the sections, below `path`.
    fn annotate(&self, path: &str, out: &mut String);
}

/// The whole annotated file.
#[must_use]
pub fn annotated<C: Documented>(config: &C) -> String {
    let mut out = String::new();
    comment(C::DOC, &mut out);
    out.push('\n');
    config.annotate("", &mut out);
    out
}

/// Reads a file.
///
/// # Errors
/// When it can not be read or is not of the right shape.
pub fn load<C: Documented>(path: &std::path::Path) -> Result<C, ConfigError> {
    Ok(toml::from_str(&std::fs::read_to_string(path)?)?)
}

/// Writes documentation as comment lines.
pub fn comment(doc: &str, out: &mut String) {
    for line in doc.lines() {
        out.push('#');
        if !line.is_empty() && !line.starts_with(' ') {
            out.push(' ');
        }
        out.push_str(line);
        out.push('\n');
    }
}

/// Writes one field with its documentation; a value that is absent stands in a comment.
pub fn field<T: Serialize>(doc: &str, name: &str, value: &T, out: &mut String) {
    comment(doc, out);
    match toml::Value::try_from(value) {
        Ok(value) => out.push_str(&format!("{name} = {value}\n\n")),
        Err(_) => out.push_str(&format!("# {name} =\n\n")),
    }
}

/// Writes the heading of a section.
pub fn section(doc: &str, path: &str, out: &mut String) {
    comment(doc, out);
    out.push_str(&format!("[{path}]\n"));
}

/// Declares a documented configuration struct: fields with their defaults, then sections, which
/// are documented structs themselves.
#[macro_export]
macro_rules! documented {
    ($(#[doc = $doc:literal])+ pub struct $name:ident {
        $($(#[doc = $fdoc:literal])+ $field:ident: $type:ty = $default:expr,)*
    } sections {
        $($(#[doc = $sdoc:literal])+ $section:ident: $stype:ty,)*
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $fdoc])+ pub $field: $type,)*
            $($(#[doc = $sdoc])+ pub $section: $stype,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    $($section: <$stype>::default(),)*
                }
            }
        }

        impl $crate::config::Documented for $name {
            const DOC: &'static str = concat!($($doc, "\n"),+);

            fn annotate(&self, path: &str, out: &mut String) {
                $($crate::config::field(
                    concat!($($fdoc, "\n"),+), stringify!($field), &self.$field, out);)*
                $({
                    let below = if path.is_empty() {
                        stringify!($section).to_owned()
                    } else {
                        format!("{path}.{}", stringify!($section))
                    };
                    $crate::config::section(concat!($($sdoc, "\n"),+), &below, out);
                    $crate::config::Documented::annotate(&self.$section, &below, out);
                })*
                let _ = path;
            }
        }
    };
}

#[cfg(test)]
#[allow(unreachable_pub)]
mod tests {
    use super::*;

    documented! {
        /// A server.
        pub struct Server {
            /// Its name.
            /// Shown to people.
            name: String = "Comity \"one\"".to_owned(),
            /// A file, if any.
            file: Option<String> = None,
        } sections {
            /// How much.
            limits: Limits,
        }
    }

    documented! {
        /// Limits.
        pub struct Limits {
            /// At most.
            max: u32 = 7,
        } sections {}
    }

    #[test]
    fn the_annotated_file_reads_back_as_the_same() {
        let mut server = Server::default();
        server.limits.max = 9;
        let text = annotated(&server);
        assert!(
            text.contains("# Its name.\n# Shown to people.\nname = "),
            "{text}"
        );
        assert!(text.contains("# file =\n"), "{text}");
        assert_eq!(toml::from_str::<Server>(&text).unwrap(), server);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = toml::from_str::<Server>("nmae = \"x\"").unwrap_err();
        assert!(error.to_string().contains("nmae"));
    }
}
