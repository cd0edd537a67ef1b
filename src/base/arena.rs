//! A slab whose keys are never mistaken for those of a later tenant.

use slab::Slab;

/// Where a value lives: its index, and which tenant of that index it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key {
    /// The place.
    pub index: u32,
    /// The tenant; wraps at 24 bits, because it is written into tags and branches.
    pub tenant: u32,
}

/// Values under [`Key`]s: insertion, look-up and removal by index, no hashing.
#[derive(Debug)]
pub struct Arena<T> {
    places: Slab<(u32, T)>,
    tenant: u32,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { places: Slab::new(), tenant: 0 }
    }
}

impl<T> Arena<T> {
    /// How many values live here.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The key that the next [`Arena::insert`] will give.
    pub fn next_key(&self) -> Key {
        let index = u32::try_from(self.places.vacant_key()).unwrap_or(u32::MAX);
        Key { index, tenant: (self.tenant + 1) & 0x00ff_ffff }
    }

    /// Moves a value in.
    pub fn insert(&mut self, value: T) -> Key {
        let key = self.next_key();
        self.tenant = key.tenant;
        self.places.insert((key.tenant, value));
        key
    }

    /// The value, if it still lives here.
    pub fn get(&self, key: Key) -> Option<&T> {
        let (tenant, value) = self.places.get(place(key))?;
        (*tenant == key.tenant).then_some(value)
    }

    /// The value, if it still lives here.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (tenant, value) = self.places.get_mut(place(key))?;
        (*tenant == key.tenant).then_some(value)
    }

    /// Moves a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        self.places.try_remove(place(key)).map(|(_, value)| value)
    }

    /// All values, in order of place.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().map(|(index, (tenant, value))| {
            (Key { index: u32::try_from(index).unwrap_or(u32::MAX), tenant: *tenant }, value)
        })
    }
}

fn place(key: Key) -> usize {
    usize::try_from(key.index).unwrap_or(usize::MAX)
}
