//! The bytes of a file, in pages that copies share until one of them writes.
//!
//! Always holds: what was never written is zero, also where the file was longer once.

use std::sync::Arc;

/// As large as SQLite's pages: one of them is written as a whole.
const PAGE_BYTES: usize = 4096;

type Page = Arc<[u8; PAGE_BYTES]>;

#[derive(Debug, Default, Clone)]
pub(crate) struct Pages {
    pages: Vec<Page>,
    pub(crate) length: usize,
}

impl Pages {
    /// Reads as much as there is and fills the rest with zeros; true when there was enough.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> bool {
        let there = self.length.saturating_sub(offset).min(into.len());
        let (mut left, rest) = into.split_at_mut(there);
        rest.fill(0);
        let enough = rest.is_empty();
        let mut at = offset;
        while !left.is_empty() {
            let within = at % PAGE_BYTES;
            let size = left.len().min(PAGE_BYTES - within);
            let (piece, more) = left.split_at_mut(size);
            let page = self.pages.get(at / PAGE_BYTES);
            match page.and_then(|page| page.get(within..within + size)) {
                Some(bytes) => piece.copy_from_slice(bytes),
                None => piece.fill(0),
            }
            left = more;
            at += size;
        }
        enough
    }

    /// Writes, and makes the file longer where it has to be.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        if self.length < offset {
            self.resize(offset);
        }
        let (mut left, mut at) = (data, offset);
        while !left.is_empty() {
            let within = at % PAGE_BYTES;
            let (piece, more) = left.split_at(left.len().min(PAGE_BYTES - within));
            self.put(at / PAGE_BYTES, within, piece);
            left = more;
            at += piece.len();
        }
        self.length = self.length.max(at);
    }

    fn put(&mut self, number: usize, within: usize, piece: &[u8]) {
        let whole = <[u8; PAGE_BYTES]>::try_from(piece);
        match (self.pages.get_mut(number), whole) {
            // Nothing of what others share is copied only to be written over.
            (Some(page), Ok(bytes)) if Arc::strong_count(page) > 1 => *page = Arc::new(bytes),
            (Some(page), _) => {
                if let Some(place) = Arc::make_mut(page).get_mut(within..within + piece.len()) {
                    place.copy_from_slice(piece);
                }
            }
            // It is the page after the last one: the file was made as long before.
            (None, whole) => {
                let mut page = whole.unwrap_or([0; PAGE_BYTES]);
                if let Some(place) = page.get_mut(within..within + piece.len()) {
                    place.copy_from_slice(piece);
                }
                self.pages.push(Arc::new(page));
            }
        }
    }

    /// Makes it this long, with zeros or by cutting.
    pub(crate) fn resize(&mut self, length: usize) {
        if length < self.length {
            let within = length % PAGE_BYTES;
            if within > 0
                && let Some(page) = self.pages.get_mut(length / PAGE_BYTES)
                && let Some(tail) = Arc::make_mut(page).get_mut(within..)
            {
                tail.fill(0);
            }
        }
        let pages = length.div_ceil(PAGE_BYTES);
        self.pages.resize_with(pages, || Arc::new([0; PAGE_BYTES]));
        self.length = length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    /// The same as bytes in a row, whatever is done; and a copy stays as it was.
    #[test]
    fn pages_are_bytes_in_a_row() {
        for seed in 0..50 {
            let mut dice = Dice::new(seed);
            let (mut pages, mut plain) = (Pages::default(), Vec::<u8>::new());
            let mut kept: Option<(Pages, Vec<u8>)> = None;
            for _ in 0..60 {
                let offset = dice.index(20_000);
                if dice.percent(20) {
                    pages.resize(offset);
                    plain.resize(offset, 0);
                } else {
                    let at = if dice.percent(50) {
                        offset / PAGE_BYTES * PAGE_BYTES
                    } else {
                        offset
                    };
                    let size = *[1, 24, 4_096, 4_120, 9_000].get(dice.index(5)).unwrap();
                    let mut data = vec![0; size];
                    dice.fill(&mut data);
                    pages.write(at, &data);
                    plain.resize(plain.len().max(at + size), 0);
                    plain[at..at + size].copy_from_slice(&data);
                }
                let mut read = vec![1; plain.len() + 10];
                assert!(!pages.read(0, &mut read));
                assert_eq!(read[..plain.len()], plain);
                assert_eq!(read[plain.len()..], [0; 10]);
                if dice.percent(10) {
                    kept = Some((pages.clone(), plain.clone()));
                }
                if let Some((pages, plain)) = &kept {
                    let mut read = vec![1; plain.len()];
                    assert!(pages.read(0, &mut read));
                    assert_eq!(&read, plain);
                }
            }
        }
    }
}
