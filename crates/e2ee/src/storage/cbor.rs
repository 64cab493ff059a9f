//! CBOR as `cbor4ii` writes it, but without what nobody reads: with each message of a group of a
//! thousand devices that would be megabytes of keys.
//!
//! Always holds: the bytes are the ones that `cbor4ii` would write, but for the keys that are left
//! out. Deliberately absent: reading, numbers with fractions, and `()`.

use serde::ser::{self, Serialize};
use std::fmt::Display;

/// The value is of a shape that group state does not have.
#[derive(Debug)]
pub(super) struct Unwritable;

impl Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value that group state does not hold")
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Written = Result<(), Unwritable>;

const NUMBER: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const NULL: u8 = 0xf6;
const UNKNOWN_LENGTH: u8 = 31;
const BREAK: u8 = 0xff;

/// What the library calls a member of an earlier epoch, and the field of it that nobody reads: to
/// open a late message takes its sender's credential and signature key.
const OLD_MEMBER: &str = "Member";
const OLD_KEY: &str = "encryption_key";

/// Writes one value.
pub(super) struct Encoder<'b> {
    out: &'b mut Vec<u8>,
    leave_out_old_keys: bool,
}

impl<'b> Encoder<'b> {
    /// Appends to `out`, and leaves nothing out.
    #[cfg(test)]
    pub(super) const fn new(out: &'b mut Vec<u8>) -> Self {
        Self {
            out,
            leave_out_old_keys: false,
        }
    }

    /// Writes the encryption keys of members of earlier epochs as empty ones. They are most of what
    /// is written with each message of a large group.
    pub(super) const fn without_old_keys(out: &'b mut Vec<u8>) -> Self {
        Self {
            out,
            leave_out_old_keys: true,
        }
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let bytes = value.to_be_bytes();
        let [.., c, d, e, f, g, h] = bytes;
        match value {
            0..=23 => self.out.push(major | h),
            24..=0xff => self.out.extend_from_slice(&[major | 24, h]),
            0x100..=0xffff => self.out.extend_from_slice(&[major | 25, g, h]),
            0x1_0000..=0xffff_ffff => self.out.extend_from_slice(&[major | 26, e, f, g, h]),
            _ => {
                let [a, b, ..] = bytes;
                self.out
                    .extend_from_slice(&[major | 27, a, b, c, d, e, f, g, h]);
            }
        }
    }

    fn length(&mut self, major: u8, length: usize) -> Written {
        self.head(major, u64::try_from(length).map_err(|_| Unwritable)?);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Written {
        self.length(TEXT, text.len())?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn parts<'e>(
        &'e mut self,
        major: u8,
        length: Option<usize>,
    ) -> Result<Parts<'e, 'b>, Unwritable> {
        match length {
            Some(length) => self.length(major, length)?,
            None => self.out.push(major << 5 | UNKNOWN_LENGTH),
        }
        Ok(Parts {
            encoder: self,
            of_old_member: false,
            until_break: length.is_none(),
        })
    }

    /// An enum's variant that holds something: a map of its name to what it holds.
    fn variant(&mut self, variant: &str) -> Written {
        self.head(MAP, 1);
        self.text(variant)
    }
}

/// Elements or fields of one value.
pub(super) struct Parts<'e, 'b> {
    encoder: &'e mut Encoder<'b>,
    /// Fields of a member of an earlier epoch.
    of_old_member: bool,
    /// Their number was not known when they began: a mark ends them.
    until_break: bool,
}

impl Parts<'_, '_> {
    fn finish(self) -> Written {
        if self.until_break {
            self.encoder.out.push(BREAK);
        }
        Ok(())
    }

    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut *self.encoder)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Written {
        self.encoder.text(name)?;
        if self.of_old_member && name == OLD_KEY {
            self.encoder.head(ARRAY, 0);
            return Ok(());
        }
        self.part(value)
    }
}

impl<'e, 'b> ser::Serializer for &'e mut Encoder<'b> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Parts<'e, 'b>;
    type SerializeTuple = Parts<'e, 'b>;
    type SerializeTupleStruct = Parts<'e, 'b>;
    type SerializeTupleVariant = Parts<'e, 'b>;
    type SerializeMap = Parts<'e, 'b>;
    type SerializeStruct = Parts<'e, 'b>;
    type SerializeStructVariant = Parts<'e, 'b>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Written {
        self.out.push(if value { 0xf5 } else { 0xf4 });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        match u64::try_from(value) {
            Ok(value) => self.head(NUMBER, value),
            Err(_) => self.head(NEGATIVE, value.unsigned_abs() - 1),
        }
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Written {
        if value < 24 {
            self.out.push(value);
        } else {
            self.out.extend_from_slice(&[24, value]);
        }
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        self.head(NUMBER, value);
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Written {
        Err(Unwritable)
    }

    fn serialize_f64(self, _: f64) -> Written {
        Err(Unwritable)
    }

    fn serialize_char(self, value: char) -> Written {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.length(BYTES, value.len())?;
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Written {
        self.out.push(NULL);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    /// `cbor4ii` and earlier versions write it differently: there is none.
    fn serialize_unit(self) -> Written {
        Err(Unwritable)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        self.variant(variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Parts<'e, 'b>, Unwritable> {
        self.parts(ARRAY, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Parts<'e, 'b>, Unwritable> {
        self.parts(ARRAY, Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Parts<'e, 'b>, Unwritable> {
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Parts<'e, 'b>, Unwritable> {
        self.variant(variant)?;
        self.serialize_tuple(length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Parts<'e, 'b>, Unwritable> {
        self.parts(MAP, length)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Parts<'e, 'b>, Unwritable> {
        let of_old_member = self.leave_out_old_keys && name == OLD_MEMBER;
        let parts = self.parts(MAP, Some(length))?;
        Ok(Parts {
            of_old_member,
            ..parts
        })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Parts<'e, 'b>, Unwritable> {
        self.variant(variant)?;
        self.serialize_map(Some(length))
    }
}

macro_rules! elements {
    ($($trait:ident: $add:ident;)+) => {$(
        impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                self.part(value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        }
    )+};
}

elements! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

macro_rules! fields {
    ($($trait:ident)+) => {$(
        impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
                self.field(name, value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        }
    )+};
}

fields! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.part(value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    enum Shape {
        Unit,
        New(u16),
        Tuple(u8, String),
        Struct { one: i64, other: Option<Vec<u8>> },
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Member {
        index: u32,
        encryption_key: Vec<u8>,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct New(u64);

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Everything {
        numbers: Vec<u64>,
        signed: Vec<i64>,
        shapes: Vec<Shape>,
        pair: (bool, char),
        text: String,
        map: BTreeMap<String, New>,
        members: Vec<Member>,
    }

    fn everything() -> Everything {
        let edges = [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX)];
        let shapes = vec![
            Shape::Unit,
            Shape::New(300),
            Shape::Tuple(7, "seven".into()),
            Shape::Struct {
                one: -1,
                other: None,
            },
            Shape::Struct {
                one: i64::MIN,
                other: Some((0..=255).collect()),
            },
        ];
        let member = |index| Member {
            index,
            encryption_key: vec![9; 40],
        };
        Everything {
            numbers: [&edges[..], &[u64::from(u32::MAX) + 1, u64::MAX]].concat(),
            signed: vec![0, -1, -24, -25, -256, -257, i64::MAX, i64::MIN],
            shapes,
            pair: (true, 'ß'),
            text: "x".repeat(300),
            map: [("one".to_owned(), New(1)), ("two".to_owned(), New(2))].into(),
            members: vec![member(1), member(2)],
        }
    }

    #[test]
    fn what_is_written_is_what_the_reader_would_write() {
        let (mut ours, mut before) = (Vec::new(), Vec::new());
        everything()
            .serialize(&mut Encoder::new(&mut ours))
            .unwrap();
        let theirs = cbor4ii::serde::to_vec(Vec::new(), &everything()).unwrap();
        assert_eq!(ours, theirs);
        // What earlier versions wrote is of the same form.
        ciborium::into_writer(&everything(), &mut before).unwrap();
        assert_eq!(ours, before);
        let read: Everything = cbor4ii::serde::from_slice(&ours).unwrap();
        assert_eq!(read, everything());
    }

    #[test]
    fn what_has_no_known_length_ends_with_a_mark() {
        struct Endless;
        impl Serialize for Endless {
            fn serialize<S: ser::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq((0..9_u8).filter(|number| number.is_multiple_of(2)))
            }
        }
        let mut ours = Vec::new();
        Endless.serialize(&mut Encoder::new(&mut ours)).unwrap();
        let theirs = cbor4ii::serde::to_vec(Vec::new(), &Endless).unwrap();
        assert_eq!(ours, theirs);
        let read: Vec<u8> = cbor4ii::serde::from_slice(&ours).unwrap();
        assert_eq!(read, [0, 2, 4, 6, 8]);
    }

    #[test]
    fn old_keys_are_left_out_and_nothing_else() {
        let mut written = Vec::new();
        let mut encoder = Encoder::without_old_keys(&mut written);
        everything().serialize(&mut encoder).unwrap();
        let mut expected = everything();
        for member in &mut expected.members {
            member.encryption_key.clear();
        }
        let read: Everything = cbor4ii::serde::from_slice(&written).unwrap();
        assert_eq!(read, expected);
    }
}
