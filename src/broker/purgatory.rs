//! Requests that wait for something to become true (Kafka: `DelayedOperationPurgatory`). Each
//! watches partitions and is looked at again when one of them changes, or when its time is up.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;

/// A partition's place: topic and number.
pub type Place = (Arc<str>, i32);

/// Waiting requests.
#[derive(Debug)]
pub struct Purgatory<T> {
    made: u64,
    waiting: HashMap<u64, (T, Vec<Place>)>,
    watchers: HashMap<Arc<str>, HashMap<i32, BTreeSet<u64>>>,
}

impl<T> Default for Purgatory<T> {
    fn default() -> Purgatory<T> {
        Purgatory { made: 0, waiting: HashMap::default(), watchers: HashMap::default() }
    }
}

impl<T> Purgatory<T> {
    /// Lets an operation wait; gives its number.
    pub fn watch(&mut self, operation: T, places: Vec<Place>) -> u64 {
        self.made += 1;
        let number = self.made;
        self.put_back(number, operation, places);
        number
    }

    /// Takes those that watch this partition, in the order in which they came. What still has to
    /// wait is put back.
    pub fn watching(&mut self, topic: &str, index: i32) -> Vec<(u64, T, Vec<Place>)> {
        let Some(numbers) = self.watchers.get(topic).and_then(|topic| topic.get(&index)) else {
            return Vec::new();
        };
        let numbers: Vec<u64> = numbers.iter().copied().collect();
        let taken = numbers.into_iter().filter_map(|number| {
            self.remove(number).map(|(operation, places)| (number, operation, places))
        });
        taken.collect()
    }

    /// Puts one back.
    pub fn put_back(&mut self, number: u64, operation: T, places: Vec<Place>) {
        for (topic, index) in &places {
            let topic = self.watchers.entry(topic.clone()).or_default();
            topic.entry(*index).or_default().insert(number);
        }
        self.waiting.insert(number, (operation, places));
    }

    /// Takes one out.
    pub fn take(&mut self, number: u64) -> Option<T> {
        self.remove(number).map(|(operation, _)| operation)
    }

    fn remove(&mut self, number: u64) -> Option<(T, Vec<Place>)> {
        let taken = self.waiting.remove(&number)?;
        for (topic, index) in &taken.1 {
            let Some(partitions) = self.watchers.get_mut(topic) else { continue };
            let Some(numbers) = partitions.get_mut(index) else { continue };
            numbers.remove(&number);
            if numbers.is_empty() {
                partitions.remove(index);
            }
            if partitions.is_empty() {
                self.watchers.remove(topic);
            }
        }
        Some(taken)
    }

    /// How many wait.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_by_each_partition_it_watches_until_it_is_over() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut purgatory = Purgatory::default();
        let both = vec![(a.clone(), 0), (b.clone(), 3)];
        let first = purgatory.watch("first", both.clone());
        let second = purgatory.watch("second", vec![(a.clone(), 0)]);
        assert!(purgatory.watching("a", 1).is_empty());
        assert!(purgatory.watching("c", 0).is_empty());
        let found = purgatory.watching("a", 0);
        assert_eq!(found, [(first, "first", both.clone()), (second, "second", vec![(a, 0)])]);
        purgatory.put_back(first, "first", both.clone());
        assert_eq!(purgatory.watching("b", 3), [(first, "first", both)]);
        assert_eq!(purgatory.watching("a", 0), []);
        assert_eq!(purgatory.len(), 0);
        assert_eq!(purgatory.take(first), None);
        assert!(purgatory.watchers.is_empty(), "nothing is left behind");
    }
}
