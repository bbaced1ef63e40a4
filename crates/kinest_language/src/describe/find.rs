//! Finds acts in codes.

use super::act::{Act, ActKind, Direction, Pace, Side};
use super::spans::Spans;
use super::wording::pace;
use kinest::events::{Class as C, CodeKind as K, CodeSegment, CodeTable, Place};
use std::collections::HashMap;

/// Intensity of a hand that goes up and down from which walking alone does not explain it.
const SWINGING: f64 = 2.5;
/// Time within which looks to either side are looking around, seconds.
const AROUND: f64 = 4.0;
/// Times that a raised hand goes to and fro before it waves: less is a hand that is raised and lowered.
const WAVES: f64 = 2.5;
/// Times that a head goes to and fro before it nods or shakes: less is a look.
const NODS: f64 = 1.9;
/// Speed from which a knee that straightens kicks, as ordinary movements of knees go.
const SNAP: f64 = 2.5;

/// Codes of a body, by what they are about.
pub(super) struct Codes<'a> {
    by: HashMap<(K, Place), Vec<&'a CodeSegment>>,
    table: &'a CodeTable,
    end_s: f64,
}

impl<'a> Codes<'a> {
    pub(super) fn new(segments: &'a [CodeSegment], table: &'a CodeTable) -> Self {
        let mut by: HashMap<(K, Place), Vec<&CodeSegment>> = HashMap::new();
        for segment in segments {
            let signal = segment.code.signal;
            by.entry((signal.kind, signal.place)).or_default().push(segment);
        }
        let end_s = segments.iter().map(|segment| segment.end_s).fold(0.0, f64::max);
        Self { by, table, end_s }
    }

    /// Segments of a signal in one of these classes, in order.
    fn all(&self, kind: K, place: Place, classes: &[C]) -> impl Iterator<Item = &'a CodeSegment> {
        let segments = self.by.get(&(kind, place)).into_iter().flatten().copied();
        segments.filter(move |segment| classes.contains(&segment.code.class))
    }

    /// When a signal was in one of these classes.
    fn held(&self, kind: K, place: Place, classes: &[C]) -> Spans {
        Spans::new(self.all(kind, place, classes).map(|segment| (segment.start_s, segment.end_s)))
    }

    /// When the body as a whole was in one of these classes.
    fn body(&self, kind: K, classes: &[C]) -> Spans {
        self.held(kind, Place::Body, classes)
    }

    fn either(&self, kind: K, classes: &[C]) -> Spans {
        self.held(kind, Place::Left, classes).or(&self.held(kind, Place::Right, classes))
    }

    fn both(&self, kind: K, classes: &[C]) -> Spans {
        self.held(kind, Place::Left, classes).and(&self.held(kind, Place::Right, classes))
    }
}

/// How the whole body is held and moves, which decides what its limbs do.
struct Whole {
    run: Spans,
    walk: Spans,
    travels: Spans,
    air: Spans,
    low: Spans,
    kneel: Spans,
    sit: Spans,
    crouch: Spans,
    lie: Spans,
    crawl: Spans,
    tumble: Spans,
    hang: Spans,
}

impl Whole {
    fn new(codes: &Codes) -> Self {
        let on_floor = codes.either(K::HandOverFloor, &[C::OnFloor, C::NearFloor]);
        let low = codes.body(K::RootHeight, &[C::Low, C::VeryLow]);
        let moves = codes.body(K::PlanarSpeed, &[C::Slow, C::Walking, C::Running]);
        let level = codes.body(K::TorsoIncline, &[C::Inclined, C::Lying]).and(&low);
        let crawl = level.and(&on_floor).bridged(0.6).and(&moves).bridged(0.6).lasting(1.0);
        let lie = codes.body(K::TorsoIncline, &[C::Lying]);
        let lie = lie.and(&codes.body(K::RootHeight, &[C::VeryLow])).without(&crawl).lasting(0.5);
        let down = lie.or(&crawl);
        let kneel = codes.either(K::KneeOverFloor, &[C::OnFloor]).and(&low).without(&down);
        let kneel = kneel.bridged(0.3).lasting(0.5);
        let quiet = codes.body(K::PlanarSpeed, &[C::Still]);
        let quiet = quiet.and(&codes.body(K::FeetSplit, &[C::SideBySide]));
        let quiet = quiet.without(&codes.either(K::KneeBend, &[C::SharplyBent]));
        let quiet = quiet.without(&codes.body(K::FeetApart, &[C::Wide]));
        let upright = codes.body(K::TorsoPitch, &[C::BentBack, C::Upright, C::LeaningForward]);
        let chair = codes.both(K::ThighRaise, &[C::Level]).and(&low).and(&upright);
        // Half on a high stool.
        let stool = codes.both(K::ThighRaise, &[C::SlightlyRaised, C::Level, C::Raised]);
        let stool = stool.and(&codes.both(K::KneeBend, &[C::Bent, C::RightAngle]));
        let stool = stool.and(&codes.body(K::RootHeight, &[C::Lowered]));
        let stool = stool.and(&codes.body(K::TorsoPitch, &[C::BentBack, C::Upright]));
        // Not a half squat, knees turned out.
        let stool = stool.without(&codes.body(K::KneesDistance, &[C::Wide]));
        let seat = chair.or(&stool).and(&quiet).without(&kneel.or(&down));
        let sit = seat.bridged(0.4).lasting(0.8);
        let half = codes.body(K::RootHeight, &[C::Lowered]);
        let bent = codes.both(K::KneeBend, &[C::RightAngle, C::SharplyBent]).and(&half);
        let up = codes.body(K::FeetOverFloor, &[C::InAir, C::High]);
        // Longer than a jump.
        let hang = up.and(&codes.either(K::HandOverHead, &[C::Above])).bridged(0.3).lasting(1.2);
        let off_feet = sit.or(&kneel).or(&down).or(&hang);
        let crouch = low.or(&bent).without(&off_feet).bridged(0.3).lasting(0.4);
        let fast = codes.body(K::PlanarSpeed, &[C::Running]);
        let head_down = codes.body(K::TorsoIncline, &[C::Lying]).and(&on_floor);
        let head_down = head_down.without(&codes.body(K::RootHeight, &[C::VeryLow]));
        let tumble = head_down.and(&codes.either(K::FootOverFloor, &[C::High])).without(&down);
        let tumble = tumble.bridged(0.3).lasting(0.2);
        let off_feet = off_feet.or(&tumble);
        let run = fast.bridged(0.5).lasting(0.5).without(&off_feet);
        let walking = codes.body(K::PlanarSpeed, &[C::Walking, C::Running]);
        let travels = walking.bridged(0.4).without(&off_feet).lasting(0.6);
        let vertical = codes.body(K::VerticalSpeed, &[C::Rising, C::Falling]).bridged(0.25);
        // Feet of a body whose floor is not at zero are above it all the time, those of a deep squat on
        // the toes a little.
        let air = up.and(&vertical).without(&low.or(&hang).or(&tumble));
        // A jump carries the body along without a step.
        let leap =
            Spans::new(air.lasting(0.12).iter().map(|(start, end)| (start - 0.5, end + 0.5)));
        let walk = travels.without(&run).lasting(0.6);
        let walk = walk.only(|span| span.1 - span.0 > 1.6 || leap.share(span) < 0.7);
        Self { run, walk, travels, air, low, kneel, sit, crouch, lie, crawl, tumble, hang }
    }
}

/// When a body walks or runs.
pub(super) fn walks(codes: &Codes) -> Spans {
    codes.body(K::PlanarSpeed, &[C::Walking, C::Running]).bridged(0.5)
}

/// What a body does, in order of time.
pub(super) fn acts(codes: &Codes) -> Vec<Act> {
    let whole = Whole::new(codes);
    let mut acts = vec![];
    locomotion(codes, &whole, &mut acts);
    turns(codes, &whole, &mut acts);
    postures(codes, &whole, &mut acts);
    trunk(codes, &whole, &mut acts);
    for side in [Side::Left, Side::Right] {
        arm(codes, &whole, side, &mut acts);
        leg(codes, &whole, side, &mut acts);
    }
    pairs(codes, &whole, &mut acts);
    head(codes, &mut acts);
    let mut acts = both_sides(acts);
    for act in &mut acts {
        act.start_s = act.start_s.max(0.0);
        act.end_s = act.end_s.min(codes.end_s);
    }
    acts.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.kind.cmp(&b.kind)));
    acts
}

fn act(kind: ActKind, (start_s, end_s): (f64, f64)) -> Act {
    let (side, direction) = (None, None);
    Act { kind, side, direction, pace: Pace::Ordinary, count: 1, start_s, end_s }
}

/// The place of a side, and of the other one.
fn places(side: Side) -> (Place, Place) {
    if side == Side::Right { (Place::Right, Place::Left) } else { (Place::Left, Place::Right) }
}

fn locomotion(codes: &Codes, whole: &Whole, acts: &mut Vec<Act>) {
    let backward = codes.body(K::ForwardSpeed, &[C::Backward]).bridged(0.3);
    let forward = codes.body(K::ForwardSpeed, &[C::Forward]).bridged(0.2);
    let to = |class| codes.body(K::SidewaysSpeed, &[class]).bridged(0.2).without(&forward);
    let (left, right) = (to(C::ToLeft), to(C::ToRight));
    for (kind, spans) in [(ActKind::Run, &whole.run), (ActKind::Walk, &whole.walk)] {
        let mut rest = spans.clone();
        for (direction, way) in
            [(Direction::Backward, &backward), (Direction::Left, &left), (Direction::Right, &right)]
        {
            let part = spans.and(way).bridged(0.4).lasting(0.6);
            rest = rest.without(&part);
            let there =
                part.iter().map(|span| Act { direction: Some(direction), ..act(kind, span) });
            acts.extend(there.map(|act| Act { pace: stride(codes, act), ..act }));
        }
        // Who only sways or shifts the weight goes nowhere.
        let rest = rest.bridged(0.2).lasting(0.5).only(|span| forward.share(span) > 0.2);
        let ahead =
            rest.iter().map(|span| Act { direction: Some(Direction::Forward), ..act(kind, span) });
        acts.extend(ahead.map(|act| Act { pace: stride(codes, act), ..act }));
    }
    let moves = walks(codes).lasting(0.3).only(|(start, end)| end - start < 1.0);
    let moves = moves.only(|(start, end)| {
        let around = (start - 0.3, end + 0.3);
        let other = [&whole.air, &whole.tumble, &whole.hang, &whole.walk, &whole.run];
        let down = [&whole.lie, &whole.crawl, &whole.kneel];
        other.into_iter().chain(down).all(|spans| spans.within(around) == 0.0)
    });
    let ways = [
        (Direction::Forward, &forward),
        (Direction::Backward, &backward),
        (Direction::Left, &left),
        (Direction::Right, &right),
    ];
    for span in moves.iter() {
        let way = ways.iter().max_by(|a, b| a.1.share(span).total_cmp(&b.1.share(span)));
        if let Some((direction, _)) = way.filter(|(_, way)| way.share(span) > 0.5) {
            acts.push(Act { direction: Some(*direction), ..act(ActKind::Step, span) });
        }
    }
    acts.extend(whole.crawl.iter().map(|span| act(ActKind::Crawl, span)));
    let still = codes.body(K::PlanarSpeed, &[C::Still, C::Slow]).without(&whole.travels);
    let stands = still.without(&whole.low).without(&whole.sit.or(&whole.crouch)).lasting(1.0);
    let slow = codes.body(K::PlanarSpeed, &[C::Slow]).bridged(0.5);
    let crouched = whole.crouch.and(&whole.walk).bridged(0.4).lasting(0.8);
    acts.extend(crouched.iter().map(|span| act(ActKind::WalkCrouched, span)));
    for (start, end) in whole.travels.lasting(1.0).iter() {
        // What begins before or with the last step.
        if stands.within((end, end + 1.2)) > 0.6 {
            acts.push(act(ActKind::Stop, (end.max(start + 0.5) - 0.25, end + 0.5)));
        }
    }
    for span in stands.iter() {
        let kind = if slow.share(span) > 0.6 { ActKind::Shuffle } else { ActKind::Stand };
        acts.push(act(kind, span));
    }
}

/// Pace of walking, from how often a foot swings.
fn stride(codes: &Codes, walk: Act) -> Pace {
    let feet = [Place::Left, Place::Right].into_iter();
    let swings = feet.flat_map(|foot| codes.all(K::FootForward, foot, &[C::Swings]));
    let span = (walk.start_s, walk.end_s);
    let (mut time, mut swung) = (0.0, 0.0);
    for swing in swings {
        let common = Spans::new([(swing.start_s, swing.end_s)]).within(span);
        time += common;
        swung += common * swing.speed;
    }
    match swung / time {
        slow if slow < 0.72 => Pace::Slow,
        fast if fast > 1.2 && walk.kind == ActKind::Walk => Pace::Fast,
        fast if fast > 1.7 => Pace::Fast,
        // Also where no foot swung regularly.
        _ => Pace::Ordinary,
    }
}

fn turns(codes: &Codes, whole: &Whole, acts: &mut Vec<Act>) {
    // Where a body faces that lies, or is upside down, hangs on how it rolls.
    let level = codes.body(K::TorsoIncline, &[C::Lying]);
    for turn in codes.all(K::Facing, Place::Body, &[C::TurnsLeft, C::TurnsRight]) {
        let span = (turn.start_s, turn.end_s);
        if level.share(span) > 0.5 || whole.tumble.within(span) > 0.1 {
            continue;
        }
        let degrees = turn.intensity * codes.table.kind(K::Facing).travel;
        let left = turn.code.class == C::TurnsLeft;
        let direction = Some(if left { Direction::Left } else { Direction::Right });
        let walks = whole.travels.share(span) > 0.6;
        let kind = match degrees {
            small if small < 40.0 => continue,
            much if much > 270.0 && walks && turn.duration_s() > 3.0 => ActKind::WalkInCircle,
            whole if whole > 300.0 => ActKind::Spin,
            half if half > 140.0 => ActKind::TurnAround,
            _ => ActKind::Turn,
        };
        let count =
            if kind == ActKind::Spin { (degrees / 360.0).round().max(1.0) as usize } else { 1 };
        acts.push(Act { direction, pace: pace(turn.speed), count, ..act(kind, span) });
    }
}

fn postures(codes: &Codes, whole: &Whole, acts: &mut Vec<Act>) {
    let forward = codes.body(K::ForwardSpeed, &[C::Forward]);
    let backward = codes.body(K::ForwardSpeed, &[C::Backward]);
    for (start, end) in whole.air.lasting(0.12).iter().filter(|(start, end)| end - start < 1.6) {
        // The flight phases of running.
        if whole.run.bridged(0.3).share((start - 0.2, end + 0.2)) > 0.7 && end - start < 0.4 {
            continue;
        }
        let direction = match () {
            () if forward.share((start, end)) > 0.5 => Direction::Forward,
            () if backward.share((start, end)) > 0.5 => Direction::Backward,
            () => Direction::Up,
        };
        let jump = Act { direction: Some(direction), ..act(ActKind::Jump, (start, end)) };
        acts.push(hop(codes, whole, jump).unwrap_or(jump));
    }
    jumping_jacks(codes, acts);
    acts.extend(whole.tumble.iter().map(|span| act(ActKind::Tumble, span)));
    acts.extend(whole.hang.iter().map(|span| act(ActKind::Hang, span)));
    let lowers: Vec<_> = codes.all(K::RootHeight, Place::Body, &[C::Lowers]).collect();
    let raises: Vec<_> = codes.all(K::RootHeight, Place::Body, &[C::Raises]).collect();
    for (kind, spans) in [
        (ActKind::Sit, &whole.sit),
        (ActKind::Crouch, &whole.crouch),
        (ActKind::Kneel, &whole.kneel),
        (ActKind::Lie, &whole.lie),
    ] {
        for span in spans.iter() {
            acts.push(act(kind, span));
            let down = lowers.iter().find(|down| {
                (-0.3..=1.0).contains(&(span.0 - down.start_s))
                    || down.start_s < span.0 && down.end_s > span.0
            });
            if let Some(down) = down.filter(|_| kind == ActKind::Sit) {
                let till = down.end_s.max(span.0);
                acts.push(Act {
                    pace: pace(down.speed),
                    ..act(ActKind::SitDown, (down.start_s, till))
                });
            }
            let up = raises.iter().find(|up| (up.start_s..=up.end_s + 0.3).contains(&span.1));
            if let Some(up) = up {
                acts.push(Act {
                    pace: pace(up.speed),
                    ..act(ActKind::StandUp, (up.start_s, up.end_s))
                });
            }
        }
    }
    let lifted = codes
        .body(K::RootHeight, &[C::Lifted])
        .without(&whole.air.or(&whole.hang))
        .bridged(0.5)
        .lasting(0.7);
    acts.extend(lifted.iter().map(|span| act(ActKind::Climb, span)));
}

/// A jump as a hop, if it is from one foot, and the other one stays off the floor.
fn hop(codes: &Codes, whole: &Whole, jump: Act) -> Option<Act> {
    let around = (jump.start_s - 0.25, jump.end_s + 0.25);
    let sides = [(Side::Left, Place::Left, Place::Right), (Side::Right, Place::Right, Place::Left)];
    let stands_on = sides.into_iter().find(|(_, stands, other)| {
        let lifted = codes.held(K::FootOverFloor, *other, &[C::OffFloor, C::Lifted, C::High]);
        let down = codes.held(K::FootOverFloor, *stands, &[C::OnFloor]);
        let lands = down.within((around.0, jump.start_s)).min(down.within((jump.end_s, around.1)));
        lifted.share(around) > 0.95 && lands > 0.05
    });
    let (side, ..) = stands_on.filter(|_| whole.run.share(around) < 0.3)?;
    Some(Act { kind: ActKind::Hop, side: Some(side), ..jump })
}

/// Jumps that follow each other and have both arms up at some time.
fn jumping_jacks(codes: &Codes, acts: &mut Vec<Act>) {
    let up = codes.both(K::HandUp, &[C::Above, C::FarAbove]);
    let mut found: Vec<Act> = vec![];
    for jump in acts.iter().filter(|act| act.kind == ActKind::Jump) {
        if up.within((jump.start_s - 0.4, jump.end_s + 0.4)) < 0.1 {
            continue;
        }
        match found.last_mut().filter(|last| jump.start_s - last.end_s < 1.5) {
            Some(last) => (last.end_s, last.count) = (jump.end_s, last.count + 1),
            None => found.push(act(ActKind::JumpingJack, (jump.start_s, jump.end_s))),
        }
    }
    acts.extend(found.into_iter().filter(|act| act.count > 2));
}

fn trunk(codes: &Codes, whole: &Whole, acts: &mut Vec<Act>) {
    let down = whole.lie.or(&whole.crawl);
    let bent = codes.body(K::TorsoPitch, &[C::BentForward, C::BentOver]).without(&down);
    let bent = bent.bridged(0.2).lasting(0.4);
    let floor = codes.either(K::HandOverFloor, &[C::OnFloor, C::NearFloor]).without(&down);
    // Hands that are busy, or a trunk that is level, are no bow.
    let rests = codes.either(K::HandSpeed, &[C::Still]);
    let over = codes.body(K::TorsoPitch, &[C::BentOver]);
    let (mut bows, mut bends) = (vec![], vec![]);
    for forward in codes.all(K::TorsoPitch, Place::Body, &[C::LeansForward]) {
        let mut backs = codes.all(K::TorsoPitch, Place::Body, &[C::LeansBack]);
        let back = backs.find(|back| back.start_s >= forward.end_s - 0.1);
        let Some(back) = back.filter(|back| back.start_s < forward.end_s + 2.5) else { continue };
        let span = (forward.start_s, back.end_s);
        let leans = codes.body(K::TorsoPitch, &[C::LeaningForward, C::BentForward, C::BentOver]);
        let still = whole.travels.share(span) < 0.3 && down.share(span) == 0.0;
        let seated = whole.sit.or(&whole.crouch).or(&whole.kneel).share(span) > 0.3;
        let knees = codes.either(K::KneeBend, &[C::Bent, C::RightAngle, C::SharplyBent]);
        let straight = knees.share(span) < 0.3;
        let polite = rests.share(span) > 0.2 && over.within(span) == 0.0;
        let upright = straight && !seated;
        if still && upright && polite && leans.within(span) > 0.2 && floor.within(span) < 0.1 {
            bows.push(Act { pace: pace(forward.speed), ..act(ActKind::Bow, span) });
        }
    }
    for span in bent.iter() {
        if !bows.iter().any(|bow| bow.start_s < span.1 && bow.end_s > span.0) {
            bends.push(act(ActKind::BendOver, span));
        }
    }
    acts.extend(bows.into_iter().chain(bends));
    let reaches = floor.bridged(0.3).lasting(0.15);
    acts.extend(reaches.iter().map(|span| act(ActKind::ReachDown, span)));
    let back = codes.body(K::TorsoPitch, &[C::BentBack]).without(&down.or(&whole.sit)).lasting(0.4);
    acts.extend(back.iter().map(|span| act(ActKind::LeanBack, span)));
    for (class, direction) in
        [(C::LeaningLeft, Direction::Left), (C::LeaningRight, Direction::Right)]
    {
        let leans = codes.body(K::TorsoRoll, &[class]).without(&down).bridged(0.2).lasting(0.4);
        let to = |span| Act { direction: Some(direction), ..act(ActKind::LeanAside, span) };
        acts.extend(leans.iter().map(to));
    }
    let travels = whole.travels.bridged(0.3);
    for (kind, code, class) in [
        (ActKind::Twist, K::TorsoTwist, C::Twists),
        (ActKind::Sway, K::TorsoRoll, C::Sways),
        (ActKind::Bounce, K::RootHeight, C::Bounces),
    ] {
        for repeat in codes.all(code, Place::Body, &[class]) {
            let span = (repeat.start_s, repeat.end_s);
            // Walking does all of these, and so does crawling.
            if travels.or(&down).share(span) < 0.5 {
                acts.push(act(kind, span));
            }
        }
    }
}

fn arm(codes: &Codes, whole: &Whole, side: Side, acts: &mut Vec<Act>) {
    let (at, other) = places(side);
    let held = |kind, classes: &[C]| codes.held(kind, at, classes);
    let mine = |kind, span| Act { side: Some(side), ..act(kind, span) };
    let travels = whole.travels.or(&whole.crawl).bridged(0.3);
    let down = whole.lie.or(&whole.crawl);

    let above = held(K::HandOverHead, &[C::At, C::Above]);
    let up = held(K::ForearmRaise, &[C::Raised, C::StraightUp]).or(&above);
    let up = up.without(&held(K::HandUp, &[C::FarBelow]));
    // Hands that go together hold something.
    let joined = codes.body(K::HandsDistance, &[C::Together, C::Near]);
    let mut waves = vec![];
    for (code, class) in [(K::HandOut, C::Waves), (K::HandForward, C::Swings)] {
        for repeat in codes.all(code, at, std::slice::from_ref(&class)) {
            let span = (repeat.start_s, repeat.end_s);
            // Slower is no wave, but a movement; old and tired people wave slowly.
            let cycles = repeat.duration_s() * repeat.speed;
            let clear = repeat.speed > 0.65 && cycles > WAVES && joined.share(span) < 0.7;
            let off_feet = whole.run.or(&down).share(span) > 0.3;
            let raised = up.share(span) > 0.5 && clear && !off_feet;
            let times = cycles.round().max(1.0) as usize;
            let kind = match code {
                _ if raised && (code == K::HandOut || above.share(span) > 0.5) => ActKind::Wave,
                K::HandForward if travels.share(span) < 0.4 => ActKind::SwingArm,
                K::HandOut if travels.share(span) < 0.6 => ActKind::MoveHandAside,
                _ => continue,
            };
            let count = if kind == ActKind::Wave { times } else { 1 };
            waves.push(Act { count, ..mine(kind, span) });
        }
    }
    let others = codes.held(K::HandUp, other, &[C::Shakes]);
    let waved = Spans::new(waves.iter().map(|wave| (wave.start_s, wave.end_s)));
    for shake in codes.all(K::HandUp, at, &[C::Shakes]) {
        let span = (shake.start_s, shake.end_s);
        // Arms that swing with the steps go up and down a little, or both do.
        let swings = whole.run.share(span) > 0.3 || others.share(span) > 0.5;
        let clear = shake.intensity > SWINGING && !swings;
        if waved.share(span) < 0.5 && (travels.share(span) < 0.5 || clear) {
            waves.push(mine(ActKind::ShakeHand, span));
        }
    }
    acts.extend(waves);
    let raised = above.bridged(0.3).lasting(0.35).without(&down).lasting(0.35);
    acts.extend(raised.iter().map(|span| mine(ActKind::RaiseHand, span)));

    let straight = held(K::ElbowBend, &[C::Straight, C::SlightlyBent, C::Bent]);
    let level = held(K::UpperArmRaise, &[C::Level, C::Raised]);
    let out = held(K::HandOut, &[C::FarOut]).and(&straight).and(&level).without(&down);
    let out = out.bridged(0.2).lasting(0.4);
    acts.extend(out.iter().map(|span| mine(ActKind::ArmOut, span)));

    let fast = codes.all(K::HandForward, at, &[C::MovesForward]).filter(|ahead| ahead.speed > 1.0);
    let ahead = Spans::new(fast.map(|ahead| (ahead.start_s, ahead.end_s + 0.1)));
    let level = held(K::HandUp, &[C::Level, C::Above]);
    let both = codes.held(K::HandReach, other, &[C::Extends]);
    let mut punched = vec![];
    for reach in codes.all(K::HandReach, at, &[C::Extends]).filter(|reach| reach.speed > 1.2) {
        let span = (reach.start_s, reach.end_s);
        let straight = ahead.share(span) > 0.4 && level.holds(reach.end_s - 0.03);
        if straight && both.share(span) < 0.5 && whole.travels.share(span) < 0.5 {
            acts.push(mine(ActKind::Punch, span));
            punched.push((span.0, span.1 + 0.3));
        }
    }
    let reaches = held(K::HandForward, &[C::FarInFront]).without(&Spans::new(punched));
    let reaches = reaches.without(&down).bridged(0.2).lasting(0.5);
    acts.extend(reaches.iter().map(|span| mine(ActKind::ReachOut, span)));

    let head = held(K::HandToHead, &[C::Touching]).bridged(0.3).lasting(0.25);
    acts.extend(head.iter().map(|span| mine(ActKind::TouchHead, span)));
    let bent = held(K::ElbowBend, &[C::Bent, C::RightAngle, C::SharplyBent]);
    let hips = held(K::HandToHip, &[C::Touching]).and(&bent);
    let hips = hips.and(&held(K::HandSpeed, &[C::Still])).without(&travels.or(&whole.sit));
    let hips = hips.bridged(0.2).lasting(0.7);
    acts.extend(hips.iter().map(|span| mine(ActKind::HandsOnHips, span)));
    for (code, kind) in [(K::HandToKnee, ActKind::TouchKnee), (K::HandToFoot, ActKind::TouchFoot)] {
        let touches = held(code, &[C::Touching]).bridged(0.3).lasting(0.3);
        acts.extend(touches.iter().map(|span| mine(kind, span)));
    }
}

fn leg(codes: &Codes, whole: &Whole, side: Side, acts: &mut Vec<Act>) {
    let (at, other) = places(side);
    let held = |kind, classes: &[C]| codes.held(kind, at, classes);
    let mine = |kind, span| Act { side: Some(side), ..act(kind, span) };
    let travels = whole.travels.bridged(0.3);
    let down = whole.lie.or(&whole.crawl).or(&whole.kneel).or(&whole.sit).or(&whole.low);

    let high = held(K::FootOverFloor, &[C::High]);
    let lifted = held(K::FootOverFloor, &[C::Lifted, C::High]);
    let kicks = high.and(&held(K::FootForward, &[C::InFront, C::FarInFront]));
    let kicks = kicks.or(&lifted.and(&held(K::FootForward, &[C::FarInFront])));
    let kicks = kicks.or(&high.and(&held(K::FootOut, &[C::FarOut])));
    // A knee that snaps out and in again may count as bent all the time.
    let snaps = codes.all(K::KneeBend, at, &[C::Straightens]).filter(|knee| knee.speed > SNAP);
    let snaps = Spans::new(snaps.map(|knee| (knee.start_s, knee.end_s)));
    let bent = held(K::KneeBend, &[C::SharplyBent]).without(&snaps);
    let kicks = kicks.without(&bent);
    let kicks = kicks.and(&codes.held(K::FootOverFloor, other, &[C::OnFloor]).bridged(0.1));
    let kicks = kicks.without(&down.or(&whole.run)).bridged(0.2).lasting(0.06);
    acts.extend(kicks.iter().map(|(from, to)| mine(ActKind::Kick, (from - 0.2, to + 0.2))));
    let kicked = Spans::new(kicks.iter().map(|(from, to)| (from - 0.4, to + 0.4)));

    let stands = codes.held(K::ThighRaise, other, &[C::Down, C::SlightlyRaised]);
    let knees = held(K::ThighRaise, &[C::Level, C::Raised]).and(&stands);
    let knees = knees.without(&down.or(&kicked).or(&whole.run));
    acts.extend(knees.lasting(0.15).iter().map(|span| mine(ActKind::LiftKnee, span)));
    for march in codes.all(K::ThighRaise, at, &[C::Marches]) {
        let span = (march.start_s, march.end_s);
        let lifts = knees.share(span) > 0.1;
        let off_feet = down.or(&whole.run).share(span) > 0.3 || whole.tumble.within(span) > 0.1;
        if !off_feet && (travels.share(span) < 0.4 || lifts) {
            acts.push(mine(ActKind::March, span));
        }
    }
    let off = held(K::FootOverFloor, &[C::OffFloor, C::Lifted, C::High]).without(&whole.air);
    let one = off.and(&codes.held(K::FootOverFloor, other, &[C::OnFloor]));
    let one = one.without(&travels.or(&down).or(&kicked)).lasting(0.9);
    // A foot on its toes is off the floor a little.
    let one = one.only(|span| lifted.within(span) > 0.2);
    acts.extend(one.iter().map(|span| mine(ActKind::LiftLeg, span)));
}

/// What needs both hands, or both feet.
fn pairs(codes: &Codes, whole: &Whole, acts: &mut Vec<Act>) {
    let together = codes.body(K::HandsDistance, &[C::Together]);
    for clap in codes.all(K::HandsDistance, Place::Body, &[C::Claps]) {
        let span = (clap.start_s, clap.end_s);
        // Hands that move about may meet once.
        let meets = together.iter().filter(|meet| meet.0 < span.1 && meet.1 > span.0).count();
        if meets > 1 && whole.run.share(span) < 0.5 {
            let count = (clap.duration_s() * clap.speed).round().max(1.0) as usize;
            acts.push(Act { count, ..act(ActKind::Clap, span) });
        }
    }
    let near = codes.both(K::HandToOtherElbow, &[C::Touching, C::Near]);
    let bent = codes.both(K::ElbowBend, &[C::Bent, C::RightAngle, C::SharplyBent]);
    let low = codes.both(K::HandUp, &[C::FarBelow, C::Below]);
    let folded = near.and(&bent).and(&low).bridged(0.2).lasting(0.5);
    acts.extend(folded.iter().map(|span| act(ActKind::ArmsCrossed, span)));
    let together = together.without(&folded).bridged(0.2).lasting(0.6);
    acts.extend(together.iter().map(|span| act(ActKind::HandsTogether, span)));

    let outs = |side| {
        let outs = acts.iter().filter(|act| act.kind == ActKind::ArmOut && act.side == Some(side));
        Spans::new(outs.map(|act| (act.start_s, act.end_s)))
    };
    let level = codes.both(K::HandUp, &[C::Below, C::Level, C::Above]);
    let pose = outs(Side::Left).and(&outs(Side::Right)).and(&level).lasting(0.5);
    acts.retain(|act| act.kind != ActKind::ArmOut || pose.within((act.start_s, act.end_s)) == 0.0);
    acts.extend(pose.iter().map(|span| act(ActKind::TPose, span)));

    let extends = codes.both(K::HandReach, &[C::Extends]).lasting(0.1);
    let front = codes.both(K::HandForward, &[C::InFront, C::FarInFront]);
    let front = front.and(&codes.both(K::HandUp, &[C::Below, C::Level]));
    let pushes = extends.iter().filter(|(_, end)| front.within((end - 0.1, end + 0.2)) > 0.05);
    acts.extend(pushes.map(|span| act(ActKind::Push, span)));

    let down = whole.lie.or(&whole.crawl).or(&whole.kneel).or(&whole.sit).or(&whole.low);
    let split = codes.body(K::FeetSplit, &[C::Split]);
    let lower = codes.body(K::RootHeight, &[C::Lowered, C::Low]);
    let lunges = split.and(&lower).without(&whole.travels.or(&down)).lasting(0.35);
    acts.extend(lunges.iter().map(|span| act(ActKind::Lunge, span)));
}

fn head(codes: &Codes, acts: &mut Vec<Act>) {
    let still = codes.body(K::TurnRate, &[C::Still]);
    let quiet = codes.body(K::PlanarSpeed, &[C::Still, C::Slow]).and(&still);
    let rocks = codes.body(K::TorsoPitch, &[C::Rocks]);
    let twists = codes.body(K::TorsoTwist, &[C::Twists]);
    let shakes = codes.body(K::HeadYaw, &[C::Shakes]);
    // A head also nods and shakes when the trunk moves it.
    for (kind, code, class, moved, width) in [
        (ActKind::Nod, K::HeadPitch, C::Nods, rocks.or(&shakes), 1.0),
        (ActKind::ShakeHead, K::HeadYaw, C::Shakes, twists, 1.3),
    ] {
        for repeat in codes.all(code, Place::Body, std::slice::from_ref(&class)) {
            let span = (repeat.start_s, repeat.end_s);
            let often = repeat.speed > 0.8 && repeat.duration_s() * repeat.speed > NODS;
            let clear = often && repeat.intensity >= width;
            if clear && quiet.share(span) > 0.6 && moved.share(span) < 0.3 {
                acts.push(act(kind, span));
            }
        }
    }
    for (code, class, direction) in [
        (K::HeadYaw, C::TurnedLeft, Direction::Left),
        (K::HeadYaw, C::TurnedRight, Direction::Right),
        (K::HeadPitch, C::LookingUp, Direction::Up),
        (K::HeadPitch, C::LookingDown, Direction::Down),
    ] {
        let looks = codes.body(code, &[class]).bridged(0.3).lasting(0.5);
        // The whole time is how the head is held, not a look.
        let looks = looks.iter().filter(|(start, end)| end - start < 0.8 * codes.end_s);
        let to = |span| Act { direction: Some(direction), ..act(ActKind::Look, span) };
        acts.extend(looks.map(to));
    }
    let looks = |direction| {
        let looks = acts.iter().filter(|act| act.kind == ActKind::Look);
        let looks = looks.filter(|act| act.direction == Some(direction));
        looks.map(|act| (act.start_s, act.end_s)).collect::<Vec<_>>()
    };
    let (lefts, rights) = (looks(Direction::Left), looks(Direction::Right));
    let pairs = lefts.iter().flat_map(|left| rights.iter().map(|right| (*left, *right)));
    let close = pairs.filter(|(left, right)| left.0.max(right.0) - left.1.min(right.1) < AROUND);
    let around = Spans::new(close.map(|(l, r)| (l.0.min(r.0), l.1.max(r.1)))).bridged(1.0);
    acts.extend(around.iter().map(|span| act(ActKind::LookAround, span)));
}

/// Joins what the left and the right side do at about the same time.
fn both_sides(acts: Vec<Act>) -> Vec<Act> {
    let mut joined: Vec<Act> = vec![];
    for act in acts {
        let partner = joined.iter_mut().find(|other| {
            let sides = (other.side, act.side) == (Some(Side::Left), Some(Side::Right));
            let common = other.end_s.min(act.end_s) - other.start_s.max(act.start_s);
            let shorter = other.duration_s().min(act.duration_s());
            let alternate = matches!(
                act.kind,
                ActKind::Kick | ActKind::Punch | ActKind::LiftKnee | ActKind::LiftLeg
            );
            sides && other.kind == act.kind && !alternate && common > 0.5 * shorter
        });
        match partner {
            Some(other) => {
                other.side = Some(Side::Both);
                other.start_s = other.start_s.min(act.start_s);
                other.end_s = other.end_s.max(act.end_s);
                other.count = other.count.max(act.count);
            }
            None => joined.push(act),
        }
    }
    joined
}
