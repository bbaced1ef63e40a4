//! Motion made of parts of other motion: takes joined, lengthened, and given the limbs of others, and
//! joints sent through points.
//!
//! A [`Take`] is a motion at one rate that knows when its feet stand. [`Take::append`] joins two of
//! them, [`Take::lengthened`] loops over similar moments of one, [`Take::give`] replaces limbs,
//! [`through`] bends a motion so that joints pass given places, and [`lower`] bends legs under a
//! body that is closer to the floor. Planted feet do not slide where takes are joined: their legs
//! are solved again. [`grounded`] solves the legs of a whole generated motion.
//!
//! ```
//! use kinest::compose::Take;
//! use kinest::motion::synthetic::{self, Kind};
//! use kinest::skeleton::Skeleton;
//!
//! let skeleton = Skeleton::default();
//! let take = |kind| Take::new(&synthetic::clip(kind, 1, 4.0, 60.0, &skeleton), &skeleton);
//! let mut both = take(Kind::Walk);
//! both.append(&skeleton, &take(Kind::Wave), 24);
//! assert_eq!(both.clip().frames.len(), 2 * 241 - 24);
//! ```

mod align;
mod depth;
mod feet;
mod floor;
mod join;
mod lengthen;
mod likeness;
mod limbs;
mod take;
mod through;

pub use depth::{depth_range, lower};
pub use floor::grounded;
pub use likeness::{Likeness, trunk_angle};
pub use take::Take;
pub use through::{ABLE, Mark, Passed, through};
