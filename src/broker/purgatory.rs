//! Requests that wait for something to become true (Kafka: `DelayedOperationPurgatory`). Each
//! watches partitions and is looked at again when one of them changes, or when its time is up.

use std::sync::Arc;

use foldhash::HashMap;

/// Waiting requests.
#[derive(Debug)]
pub struct Purgatory<T> {
    made: u64,
    waiting: HashMap<u64, T>,
    watchers: HashMap<Arc<str>, HashMap<i32, Vec<u64>>>,
}

impl<T> Default for Purgatory<T> {
    fn default() -> Purgatory<T> {
        Purgatory { made: 0, waiting: HashMap::default(), watchers: HashMap::default() }
    }
}

impl<T> Purgatory<T> {
    /// Lets an operation wait; gives its number.
    pub fn watch<'a>(
        &mut self,
        operation: T,
        partitions: impl Iterator<Item = (&'a Arc<str>, i32)>,
    ) -> u64 {
        self.made += 1;
        for (topic, index) in partitions {
            let topic = self.watchers.entry(topic.clone()).or_default();
            topic.entry(index).or_default().push(self.made);
        }
        self.waiting.insert(self.made, operation);
        self.made
    }

    /// Takes those that watch this partition. What still has to wait is put back.
    pub fn watching(&mut self, topic: &str, index: i32) -> Vec<(u64, T)> {
        let Some(numbers) = self.watchers.get_mut(topic).and_then(|t| t.get_mut(&index)) else {
            return Vec::new();
        };
        let waiting = &mut self.waiting;
        // Those that are over are taken out of the list here and nowhere else.
        let mut taken = Vec::new();
        numbers.retain(|number| match waiting.remove(number) {
            Some(operation) => {
                taken.push((*number, operation));
                true
            }
            None => false,
        });
        taken
    }

    /// Puts one back.
    pub fn put_back(&mut self, number: u64, operation: T) {
        self.waiting.insert(number, operation);
    }

    /// Takes one out.
    pub fn take(&mut self, number: u64) -> Option<T> {
        self.waiting.remove(&number)
    }

    /// How many wait.
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
        let first = purgatory.watch("first", [(&a, 0), (&b, 3)].into_iter());
        let second = purgatory.watch("second", [(&a, 0)].into_iter());
        assert!(purgatory.watching("a", 1).is_empty());
        assert!(purgatory.watching("c", 0).is_empty());
        let found = purgatory.watching("a", 0);
        assert_eq!(found, [(first, "first"), (second, "second")]);
        purgatory.put_back(first, "first");
        assert_eq!(purgatory.watching("b", 3), [(first, "first")]);
        assert_eq!(purgatory.watching("a", 0), []);
        assert_eq!(purgatory.len(), 0);
        assert_eq!(purgatory.take(first), None);
    }
}
