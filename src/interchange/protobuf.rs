//! Writing messages of protocol buffers.
//!
//! Source: "Encoding", the documentation of Protocol Buffers' wire format.
#![allow(
    dead_code,
    reason = "compiled for the library and for the program, which use some of it each"
)]

/// A message, field by field in the order of their calls.
#[derive(Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// An integer that is not negative. 0, which stands for a field that is not there, is left out.
    pub fn integer(mut self, field: u8, value: u64) -> Self {
        if value != 0 {
            self.key(field, 0);
            self.varint(value);
        }
        self
    }

    /// All of its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number of four bytes.
    pub fn float(mut self, field: u8, value: f32) -> Self {
        self.key(field, 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A number of eight bytes.
    pub fn double(mut self, field: u8, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A text, bytes, or a message of its own.
    pub fn bytes(mut self, field: u8, value: impl AsRef<[u8]>) -> Self {
        self.key(field, 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend_from_slice(value.as_ref());
        self
    }

    /// Each of some texts or messages.
    pub fn each<T: AsRef<[u8]>>(self, field: u8, values: impl IntoIterator<Item = T>) -> Self {
        let add = |message: Self, value| message.bytes(field, value);
        values.into_iter().fold(self, add)
    }

    /// Integers that are not negative, packed.
    pub fn integers(self, field: u8, values: impl IntoIterator<Item = u64>) -> Self {
        let mut packed = Self::default();
        values.into_iter().for_each(|value| packed.varint(value));
        self.bytes(field, packed)
    }

    /// The wire type, below the number of the field, which is less than 16.
    fn key(&mut self, field: u8, wire_type: u8) {
        assert!(field < 16, "a number that does not fit");
        self.0.push(field << 3 | wire_type);
    }

    /// Seven bits a byte from the lowest on, the highest bit set in all but the last.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
