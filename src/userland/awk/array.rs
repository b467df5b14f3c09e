//! Arrays, walked in BusyBox's order: awk leaves the order open, but what a lesson has recorded shall come out again.

use std::rc::Rc;

use super::value::{Text, Value};

/// How many heaps an array begins with, and how many it grows to whenever there are more than eight elements to a heap.
const SIZES: [usize; 6] = [61, 251, 1021, 4093, 16381, 65521];

/// An array: elements in heaps, by a sum of their key. In a heap the newest is found first.
#[derive(Debug, Default)]
pub struct Array {
    heaps: Vec<Vec<(Text, Value)>>,
    size: usize,
    length: usize,
}

fn sum(key: &[u8]) -> usize {
    key.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(63).wrapping_add(u32::from(*byte))) as usize
}

impl Array {
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        let heap = self.heaps.get(sum(key).checked_rem(self.heaps.len())?)?;
        heap.iter().find(|(of, _)| **of == *key).map(|(_, value)| value)
    }

    /// The element, which is there from now on.
    pub fn entry(&mut self, key: &Text) -> &mut Value {
        if self.heaps.is_empty() {
            self.heaps.resize_with(SIZES[0], Vec::new);
        }
        let mut heap = sum(key) % self.heaps.len();
        let at = match self.heaps[heap].iter().position(|(of, _)| of == key) {
            Some(at) => at,
            None => {
                self.length += 1;
                if self.length > self.heaps.len() * 8 {
                    self.grow();
                    heap = sum(key) % self.heaps.len();
                }
                self.heaps[heap].push((Rc::clone(key), Value::Unset));
                self.heaps[heap].len() - 1
            }
        };
        &mut self.heaps[heap][at].1
    }

    fn grow(&mut self) {
        let Some(size) = SIZES.get(self.size + 1) else { return };
        self.size += 1;
        let mut heaps = vec![];
        heaps.resize_with(*size, Vec::new);
        for (key, value) in std::mem::replace(&mut self.heaps, heaps).into_iter().flat_map(|heap| heap.into_iter().rev()) {
            let heap = sum(&key) % size;
            self.heaps[heap].push((key, value));
        }
    }

    pub fn remove(&mut self, key: &[u8]) {
        let Some(at) = sum(key).checked_rem(self.heaps.len()) else { return };
        let heap = &mut self.heaps[at];
        if let Some(at) = heap.iter().position(|(of, _)| **of == *key) {
            heap.remove(at);
            self.length -= 1;
        }
    }

    pub fn clear(&mut self) {
        self.heaps.iter_mut().for_each(Vec::clear);
        self.length = 0;
    }

    /// The keys in the order of a walk.
    pub fn keys(&self) -> Vec<Text> {
        self.heaps.iter().flat_map(|heap| heap.iter().rev()).map(|(key, _)| Rc::clone(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_until_it_is_removed() {
        let mut array = Array::default();
        let key = |i: usize| Text::from(i.to_string().as_bytes());
        for i in 0..5000 {
            *array.entry(&key(i)) = Value::Number(i as f64);
        }
        assert_eq!((array.len(), array.keys().len()), (5000, 5000));
        assert!((0..5000).all(|i| array.get(&key(i)).is_some_and(|value| value.number() == i as f64)));
        (0..4000).for_each(|i| array.remove(&key(i)));
        array.remove(b"none");
        assert_eq!((array.len(), array.get(b"17").is_none(), array.get(b"4001").is_some()), (1000, true, true));
        array.clear();
        assert!(array.keys().is_empty() && array.len() == 0);
    }
}
