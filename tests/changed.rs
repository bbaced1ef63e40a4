//! Files that something happened to.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Changes, removes, repeats or inserts some bytes.
pub fn changed(good: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut data = good.to_vec();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=data.len());
        match random.random_range(0..6) {
            0 if at < data.len() => data[at] ^= 1 << random.random_range(0..8),
            1 if at < data.len() => data[at] = random.random(),
            2 => data.truncate(at),
            3 => {
                let end = (at + random.random_range(0..32)).min(data.len());
                drop(data.drain(at..end));
            }
            4 => {
                let end = (at + random.random_range(0..32)).min(data.len());
                let copy = data[at..end].to_vec();
                data.splice(at..at, copy);
            }
            _ => data.splice(at..at, [random.random::<u8>(); 3]).for_each(drop),
        }
    }
    data
}
